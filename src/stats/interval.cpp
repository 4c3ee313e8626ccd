#include "stats/interval.h"

#include <algorithm>
#include <cmath>

#include "stats/numeric.h"

namespace linnet::stats {
namespace {

// A probability with its complement, both with full relative precision, from its log odds.
struct Probability {
  double p, complement;
  explicit Probability(double logit)
      : p(1 / (1 + std::exp(-logit))), complement(1 / (1 + std::exp(logit))) {}
};

// The p beyond `rate` in the direction of `sign` whose divergence from it is `nats`. Searched in
// log odds, so that the relative error stays small for p near 0 and near 1.
double end(double rate, double rate_complement, double nats, double sign) {
  const double start = std::log(rate) - std::log(rate_complement);
  // KL >= r ln(r/p) - ln 2 for the end at 0, and likewise for the end at 1: a safe far side. exp()
  // vanishes beyond 740: such an end is 0, or 1, to every reader.
  const double reach = (nats + 1) / (sign < 0 ? rate : rate_complement);
  double near = start, far = sign * std::min(740.0, std::abs(start) + reach + 1);
  for (int i = 0; i < 200; ++i) {
    const double middle = 0.5 * (near + far);
    if (middle == near || middle == far) break;
    const Probability at(middle);
    (bernoulli_kl(rate, rate_complement, at.p, at.complement) > nats ? far : near) = middle;
  }
  return Probability(0.5 * (near + far)).p;
}

}  // namespace

Result<Interval> rate_interval(double n, double x, double alpha) {
  TRY_VOID(check_counts(n, x));
  if (!(alpha > 0 && alpha < 1))
    return fail(Code::invalid, "alpha {}: must be between 0 and 1", alpha);
  if (n == 0) return Interval{};
  // ln of (n+1) C(n,x) p^x (1-p)^(n-x) / alpha is `nats * n` less n KL(x/n || p).
  const double nats = (std::log1p(n) + log_binomial_peak(n, x) - std::log(alpha)) / n;
  const double rate = x / n;
  Interval interval;
  if (x == 0)
    interval = {0, -std::expm1(-nats)};
  else if (x == n)
    interval = {std::exp(-nats), 1};
  else
    interval = {end(rate, (n - x) / n, nats, -1), end(rate, (n - x) / n, nats, 1)};
  return interval;
}

}  // namespace linnet::stats
