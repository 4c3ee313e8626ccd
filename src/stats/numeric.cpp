#include "stats/numeric.h"

#include <numbers>

namespace linnet::stats {
namespace {

// x ln(x/m) + m - x without cancellation for x near m (Loader's "deviance").
double deviance(double x, double m) {
  if (x == 0) return m;
  if (std::abs(x - m) < 0.1 * (x + m)) {
    const double v = (x - m) / (x + m);
    double sum = (x - m) * v;
    double term = 2 * x * v;
    for (int j = 1; j < 1000; ++j) {
      term *= v * v;
      const double next = sum + term / (2 * j + 1);
      if (next == sum) break;
      sum = next;
    }
    return sum;
  }
  return x * std::log(x / m) + m - x;
}

}  // namespace

double stirling_error(double n) {
  double shift = 0;
  // The series is accurate from 16 on; below, ln(n+1)! = ln n! + ln(n+1) leads there.
  while (n < 16) {
    shift += (n + 0.5) * std::log1p(1 / n) - 1;
    n += 1;
  }
  const double square = n * n;
  const double series =
      (1.0 / 12 -
       (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 / square) / square) / square) / square) /
      n;
  return shift + series;
}

double log_binomial_peak(double n, double x) {
  const double rest = n - x;
  if (x <= 0 || rest <= 0) return 0;
  return stirling_error(n) - stirling_error(x) - stirling_error(rest) +
         0.5 * std::log(n / (2 * std::numbers::pi * x * rest));
}

double bernoulli_kl(double p, double q) {
  if (p == q) return 0;
  if (q <= 0 || q >= 1) return std::numeric_limits<double>::infinity();
  return bernoulli_kl(p, 1 - p, q, 1 - q);
}

double bernoulli_kl(double p, double p_complement, double q, double q_complement) {
  return deviance(p, q) + deviance(p_complement, q_complement);
}

Result<void> check_counts(double requests, double bad) {
  // Written so that NaN fails each comparison.
  if (!(requests >= 0 && requests <= max_count))
    return fail(Code::invalid, "{} requests: must be between 0 and {:g}", requests, max_count);
  if (!(bad >= 0 && bad <= requests))
    return fail(Code::invalid, "{} bad of {} requests: must be between 0 and all of them", bad,
                requests);
  return {};
}

Result<void> check_whole_counts(double requests, double bad) {
  TRY_VOID(check_counts(requests, bad));
  if (requests != std::floor(requests) || bad != std::floor(bad))
    return fail(Code::invalid, "{} bad of {} requests: counts must be whole numbers", bad,
                requests);
  return {};
}

Result<void> check_phi(double phi) {
  if (!(phi >= 1 && phi <= max_phi))
    return fail(Code::invalid, "dispersion {}: must be between 1 and {:g}", phi, max_phi);
  return {};
}

}  // namespace linnet::stats
