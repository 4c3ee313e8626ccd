// MetricSource of one machine: NGINX's access log, counted per track as it is written.
#pragma once

#include <deque>
#include <functional>
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
  std::vector<std::uint16_t>
      stable_ports;                      // Slots::stable; empty: its instances are not told apart
  std::function<Result<void>()> reopen;  // NginxInstance::reopen_logs; empty for an NGINX of others
  std::function<void()> changed;         // a canary request failed: look now. May be empty.
  LossMeter* loss = nullptr;             // may be null; outlives the source
  std::uint64_t rotate_bytes = 64u << 20;
  std::uint64_t keep_bytes = 256u << 20;  // of logs put aside, at most
  Duration keep = 30s;  // what came in this long ago can be read again after a restart
};

class AccessLogSource final : public MetricSource {
 public:
  AccessLogSource(boost::asio::io_context& io, Clock& clock, AccessLogOptions options);

  /// Cursor: "inode:offset:serial". Sample::lost holds what NGINX counted and the log does not
  /// have, lines that could not be read, and 1 for each time that a part of unknown size is gone.
  /// Code::not_found: there is no log yet.
  Task<Result<core::Sample>> since(std::string cursor, Deadline deadline) override;

  /// Counted since this object began, for /metrics.
  [[nodiscard]] const Counters& totals() const { return counter_.totals(); }
  void set_loss(LossMeter* loss) { options_.loss = loss; }
  /// Slots were added.
  void set_canary_ports(const std::vector<std::uint16_t>& ports);

 private:
  struct Mark {  // where the counters stood when a cursor was handed out
    std::string cursor;
    LogPosition position;
    Counters totals;
    MonoTime at;
  };
  Task<Result<void>> catch_up(Deadline deadline);
  /// Counts what lies between a cursor of an earlier life and now, and remembers it as a mark.
  Task<Result<void>> recount(std::string cursor, Deadline deadline);
  [[nodiscard]] const Mark* mark_of(const std::string& cursor) const;
  std::string mark_here();
  void give_back();

  Clock& clock_;
  AccessLogOptions options_;
  PortSet canary_;
  AccessLogCounter counter_;
  AccessLogTail tail_;
  std::deque<Mark> marks_;
  std::int64_t serial_ = 0;
};

}  // namespace linnet::local
