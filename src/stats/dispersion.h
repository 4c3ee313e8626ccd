// How much errors come in clumps. Evidence that assumes single errors would blame a burst on the
// canary (24 % false alarms where 1 % was promised), so it is divided by the dispersion phi
// measured on stable's instances. Section 2e (1), F11.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"

namespace linnet::stats {

/// Requests and bad ones of one instance (or one time window) of stable.
struct Cell {
  double requests = 0;
  double bad = 0;

  friend bool operator==(const Cell&, const Cell&) = default;
};

/// For 2a: do instances differ within a window? phi = sum over windows with bad requests of
/// Pearson's sum over instances, divided by the sum of (instances - 1). Windows of about 10 s,
/// longer than a usual burst.
struct InstanceDispersion {
  double pearson = 0;
  double degrees = 0;
  double windows = 0;  // with information

  /// One window, one cell per instance; cells without requests are left out. Code::invalid for
  /// counts that are not sane; the state then stays as it was.
  Result<void> add(std::span<const Cell> instances);
  /// Nothing before 30 windows with bad requests.
  [[nodiscard]] std::optional<double> phi() const;

  friend bool operator==(const InstanceDispersion&, const InstanceDispersion&) = default;
};

/// For 2b: do cells (instances times windows) differ from one common rate? Also the conservative
/// variant without counters per instance: one cell per time window of all stable traffic.
struct PooledDispersion {
  double requests = 0;
  double mean = 0;    // weighted mean of the cells' rates
  double spread = 0;  // sum of requests (rate - mean)^2
  double cells = 0;
  double failing = 0;  // cells with bad requests

  Result<void> add(const Cell& cell);
  /// Nothing before 30 cells with bad requests: one incident of stable is no habit of it, and
  /// would leave even a canary that fails entirely without evidence for an hour.
  [[nodiscard]] std::optional<double> phi() const;

  friend bool operator==(const PooledDispersion&, const PooledDispersion&) = default;
};

/// The dispersion to divide by, given an estimate: 1.25 phi where phi is above 1.2, else 1; bounded
/// by max_phi. No estimate yet: 1.
double phi_used(std::optional<double> estimate);

/// phi as it is used in one stage: estimated all the time, taken over only when a stage starts,
/// because it must be known before the windows it divides.
struct FrozenDispersion {
  InstanceDispersion instances;
  PooledDispersion pooled;
  double phi_compare = 1;    // for TwoSample and LatencyComparison
  double phi_threshold = 1;  // for Threshold

  /// Adds a window of about 10 s: a cell per instance, or one cell of all stable traffic where
  /// instances are not told apart. Windows older than about an hour fade. Code::invalid as above;
  /// the state then stays as it was.
  Result<void> add_window(std::span<const Cell> cells);
  /// The dispersion to divide comparisons by, were it frozen now. Between instances where they are
  /// known; else that of the time windows, which is conservative.
  [[nodiscard]] double compare_now() const;
  /// Call at each stage's start.
  void freeze();

  friend bool operator==(const FrozenDispersion&, const FrozenDispersion&) = default;
};

}  // namespace linnet::stats
