#include "runtime/clock.h"

#include <gtest/gtest.h>

#include <chrono>

namespace linnet::runtime {
namespace {

TEST(SystemClock, NeverGoesBack) {
  SystemClock clock;
  MonoTime last = clock.now().mono;
  for (int i = 0; i < 10'000; ++i) {
    const MonoTime now = clock.now().mono;
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(SystemClock, AgreesWithTheSystemAboutTheCalendar) {
  SystemClock clock;
  const auto epoch_ms = [] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const auto before = epoch_ms();
  const auto read = clock.now().wall.ms;
  const auto after = epoch_ms();
  EXPECT_LE(before, read);
  EXPECT_LE(read, after);
}

}  // namespace
}  // namespace linnet::runtime
