// What the engine may rely on of every Calendar. Each adapter's test includes this once and
// instantiates CalendarContract.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "ports/ports.h"

namespace linnet::contract {

/// A calendar, and a release that may not start for some time.
class CalendarUnderTest {
 public:
  virtual ~CalendarUnderTest() = default;
  virtual Calendar& calendar() = 0;
  virtual core::Release release() = 0;
  virtual WallTime before() = 0;  // when it still may
  virtual WallTime within() = 0;
  virtual WallTime after() = 0;
};

using MakeCalendar = std::function<std::unique_ptr<CalendarUnderTest>()>;

class CalendarContract : public testing::TestWithParam<MakeCalendar> {
 protected:
  std::string closed(WallTime at) {
    return under_test->calendar().closed(under_test->release(), at);
  }

  std::unique_ptr<CalendarUnderTest> under_test = GetParam()();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CalendarContract);

TEST_P(CalendarContract, SaysWhyNoReleaseMayStartAndNothingWhenOneMay) {
  EXPECT_EQ(closed(under_test->before()), "");
  EXPECT_NE(closed(under_test->within()), "");
  EXPECT_EQ(closed(under_test->after()), "");
}

// The engine asks for the time at which its turn began, which is over when it asks.
TEST_P(CalendarContract, AnswersForTheTimeThatIsAskedWheneverThatIs) {
  const std::string why = closed(under_test->within());
  EXPECT_EQ(closed(under_test->after()), "");
  EXPECT_EQ(closed(under_test->within()), why);
  EXPECT_EQ(closed(under_test->before()), "");
}

}  // namespace linnet::contract
