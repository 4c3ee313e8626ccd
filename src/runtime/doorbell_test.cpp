#include "runtime/doorbell.h"

#include <gtest/gtest.h>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>

#include "contract/doorbell_contract.h"
#include "runtime/clock.h"
#include "runtime/run_in_test.h"
#include "runtime/task_group.h"
#include "runtime/with_deadline.h"

namespace linnet::runtime {
namespace {

constexpr Duration never = std::chrono::hours(10);  // the test's own time limit ends a wait of it

class AsioDoorbellUnderTest final : public contract::DoorbellUnderTest {
 public:
  Doorbell& doorbell() override { return bell_; }
  MonoTime now() override { return clock_.now().mono; }
  void start(Task<void> task) override {
    boost::asio::co_spawn(context, std::move(task), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
  }
  void wait_a_little() override {
    context.restart();
    context.run_for(std::chrono::milliseconds(20));
  }

 private:
  SystemClock clock_;
  AsioDoorbell bell_{context.get_executor()};
};

struct DoorbellTest : testing::Test {
  boost::asio::io_context io;
  AsioDoorbell bell{io.get_executor()};
};

Task<void> wait_and_note(AsioDoorbell& bell, std::string release, std::string* order) {
  co_await bell.wait(release, never);
  *order += release;
}

Task<void> ring_later(AsioDoorbell& bell, std::string release, std::string* order) {
  *order += "ring ";
  bell.ring(release);
  co_return;
}

TEST_F(DoorbellTest, EveryWaitOfTheReleaseWakes) {
  std::string order;
  TaskGroup group(io.get_executor());
  group.spawn("wait", wait_and_note(bell, "shop", &order));
  group.spawn("wait", wait_and_note(bell, "shop", &order));
  group.spawn("ring", ring_later(bell, "shop", &order));
  run_in_test(io, group.join());
  EXPECT_EQ(order, "ring shopshop");
}

Task<Result<int>> wait_as_work(AsioDoorbell& bell, std::string release) {
  co_await bell.wait(release, never);
  co_return 1;
}

TEST_F(DoorbellTest, AReleaseDoesNotWakeForAnother) {
  bell.ring("mail");
  const auto result =
      run_in_test(io, with_deadline(wait_as_work(bell, "shop"), 20ms, "waiting for shop"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::timed_out);
}

TEST_F(DoorbellTest, ACancelledWaitUnwindsAndTheNextOneStillHearsTheBell) {
  const auto result =
      run_in_test(io, with_deadline(wait_as_work(bell, "shop"), 1ms, "waiting for shop"));
  ASSERT_FALSE(result);
  bell.ring("shop");
  run_in_test(io, bell.wait("shop", never));
}

}  // namespace
}  // namespace linnet::runtime

namespace linnet::contract {

INSTANTIATE_TEST_SUITE_P(Asio, DoorbellContract, testing::Values([] {
                           return std::make_unique<runtime::AsioDoorbellUnderTest>();
                         }));

}  // namespace linnet::contract
