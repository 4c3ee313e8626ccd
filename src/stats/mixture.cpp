#include "stats/mixture.h"

#include <algorithm>

namespace linnet::stats {

const PriorLogs& prior_logs() {
  static const PriorLogs logs = [] {
    PriorLogs made;
    const auto log_of = [](double value) { return std::log(value); };
    std::transform(fail_psi.begin(), fail_psi.end(), made.fail_psi.begin(), log_of);
    std::transform(fail_weight.begin(), fail_weight.end(), made.fail_weight.begin(), log_of);
    std::transform(pass_psi.begin(), pass_psi.end(), made.pass_psi.begin(), log_of);
    std::transform(pass_weight.begin(), pass_weight.end(), made.pass_weight.begin(), log_of);
    return made;
  }();
  return logs;
}

double log_likelihood_ratio(double p0, double psi, double n, double x) {
  const long double growth = std::log(static_cast<long double>(psi));
  const long double cost = std::log1p(static_cast<long double>(p0) * (psi - 1));
  return static_cast<double>(x * growth - n * cost);
}

namespace {

Result<void> check_limit_and_counts(double p0, double n, double x) {
  if (!(p0 > 0 && p0 < 1)) return fail(Code::invalid, "limit {}: must be between 0 and 1", p0);
  return check_counts(n, x);
}

}  // namespace

Result<double> log_mixture_above(double p0, double n, double x) {
  TRY_VOID(check_limit_and_counts(p0, n, x));
  return log_mix(fail_psi, prior_logs().fail_weight,
                 [&](double psi) { return log_likelihood_ratio(p0, psi, n, x); });
}

Result<double> log_mixture_below(double p0, double n, double x) {
  TRY_VOID(check_limit_and_counts(p0, n, x));
  return log_mix(pass_psi, prior_logs().pass_weight,
                 [&](double psi) { return log_likelihood_ratio(p0, psi, n, x); });
}

double log_weighted_sum(std::span<const double> log_evidence, std::span<const double> weights) {
  CHECK(log_evidence.size() == weights.size());
  double sum = -std::numeric_limits<double>::infinity();
  for (std::size_t m = 0; m < weights.size(); ++m)
    if (weights[m] > 0) sum = log_add_exp(sum, std::log(weights[m]) + log_evidence[m]);
  return sum;
}

double wald_bound(double p0, double p1, double alpha, double beta) {
  const double kl = bernoulli_kl(p1, p0);
  const double nats =
      beta > 0 ? (1 - beta) * std::log((1 - beta) / alpha) + beta * std::log(beta / (1 - alpha))
               : -std::log(alpha);
  return kl > 0 ? nats / kl : std::numeric_limits<double>::infinity();
}

}  // namespace linnet::stats
