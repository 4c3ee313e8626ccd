// Log lines added up per track: cumulative, never reset, so that any two readings give a window.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/observation.h"
#include "local/access_log_parser.h"

namespace linnet::local {

struct Counters {
  core::Counts stable;
  core::Counts canary;
  std::vector<core::Counts> stable_slots;  // of `stable`, what each of its slots answered
  std::int64_t lines = 0;                  // complete lines of any kind
  std::int64_t unrouted = 0;               // answered by NGINX before a track was chosen
  std::int64_t garbage = 0;                // lines that could not be read
  std::int64_t fell_back = 0;  // canary's requests that stable answered, as no canary was reachable
  std::int64_t lost = 0;       // requests known to be missing above

  /// What came after `earlier`, a reading of the same counters.
  [[nodiscard]] Counters minus(const Counters& earlier) const;
};

class AccessLogCounter {
 public:
  /// `boundaries_ms` ascending, inclusive upper bounds (core::latency_boundaries).
  /// `stable_ports` by slot, at most 255 of them are told apart.
  AccessLogCounter(std::vector<double> boundaries_ms, PortSet canary,
                   const std::vector<std::uint16_t>& stable_ports = {});

  /// Counts whole lines of `text`; returns how many bytes were consumed (up to the last newline).
  /// A line longer than 4 KiB is garbage.
  std::size_t consume(std::string_view text);
  void set_canary(PortSet canary) { canary_ = canary; }
  [[nodiscard]] const Counters& totals() const { return totals_; }
  /// What is known from elsewhere to be missing, as a total.
  void set_missing(std::int64_t lost) { totals_.lost = lost; }
  /// 5xx of canary since the last call.
  [[nodiscard]] bool take_canary_failed() { return std::exchange(canary_failed_, false); }

 private:
  void count(std::string_view line);
  void add(core::Counts& counts, const LogLine& seen) const;
  [[nodiscard]] std::size_t bucket(std::int32_t latency_ms) const;

  std::vector<double> boundaries_ms_;
  std::vector<std::uint16_t> small_;  // bucket of each latency below its size
  PortSet canary_;
  std::vector<std::uint8_t> slot_of_port_;  // + 1; 0: not a port of stable
  Counters totals_;
  bool canary_failed_ = false;
  bool in_long_line_ = false;
};

}  // namespace linnet::local
