// What the engine may rely on of every Clock. Each adapter's test includes this once and
// instantiates ClockContract.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "ports/ports.h"

namespace linnet::contract {

class ClockUnderTest {
 public:
  virtual ~ClockUnderTest() = default;
  virtual Clock& clock() = 0;
  /// Lets at least this pass: virtual, or on the machine.
  virtual void pass(Duration length) = 0;
  /// The machine's calendar is set by hand; false where a test may not do that.
  virtual bool set_calendar(Duration /*ahead*/) { return false; }
};

using MakeClock = std::function<std::unique_ptr<ClockUnderTest>()>;

class ClockContract : public testing::TestWithParam<MakeClock> {
 protected:
  Now now() { return under_test->clock().now(); }

  std::unique_ptr<ClockUnderTest> under_test = GetParam()();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ClockContract);

TEST_P(ClockContract, MonotonicTimeNeverGoesBack) {
  MonoTime last = now().mono;
  for (int i = 0; i < 1000; ++i) {
    if (i % 100 == 0) under_test->pass(1ms);
    const MonoTime later = now().mono;
    ASSERT_GE(later, last);
    last = later;
  }
}

TEST_P(ClockContract, BothGoOnByWhatPasses) {
  const Now before = now();
  under_test->pass(30ms);
  const Now after = now();
  EXPECT_GE(after.mono - before.mono, 30ms);
  EXPECT_GE(after.wall.ms - before.wall.ms, 30);
  EXPECT_LT(after.mono - before.mono, 1h);
}

// A hold of a minute is over after a minute, whatever the calendar says.
TEST_P(ClockContract, ACalendarSetByHandMovesNoMonotonicTime) {
  const Now before = now();
  if (!under_test->set_calendar(-2h)) return;
  EXPECT_LT(now().wall.ms, before.wall.ms);
  EXPECT_GE(now().mono, before.mono);
  EXPECT_LT(now().mono - before.mono, 1s);
}

}  // namespace linnet::contract
