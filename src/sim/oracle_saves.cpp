// What must hold of a status that is about to be saved: answers, transitions, reasons, ends.
#include <algorithm>
#include <array>
#include <cmath>

#include "sim/oracle.h"
#include "sim/oracle_phases.h"
#include "sim/world.h"

namespace linnet::sim {
namespace {

using Edges = std::array<std::bitset<phase_count>, phase_count>;

// The table at the top of core/status.h, one hop each.
Edges direct_edges() {
  Edges to{};
  const auto may = [&](Phase from, std::initializer_list<Phase> targets) {
    to[from].set(from);
    for (const Phase target : targets) to[from].set(target);
  };
  may(idle, {preparing, failed});
  may(preparing, {stepping, holding, rolling_back});
  may(stepping, {holding, awaiting, promoting, rolling_back});
  may(holding, {stepping, awaiting, preparing, promoting, rolling_back});
  may(awaiting, {holding, promoting, rolling_back});
  may(promoting, {holding, succeeded, rolling_back});
  may(rolling_back, {rolled_back, failed, preparing});  // preparing: a deploy that superseded
  may(succeeded, {preparing, idle});
  may(rolled_back, {preparing, idle});
  may(failed, {preparing, idle});
  return to;
}

// Each answered intent may change the phase once before the turn does.
bool may_become(std::size_t from, std::size_t to, std::size_t intents) {
  static const Edges edges = direct_edges();
  std::bitset<phase_count> reached;
  reached.set(from);
  for (std::size_t hop = 0; hop <= intents; ++hop) {
    std::bitset<phase_count> more = reached;
    for (std::size_t at = 0; at < phase_count; ++at)
      if (reached[at]) more |= edges[at];
    reached = more;
  }
  return reached[to];
}

// A platform's instances that are stopping are its own matter: they may stay for ever.
int left_of(const core::TrackSeen& track) {
  return static_cast<int>(
      std::count_if(track.instances.begin(), track.instances.end(), [&](const core::Instance& one) {
        return !track.wanted || one.state != core::Instance::State::stopping;
      }));
}

constexpr Duration stopping_ones_have = 60s;

}  // namespace

void Oracle::saves(Told& told, const Lineage& kept, const core::Status& before,
                   const Saving& saving, const std::vector<core::Intent>& intents) {
  const core::Status& next = saving.status;
  const Lineage mine = with_window(told, kept, next);
  std::vector<const core::Intent*> accepted;
  for (const core::Answer& answer : saving.answers)
    for (const core::Intent& intent : intents)
      if (answer.accepted && answer.intent == intent.id) accepted.push_back(&intent);
  check_answers(told, before, saving, intents);
  check_interrupted(before, saving, intents);
  check_heard(told, saving, intents);
  check_asked(mine, next, saving, intents);
  check_told(mine, next);
  check_transition(mine, next, saving, accepted);
  check_entries(mine, told, next, saving);
  check_steps(told, mine, next);
  check_promotion(mine, next, accepted);
  check_ready(told, mine, next, accepted);
  check_rollback_reason(mine, next);
  check_ends(told, mine, next, saving);
  using Kind = core::Intent::Kind;
  for (const core::Intent* intent : accepted) {
    const Kind kind = intent->kind;
    if (kind == Kind::resume || kind == Kind::promote || kind == Kind::traffic)
      permitted_at_ms_ = world_.now_ms();
    if ((kind == Kind::resume || kind == Kind::promote || kind == Kind::traffic) && next.rollout)
      std::erase(condemned_, next.rollout->id);
  }
  if (rollout_id(next) != mine.rollout) permitted_at_ms_ = world_.now_ms();
  if (permitted_at_ms_ == world_.now_ms()) told.outside_told = false;
}

void Oracle::check_transition(const Lineage& mine, const core::Status& next, const Saving& saving,
                              const std::vector<const core::Intent*>& accepted) {
  const std::size_t to = next.phase.index();
  if (!may_become(mine.phase, to, accepted.size()))
    broken("legal_transition",
           fmt::format("phase {} becomes {}", mine.phase, core::phase_name(next.phase)));
  const std::string id = rollout_id(next);
  if (is_ended(mine.phase) && accepted.empty() && (to != mine.phase || id != mine.rollout))
    broken("terminal_stays",
           fmt::format("an ended rollout becomes {}", core::phase_name(next.phase)));
  if (id == mine.rollout) return;
  if (core::is_running(world_.durable().status.phase) && !saving.finished)
    broken("one_rollout", fmt::format("{} starts while {} runs", id, mine.rollout));
  for (const core::RolloutRecord& record : world_.durable().history)
    if (record.rollout.id == id) broken("one_rollout", fmt::format("{} starts again", id));
}

void Oracle::check_rollback_reason(const Lineage& mine, const core::Status& next) {
  const auto* back = std::get_if<core::RollingBack>(&next.phase);
  const core::Release& release = world_.story().release;
  if (const auto* held = std::get_if<core::Holding>(&next.phase);
      held != nullptr && mine.phase != holding && held->cause.kind == "no_data" &&
      release.no_data.then != core::Then::hold)
    broken("no_data_then", "it holds for want of data, and is to be taken back");
  if (back == nullptr || mine.phase == rolling_back) return;
  if (back->cause.kind == "no_data" && release.no_data.then != core::Then::rollback)
    broken("no_data_then", "it is taken back for want of data, and is to hold");
  if (back->cause.kind.ends_with("_vs_stable")) check_compared(mine, next, back->cause);
  const auto memory = memory_that_decides(next);
  const bool is_gauge = std::any_of(
      release.checks.begin(), release.checks.end(),
      [](const core::Check& one) { return std::holds_alternative<core::GaugeCheck>(one.rule); });
  if (is_gauge && back->cause.kind == "memory" && !(memory && memory->is_over()))
    broken("rollback_has_reason", "taken back for its memory, which is advice or within the limit");
  std::size_t index = 0;
  for (const core::Check& check : release.checks) {
    if (!core::limit_of(check)) continue;
    const std::size_t own = index++;
    if (check.name != back->cause.kind) continue;
    std::int64_t requests = 0;
    double limit = 0;
    const double share =
        share_over(check, truth(mine.stage_from, next.cursor, true), requests, limit);
    core::Counts recent = next.stage.recent_before;
    recent += next.stage.recent;
    std::int64_t recent_requests = 0;
    const double recent_share = share_over(check, recent, recent_requests, limit);
    if (share <= limit && recent_share <= limit)
      broken("rollback_has_reason", fmt::format("taken back for {} with {:.2f} %, limit {:.2f} %",
                                                check.name, share * 100, limit * 100));
    const double log_evidence =
        own < next.evidence.limits.size() ? next.evidence.limits[own].threshold.log_fail() : 0.0;
    const bool some = log_evidence >= std::log(1 / release.analysis.false_alarm) - 1.0;
    if (!some && requests < check.min_requests.value_or(release.min_requests))
      broken("rollback_has_reason",
             fmt::format("taken back for {} after {} requests, log evidence {:.1f}", check.name,
                         requests, log_evidence));
  }
}

void Oracle::check_compared(const Lineage& mine, const core::Status& next,
                            const core::Cause& cause) {
  const core::Release& release = world_.story().release;
  if (release.analysis.compare != core::Analysis::Compare::rollback)
    return broken("rollback_has_reason", "taken back for a comparison that only warns");
  if (cause.kind != "errors_vs_stable") return;
  const core::Counts canary = truth(mine.stage_from, next.cursor, true);
  const core::Counts stable = truth(mine.stage_from, next.cursor, false);
  const auto share = [](const core::Counts& counts) {
    return static_cast<double>(counts.bad) /
           std::max<double>(1, static_cast<double>(counts.requests));
  };
  if (share(canary) <= share(stable))
    broken("rollback_has_reason", fmt::format("taken back for {:.2f} % beside {:.2f} % on stable",
                                              share(canary) * 100, share(stable) * 100));
}

void Oracle::check_ends(const Told& told, const Lineage& mine, const core::Status& next,
                        const Saving& saving) {
  if (is_ended(next.phase.index()) && mine.phase >= preparing && mine.phase <= rolling_back &&
      !saving.finished)
    broken("history_is_kept", "a rollout ended without a record");
  if (!saving.finished) return;
  const core::RolloutRecord& record = *saving.finished;
  for (const core::RolloutRecord& other : world_.durable().history)
    if (other.rollout.id == record.rollout.id)
      broken("one_rollout", fmt::format("{} ends twice", record.rollout.id));
  const bool good = record.outcome == "succeeded";
  const std::string_view name = good ? "success_is_complete" : "rollback_is_complete";
  const std::string& stable = good ? record.rollout.to : record.rollout.from;
  if (record.cause.text.empty()) broken("entries_have_reasons", "an end without a cause");
  if (next.stable_version != stable)
    broken(name, fmt::format("stable shall run {}, not {}", next.stable_version, stable));
  if (!told.workload || left_of(told.workload->canary) > 0)
    broken(name, "canary instances are left");
  const Duration longest_turn = longest_gap();
  if (told.workload && told.workload->canary.count() > 0 &&
      mine.in_part + longest_turn < stopping_ones_have)
    broken(name, fmt::format("canary instances that are stopping had {} to do so",
                             duration_text(mine.in_part)));
  if (!told.traffic || !told.traffic->weight.is_zero())
    broken(name, "the weight is not read back as 0");
  if (!told.workload) return;
  if (record.outcome == "failed") {
    // Scaled to 0 by its owner, where a platform keeps that, it is whole.
    const core::TrackSeen& track = told.workload->stable;
    const bool all = std::all_of(
        track.instances.begin(), track.instances.end(), [&](const core::Instance& instance) {
          const bool stops = track.wanted && instance.state == core::Instance::State::stopping;
          return stops ||
                 (instance.version == stable && instance.state == core::Instance::State::ready);
        });
    if (all && (left_of(track) > 0 || track.wanted == 0) && track.is_told(stable))
      broken(name, "failed, and all of stable is as it should be");
    return;
  }
  // One that was lost after stable took over is being started again: that is not undone.
  // Where a platform keeps the sizes, 0 is its owner's wish.
  if (told.workload->stable.wanted == 0) return;
  const int ready = good ? left_of(told.workload->stable) : told.workload->stable.ready_of(stable);
  if (ready < 1) broken(name, fmt::format("{} instances of {} are ready on stable", ready, stable));
}

}  // namespace linnet::sim
