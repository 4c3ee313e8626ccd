#include "stats/threshold.h"

#include <algorithm>
#include <cmath>

namespace linnet::stats {
namespace {

// Extended precision for the two constants of a prior point: see log_likelihood_ratio.
struct LogPsi {
  std::array<long double, fail_points> fail;
  std::array<long double, pass_points> pass;
};

const LogPsi& log_psi() {
  static const LogPsi logs = [] {
    LogPsi made{};
    for (std::size_t k = 0; k < fail_points; ++k)
      made.fail[k] = std::log(static_cast<long double>(fail_psi[k]));
    for (std::size_t k = 0; k < pass_points; ++k)
      made.pass[k] = std::log(static_cast<long double>(pass_psi[k]));
    return made;
  }();
  return logs;
}

double log_ratio(double limit, double psi, long double log_of_psi, double requests, double bad) {
  const long double cost = std::log1p(static_cast<long double>(limit) * (psi - 1));
  return static_cast<double>(bad * log_of_psi - requests * cost);
}

// The mixture's fastest component decides: target - now over growth per request.
template <std::size_t N>
std::optional<double> requests_needed(const std::array<double, N>& psi,
                                      const std::array<double, N>& now, double limit,
                                      double log_target, double rate, double phi) {
  std::optional<double> least;
  for (std::size_t k = 0; k < N; ++k) {
    const double growth = (rate * std::log(psi[k]) - std::log1p(limit * (psi[k] - 1))) / phi;
    if (!(growth > 0)) continue;
    const double needed = std::max(0.0, (log_target - now[k]) / growth);
    if (!least || needed < *least) least = needed;
  }
  return least;
}

template <std::size_t N>
double mix(const std::array<double, N>& terms, double unstarted) {
  const double mixed = log_sum_exp(terms);
  return unstarted > 0 ? log_add_exp(mixed, std::log(unstarted)) : mixed;
}

std::array<double, fail_points> fail_terms(const Threshold& state) {
  std::array<double, fail_points> terms;
  for (std::size_t k = 0; k < fail_points; ++k)
    terms[k] = prior_logs().fail_weight[k] + state.log_carried[k] +
               log_ratio(state.limit, fail_psi[k], log_psi().fail[k], state.requests, state.bad);
  return terms;
}

std::array<double, pass_points> pass_terms(const Threshold& state) {
  std::array<double, pass_points> terms;
  for (std::size_t k = 0; k < pass_points; ++k)
    terms[k] = prior_logs().pass_weight[k] + log_ratio(state.limit, pass_psi[k], log_psi().pass[k],
                                                       state.requests, state.bad_at_most);
  return terms;
}

}  // namespace

Result<Threshold> Threshold::make(double limit, const StageWeights& stage_weights) {
  Threshold made;
  made.limit = limit;
  made.weights = stage_weights;
  TRY_VOID(made.check());
  made.log_carried.fill(std::log(stage_weights.weight[0]));
  return made;
}

Result<Threshold> Threshold::make(double limit, int stages) {
  TRY(weights, StageWeights::uniform(stages));
  return make(limit, weights);
}

Result<void> Threshold::add(double window_requests, double window_bad, double phi) {
  return add_bracketed(window_requests, window_bad, window_bad, phi);
}

Result<void> Threshold::add_bracketed(double window_requests, double certain, double possible,
                                      double phi) {
  TRY_VOID(check_counts(window_requests, certain));
  TRY_VOID(check_counts(window_requests, possible));
  if (certain > possible)
    return fail(Code::invalid, "{} certainly bad, but only {} possibly", certain, possible);
  TRY_VOID(check_phi(phi));
  if (requests + window_requests / phi > max_count)
    return fail(Code::invalid, "more than {:g} requests in one stage", max_count);
  requests += window_requests / phi;
  // The division may round a sum of bad above that of all.
  bad = std::min(bad + certain / phi, requests);
  bad_at_most = std::min(bad_at_most + possible / phi, requests);
  return {};
}

void Threshold::next_stage() {
  const bool has_weight = stage + 1 < weights.stages;
  for (std::size_t k = 0; k < fail_points; ++k) {
    log_carried[k] += log_ratio(limit, fail_psi[k], log_psi().fail[k], requests, bad);
    if (has_weight)
      log_carried[k] = log_add_exp(log_carried[k], std::log(weights.weight[stage + 1]));
  }
  if (has_weight) ++stage;
  requests = bad = bad_at_most = 0;
}

double Threshold::log_fail() const { return mix(fail_terms(*this), weights.unstarted(stage)); }

double Threshold::log_pass() const { return mix(pass_terms(*this), 0); }

std::optional<double> Threshold::requests_to_fail(double log_target, double rate,
                                                  double phi) const {
  if (log_fail() >= log_target) return 0;
  return requests_needed(fail_psi, fail_terms(*this), limit, log_target, rate, phi);
}

std::optional<double> Threshold::requests_to_pass(double log_target, double rate,
                                                  double phi) const {
  if (log_pass() >= log_target) return 0;
  return requests_needed(pass_psi, pass_terms(*this), limit, log_target, rate, phi);
}

Result<void> Threshold::check() const {
  if (!(limit >= 1e-9 && limit <= 1 - 1e-9))
    return fail(Code::invalid, "limit {}: must be between 1e-9 and 1 - 1e-9", limit);
  TRY_VOID(weights.check());
  if (stage < 0 || stage >= weights.stages)
    return fail(Code::invalid, "stage {} of {}", stage, weights.stages);
  TRY_VOID(check_counts(requests, bad));
  TRY_VOID(check_counts(requests, bad_at_most));
  if (bad > bad_at_most) return fail(Code::invalid, "bad {} above {}", bad, bad_at_most);
  for (const double carried : log_carried)
    if (!std::isfinite(carried)) return fail(Code::invalid, "evidence {} is not finite", carried);
  return {};
}

}  // namespace linnet::stats
