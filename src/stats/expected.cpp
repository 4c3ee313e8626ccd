#include "stats/expected.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "stats/mixture.h"

namespace linnet::stats {
namespace {

constexpr std::int64_t longest_exact = 60'000;  // requests; the cost grows with the 3/2 power
constexpr double negligible = 1e-12;

double fail_evidence(double limit, double n, double x, double phi) {
  return log_mix(fail_psi, prior_logs().fail_weight,
                 [&](double psi) { return log_likelihood_ratio(limit, psi, n / phi, x / phi); });
}

double pass_evidence(double limit, double n, double x, double phi) {
  return log_mix(pass_psi, prior_logs().pass_weight,
                 [&](double psi) { return log_likelihood_ratio(limit, psi, n / phi, x / phi); });
}

// Probability that the bad count is x and nothing was decided yet, for x in [first, first +
// p.size()).
struct Undecided {
  std::vector<double> p{1.0};
  std::size_t first = 0;

  void request(double rate) {
    p.push_back(0);
    for (std::size_t i = p.size(); i-- > 1;) p[i] = p[i] * (1 - rate) + p[i - 1] * rate;
    p[0] *= 1 - rate;
  }
  // Removes counts with next to no probability at both ends.
  void trim() {
    while (p.size() > 1 && p.back() < negligible * 1e-6) p.pop_back();
    std::size_t empty = 0;
    while (empty + 1 < p.size() && p[empty] < negligible * 1e-6) ++empty;
    p.erase(p.begin(), p.begin() + static_cast<std::ptrdiff_t>(empty));
    first += empty;
  }
};

class Tally {
 public:
  void at(double n, double probability) {
    decided_ += probability;
    weighted_ += n * probability;
    if (!median_ && decided_ >= 0.5) median_ = n;
    if (!p95_ && decided_ >= 0.95) p95_ = n;
  }
  [[nodiscard]] double decided() const { return decided_; }
  [[nodiscard]] Detection detection(double horizon, double lower_bound) const {
    const double never = std::numeric_limits<double>::infinity();
    return {weighted_ + (1 - decided_) * horizon,
            median_.value_or(never),
            p95_.value_or(never),
            decided_,
            lower_bound,
            true};
  }

 private:
  double decided_ = 0, weighted_ = 0;
  std::optional<double> median_, p95_;
};

Result<double> check(const Plan& plan) {
  if (!(plan.limit >= 1e-9 && plan.limit <= 1 - 1e-9))
    return fail(Code::invalid, "limit {}: must be between 0 and 1", plan.limit);
  if (!(plan.true_rate >= 0 && plan.true_rate <= 1))
    return fail(Code::invalid, "true rate {}: must be between 0 and 1", plan.true_rate);
  if (!(plan.alpha > 0 && plan.alpha < 1))
    return fail(Code::invalid, "error probability {}: must be between 0 and 1", plan.alpha);
  if (!(plan.weight > 0 && plan.weight <= 1))
    return fail(Code::invalid, "weight {}: must be above 0 and at most 1", plan.weight);
  TRY_VOID(check_phi(plan.phi));
  if (plan.horizon < 0) return fail(Code::invalid, "horizon {}: is negative", plan.horizon);
  return std::max(0.0, -std::log(plan.alpha * plan.weight));
}

// Where the evidence of the mean path crosses: within some percent of the mean for long waits.
template <class Evidence>
double mean_path_crossing(double log_target, Evidence evidence) {
  double low = 1, high = 1;
  while (evidence(high) < log_target && high < 1e15) low = high, high *= 2;
  for (int i = 0; i < 100 && high - low > 0.5; ++i) {
    const double middle = 0.5 * (low + high);
    (evidence(middle) < log_target ? low : high) = middle;
  }
  return high;
}

Detection estimated(double crossing, double lower_bound) {
  Detection result;
  // Below the weakest prior point nothing grows: such a rate is too near to the limit to be told.
  const bool ever = crossing < 1e15;
  result.expected = result.median = ever ? crossing : std::numeric_limits<double>::infinity();
  result.p95 = 2.4 * result.expected;  // the ratio of the exact cells
  result.decided = ever ? 1 : 0;
  result.lower_bound = lower_bound;
  result.exact = false;
  return result;
}

}  // namespace

double least_bad_to_fail(double limit, double n, double log_target, double phi) {
  double low = -1, high = n + 1;  // evidence rises with bad
  while (high - low > 1) {
    const double middle = std::floor(0.5 * (low + high));
    (fail_evidence(limit, n, middle, phi) >= log_target ? high : low) = middle;
  }
  return high;
}

double most_bad_to_pass(double limit, double n, double log_target, double phi) {
  double low = -1, high = n + 1;  // evidence falls with bad
  while (high - low > 1) {
    const double middle = std::floor(0.5 * (low + high));
    (pass_evidence(limit, n, middle, phi) >= log_target ? low : high) = middle;
  }
  return low;
}

Result<Detection> expected_to_fail(const Plan& plan) {
  TRY(log_target, check(plan));
  if (plan.true_rate <= plan.limit && plan.horizon == 0)
    return fail(Code::invalid, "a true rate of {} never leads to fail at a limit of {}",
                plan.true_rate, plan.limit);
  const double wald = plan.true_rate > plan.limit
                          ? wald_bound(plan.limit, plan.true_rate, plan.alpha)
                          : std::numeric_limits<double>::infinity();
  if ((plan.horizon == 0 && 6 * plan.phi * wald > longest_exact) || plan.horizon > longest_exact)
    return estimated(
        mean_path_crossing(
            log_target,
            [&](double n) { return fail_evidence(plan.limit, n, n * plan.true_rate, plan.phi); }),
        wald);
  const std::int64_t horizon = plan.horizon > 0 ? plan.horizon : longest_exact;
  Undecided undecided;
  Tally tally;
  double boundary = 0;  // least bad count that decides; never falls as n grows
  std::int64_t n = 0;
  while (n < horizon && tally.decided() < 1 - 1e-9) {
    undecided.request(plan.true_rate);
    ++n;
    while (fail_evidence(plan.limit, static_cast<double>(n), boundary, plan.phi) < log_target)
      if (++boundary > static_cast<double>(n)) break;
    double gone = 0;
    while (!undecided.p.empty() &&
           static_cast<double>(undecided.first + undecided.p.size() - 1) >= boundary) {
      gone += undecided.p.back();
      undecided.p.pop_back();
    }
    tally.at(static_cast<double>(n), gone);
    if (undecided.p.empty()) break;
    undecided.trim();
  }
  return tally.detection(static_cast<double>(n), wald);
}

Result<Detection> expected_to_pass(const Plan& plan) {
  TRY(log_target, check(plan));
  if (plan.true_rate >= plan.limit && plan.horizon == 0)
    return fail(Code::invalid, "a true rate of {} never leads to pass at a limit of {}",
                plan.true_rate, plan.limit);
  const double wald = plan.true_rate < plan.limit
                          ? wald_bound(plan.limit, plan.true_rate, plan.alpha)
                          : std::numeric_limits<double>::infinity();
  if ((plan.horizon == 0 && 6 * plan.phi * wald > longest_exact) || plan.horizon > longest_exact)
    return estimated(
        mean_path_crossing(
            log_target,
            [&](double n) { return pass_evidence(plan.limit, n, n * plan.true_rate, plan.phi); }),
        wald);
  const std::int64_t horizon = plan.horizon > 0 ? plan.horizon : longest_exact;
  Undecided undecided;
  Tally tally;
  double boundary = -1;  // greatest bad count that decides; never falls as n grows
  std::int64_t n = 0;
  while (n < horizon && tally.decided() < 1 - 1e-9) {
    undecided.request(plan.true_rate);
    ++n;
    while (boundary < static_cast<double>(n) &&
           pass_evidence(plan.limit, static_cast<double>(n), boundary + 1, plan.phi) >= log_target)
      ++boundary;
    double gone = 0;
    std::size_t count = 0;
    while (count < undecided.p.size() && static_cast<double>(undecided.first + count) <= boundary)
      gone += undecided.p[count++];
    undecided.p.erase(undecided.p.begin(),
                      undecided.p.begin() + static_cast<std::ptrdiff_t>(count));
    undecided.first += count;
    tally.at(static_cast<double>(n), gone);
    if (undecided.p.empty()) break;
    undecided.trim();
  }
  return tally.detection(static_cast<double>(n), wald);
}

}  // namespace linnet::stats
