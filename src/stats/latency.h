// Evidence that the canary is slower than stable anywhere in the latency distribution. Section
// 2a/2c, F18: the 2x2 comparison at every histogram boundary, averaged; 3-5 times faster than
// bands.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "stats/histogram.h"
#include "stats/mixture.h"
#include "stats/stage_weights.h"
#include "stats/two_sample.h"

namespace linnet::stats {

inline constexpr std::size_t max_compared_boundaries = 32;

/// The state is plain and trivially copyable: save every field, load it, and it goes on bit for
/// bit. The boundaries compared are fixed at the start; with more than 32 finite ones an even
/// choice is made.
struct LatencyComparison {
  double tolerance = 1;  // odds ratio that is still allowed at every boundary, >= 1
  Exact exact = Exact::automatic;
  std::int32_t stage = 0;  // 0-based
  StageWeights weights;
  std::int32_t boundaries = 0;
  std::array<double, max_compared_boundaries> boundary_ms{};
  std::array<std::array<double, fail_points>, max_compared_boundaries> log_copies{};

  /// boundaries_ms: those of the histograms to come, finite ones ascending, +inf allowed at the
  /// end.
  static Result<LatencyComparison> make(std::span<const double> boundaries_ms,
                                        const StageWeights& stage_weights, double tolerance = 1,
                                        Exact exact = Exact::automatic);

  /// Adds a window's histograms of both tracks. Empty ones change nothing. Code::invalid when a
  /// boundary is missing in a histogram or a count is not whole; the state then stays as it was.
  Result<void> add(const Histogram& canary, const Histogram& stable, double phi = 1);

  void next_stage();

  /// ln of the evidence against "the canary is slower than stable nowhere" (F18).
  [[nodiscard]] double log_slower() const;

  struct Slowest {
    double boundary_ms = 0;
    double log_evidence = 0;  // of "more of the canary's requests are above this boundary"
  };
  /// The boundary with the strongest evidence: the explanation.
  [[nodiscard]] Slowest slowest() const;

  /// Code::invalid when loaded fields cannot be a state of this type.
  [[nodiscard]] Result<void> check() const;

  friend bool operator==(const LatencyComparison&, const LatencyComparison&) = default;
};

/// The counts "latency above the limit" of one window for Threshold::add_bracketed (2c). The limit
/// for the P95 is Threshold::make(0.05); for another quantile q, 1 - q.
struct SlowCounts {
  double requests = 0;
  double certain = 0;   // for fail
  double possible = 0;  // for pass
  double gap_ms =
      0;  // 0 when the limit is a boundary; else the width in doubt, +inf in the last bucket
};
Result<SlowCounts> slow_counts(const Histogram& window, double limit_ms);

}  // namespace linnet::stats
