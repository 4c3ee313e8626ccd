#include "api/changes.h"

#include <gtest/gtest.h>

#include "runtime/run_in_test.h"
#include "runtime/task_group.h"
#include "runtime/with_deadline.h"

namespace linnet::api {
namespace {

constexpr Duration never = std::chrono::hours(10);

struct ChangesTest : testing::Test {
  boost::asio::io_context io;
  Changes changes{io.get_executor()};
};

Task<void> wait_and_count(Changes& changes, std::string release, int* rang) {
  const bool heard = co_await changes.wait(release, changes.count(release), never);
  if (heard) ++*rang;
}
Task<void> ring_soon(Changes& changes, std::string release) {
  changes.ring(release);
  co_return;
}
Task<Result<bool>> wait_as_work(Changes& changes, std::string release) {
  co_return co_await changes.wait(release, changes.count(release), never);
}

TEST_F(ChangesTest, AChangeBetweenLookingAndWaitingIsNotMissed) {
  const auto seen = changes.count("shop");
  changes.ring("shop");
  EXPECT_TRUE(runtime::run_in_test(io, changes.wait("shop", seen, never)));
}

TEST_F(ChangesTest, EveryoneWhoWaitsWakes) {
  int rang = 0;
  runtime::TaskGroup group(io.get_executor());
  for (int i = 0; i < 50; ++i) group.spawn("wait", wait_and_count(changes, "shop", &rang));
  group.spawn("ring", ring_soon(changes, "shop"));
  runtime::run_in_test(io, group.join());
  EXPECT_EQ(rang, 50);
}

TEST_F(ChangesTest, WithoutAChangeItReturnsAtTheLimit) {
  changes.ring("mail");
  EXPECT_FALSE(runtime::run_in_test(io, changes.wait("shop", changes.count("shop"), 5ms)));
}

TEST_F(ChangesTest, ACancelledWaitLeavesNothingBehind) {
  EXPECT_FALSE(runtime::run_in_test(
      io, runtime::with_deadline(wait_as_work(changes, "shop"), 5ms, "waiting")));
  changes.ring("shop");  // would touch the timer of the wait that is gone
}

}  // namespace
}  // namespace linnet::api
