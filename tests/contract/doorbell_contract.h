// What the engine may rely on of every Doorbell: no ring is lost, none wakes twice. Each adapter's
// test includes this once and instantiates DoorbellContract.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "ports/ports.h"

namespace linnet::contract {

class DoorbellUnderTest {
 public:
  virtual ~DoorbellUnderTest() = default;
  virtual Doorbell& doorbell() = 0;
  /// By the clock that the doorbell uses.
  virtual MonoTime now() = 0;
  /// Begins a task that stands still now and then.
  virtual void start(Task<void> task) = 0;
  /// Lets a little time pass (10 to 100 ms): virtual, or on the context.
  virtual void wait_a_little() = 0;

  boost::asio::io_context context;
};

using MakeDoorbell = std::function<std::unique_ptr<DoorbellUnderTest>()>;

inline Task<void> wait_and_count(Doorbell& bell, Duration pause, int* ended) {
  co_await bell.wait("shop", pause);
  ++*ended;
}

class DoorbellContract : public testing::TestWithParam<MakeDoorbell> {
 protected:
  static constexpr Duration for_ever = 10h;

  void begin_wait(Duration pause) {
    under_test->start(wait_and_count(under_test->doorbell(), pause, &ended));
    under_test->wait_a_little();
  }
  void ring() {
    under_test->doorbell().ring("shop");
    under_test->wait_a_little();
  }

  int ended = 0;  // waits
  std::unique_ptr<DoorbellUnderTest> under_test = GetParam()();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DoorbellContract);

TEST_P(DoorbellContract, ARingEndsAWaitThatIsUnderWay) {
  begin_wait(for_ever);
  EXPECT_EQ(ended, 0);
  ring();
  EXPECT_EQ(ended, 1);
}

TEST_P(DoorbellContract, ARingWhileNobodyWaitsEndsTheNextWaitAtOnce) {
  ring();
  begin_wait(for_ever);
  EXPECT_EQ(ended, 1);
}

TEST_P(DoorbellContract, ManyRingsEndOneWaitOnly) {
  ring();
  ring();
  begin_wait(for_ever);
  begin_wait(for_ever);
  EXPECT_EQ(ended, 1);
  under_test->doorbell().ring("shop");
  ring();
  EXPECT_EQ(ended, 2);
}

TEST_P(DoorbellContract, WithoutARingAWaitEndsAfterItsPause) {
  const MonoTime before = under_test->now();
  begin_wait(200ms);
  for (int i = 0; i < 3000 && ended == 0; ++i) under_test->wait_a_little();
  EXPECT_EQ(ended, 1);
  EXPECT_GE(under_test->now() - before, 195ms);
}

TEST_P(DoorbellContract, AWaitThatEndedByItselfLeavesNoRingBehind) {
  begin_wait(1ms);
  EXPECT_EQ(ended, 1);
  begin_wait(for_ever);
  EXPECT_EQ(ended, 1);
  ring();
  EXPECT_EQ(ended, 2);
}

}  // namespace linnet::contract
