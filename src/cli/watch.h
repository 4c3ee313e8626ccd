// What `linnet monitor` judges: the canary's counts between two looks, against two limits. Pure.
#pragma once

#include <optional>
#include <string>

#include "cli/documents.h"
#include "stats/threshold.h"

namespace linnet::cli {

struct WatchLimits {
  double error_percent = 5;
  double latency_ms = 1000;  // of the 95th percentile
};

/// The canary's requests between two looks.
struct Reading {
  std::int64_t requests = 0;
  std::int64_t bad = 0;
  double seconds = 0;
  std::optional<double> error_percent;  // nothing without requests
  std::optional<double> p95_ms;         // the last boundary when it lies beyond that
  double slow = 0;                      // requests surely above the latency limit

  /// "412 requests (37/s), 0.4 % failed (limit 5 %), P95 180 ms (limit 1000 ms)"
  [[nodiscard]] std::string text(const WatchLimits& limits) const;
};

/// Counts one period. A limit is violated at its end when the measured value is above it (the plain
/// rule, over at least `min_requests`), and before its end when the evidence suffices as well.
class Watch {
 public:
  static constexpr std::int64_t min_requests = 20;

  static Result<Watch> make(WatchLimits limits);

  /// The first look is the base. Counters that fell were started anew with the daemon.
  Result<void> look(const CountsDocument& counts);
  [[nodiscard]] const Reading& so_far() const { return reading_; }
  /// Why a limit is violated beyond doubt already, or empty.
  [[nodiscard]] std::string proven() const;
  /// ln of the evidence against the limit that is worse off, shared between the two.
  [[nodiscard]] double log_evidence() const;
  /// Why a limit is violated by what was measured, or empty; only with enough requests.
  [[nodiscard]] std::string violated() const;
  [[nodiscard]] bool enough() const { return reading_.requests >= min_requests; }
  /// A new period from the last look on.
  Result<void> next_period();

 private:
  explicit Watch(WatchLimits limits) : limits_(limits) {}

  WatchLimits limits_;
  Reading reading_;
  std::optional<CountsDocument> last_;
  std::vector<double> latency_;  // of this period, by bucket
  stats::Threshold errors_;
  stats::Threshold slow_;
};

}  // namespace linnet::cli
