// Small numerical tools under all evidence: sums in log space and the binomial terms in a form that
// loses no digits. Needed because evidence spans e^-1e8 .. e^1e8 and counts reach 1e9, where plain
// products overflow and differences of lgamma lose half of the digits.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include "base/result.h"

namespace linnet::stats {

/// Largest count that is accepted in one window or in a sum; below 2^53, so sums stay exact.
inline constexpr double max_count = 1e15;
/// Largest accepted dispersion; see dispersion.h.
inline constexpr double max_phi = 1e6;

/// ln(sum_i exp(values_i)); -inf for an empty or all -inf input. Never overflows.
template <std::size_t N>
double log_sum_exp(const std::array<double, N>& values) {
  const double top = *std::max_element(values.begin(), values.end());
  if (!std::isfinite(top)) return top;
  double sum = 0;
  for (const double value : values) sum += std::exp(value - top);
  return top + std::log(sum);
}

/// ln(e^a + e^b).
inline double log_add_exp(double a, double b) {
  const double top = std::max(a, b);
  if (!std::isfinite(top)) return top;
  return top + std::log1p(std::exp(std::min(a, b) - top));
}

/// The error of Stirling's formula, ln(n!) - [(n + 1/2) ln n - n + ln(2 pi) / 2], for real n > 0.
/// Relative error about 1e-15 (Loader, "Fast and accurate computation of binomial probabilities").
double stirling_error(double n);

/// ln of C(n, x) (x/n)^x (1 - x/n)^(n-x) for real 0 <= x <= n: the largest value the binomial
/// likelihood can take. 0 when x is 0 or n.
double log_binomial_peak(double n, double x);

/// KL divergence of Bernoulli(p) from Bernoulli(q), in nats: p ln(p/q) + (1-p) ln((1-p)/(1-q)).
/// Infinite when q is 0 or 1 and p is not. Accurate also for p close to q.
double bernoulli_kl(double p, double q);
/// The same where the complements 1 - p and 1 - q are known more exactly than from p and q. q and
/// its complement must be above 0.
double bernoulli_kl(double p, double p_complement, double q, double q_complement);

/// Code::invalid unless 0 <= bad <= requests <= max_count, both finite.
Result<void> check_counts(double requests, double bad);
/// The same, and both must be whole numbers.
Result<void> check_whole_counts(double requests, double bad);
/// Code::invalid unless 1 <= phi <= max_phi.
Result<void> check_phi(double phi);

}  // namespace linnet::stats
