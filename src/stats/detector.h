// Reacts to a change late in a long bake faster than evidence that averages from a stage's start: a
// Shiryaev-Roberts sum turned into a martingale with a stated false-alarm probability. F10.
#pragma once

#include <array>
#include <cstdint>

#include "base/result.h"
#include "stats/mixture.h"

namespace linnet::stats {

/// M_t = sum_k w_k S_k + (T - t)/T over a horizon of T windows, S_k <- (S_k + 1/T)
/// exp(increment_k). P(M ever reaches 1/alpha) <= alpha while the rate is never above the limit,
/// not even briefly: use it only with a dispersion and with the guard that the measured rate is
/// above the limit, at half weight beside Threshold. Plain state; it goes on bit for bit after
/// loading.
struct Detector {
  double limit = 0.05;
  double horizon = 1;                          // T, windows
  double windows = 0;                          // t
  std::array<double, fail_points> log_sums{};  // ln S_k; meaningless while windows == 0

  /// Code::invalid unless 1e-9 <= limit <= 1 - 1e-9 and 1 <= horizon <= 1e9.
  static Result<Detector> make(double limit, double horizon);
  /// One window, empty ones included (they use up the horizon). After the horizon windows only
  /// multiply what is there. Code::invalid for input that is not sane.
  Result<void> add(double requests, double bad, double phi = 1);
  /// ln M_t.
  [[nodiscard]] double log_fail() const;
};

}  // namespace linnet::stats
