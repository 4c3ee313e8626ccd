// Test oracle: the formulas once more, in the plainest possible way, with 100 decimal digits and
// exact fractions. Slow, and shares no code with what it checks.
#pragma once

#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace linnet::stats::oracle {

using Real = boost::multiprecision::cpp_bin_float_100;

struct Prior {
  std::vector<Real> psi, weight;
};
inline Prior r8() {
  return {{Real(11) / 10, Real(14) / 10, 2, 3, 7, 20, 45, 150},
          {Real(2) / 100, Real(4) / 100, Real(14) / 100, Real(15) / 100, Real(33) / 100,
           Real(16) / 100, Real(12) / 100, Real(4) / 100}};
}
inline Prior p5() {
  return {{Real(8) / 10, Real(6) / 10, Real(35) / 100, Real(12) / 100, Real(2) / 100},
          {Real(5) / 100, Real(15) / 100, Real(25) / 100, Real(35) / 100, Real(20) / 100}};
}

/// (p1/p0)^x ((1-p1)/(1-p0))^(n-x) with p1 of odds psi, as ln.
inline Real log_ratio(const Real& p0, const Real& psi, std::int64_t n, std::int64_t x) {
  const Real p1 = psi * p0 / (1 - p0 + psi * p0);
  return Real(x) * log(p1 / p0) + Real(n - x) * log((1 - p1) / (1 - p0));
}

/// ln sum_k weight_k exp(logs_k); the largest is taken out, or a billion requests overflow even
/// here.
inline Real log_sum(const Prior& prior, const std::vector<Real>& logs) {
  const Real largest = *std::max_element(logs.begin(), logs.end());
  Real sum = 0;
  for (std::size_t k = 0; k < logs.size(); ++k) sum += prior.weight[k] * exp(logs[k] - largest);
  return largest + log(sum);
}

inline Real log_mixture(const Prior& prior, const Real& p0, std::int64_t n, std::int64_t x) {
  std::vector<Real> logs;
  for (const Real& psi : prior.psi) logs.push_back(log_ratio(p0, psi, n, x));
  return log_sum(prior, logs);
}

/// ln sum_k C(nc,k) C(ns,x-k) psi^k / C(nc+ns,x) for each psi, from the first term of the support
/// upwards.
inline std::vector<Real> log_g(std::int64_t nc, std::int64_t ns, std::int64_t x,
                               const std::vector<Real>& psi) {
  const std::int64_t lo = std::max<std::int64_t>(0, x - ns), hi = std::min(nc, x);
  Real term = 1, all = 0;
  std::vector<Real> power(psi.size(), 1), sum(psi.size(), 0);
  for (std::int64_t k = lo;; ++k) {
    all += term;
    for (std::size_t i = 0; i < psi.size(); ++i) {
      sum[i] += term * power[i];
      power[i] *= psi[i];
    }
    if (k == hi) break;
    term *= Real(nc - k) * Real(x - k);
    term /= Real(k + 1) * Real(ns - x + k + 1);
  }
  for (std::size_t i = 0; i < psi.size(); ++i) sum[i] = Real(lo) * log(psi[i]) + log(sum[i] / all);
  return sum;
}

/// ln of (n+1) C(n,x) p^x (1-p)^(n-x).
inline Real log_robbins(std::int64_t n, std::int64_t x, const Real& p) {
  using boost::math::lgamma;
  return log(Real(n + 1)) + lgamma(Real(n + 1)) - lgamma(Real(x + 1)) - lgamma(Real(n - x + 1)) +
         Real(x) * log(p) + Real(n - x) * log(1 - p);
}

/// The smaller of the relative errors of a value and of its exponential, given natural logs;
/// infinite for what is no number, which no comparison would notice.
inline double error_of_log(double log_value, const Real& log_reference) {
  const Real difference = abs(Real(log_value) - log_reference);
  const Real scale = std::max<Real>(Real(1), abs(log_reference));
  const double error = static_cast<double>(difference / scale);
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

}  // namespace linnet::stats::oracle
