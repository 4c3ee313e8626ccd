// Latency histogram with fixed boundaries, as data planes export them: mergeable, and with bounds
// that say what is certain. Quantiles follow Prometheus' histogram_quantile, so the numbers people
// see agree.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"

namespace linnet::stats {

inline constexpr std::size_t max_boundaries = 512;

/// How many observations lie above a limit, as far as the boundaries tell.
struct Above {
  double certain = 0;   // above the next boundary at or over the limit
  double possible = 0;  // above the next boundary at or under the limit
  double lower_ms = 0;  // that lower boundary, 0 when there is none
  double upper_ms = 0;  // that upper boundary, possibly +inf
  [[nodiscard]] bool exact() const { return lower_ms == upper_ms; }
};

/// upper_ms: sorted, finite but for the last, which is +infinity ("le" is inclusive). count: one
/// per boundary, observations in (previous boundary, this one], not cumulative.
struct Histogram {
  std::vector<double> upper_ms;
  std::vector<double> count;

  /// Empty, with these boundaries; +inf is appended when missing. Code::invalid unless they are
  /// finite, above 0, strictly ascending, and at most max_boundaries.
  static Result<Histogram> make(std::span<const double> boundaries_ms);
  /// From cumulative counts, as Prometheus exports them. Code::invalid when they fall from one
  /// boundary to the next, are not sane counts, or the last boundary is not +inf.
  static Result<Histogram> from_cumulative(std::span<const double> boundaries_ms,
                                           std::span<const double> cumulative);

  /// Counts one observation. Negative or NaN: Code::invalid.
  Result<void> observe(double latency_ms);
  /// Adds the counts of another one. Code::invalid unless the boundaries are the same.
  Result<void> add(const Histogram& other);

  [[nodiscard]] double total() const;
  /// Observations at or below boundary i.
  [[nodiscard]] double cumulative(std::size_t i) const;
  /// Linear interpolation inside the bucket, from 0 in the first one, the last finite boundary when
  /// the quantile lies in +inf. Nothing when empty or q is outside [0, 1].
  [[nodiscard]] std::optional<double> quantile(double q) const;
  /// Bracketed number of observations above `limit_ms` (section 2c): certain == possible exactly
  /// when the limit is a boundary.
  [[nodiscard]] Above above(double limit_ms) const;

  /// Code::invalid when the fields break the rules above.
  [[nodiscard]] Result<void> check() const;

  friend bool operator==(const Histogram&, const Histogram&) = default;
};

}  // namespace linnet::stats
