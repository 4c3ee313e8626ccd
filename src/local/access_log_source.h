// MetricSource of one machine: NGINX's access log counted per track as it is written.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "local/access_log_counters.h"
#include "local/access_log_tail.h"
#include "ports/ports.h"

namespace linnet::local {

class LossMeter;

struct AccessLogOptions {
  std::string path;
  std::vector<double> boundaries_ms;        // core::latency_boundaries(release)
  std::vector<std::uint16_t> canary_ports;  // Slots::canary
  std::function<Result<void>()> reopen;     // NginxInstance::reopen_logs; empty for an NGINX of others
  std::function<void()> changed;            // a canary request failed: look now. May be empty.
  LossMeter* loss = nullptr;                // may be null; outlives the source
  std::uint64_t rotate_bytes = 64u << 20;
  Duration keep = 30s;  // what came in this long ago can be read again after a restart
};

class AccessLogSource final : public MetricSource {
 public:
  AccessLogSource(boost::asio::io_context& io, Clock& clock, AccessLogOptions options);

  /// Cursor: "inode:offset:serial". Code::not_found: there is no log yet.
  Task<Result<core::Sample>> since(std::string cursor, Deadline deadline) override;

  /// Counted since this object began, for /metrics.
  [[nodiscard]] const Counters& totals() const { return counter_.totals(); }
  void set_loss(LossMeter* loss) { options_.loss = loss; }
  /// Slots were added.
  void set_canary_ports(const std::vector<std::uint16_t>& ports);

 private:
  struct Mark {
    std::string cursor;
    LogPosition position;
    Counters totals;
    MonoTime at;
  };
  Result<Counters> window(const std::string& cursor);
  Result<Counters> begin(const std::string& cursor);
  std::string mark_here();
  void give_back();

  Clock& clock_;
  AccessLogOptions options_;
  AccessLogCounter counter_;
  AccessLogTail tail_;
  std::deque<Mark> marks_;
  std::int64_t serial_ = 0;
  std::int64_t truncations_ = 0;
};

}  // namespace linnet::local
