#include "sim/oracle.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "sim/world.h"

namespace linnet::sim {
namespace {

enum Phase : std::size_t {
  idle,
  preparing,
  stepping,
  holding,
  awaiting,
  promoting,
  rolling_back,
  succeeded,
  rolled_back,
  failed,
};
constexpr std::size_t phase_count = 10;

// The store may be slow before it answers; then the switch is that much earlier.
constexpr std::int64_t switch_slack_ms = 20'000;

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
  may(rolling_back, {rolled_back, preparing});  // preparing: a deploy that superseded
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

int part_index(const core::Phase& phase) {
  if (const auto* going = std::get_if<core::Promoting>(&phase))
    return static_cast<int>(going->part);
  if (const auto* back = std::get_if<core::RollingBack>(&phase))
    return static_cast<int>(back->part);
  return -1;
}

int step_index(const core::Phase& phase) {
  if (const auto* step = std::get_if<core::Stepping>(&phase)) return step->index;
  if (const auto* hold = std::get_if<core::Holding>(&phase))
    if (hold->from == core::Holding::From::stepping) return hold->index;
  return -1;
}

bool is_ended(std::size_t phase) { return phase >= succeeded; }

std::string rollout_id(const core::Status& status) {
  return status.rollout ? status.rollout->id : std::string();
}

bool is_empty(const core::Counts& counts) { return counts.requests == 0; }

bool is_empty(const core::Stage& stage) {
  return is_empty(stage.canary) && is_empty(stage.stable) && is_empty(stage.recent) &&
         is_empty(stage.recent_before);
}

}  // namespace

const std::vector<Invariant>& invariants() {
  static const std::vector<Invariant> all{
      {"weight_within_step",
       "the weight is never set above what the step, a person or the promotion allows"},
      {"no_raise_after_fail", "after a check failed, that rollout's weight is never raised again"},
      {"no_raise_after_reset",
       "a weight that someone else changed is not raised until a person asks"},
      {"held_is_earned", "a step's clock counts only time in force with data"},
      {"step_has_its_time", "no step passes before its time in force is over"},
      {"step_has_requests", "no step passes without its minimum of requests"},
      {"step_is_within_limits", "no step passes while a measured value is above its limit"},
      {"step_is_healthy", "no step passes while canary instances are missing or dying"},
      {"no_data_never_advances", "no step passes in a turn without data"},
      {"steps_in_order", "no step is left out or passed twice"},
      {"over_limit_is_taken_back", "a canary above its limit at the end of a step is taken back"},
      {"evidence_acts",
       "evidence that suffices, with a measured value above the limit, takes back at once"},
      {"crash_loop_acts", "a canary that keeps dying is taken back"},
      {"silence_ends", "a step without data ends after its limit"},
      {"unready_ends", "a canary that is not ready in time is taken back"},
      {"fail_takes_back",
       "a recorded failure takes the canary back, or holds where the spec says so"},
      {"rollback_has_reason",
       "a rollback for a rate has a measured value above the limit, and evidence or enough "
       "requests"},
      {"rollback_waits_for_nothing", "the switch back is made before the store is asked"},
      {"stable_keeps_its_size", "stable is never made smaller than the spec says"},
      {"stable_rolls_behind_canary",
       "stable is replaced only while the canary carries all traffic"},
      {"no_traffic_to_nothing",
       "no weight is raised for, and no instance taken from, a track that then has none ready"},
      {"drained_before_stop",
       "the canary is stopped only after its traffic was away for the drain time"},
      {"step_begins_ready",
       "the first step begins with the canary ready and the router clean at 0"},
      {"weight_needs_ready", "a higher weight is decided only when the instances for it are ready"},
      {"stable_is_ready_to_take",
       "in a promotion stable takes the traffic when all of it is ready"},
      {"promotion_is_final", "once stable has taken all traffic, the promotion is not undone"},
      {"good_version_passes",
       "without faults and with enough traffic a good version is promoted, or waits for it"},
      {"promotion_is_earned", "a promotion has every step passed, or the report says skipped"},
      {"promotion_is_asked", "a promotion was asked for, or the spec says automatic"},
      {"success_is_complete",
       "a rollout that succeeded left stable on the new version, weight 0 and no canary"},
      {"rollback_is_complete",
       "a rollout that was taken back left stable on the old version, weight 0 and no canary"},
      {"terminal_stays", "an ended rollout stays ended until a new intent"},
      {"legal_transition", "phases follow the table of transitions"},
      {"evidence_is_exact",
       "the counts are what the source told since the step began: nothing forgotten, nothing "
       "twice"},
      {"effects_are_saved",
       "every effect but a lowering of the weight is what the store holds as wanted"},
      {"one_rollout", "at most one rollout runs, each starts once and ends once"},
      {"busy_is_refused", "a second deploy while one runs is refused unless it supersedes"},
      {"window_is_kept", "no rollout starts outside its window unless forced"},
      {"answered_once", "each intent is answered once"},
      {"entries_have_reasons", "each change has a journal entry with a reason"},
      {"ends_in_time", "once faults stop, every rollout ends within its limit"},
      {"rests_clean", "at rest the weight is 0, no canary is left, and stable is whole"},
  };
  return all;
}

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
  if (!violation_) violation_ = Violation{std::string(invariant), std::move(text), world_.now_ms()};
}

void Oracle::loaded(Told& told) { told.turn_before_ms = -1; }

void Oracle::outside_change() { outside_at_ms_ = world_.now_ms(); }

void Oracle::told_traffic(Told& told, const Lineage& mine, bool stale) {
  if (stale || outside_at_ms_ < 0) return;
  const core::TrafficSeen& seen = *told.traffic;
  // Nobody could tell this from linnet's own write that has not come through yet.
  const bool ambiguous = seen.weight == mine.weight_before && !seen.taken_back;
  const bool as_wanted = seen.weight == mine.weight;
  if (as_wanted && mine.phase != holding)
    told.outside_told = false;
  else if (!ambiguous && !as_wanted)
    told.outside_told = true;
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

// ---- Each save ----------------------------------------------------------------------------------

void Oracle::saves(Told& told, const Lineage& mine, const core::Status& before,
                   const Saving& saving, const std::vector<core::Intent>& intents) {
  const core::Status& next = saving.status;
  std::vector<const core::Intent*> accepted;
  for (const core::Answer& answer : saving.answers)
    for (const core::Intent& intent : intents)
      if (answer.accepted && answer.intent == intent.id) accepted.push_back(&intent);
  check_answers(before, saving, intents);
  check_transition(mine, next, saving, accepted);
  check_entries(mine, told, next, saving);
  check_steps(told, mine, next);
  check_promotion(mine, next, accepted);
  check_ready(told, mine, next, accepted);
  check_rollback_reason(mine, next);
  check_ends(told, next, saving);
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

void Oracle::check_answers(const core::Status& before, const Saving& saving,
                           const std::vector<core::Intent>& intents) {
  const bool was_running = core::is_running(before.phase);
  for (const core::Answer& answer : saving.answers) {
    if (answer.text.empty()) broken("entries_have_reasons", "an answer without words");
    if (answer.intent <= last_answer_)
      broken("answered_once", fmt::format("intent {} is answered again", answer.intent));
    last_answer_ = std::max(last_answer_, answer.intent);
    for (const core::Intent& intent : intents) {
      if (intent.id != answer.intent || !answer.accepted) continue;
      using Kind = core::Intent::Kind;
      const bool alone = saving.answers.size() == 1;
      if (intent.kind == Kind::deploy && was_running && !intent.supersede && alone)
        broken("busy_is_refused",
               fmt::format("deploy of {} accepted while a rollout runs", intent.version));
      if (intent.kind == Kind::init && was_running && alone)
        broken("busy_is_refused", "init accepted while a rollout runs");
      if (intent.kind == Kind::deploy && !intent.force && !answer.rollout.empty() &&
          !world_.closed().empty() && world_.story().ports[6].slow == 0)
        broken("window_is_kept",
               fmt::format("deploy of {} accepted: {}", intent.version, world_.closed()));
    }
  }
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

void Oracle::check_entries(const Lineage& mine, const Told& told, const core::Status& next,
                           const Saving& saving) {
  const auto has_entry = [&](std::string_view kind) {
    return std::any_of(saving.entries.begin(), saving.entries.end(),
                       [&](const core::Entry& entry) { return entry.kind == kind; });
  };
  for (const core::Entry& entry : saving.entries)
    if (entry.text.empty()) broken("entries_have_reasons", entry.kind + " without a reason");
  const bool changed = next.phase.index() != mine.phase || step_index(next.phase) != mine.step;
  if (changed && !has_entry("phase"))
    broken("entries_have_reasons",
           fmt::format("{} without an entry", core::phase_name(next.phase)));
  if (changed && next.reason.empty())
    broken("entries_have_reasons",
           fmt::format("{} without a reason", core::phase_name(next.phase)));
  const auto* back = std::get_if<core::RollingBack>(&next.phase);
  if (back != nullptr && mine.phase != rolling_back) {
    if (back->cause.text.empty()) broken("entries_have_reasons", "rolling back without a cause");
    const bool needed = told.traffic ? !told.traffic->weight.is_zero() : true;
    if (needed && world_.now_ms() - told.lowered_ms > 1000 + switch_slack_ms)
      broken("rollback_waits_for_nothing", "the rollback was saved before the switch");
  }
  if (!has_entry("verdict") || mine.phase < preparing || mine.phase > promoting) return;
  const bool holds = world_.story().release.on_failure == core::Then::hold;
  const bool back_or_ended = back != nullptr || is_ended(next.phase.index());
  const bool stands = holds && std::holds_alternative<core::Holding>(next.phase);
  if (!back_or_ended && !stands && rollout_id(next) == mine.rollout)
    broken("fail_takes_back",
           fmt::format("a check failed, and the phase is {}", core::phase_name(next.phase)));
  condemned_.push_back(mine.rollout);
}

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
        core::canary_replicas_for(release.steps[index].weight, core::stable_replicas(release));
    if (ready < wanted)
      broken("step_is_healthy",
             fmt::format("step {} passes with {} of {} ready", index + 1, ready, wanted));
  }
  for (const core::Check& check : release.checks) {
    if (std::holds_alternative<core::HealthCheck>(check.rule)) continue;
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

void Oracle::check_promotion(const Lineage& mine, const core::Status& next,
                             const std::vector<const core::Intent*>& accepted) {
  const bool begins = next.phase.index() == promoting && mine.phase != promoting;
  const auto asked = std::find_if(accepted.begin(), accepted.end(), [](const core::Intent* intent) {
    return intent->kind == core::Intent::Kind::promote;
  });
  if (!next.rollout || (!begins && asked == accepted.end())) return;
  if (begins && !next.rollout->promote && asked == accepted.end())
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
        std::max(1, core::canary_replicas_for(next.weight, core::stable_replicas(release)));
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
    if (stable < core::stable_replicas(release))
      broken("stable_is_ready_to_take", fmt::format("stable takes all with {} of {} ready", stable,
                                                    core::stable_replicas(release)));
  }
  if (mine.phase == promoting && mine.part >= 2 && next.phase.index() == rolling_back)
    broken("promotion_is_final", "taken back after stable took all traffic");
}

// A small world without faults: what a user wants to see most of the time.
void Oracle::check_good_version(const core::Status& status) {
  const Case& story = world_.story();
  const Behaviour& version = story.behaviour("v2");
  if (!story.is_plain() || !version.harmless() || version.base_errors > 0 ||
      version.flap_every > 0ms || version.startup > 3s)
    return;
  const core::Release& release = story.release;
  const double swing = 1 - story.demand.day_swing;
  for (const core::Step& step : release.steps) {
    const double per_second = story.demand.per_second * swing * step.weight.fraction();
    const double expected = per_second * static_cast<double>(step.hold.count()) / 1000.0;
    if (per_second < 2 || expected < 3.0 * static_cast<double>(release.min_requests)) return;
  }
  if (release.analysis.decision == core::Analysis::Decision::evidence) return;
  const std::size_t phase = status.phase.index();
  if (phase != succeeded && phase != awaiting)
    broken("good_version_passes",
           fmt::format("it ended as {}: {}", core::phase_name(status.phase), status.reason));
}

void Oracle::check_rollback_reason(const Lineage& mine, const core::Status& next) {
  const auto* back = std::get_if<core::RollingBack>(&next.phase);
  if (back == nullptr || mine.phase == rolling_back) return;
  const core::Release& release = world_.story().release;
  std::size_t index = 0;
  for (const core::Check& check : release.checks) {
    if (std::holds_alternative<core::HealthCheck>(check.rule)) continue;
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

void Oracle::check_ends(const Told& told, const core::Status& next, const Saving& saving) {
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
  if (!told.workload || told.workload->canary.count() > 0)
    broken(name, "canary instances are left");
  if (!told.traffic || !told.traffic->weight.is_zero())
    broken(name, "the weight is not read back as 0");
  if (!told.workload) return;
  // One that was lost after stable took over is being started again: that is not undone.
  const int ready = good ? told.workload->stable.count() : told.workload->stable.ready_of(stable);
  if (ready < 1) broken(name, fmt::format("{} instances of {} are ready on stable", ready, stable));
}

// ---- Each effect --------------------------------------------------------------------------------

void Oracle::sets_weight(Told& told, std::int64_t version, const core::SetWeight& level) {
  const RouterState& router = world_.router();
  const core::Status& saved = world_.durable().status;
  if (level.weight <= router.weight) return;  // lowering is safe at any time
  const auto text = [&](std::string_view why) {
    return fmt::format("{} -> {} in phase {}: {}", router.weight.text(), level.weight.text(),
                       core::phase_name(saved.phase), why);
  };
  if (version != world_.durable().version) {
    // On its way when another engine saved: no engine can call that back.
    if (!told.version_current && told.could_know)
      broken("effects_are_saved", text("another one has saved since"));
    return;
  }
  if (saved.weight != level.weight) broken("effects_are_saved", text("not what the store holds"));
  const core::Release& release = world_.story().release;
  Percent most;
  if (const auto* step = std::get_if<core::Stepping>(&saved.phase))
    most = release.steps[static_cast<std::size_t>(step->index)].weight;
  else if (const auto* hold = std::get_if<core::Holding>(&saved.phase))
    most = hold->weight.value_or(saved.weight);
  else if (std::holds_alternative<core::AwaitingPromotion>(saved.phase))
    most = std::max(release.steps.back().weight, saved.weight);
  else if (std::holds_alternative<core::Promoting>(saved.phase))
    most = Percent::whole(100);
  if (level.weight > most) broken("weight_within_step", text("above " + most.text()));
  const std::string id = rollout_id(saved);
  if (std::find(condemned_.begin(), condemned_.end(), id) != condemned_.end())
    broken("no_raise_after_fail", text("a check has failed"));
  if (told.outside_told && outside_at_ms_ > permitted_at_ms_)
    broken("no_raise_after_reset", text("someone else had changed it"));
  // A weight that was lost on its way is written again without looking at instances anew.
  const int ready =
      told.workload && saved.rollout ? told.workload->canary.ready_of(saved.rollout->to) : -1;
  if (ready == 0) broken("no_traffic_to_nothing", text("no canary instance is ready"));
}

void Oracle::sets_track(const Told& told, std::int64_t version, const core::SetTrack& level) {
  const core::Status& saved = world_.durable().status;
  const core::Release& release = world_.story().release;
  const int replicas = core::stable_replicas(release);
  const auto text = [&](std::string_view why) {
    return fmt::format("{} in phase {}: {}", core::effect_text(level),
                       core::phase_name(saved.phase), why);
  };
  if (version != world_.durable().version) {
    if (!told.version_current && told.could_know)
      broken("effects_are_saved", text("another one has saved since"));
    return;
  }
  if (level.track == core::Track::stable) {
    if (level.version != saved.stable_version)
      broken("effects_are_saved", text("the store says " + saved.stable_version));
    if (level.replicas != replicas) broken("stable_keeps_its_size", text("not what the spec says"));
    const auto* going = std::get_if<core::Promoting>(&saved.phase);
    if (going == nullptr || going->part != core::Promoting::Part::stable_rolls || !told.workload)
      return;
    // The canary carries all: as it was told in this turn, or somebody else has moved it.
    const bool all = told.traffic ? told.traffic->weight == Percent::whole(100) : true;
    if (!all && world_.router().by_linnet)
      broken("stable_rolls_behind_canary", text("the canary does not carry all"));
    return;
  }
  const std::string wanted = saved.rollout ? saved.rollout->to : std::string();
  if (level.version != wanted || level.replicas != saved.canary_replicas)
    broken("effects_are_saved",
           text(fmt::format("the store says {} of {}", saved.canary_replicas, wanted)));
  if (level.replicas > 0 || world_.pods().alive(core::Track::canary) == 0) return;
  const RouterState& router = world_.router();
  if (!told.traffic || !core::is_running(saved.phase)) return;
  if (!told.traffic->weight.is_zero() && !router.weight.is_zero() && router.by_linnet)
    broken("no_traffic_to_nothing", text("the canary has traffic"));
  const auto* process = std::get_if<core::ProcessWorkload>(&release.workload);
  const Duration drain = process != nullptr ? process->stop.drain : core::StopRule{}.drain;
  // Somebody's weight that was undone by another engine, or in a turn that could not be saved, is
  // forgotten; it had nothing to do with the rollout.
  const bool saves_fail = world_.story().ports[static_cast<std::size_t>(Port::store_save)].any();
  if (!router.raised_by_linnet && (world_.had_two_engines() || saves_fail)) return;
  const Duration away(world_.now_ms() - router.zero_since_ms);
  const bool stale = world_.story().ports[static_cast<std::size_t>(Port::router_read)].stale > 0;
  if (router.weight.is_zero() && router.zero_since_ms > 0 && router.by_linnet && !stale &&
      away < drain)
    broken("drained_before_stop", text(fmt::format("its traffic is away for {} of {}",
                                                   duration_text(away), duration_text(drain))));
}

void Oracle::at_end(bool in_time) {
  const Durable& durable = world_.durable();
  const core::Status& status = durable.status;
  if (!in_time)
    return broken("ends_in_time", fmt::format("still {} since {}: {}; {} intents wait",
                                              core::phase_name(status.phase), status.since.text(),
                                              status.reason, durable.intents.size()));
  check_good_version(status);
  if (core::is_running(status.phase)) return;
  if (!world_.router().weight.is_zero())
    broken("rests_clean", fmt::format("the weight is {}", world_.router().weight.text()));
  if (status.stable_version.empty() || std::holds_alternative<core::Failed>(status.phase)) return;
  if (world_.pods().count(core::Track::canary) > 0)
    broken("rests_clean", "canary instances are left");
  const int replicas = core::stable_replicas(world_.story().release);
  const int ready = world_.pods().ready_of(core::Track::stable, status.stable_version);
  const Behaviour& behaviour = world_.story().behaviour(status.stable_version);
  if (ready < replicas && behaviour.flap_every == 0ms && !behaviour.crash_loop &&
      !behaviour.never_ready)
    broken("rests_clean", fmt::format("{} of {} stable instances ready", ready, replicas));
}

}  // namespace linnet::sim
