// One line of NGINX's access log, as nginx_config.h has it written, turned into what counts: which
// track answered first, with which status, how fast. The hot path: no allocation, no exception.
//
//   track|status|upstream_addr|upstream_status|upstream_connect_time|upstream_response_time
//   canary|200|127.0.0.1:7101, 127.0.0.1:7001|502, 200|0.000, 0.000|0.004, 0.002
#pragma once

#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/observation.h"

namespace linnet::local {

/// Which ports belong to canary instances.
class PortSet {
 public:
  PortSet() = default;
  explicit PortSet(const std::vector<std::uint16_t>& ports) {
    for (const auto port : ports) bits_.set(port);
  }
  [[nodiscard]] bool has(std::uint32_t port) const { return port < bits_.size() && bits_[port]; }

 private:
  std::bitset<65536> bits_;
};

enum class LineKind : std::uint8_t {
  request,   // one request of one track
  unrouted,  // a real line, but NGINX answered by itself before choosing a track (400, 408)
  garbage,   // not a line of ours
};

struct LogLine {
  core::Track track = core::Track::stable;
  bool bad = false;  // 5xx, or the connection broke, at the first attempt that reached an instance
  bool fell_back = false;   // meant for the canary, which could not be reached; stable answered
  std::int16_t status = 0;  // of that attempt; the final one when it has none
  std::int32_t latency_ms = -1;  // of that attempt; -1: none (never reached, or a WebSocket)
  std::uint16_t port = 0;        // of the instance that was reached; 0: none
};

/// `line` without its newline. `out` is meaningful for LineKind::request.
LineKind parse_log_line(std::string_view line, const PortSet& canary, LogLine& out) noexcept;

}  // namespace linnet::local
