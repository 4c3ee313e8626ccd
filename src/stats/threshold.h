// Evidence that a rate is above, or below, an absolute limit ("error rate 5 %"), valid at every
// look. Section 2b: averaged likelihood ratios against the limit, one copy started at each stage.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "stats/mixture.h"
#include "stats/stage_weights.h"

namespace linnet::stats {

/// Counts enter as windows of `requests` with `bad` among them; both evidences are natural logs:
/// roll back when log_fail() >= ln(1/alpha), pass early when log_pass() >= ln(1/beta).
///
/// The state is plain and trivially copyable: save every field, load it, and it goes on bit for
/// bit. A likelihood ratio is linear in the counts (F2), so a stage needs only two sums, and all
/// copies of earlier stages collapse into one number per prior point: ln sum_s v_s exp(L_s,k).
struct Threshold {
  double limit = 0.05;     // p0, a probability, 0 < p0 < 1
  StageWeights weights;    // v_s
  std::int32_t stage = 0;  // 0-based
  double requests = 0;     // of this stage, each divided by its dispersion
  double bad = 0;          // the same; certainly bad where a histogram leaves doubt
  double bad_at_most = 0;  // the same; possibly bad, used by log_pass()
  std::array<double, fail_points> log_carried{};  // at this stage's start, its own v_s included

  /// A fresh state in its first stage. Code::invalid unless 1e-9 <= limit <= 1 - 1e-9.
  static Result<Threshold> make(double limit, const StageWeights& stage_weights);
  static Result<Threshold> make(double limit, int stages = 1);

  /// Adds a window. phi >= 1 is the dispersion known before the window (F11). An empty window
  /// changes nothing. Code::invalid for anything but 0 <= bad <= requests <= 1e15, and the state
  /// stays as it was. Windows of one stage may be split, merged and reordered: the result is the
  /// same.
  Result<void> add(double window_requests, double window_bad, double phi = 1);
  /// For events known only between two bounds (2c: no histogram boundary at the limit): `certain`
  /// speaks for fail, `possible` for pass. Code::invalid unless certain <= possible <= requests.
  Result<void> add_bracketed(double window_requests, double certain, double possible,
                             double phi = 1);

  /// Starts the next stage: a new copy of the fail evidence, pass evidence from zero. After the
  /// last stage that has a weight the older copies go on alone.
  void next_stage();

  /// ln of the evidence against "the average rate since the start of some stage is <= limit".
  [[nodiscard]] double log_fail() const;
  /// ln of the evidence against "the rate in this stage is >= limit".
  [[nodiscard]] double log_pass() const;

  /// About how many more requests at `rate` bad (0..1) lift log_fail() (log_pass()) to
  /// `log_target`; 0 when it is there, nothing when at this rate it does not grow.
  [[nodiscard]] std::optional<double> requests_to_fail(double log_target, double rate,
                                                       double phi = 1) const;
  [[nodiscard]] std::optional<double> requests_to_pass(double log_target, double rate,
                                                       double phi = 1) const;

  /// Code::invalid when loaded fields cannot be a state of this type.
  [[nodiscard]] Result<void> check() const;

  friend bool operator==(const Threshold&, const Threshold&) = default;
};

}  // namespace linnet::stats
