#include "sim/oracle.h"

#include <algorithm>
#include <cmath>

#include "sim/oracle_phases.h"
#include "sim/world.h"

namespace linnet::sim {
namespace {

bool is_empty(const core::Counts& counts) { return counts.requests == 0; }

bool is_empty(const core::Stage& stage) {
  return is_empty(stage.canary) && is_empty(stage.stable) && is_empty(stage.recent) &&
         is_empty(stage.recent_before);
}

}  // namespace

void Told::begins(Port port) {
  switch (port) {
    case Port::router_read:
      traffic.reset();
      saved = false;
      return;
    case Port::workload_observe: workload.reset(); return;
    case Port::metrics_since:
      sample_ok = false;
      canary_requests = 0;
      return;
    default: return;
  }
}

Oracle::Oracle(const World& world) : world_(world) {}

void Oracle::broken(std::string_view invariant, std::string text) {
  if (!violation_)
    violation_ = Violation{std::string(invariant), std::move(text), world_.now_ms(), {}};
  else if (violation_->invariant != invariant)
    violation_->also.emplace_back(invariant);
}

void Oracle::loaded(Told& told) { told.turn_before_ms = -1; }

void Oracle::outside_change() { outside_at_ms_ = world_.now_ms(); }

void Oracle::told_traffic(Told& told, const Lineage& mine, bool stale) {
  if (stale || outside_at_ms_ < 0) return;
  const core::TrafficSeen& seen = *told.traffic;
  // Nobody could tell this from linnet's own write that has not come through yet.
  const bool ambiguous = seen.weight == mine.weight_before && !seen.taken_back;
  const bool as_wanted = seen.weight == mine.weight;
  // What was seen in a turn that could not be saved is forgotten with that turn.
  const bool forgotten = ambiguous && !told.outside_kept;
  if ((as_wanted && mine.phase != holding) || forgotten) {
    told.outside_told = told.outside_kept = false;
  } else if (!ambiguous && !as_wanted) {
    told.outside_told = true;
  }
}

// ---- Each turn ----------------------------------------------------------------------------------

Lineage Oracle::advance(const Told& told, const Lineage& mine, const core::Status& next) {
  Lineage book = mine;
  book.phase = next.phase.index();
  book.step = step_index(next.phase);
  book.part = part_index(next.phase);
  const bool same_rollout = next.rollout.has_value() == !mine.rollout.empty() &&
                            (!next.rollout || next.rollout->id == mine.rollout);
  if (!same_rollout) book.rollout = rollout_id(next);
  const auto* begun = std::get_if<core::Idle>(&next.phase);
  // A deploy, or the end of its time, may come before that image is there.
  book.stable_starts = begun != nullptr ? !begun->ready : mine.stable_starts && mine.phase == idle;
  book.since = next.since;
  book.weight = next.weight;
  book.weight_before = next.weight_before;
  book.steps_done = next.rollout ? next.rollout->steps.size() : 0;

  const core::Release& release = world_.story().release;
  const Duration cap = std::max<Duration>(5s, release.turn * 3);
  const Duration gap(told.observed_ms - told.turn_before_ms);
  const Duration elapsed = told.turn_before_ms < 0 ? 0ms : std::min(gap, cap);
  book.quiet = told.canary_requests > 0 ? Duration(0) : mine.quiet + elapsed;
  if (book.phase != mine.phase || book.step != mine.step) book.quiet = 0ms;

  const auto* step = std::get_if<core::Stepping>(&next.phase);
  const bool was_stepping = mine.phase == stepping && mine.rollout == book.rollout;
  const bool in_same_step = was_stepping && step != nullptr && step->index == mine.step;
  if (was_stepping && mine.step >= 0) {
    const Percent wanted = release.steps[static_cast<std::size_t>(mine.step)].weight;
    const bool at_weight = told.traffic && told.traffic->weight == wanted;
    const bool quiet = book.quiet >= std::max<Duration>(15s, release.turn * 3);
    if (mine.force_seen && at_weight && told.sample_ok && !quiet) book.earned += elapsed;
    if (at_weight && told.sample_ok && told.canary_requests > 0) book.force_seen = true;
  }
  if (step != nullptr && !in_same_step) {
    // A step begun anew at the weight that is in force already needs no new write.
    const Percent wanted = release.steps[static_cast<std::size_t>(step->index)].weight;
    book.force_seen = mine.weight == wanted && told.traffic && told.traffic->weight == wanted &&
                      told.sample_ok && told.canary_requests > 0;
    if (step->held == 0ms) book.earned = 0ms;
  }
  if (step != nullptr) {
    if (step->held > book.earned)
      broken("held_is_earned",
             fmt::format("step {} counts {} in force, but only {} were", step->index + 1,
                         duration_text(step->held), duration_text(book.earned)));
    const Percent most = release.steps[static_cast<std::size_t>(step->index)].weight;
    if (next.weight > most)
      if (in_same_step && mine.weight <= most)
        broken("weight_within_step", fmt::format("{} is wanted in step {} of {}",
                                                 next.weight.text(), step->index + 1, most.text()));
  }
  if (core::is_running(next.phase)) check_evidence(mine, book, next);
  check_verdicts(told, mine, next);
  check_owner(told, book, next);
  return book;
}

core::Counts Oracle::truth(const std::string& from, const std::string& to, bool canary) const {
  const TrackTotals& older = world_.told_at(from);
  const TrackTotals& newer = world_.told_at(to);
  return world_.traffic().counts(canary ? newer.canary : newer.stable,
                                 canary ? older.canary : older.stable);
}

void Oracle::check_evidence(const Lineage& mine, Lineage& book, const core::Status& next) {
  const bool empty = is_empty(next.stage);
  const bool moved = book.phase != mine.phase || book.step != mine.step ||
                     book.rollout != mine.rollout || next.since != mine.since;
  bool period = false;
  if (const auto* hold = std::get_if<core::Holding>(&next.phase)) period = hold->watched == 0ms;
  if (const auto* wait = std::get_if<core::AwaitingPromotion>(&next.phase))
    period = wait->watched == 0ms;
  if (empty && (moved || period)) book.stage_from = next.cursor;
  if (!next.evidence.limits.empty() && moved && next.evidence.limits[0].threshold.requests == 0)
    book.evidence_from = next.cursor;
  if (book.stage_from.empty()) book.stage_from = next.cursor;
  if (book.evidence_from.empty()) book.evidence_from = next.cursor;

  const TrackTotals& now = world_.told_at(next.cursor);
  const TrackTotals& from = world_.told_at(book.stage_from);
  const auto differs = [&](std::string_view what, std::int64_t counted, std::int64_t true_count) {
    if (counted == true_count) return;
    broken("evidence_is_exact",
           fmt::format("{} {} counted, the source told {} from {} to {}", counted, what, true_count,
                       book.stage_from, next.cursor));
  };
  differs("canary requests", next.stage.canary.requests,
          now.canary.requests - from.canary.requests);
  differs("bad canary requests", next.stage.canary.bad, now.canary.bad - from.canary.bad);
  differs("stable requests", next.stage.stable.requests,
          now.stable.requests - from.stable.requests);
  if (next.evidence.limits.empty()) return;
  for (std::size_t i = 0; const core::Check& check : world_.story().release.checks) {
    if (std::holds_alternative<core::HealthCheck>(check.rule)) continue;
    const core::LimitEvidence& limit = next.evidence.limits[i++];
    const double counted = limit.threshold.requests * limit.clumping.phi_threshold;
    const auto told = static_cast<double>(now.canary.requests -
                                          world_.told_at(book.evidence_from).canary.requests);
    if (std::abs(counted - told) > 0.01 + 1e-9 * told)
      broken("evidence_is_exact",
             fmt::format("the evidence of {} rests on {:.1f} requests, the source told {:.0f}",
                         check.name, counted, told));
  }
}

double Oracle::share_over(const core::Check& check, const core::Counts& counts,
                          std::int64_t& requests, double& limit) const {
  std::int64_t bad = counts.bad;
  requests = counts.requests;
  if (const auto* errors = std::get_if<core::ErrorRateCheck>(&check.rule)) {
    limit = errors->limit.fraction();
  } else if (const auto* latency = std::get_if<core::LatencyCheck>(&check.rule)) {
    limit = 1.0 - latency->quantile.fraction();
    bad = world_.traffic().above(counts, static_cast<double>(latency->limit.count()));
  }
  return requests > 0 ? static_cast<double>(bad) / static_cast<double>(requests) : 0.0;
}

// What must not stand still any more after a turn.
void Oracle::check_verdicts(const Told& told, const Lineage& mine, const core::Status& next) {
  const std::size_t phase = next.phase.index();
  const bool went_on = phase == mine.phase && step_index(next.phase) == mine.step &&
                       rollout_id(next) == mine.rollout && part_index(next.phase) == mine.part &&
                       next.since == mine.since;
  if (!went_on || !next.rollout) return;
  const core::Release& release = world_.story().release;
  const bool watched = phase == preparing || phase == stepping || phase == awaiting ||
                       phase == holding || (phase == promoting && part_index(next.phase) <= 1);
  if (!watched) return;
  if (told.workload)
    for (const core::Instance& one : told.workload->canary.instances)
      if (one.crash_loop && one.version == next.rollout->to)
        broken("crash_loop_acts", fmt::format("{} keeps dying, and the rollout goes on", one.id));
  const auto* process = std::get_if<core::ProcessWorkload>(&release.workload);
  const Duration ready_limit =
      process != nullptr ? std::min(release.progress, process->health.startup) : release.progress;
  if (next.unready > ready_limit)
    broken("unready_ends", fmt::format("not ready for {}, limit {}", duration_text(next.unready),
                                       duration_text(ready_limit)));
  if (phase == preparing) return;
  const bool may_stand =
      phase == holding && (release.on_failure == core::Then::hold || next.weight.is_zero());
  const auto* step = std::get_if<core::Stepping>(&next.phase);
  if (step != nullptr && step->silent > release.no_data.hold)
    broken("silence_ends", fmt::format("no data for {}", duration_text(step->silent)));
  const bool complete = step != nullptr && step->in_force &&
                        step->held >= release.steps[static_cast<std::size_t>(step->index)].hold;
  const bool plain = release.analysis.decision == core::Analysis::Decision::plain;
  std::size_t index = 0;
  for (const core::Check& check : release.checks) {
    if (const auto* health = std::get_if<core::HealthCheck>(&check.rule)) {
      if (step != nullptr && told.workload && told.workload->canary.restarts() > health->restarts &&
          next.weight == mine.weight)
        broken("crash_loop_acts", fmt::format("{} restarts, limit {}",
                                              told.workload->canary.restarts(), health->restarts));
      continue;
    }
    std::int64_t requests = 0;
    double limit = 0;
    const double share = share_over(check, next.stage.canary, requests, limit);
    const std::size_t own = index++;
    if (share <= limit || may_stand || next.weight != mine.weight) continue;
    const std::int64_t needed = check.min_requests.value_or(release.min_requests);
    if (complete && plain && requests >= needed)
      broken("over_limit_is_taken_back",
             fmt::format("{} has {:.2f} % of {} requests over a limit of {:.2f} %", check.name,
                         share * 100, requests, limit * 100));
    if (!release.analysis.early_fail || next.evidence.limits.size() <= own) continue;
    const auto parts = static_cast<double>(next.evidence.limits.size()) + 1;
    if (next.evidence.limits[own].threshold.log_fail() >=
        std::log(parts / release.analysis.false_alarm))
      broken("evidence_acts",
             fmt::format("{} has log evidence {:.1f} and {:.2f} % over {:.2f} %", check.name,
                         next.evidence.limits[own].threshold.log_fail(), share * 100, limit * 100));
  }
}

}  // namespace linnet::sim
