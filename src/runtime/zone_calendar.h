// Windows and freezes by the time zones of this machine (tzdata's files).
#pragma once

#include "ports/ports.h"

namespace linnet::runtime {

class ZoneCalendar final : public Calendar {
 public:
  std::string closed(const core::Release& release, WallTime at) override;
};

}  // namespace linnet::runtime
