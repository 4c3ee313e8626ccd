// CPU, memory, queue length: sampled, not counted per request, and correlated in time. Judged on
// batch means with an asymptotic confidence sequence; advisory, never a rollback alone. F14,
// section 2d.
#pragma once

#include <optional>

#include "base/result.h"
#include "stats/interval.h"

namespace linnet::stats {

/// Differences canary mean - stable mean, one per batch of at least 30 s and ten times the gauge's
/// autocorrelation time. Plain state; it goes on bit for bit after loading.
struct GaugeComparison {
  double batches = 0;
  double mean = 0;
  double squares = 0;  // sum of (difference - mean)^2

  /// Code::invalid unless the difference is finite and at most 1e150 in size (its square must be
  /// too).
  Result<void> add(double difference);

  /// Interval of the mean difference, valid at every look for many batches, asymptotically;
  /// tightest around `tightest_at` batches. Nothing before 20 batches.
  [[nodiscard]] std::optional<Interval> interval(double alpha, double tightest_at = 40) const;

  enum class Advice { too_early, no_difference, canary_higher, canary_lower };
  [[nodiscard]] Advice advice(double alpha) const;

  friend bool operator==(const GaugeComparison&, const GaugeComparison&) = default;
};

}  // namespace linnet::stats
