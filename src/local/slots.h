// The fixed addresses of one release's instances: NGINX is configured with all of them once, so
// that starting and stopping instances needs no reload. An empty slot refuses connections at once.
#pragma once

#include <cstdint>
#include <vector>

namespace linnet::local {

/// Ports on 127.0.0.1, per track. A port belongs to one track for good.
struct Slots {
  std::vector<std::uint16_t> stable;
  std::vector<std::uint16_t> canary;
  friend bool operator==(const Slots&, const Slots&) = default;
};

}  // namespace linnet::local
