#include "local/access_log_counters.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace linnet::local {
namespace {

constexpr std::size_t longest_line = 4096;
constexpr std::size_t small_latencies = 4096;  // ms that are looked up rather than searched
constexpr std::size_t most_slots = 255;

core::Counts difference(core::Counts now, const core::Counts& then) {
  now.requests -= then.requests;
  now.bad -= then.bad;
  for (std::size_t i = 0; i < then.latency.size() && i < now.latency.size(); ++i)
    now.latency[i] -= then.latency[i];
  return now;
}

}  // namespace

Counters Counters::minus(const Counters& earlier) const {
  Counters window = *this;
  window.stable = difference(stable, earlier.stable);
  window.canary = difference(canary, earlier.canary);
  for (std::size_t i = 0; i < window.stable_slots.size() && i < earlier.stable_slots.size(); ++i)
    window.stable_slots[i] = difference(std::move(window.stable_slots[i]), earlier.stable_slots[i]);
  window.lines -= earlier.lines;
  window.unrouted -= earlier.unrouted;
  window.garbage -= earlier.garbage;
  window.fell_back -= earlier.fell_back;
  window.lost -= earlier.lost;
  return window;
}

AccessLogCounter::AccessLogCounter(std::vector<double> boundaries_ms, PortSet canary,
                                   const std::vector<std::uint16_t>& stable_ports)
    : boundaries_ms_(std::move(boundaries_ms)),
      small_(small_latencies),
      canary_(canary),
      slot_of_port_(stable_ports.empty() ? 0 : 65536) {
  CHECK(std::is_sorted(boundaries_ms_.begin(), boundaries_ms_.end()));
  CHECK(boundaries_ms_.size() < 60'000);
  totals_.stable.latency.resize(boundaries_ms_.size() + 1);
  totals_.canary.latency.resize(boundaries_ms_.size() + 1);
  totals_.stable_slots.resize(std::min(stable_ports.size(), most_slots), totals_.stable);
  for (std::size_t slot = 0; slot < totals_.stable_slots.size(); ++slot)
    slot_of_port_[stable_ports[slot]] = static_cast<std::uint8_t>(slot + 1);
  for (std::size_t ms = 0; ms < small_.size(); ++ms) {
    const auto at = std::lower_bound(boundaries_ms_.begin(), boundaries_ms_.end(), double(ms));
    small_[ms] = static_cast<std::uint16_t>(at - boundaries_ms_.begin());
  }
}

std::size_t AccessLogCounter::bucket(std::int32_t latency_ms) const {
  const auto ms = static_cast<std::size_t>(latency_ms);
  if (ms < small_.size()) return small_[ms];
  const auto at =
      std::lower_bound(boundaries_ms_.begin(), boundaries_ms_.end(), double(latency_ms));
  return static_cast<std::size_t>(at - boundaries_ms_.begin());
}

void AccessLogCounter::add(core::Counts& counts, const LogLine& seen) const {
  ++counts.requests;
  counts.bad += seen.bad ? 1 : 0;
  if (seen.latency_ms >= 0) ++counts.latency[bucket(seen.latency_ms)];
}

void AccessLogCounter::count(std::string_view line) {
  ++totals_.lines;
  LogLine seen;
  const LineKind kind = parse_log_line(line, canary_, seen);
  if (kind != LineKind::request) {
    ++(kind == LineKind::unrouted ? totals_.unrouted : totals_.garbage);
    return;
  }
  const bool canary = seen.track == core::Track::canary;
  add(canary ? totals_.canary : totals_.stable, seen);
  if (!canary && seen.port != 0 && !slot_of_port_.empty() && slot_of_port_[seen.port] != 0)
    add(totals_.stable_slots[slot_of_port_[seen.port] - 1U], seen);
  totals_.fell_back += seen.fell_back ? 1 : 0;
  canary_failed_ |= canary && seen.bad;
}

std::size_t AccessLogCounter::consume(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    const auto* newline =
        static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    if (newline == nullptr) break;
    const std::string_view line(at, static_cast<std::size_t>(newline - at));
    if (in_long_line_)
      in_long_line_ = false;  // its end; counted when it got too long
    else
      count(line.size() > longest_line ? std::string_view() : line);
    at = newline + 1;
  }
  if (static_cast<std::size_t>(end - at) > longest_line) {
    if (!in_long_line_) count(std::string_view());
    in_long_line_ = true;
    at = end;
  }
  return static_cast<std::size_t>(at - text.data());
}

}  // namespace linnet::local
