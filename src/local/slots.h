// The fixed addresses of one release's instances: NGINX is configured with all of them once, so
// that starting and stopping instances needs no reload. An empty slot refuses connections at once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/release.h"

namespace linnet::local {

/// Ports on 127.0.0.1, per track. A port belongs to one track for good.
struct Slots {
  std::vector<std::uint16_t> stable;
  std::vector<std::uint16_t> canary;
  friend bool operator==(const Slots&, const Slots&) = default;
};

struct ChosenSlots {
  Slots slots;
  bool grown = false;  // ports were added to slots chosen earlier: NGINX needs a reload
  std::string note;    // what the user should know ("first_port is not used: ..."); mostly empty
};

/// The slots of the release that keeps its state in `directory` (which exists): those saved in
/// `directory`/slots.json, or new ones, which are saved before this returns. Stable gets
/// `replicas` + 1 (the spare carries a rolling replacement), the canary what it needs at 100 %.
/// Ports once chosen are kept, whatever the spec says later; more are added when it grows.
/// New ports are free ones below the system's range for outgoing connections, or count up from
/// spec.first_port; ports of the releases kept beside `directory` are avoided.
/// Code::invalid: slots.json is damaged, or first_port leaves too little room; Code::conflict:
/// another release has a port that first_port asks for; Code::unavailable: no free ports, or
/// slots.json cannot be written.
Result<ChosenSlots> choose_slots(const std::string& directory, const core::ProcessWorkload& spec);

/// True when nothing listens on 127.0.0.1:`port` and a service could.
bool port_is_free(std::uint16_t port);

}  // namespace linnet::local
