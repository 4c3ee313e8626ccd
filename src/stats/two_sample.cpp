#include "stats/two_sample.h"

#include <algorithm>
#include <cmath>

namespace linnet::stats {
namespace {

constexpr double widest_exact_support = 4096;

using Points = std::array<long double, fail_points>;

// ln G(psi0 psi_k) - ln G(psi0).
Points log_normalisers(const Margins& margins, double tolerance, Exact exact) {
  // Whether exact or bounded depends on margins only; anything else would break validity.
  const bool sum = exact == Exact::automatic && support_width(margins) <= widest_exact_support;
  Points out;
  if (tolerance == 1) {
    if (sum)
      log_g_exact(margins, fail_psi, out);
    else
      log_g_bound(margins, fail_psi, out);
    return out;
  }
  if (!sum) {
    log_g_ratio_bound(margins, tolerance, fail_psi, out);
    return out;
  }
  std::array<double, fail_points + 1> psi;
  std::array<long double, fail_points + 1> all;
  psi[0] = tolerance;
  for (std::size_t k = 0; k < fail_points; ++k) psi[k + 1] = tolerance * fail_psi[k];
  log_g_exact(margins, psi, all);
  for (std::size_t k = 0; k < fail_points; ++k) out[k] = all[k + 1] - all[0];
  return out;
}

const Points& log_psi() {
  static const Points logs = [] {
    Points made;
    for (std::size_t k = 0; k < fail_points; ++k)
      made[k] = std::log(static_cast<long double>(fail_psi[k]));
    return made;
  }();
  return logs;
}

}  // namespace

Result<void> check_paired(const PairedCounts& window) {
  auto canary = check_whole_counts(window.canary_requests, window.canary_bad);
  if (!canary) return fail(canary.error().while_doing("canary"));
  auto stable = check_whole_counts(window.stable_requests, window.stable_bad);
  if (!stable) return fail(stable.error().while_doing("stable"));
  return {};
}

std::array<double, fail_points> log_e_of_window(const PairedCounts& window, double tolerance,
                                                Exact exact) {
  std::array<double, fail_points> increments{};
  const Margins margins{window.canary_requests, window.stable_requests,
                        window.canary_bad + window.stable_bad};
  if (margins.canary == 0 || margins.stable == 0 || margins.bad == 0 ||
      margins.bad == margins.canary + margins.stable)
    return increments;
  const Points normalisers = log_normalisers(margins, tolerance, exact);
  for (std::size_t k = 0; k < fail_points; ++k)
    increments[k] = static_cast<double>(window.canary_bad * log_psi()[k] - normalisers[k]);
  return increments;
}

Result<TwoSample> TwoSample::make(const StageWeights& stage_weights, double tolerance,
                                  Exact exact) {
  TwoSample made;
  made.tolerance = tolerance;
  made.exact = exact;
  made.weights = stage_weights;
  TRY_VOID(made.check());
  made.log_copies.fill(std::log(stage_weights.weight[0]));
  return made;
}

Result<TwoSample> TwoSample::make(int stages, double tolerance, Exact exact) {
  TRY(weights, StageWeights::uniform(stages));
  return make(weights, tolerance, exact);
}

Result<void> TwoSample::add(const PairedCounts& window, double phi) {
  TRY_VOID(check_paired(window));
  TRY_VOID(check_phi(phi));
  const auto increments = log_e_of_window(window, tolerance, exact);
  for (std::size_t k = 0; k < fail_points; ++k) log_copies[k] += increments[k] / phi;
  return {};
}

void TwoSample::next_stage() {
  if (stage + 1 >= weights.stages) return;
  ++stage;
  for (double& copy : log_copies) copy = log_add_exp(copy, std::log(weights.weight[stage]));
}

double TwoSample::log_worse() const {
  std::array<double, fail_points> terms;
  for (std::size_t k = 0; k < fail_points; ++k)
    terms[k] = prior_logs().fail_weight[k] + log_copies[k];
  const double mixed = log_sum_exp(terms);
  const double unstarted = weights.unstarted(stage);
  return unstarted > 0 ? log_add_exp(mixed, std::log(unstarted)) : mixed;
}

std::optional<double> TwoSample::requests_to_fail(double log_target, double canary_rate,
                                                  double stable_rate, double canary_share,
                                                  double phi) const {
  if (log_worse() >= log_target) return 0;
  if (!(canary_share > 0 && canary_share < 1)) return std::nullopt;
  const double bad_per_canary_request =
      canary_rate + stable_rate * (1 - canary_share) / canary_share;
  std::optional<double> least;
  for (std::size_t k = 0; k < fail_points; ++k) {
    const double psi = fail_psi[k];
    const double cost = std::log1p(canary_share * (tolerance * psi - 1)) -
                        std::log1p(canary_share * (tolerance - 1));
    const double growth = (canary_rate * std::log(psi) - bad_per_canary_request * cost) / phi;
    if (!(growth > 0)) continue;
    const double now = prior_logs().fail_weight[k] + log_copies[k];
    const double needed = std::max(0.0, (log_target - now) / growth);
    if (!least || needed < *least) least = needed;
  }
  return least;
}

Result<void> TwoSample::check() const {
  if (!(tolerance >= 1 && tolerance <= 100))
    return fail(Code::invalid, "tolerance {}: must be between 1 and 100", tolerance);
  if (exact != Exact::automatic && exact != Exact::never)
    return fail(Code::invalid, "exact {}: unknown", static_cast<int>(exact));
  TRY_VOID(weights.check());
  if (stage < 0 || stage >= weights.stages)
    return fail(Code::invalid, "stage {} of {}", stage, weights.stages);
  for (const double copy : log_copies)
    if (!std::isfinite(copy)) return fail(Code::invalid, "evidence {} is not finite", copy);
  return {};
}

}  // namespace linnet::stats
