// Reads both clocks of the machine; see clock.h for which and why.
#include "runtime/clock.h"

#include <ctime>

namespace linnet::runtime {
namespace {

std::int64_t read_ms(clockid_t id) {
  timespec time{};
  CHECK(::clock_gettime(id, &time) == 0);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

}  // namespace

Now SystemClock::now() {
  return Now{WallTime{read_ms(CLOCK_REALTIME)}, MonoTime{read_ms(CLOCK_BOOTTIME)}};
}

}  // namespace linnet::runtime
