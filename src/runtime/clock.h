// The machine's clocks as a port: the only place, with its .cpp, where linnet asks what time it is.
#pragma once

#include "ports/ports.h"

namespace linnet::runtime {

/// Monotonic time is CLOCK_BOOTTIME: it does not jump with the calendar and counts a suspended
/// machine's sleep, so a hold of a minute is over when the minute is. Wall time is CLOCK_REALTIME.
class SystemClock final : public Clock {
 public:
  Now now() override;
};

}  // namespace linnet::runtime
