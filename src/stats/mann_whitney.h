// The rank test that Kayenta judges with: Hodges-Lehmann shift with a confidence interval, as R's
// wilcox.test(conf.int = TRUE, exact = FALSE, correct = TRUE) computes it. One look at a fixed
// sample: peeking at it inflates its error, which is why linnet's own rule is another.
#pragma once

#include <optional>
#include <span>

#include "base/result.h"

namespace linnet::stats {

struct Shift {
  double estimate = 0;  // Hodges-Lehmann: by how much x tends to be above y
  double low = 0;       // of the confidence interval
  double high = 0;
  double p_value = 1;  // two-sided, of no shift
};

/// Normal approximation with correction for ties and continuity. Roots are found to 1e-4 absolute,
/// as R and Kayenta do, so very small scales lose digits. Code::invalid: an empty sample, a value
/// that is not finite, a confidence outside (0, 1), or all observations tied.
Result<Shift> mann_whitney(std::span<const double> x, std::span<const double> y, double confidence);

/// Quantile with linear interpolation, R's type 7: position 1 + (n - 1) q among the sorted values.
/// Nothing for an empty sample or q outside [0, 1]. The values need not be sorted.
std::optional<double> quantile_r7(std::span<const double> values, double q);

/// Common language effect size: share of pairs in which x is above y, ties half. Nothing when
/// empty.
std::optional<double> common_language_effect(std::span<const double> x, std::span<const double> y);

/// z with P(standard normal <= z) = p, 0 < p < 1.
double normal_quantile(double p);

}  // namespace linnet::stats
