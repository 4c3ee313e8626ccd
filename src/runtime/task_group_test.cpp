#include "runtime/task_group.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "runtime/run_in_test.h"
#include "runtime/with_deadline.h"

namespace linnet::runtime {
namespace {

struct TaskGroupTest : testing::Test {
  boost::asio::io_context io;
  std::vector<std::string> failures;
  TaskGroup group{io.get_executor(), [this](const std::string& name, const std::string& what) {
                    failures.push_back(name + ": " + what);
                  }};
};

Task<void> count(int* ended) {
  co_await sleep_for(1ms);
  ++*ended;
}
Task<void> forever(int* unwound) {
  struct AtEnd {
    int* count;
    ~AtEnd() { ++*count; }
  } at_end{unwound};
  co_await sleep_for(std::chrono::hours(10));
}
Task<void> throws() {
  throw std::runtime_error("broken");
  co_return;
}
Task<void> cancel_soon(TaskGroup& group) {
  co_await sleep_for(1ms);
  group.cancel();
}

TEST_F(TaskGroupTest, JoinReturnsWhenEveryTaskHasEnded) {
  int ended = 0;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(group.spawn("count", count(&ended)));
  EXPECT_EQ(group.running(), 100U);
  run_in_test(io, group.join());
  EXPECT_EQ(ended, 100);
  EXPECT_EQ(group.running(), 0U);
}

TEST_F(TaskGroupTest, AnEmptyGroupIsJoinedAtOnce) { run_in_test(io, group.join()); }

TEST_F(TaskGroupTest, CancelUnwindsEveryTask) {
  int unwound = 0;
  for (int i = 0; i < 10; ++i) group.spawn("forever", forever(&unwound));
  group.spawn("cancel", cancel_soon(group));
  run_in_test(io, group.join());
  EXPECT_EQ(unwound, 10);
  EXPECT_TRUE(failures.empty()) << failures[0];
}

TEST_F(TaskGroupTest, CancelReachesATaskThatHasNotBegunYet) {
  int unwound = 0;
  group.spawn("forever", forever(&unwound));
  group.cancel();
  run_in_test(io, group.join());
  EXPECT_LE(unwound, 1);
  EXPECT_EQ(group.running(), 0U);
}

TEST_F(TaskGroupTest, NothingIsSpawnedThroughAClosedGate) {
  int ended = 0;
  group.close();
  EXPECT_FALSE(group.spawn("late", count(&ended)));
  run_in_test(io, group.join());
  EXPECT_EQ(ended, 0);
}

TEST_F(TaskGroupTest, ATaskThatThrowsIsReportedAndTheOthersGoOn) {
  int ended = 0;
  group.spawn("bad", throws());
  group.spawn("good", count(&ended));
  run_in_test(io, group.join());
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(failures, std::vector<std::string>{"bad: broken"});
}

Task<void> join_twice(TaskGroup& group, bool& went_on) {
  co_await group.join();
  went_on = true;
}

TEST_F(TaskGroupTest, ACancelledJoinDoesNotLetItsCallerGoOn) {
  int unwound = 0;
  group.spawn("forever", forever(&unwound));
  bool went_on = false;
  TaskGroup outer(io.get_executor());
  outer.spawn("joins", join_twice(group, went_on));
  io.poll();
  outer.cancel();
  run_in_test(io, outer.join());
  EXPECT_EQ(unwound, 1);
  EXPECT_FALSE(went_on) << "the cancellation was swallowed";
}

Task<Result<int>> join_as_work(TaskGroup& group) {
  co_await group.join();
  co_return 1;
}

TEST_F(TaskGroupTest, AJoinThatIsCancelledCancelsTheTasksAndWaitsForThem) {
  int unwound = 0;
  group.spawn("forever", forever(&unwound));
  run_in_test(io, with_deadline(join_as_work(group), 5ms, "joining"));
  EXPECT_EQ(unwound, 1);
  EXPECT_EQ(group.running(), 0U);
}

TEST(TaskGroup, DestroyedWithTasksItCancelsThem) {
  boost::asio::io_context io;
  int unwound = 0;
  {
    TaskGroup group(io.get_executor());
    group.spawn("forever", forever(&unwound));
    io.poll();
  }
  io.restart();
  io.run();
  EXPECT_EQ(unwound, 1);
}

}  // namespace
}  // namespace linnet::runtime
