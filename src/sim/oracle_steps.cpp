// What must hold when a rollout gets ahead: a step passes, a promotion begins, a weight rises.
#include <algorithm>

#include "sim/oracle.h"
#include "sim/oracle_phases.h"
#include "sim/world.h"

namespace linnet::sim {

void Oracle::check_steps(const Told& told, const Lineage& mine, const core::Status& next) {
  if (!next.rollout || next.rollout->id != mine.rollout) return;
  const auto& steps = next.rollout->steps;
  for (std::size_t i = mine.steps_done; i < steps.size(); ++i) {
    if (steps[i].outcome == "passed") check_passed(told, mine, next, steps[i]);
  }
}

void Oracle::check_passed(const Told& told, const Lineage& mine, const core::Status& next,
                          const core::StepResult& result) {
  const core::Release& release = world_.story().release;
  auto& passed = passed_[mine.rollout];
  const auto index = static_cast<std::size_t>(result.index);
  if ((mine.phase != stepping && mine.phase != holding) || result.index != mine.step)
    broken("steps_in_order",
           fmt::format("step {} passes in step {}", result.index + 1, mine.step + 1));
  for (std::size_t i = 0; i < index; ++i)
    if (!passed[i])
      broken("steps_in_order", fmt::format("step {} passes before step {}", index + 1, i + 1));
  passed.set(index);
  const core::Counts counts = truth(mine.stage_from, next.cursor, true);
  const bool early = release.analysis.early_pass && result.held >= 10s && counts.requests >= 100;
  const Duration hold = release.steps[index].hold;
  if (result.held < hold && !early)
    broken("step_has_its_time", fmt::format("step {} passes after {} of {}", index + 1,
                                            duration_text(result.held), duration_text(hold)));
  if (!told.sample_ok)
    broken("no_data_never_advances", fmt::format("step {} passes without data", index + 1));
  if (result.canary.requests != counts.requests)
    broken("evidence_is_exact", fmt::format("step {} passes on {} requests, the source told {}",
                                            index + 1, result.canary.requests, counts.requests));
  const bool wants_health = std::any_of(
      release.checks.begin(), release.checks.end(),
      [](const core::Check& one) { return std::holds_alternative<core::HealthCheck>(one.rule); });
  if (!told.workload && wants_health) {
    broken("step_is_healthy", fmt::format("step {} passes unseen", index + 1));
  } else if (wants_health) {
    const int ready = told.workload->canary.ready_of(next.rollout->to);
    const int wanted =
        core::canary_replicas_for(release.steps[index].weight, core::stable_size(release, next));
    if (ready < wanted)
      broken("step_is_healthy",
             fmt::format("step {} passes with {} of {} ready", index + 1, ready, wanted));
  }
  const auto memory = memory_that_decides(next);
  if (memory && memory->mib < 0)
    broken("no_data_never_advances",
           fmt::format("step {} passes, and its memory was never known", index + 1));
  if (memory && memory->is_over())
    broken("step_is_within_limits", fmt::format("step {} passes with {} MiB an instance, limit {}",
                                                index + 1, memory->mib, memory->limit));
  for (const core::Check& check : release.checks) {
    if (!core::limit_of(check)) continue;
    std::int64_t requests = 0;
    double limit = 0;
    const double share = share_over(check, counts, requests, limit);
    const std::int64_t needed = check.min_requests.value_or(release.min_requests);
    if (requests < needed)
      broken("step_has_requests",
             fmt::format("step {} passes with {} of {} requests", index + 1, requests, needed));
    if (share > limit && release.analysis.decision == core::Analysis::Decision::plain)
      broken("step_is_within_limits",
             fmt::format("step {} passes with {} at {:.2f} % over {:.2f} %", index + 1, check.name,
                         share * 100, limit * 100));
  }
}

std::optional<DecidingMemory> Oracle::memory_that_decides(const core::Status& next) const {
  const Case& story = world_.story();
  if (!next.rollout) return std::nullopt;
  for (const core::Check& check : story.release.checks) {
    const auto* rule = std::get_if<core::GaugeCheck>(&check.rule);
    if (rule == nullptr || rule->advisory || rule->limit_mib <= 0) continue;
    return DecidingMemory{story.behaviour(next.rollout->to).memory_mib, rule->limit_mib};
  }
  return std::nullopt;
}

void Oracle::check_promotion(const Lineage& mine, const core::Status& next,
                             const std::vector<const core::Intent*>& accepted) {
  const bool begins = next.phase.index() == promoting && mine.phase != promoting;
  const auto asked = std::find_if(accepted.begin(), accepted.end(), [](const core::Intent* intent) {
    return intent->kind == core::Intent::Kind::promote;
  });
  if (!next.rollout || (!begins && asked == accepted.end())) return;
  const bool by_itself = world_.story().release.promotion == core::Promotion::automatic ||
                         unasked_.count(next.rollout->id) > 0;
  if (begins && !by_itself && asked == accepted.end())
    broken("promotion_is_asked", "a promotion that nobody asked for");
  const auto& steps = next.rollout->steps;
  std::bitset<64> listed;
  for (const core::StepResult& one : steps)
    if (one.outcome == "skipped" || one.outcome == "passed")
      listed.set(static_cast<std::size_t>(one.index));
  const bool reported = listed.count() == world_.story().release.steps.size();
  if (asked != accepted.end() && (*asked)->skip_steps && reported)
    skipped_.insert(next.rollout->id);
  if (!begins || skipped_.count(next.rollout->id) > 0) return;
  const auto& passed = passed_[next.rollout->id];
  for (std::size_t i = 0; i < world_.story().release.steps.size(); ++i)
    if (!passed[i]) broken("promotion_is_earned", fmt::format("promoted without step {}", i + 1));
}

void Oracle::check_ready(const Told& told, const Lineage& mine, const core::Status& next,
                         const std::vector<const core::Intent*>& accepted) {
  const core::Release& release = world_.story().release;
  const std::string id = rollout_id(next);
  const int ready =
      told.workload && next.rollout ? told.workload->canary.ready_of(next.rollout->to) : 0;
  if (id == mine.rollout && mine.phase == preparing && next.phase.index() == stepping) {
    if (ready < 1) broken("step_begins_ready", "no canary instance was seen ready");
    if (!told.traffic || !told.traffic->weight.is_zero() || told.traffic->taken_back)
      broken("step_begins_ready", "the router was not read at a clean 0 %");
  }
  // A weight that someone else set is adopted, not decided.
  const bool adopted = told.traffic && told.traffic->weight == next.weight;
  if (id == mine.rollout && next.weight > mine.weight && !adopted) {
    const int wanted =
        std::max(1, core::canary_replicas_for(next.weight, core::stable_size(release, next)));
    if (ready < wanted)
      broken("weight_needs_ready", fmt::format("{} is wanted with {} of {} instances ready",
                                               next.weight.text(), ready, wanted));
  }
  for (const core::Intent* intent : accepted)
    if (intent->kind == core::Intent::Kind::traffic && !intent->weight.is_zero() && ready < 1 &&
        accepted.size() == 1)
      broken("weight_needs_ready",
             fmt::format("traffic {} is accepted without a ready canary", intent->weight.text()));
  const auto* going = std::get_if<core::Promoting>(&next.phase);
  if (going != nullptr && going->part == core::Promoting::Part::stable_takes_all &&
      mine.part <= 1) {
    const int stable = told.workload ? told.workload->stable.ready_of(next.rollout->to) : 0;
    const int wanted = core::stable_size(release, next);
    if (stable < wanted)
      broken("stable_is_ready_to_take",
             fmt::format("stable takes all with {} of {} ready", stable, wanted));
  }
  if (mine.phase == promoting && mine.part >= 2 && next.phase.index() == rolling_back)
    broken("promotion_is_final", "taken back after stable took all traffic");
}

// The plain rule of what the canary did with all traffic, by the source's counts.
void Oracle::check_promoted(const Lineage& mine, const core::Status& next) {
  const auto* going = std::get_if<core::Promoting>(&next.phase);
  const bool gets_ahead = going != nullptr && mine.phase == promoting &&
                          mine.rollout == rollout_id(next) && mine.part <= 1 &&
                          part_index(next.phase) > mine.part;
  const core::Release& release = world_.story().release;
  if (!gets_ahead || release.analysis.decision != core::Analysis::Decision::plain) return;
  const core::Counts counts = truth(mine.stage_from, next.cursor, true);
  for (const core::Check& check : release.checks) {
    if (!core::limit_of(check)) continue;
    std::int64_t requests = 0;
    double limit = 0;
    const double share = share_over(check, counts, requests, limit);
    if (share > limit && requests >= check.min_requests.value_or(release.min_requests))
      broken("promotion_is_within_limits",
             fmt::format("the promotion goes on with {} at {:.2f} % over {:.2f} %", check.name,
                         share * 100, limit * 100));
  }
}

// What an owner or an autoscaler tells the platform about stable.
void Oracle::check_owner(const Told& told, const Lineage& book, const core::Status& next) {
  if (!told.workload || !told.workload->stable.wanted) return;
  const core::TrackSeen& stable = told.workload->stable;
  const int size = std::max(*stable.wanted, 1);
  if (next.stable_size != size)
    broken("owners_size_is_followed",
           fmt::format("stable has {}, and {} are taken for its size", size, next.stable_size));
  const auto* going = std::get_if<core::Promoting>(&next.phase);
  const bool carries = std::holds_alternative<core::Stepping>(next.phase) ||
                       std::holds_alternative<core::Holding>(next.phase) ||
                       std::holds_alternative<core::AwaitingPromotion>(next.phase) ||
                       (going != nullptr && going->part <= core::Promoting::Part::stable_rolls);
  const int needed = core::canary_replicas_for(next.weight, book.stable_most);
  // A weight of another hand is left as it is, and what there is carries it.
  const bool adopted = told.traffic && told.traffic->weight == next.weight &&
                       std::holds_alternative<core::Holding>(next.phase);
  if (carries && !adopted && next.canary_replicas < needed)
    broken("owners_size_is_followed",
           fmt::format("{} of stable's {} at {}: {} are wanted", needed, book.stable_most,
                       next.weight.text(), next.canary_replicas));
  // What linnet itself writes to stable is no owner's: after `init`, in a promotion and its
  // undoing.
  const bool running = core::is_running(next.phase);
  const bool ours = next.stable_version.empty() || book.stable_starts ||
                    (running && next.stable_version == next.rollout->to) ||
                    std::holds_alternative<core::RollingBack>(next.phase);
  if (!ours && next.stable_version != stable.wanted_version)
    broken("owners_image_is_kept", fmt::format("stable was given {}, and {} is taken for stable",
                                               stable.wanted_version, next.stable_version));
  if (!ours && running && next.rollout->from != next.stable_version)
    broken("owners_image_is_kept", fmt::format("it would be taken back to {}, and {} is stable",
                                               next.rollout->from, next.stable_version));
}

// A small world without faults: what a user wants to see most of the time.
void Oracle::check_good_version(const core::Status& status) {
  const Case& story = world_.story();
  const Behaviour& version = story.behaviour("v2");
  if (!story.is_plain() || !version.harmless() || version.base_errors > 0 ||
      version.flap_every > 0ms || version.startup > 3s)
    return;
  const core::Release& release = story.release;
  // Nothing is counted for a step before the second scrape after its weight.
  if (release.no_data.hold < story.metrics.scraped_every * 3 + 15s) return;
  const double swing = 1 - story.demand.day_swing;
  for (const core::Step& step : release.steps) {
    const double per_second = story.demand.per_second * swing * step.weight.fraction();
    const double expected = per_second * static_cast<double>(step.hold.count()) / 1000.0;
    if (per_second < 2 || expected < 3.0 * static_cast<double>(release.min_requests)) return;
  }
  if (release.analysis.decision == core::Analysis::Decision::evidence) return;
  const auto memory = memory_that_decides(status);
  if (memory && (memory->mib < 0 || memory->is_over())) return;
  const std::size_t phase = status.phase.index();
  if (phase != succeeded && phase != awaiting)
    broken("good_version_passes",
           fmt::format("it ended as {}: {}", core::phase_name(status.phase), status.reason));
}

}  // namespace linnet::sim
