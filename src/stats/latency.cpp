#include "stats/latency.h"

#include <algorithm>
#include <cmath>

namespace linnet::stats {
namespace {

double log_evidence_at(const LatencyComparison& state, std::size_t boundary) {
  std::array<double, fail_points> terms;
  for (std::size_t k = 0; k < fail_points; ++k)
    terms[k] = prior_logs().fail_weight[k] + state.log_copies[boundary][k];
  const double mixed = log_sum_exp(terms);
  const double unstarted = state.weights.unstarted(state.stage);
  return unstarted > 0 ? log_add_exp(mixed, std::log(unstarted)) : mixed;
}

// Above each compared boundary, in order. Code::invalid when the histogram lacks one.
Result<std::array<double, max_compared_boundaries>> tail_counts(const LatencyComparison& state,
                                                                const Histogram& histogram) {
  TRY_VOID(histogram.check());
  std::array<double, max_compared_boundaries> tails{};
  const double all = histogram.total();
  double below = 0;
  std::int32_t next = 0;
  for (std::size_t i = 0; i < histogram.count.size() && next < state.boundaries; ++i) {
    below += histogram.count[i];
    if (histogram.upper_ms[i] == state.boundary_ms[next]) tails[next++] = all - below;
  }
  if (next < state.boundaries)
    return fail(Code::invalid, "the histogram has no boundary at {} ms", state.boundary_ms[next]);
  return tails;
}

}  // namespace

Result<LatencyComparison> LatencyComparison::make(std::span<const double> boundaries_ms,
                                                  const StageWeights& stage_weights,
                                                  double tolerance, Exact exact) {
  TRY(shape, Histogram::make(boundaries_ms));
  const std::size_t finite = shape.upper_ms.size() - 1;
  const std::size_t chosen = std::min(finite, max_compared_boundaries);
  LatencyComparison made;
  made.tolerance = tolerance;
  made.exact = exact;
  made.weights = stage_weights;
  made.boundaries = static_cast<std::int32_t>(chosen);
  for (std::size_t j = 0; j < chosen; ++j)
    made.boundary_ms[j] = shape.upper_ms[j * finite / chosen];
  TRY_VOID(made.check());
  for (auto& copies : made.log_copies) copies.fill(std::log(stage_weights.weight[0]));
  return made;
}

Result<void> LatencyComparison::add(const Histogram& canary, const Histogram& stable, double phi) {
  TRY_VOID(check_phi(phi));
  TRY(canary_tails, tail_counts(*this, canary));
  TRY(stable_tails, tail_counts(*this, stable));
  PairedCounts window{canary.total(), 0, stable.total(), 0};
  const auto used = static_cast<std::size_t>(boundaries);
  // All windows are checked before the first changes the state.
  for (std::size_t j = 0; j < used; ++j) {
    window.canary_bad = canary_tails[j];
    window.stable_bad = stable_tails[j];
    TRY_VOID(check_paired(window));
  }
  for (std::size_t j = 0; j < used; ++j) {
    window.canary_bad = canary_tails[j];
    window.stable_bad = stable_tails[j];
    const auto increments = log_e_of_window(window, tolerance, exact);
    for (std::size_t k = 0; k < fail_points; ++k) log_copies[j][k] += increments[k] / phi;
  }
  return {};
}

void LatencyComparison::next_stage() {
  if (stage + 1 >= weights.stages) return;
  ++stage;
  const double log_weight = std::log(weights.weight[stage]);
  for (auto& copies : log_copies)
    for (double& copy : copies) copy = log_add_exp(copy, log_weight);
}

double LatencyComparison::log_slower() const {
  std::array<double, max_compared_boundaries> terms;
  terms.fill(-std::numeric_limits<double>::infinity());
  for (std::size_t j = 0; j < static_cast<std::size_t>(boundaries); ++j)
    terms[j] = log_evidence_at(*this, j);
  return log_sum_exp(terms) - std::log(boundaries);
}

LatencyComparison::Slowest LatencyComparison::slowest() const {
  Slowest best{boundary_ms[0], log_evidence_at(*this, 0)};
  for (std::size_t j = 1; j < static_cast<std::size_t>(boundaries); ++j) {
    const double evidence = log_evidence_at(*this, j);
    if (evidence > best.log_evidence) best = {boundary_ms[j], evidence};
  }
  return best;
}

Result<void> LatencyComparison::check() const {
  if (!(tolerance >= 1 && tolerance <= 100))
    return fail(Code::invalid, "tolerance {}: must be between 1 and 100", tolerance);
  if (exact != Exact::automatic && exact != Exact::never)
    return fail(Code::invalid, "exact {}: unknown", static_cast<int>(exact));
  TRY_VOID(weights.check());
  if (stage < 0 || stage >= weights.stages)
    return fail(Code::invalid, "stage {} of {}", stage, weights.stages);
  if (boundaries < 1 || boundaries > static_cast<std::int32_t>(max_compared_boundaries))
    return fail(Code::invalid, "{} boundaries: must be between 1 and {}", boundaries,
                max_compared_boundaries);
  double before = 0;
  for (std::int32_t j = 0; j < boundaries; ++j) {
    if (!(boundary_ms[j] > before && std::isfinite(boundary_ms[j])))
      return fail(Code::invalid, "boundary {} after {}", boundary_ms[j], before);
    before = boundary_ms[j];
    for (const double copy : log_copies[j])
      if (!std::isfinite(copy)) return fail(Code::invalid, "evidence {} is not finite", copy);
  }
  return {};
}

Result<SlowCounts> slow_counts(const Histogram& window, double limit_ms) {
  TRY_VOID(window.check());
  if (!(limit_ms > 0 && std::isfinite(limit_ms)))
    return fail(Code::invalid, "latency limit {} ms", limit_ms);
  const Above above = window.above(limit_ms);
  return SlowCounts{window.total(), above.certain, above.possible,
                    above.exact() ? 0 : above.upper_ms - above.lower_ms};
}

}  // namespace linnet::stats
