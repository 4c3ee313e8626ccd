#include "core/decide.h"

#include <algorithm>
#include <array>

#include "base/mark.h"
#include "base/mutant.h"
#include "core/explain.h"
#include "core/gauges.h"
#include "core/judge.h"
#include "core/limits.h"
#include "core/stable_watch.h"
#include "core/turn.h"

namespace linnet::core {
namespace {

constexpr Duration save_evidence_every = 10s;
constexpr Duration idle_turn = 5s;
constexpr Duration busy_turn = 100ms;
constexpr Duration soon = 20ms;

// What runs another version there, as another hand left it, says nothing of the rollout's.
WorkloadSeen of_rollout(const WorkloadSeen& seen, const std::string& version) {
  WorkloadSeen out = seen;
  std::erase_if(out.canary.instances,
                [&](const Instance& instance) { return instance.version != version; });
  return out;
}

void take_sample(Turn& turn) {
  const std::vector<Check>& checks = turn.release.checks;
  const auto has_limit = [](const Check& check) { return limit_of(check).has_value(); };
  if (turn.next.evidence.limits.empty() && std::any_of(checks.begin(), checks.end(), has_limit))
    start_evidence(turn.release, turn.next);
  turn.next.stage.counting.age += turn.elapsed;
  turn.next.evidence.counting.age += turn.elapsed;
  if (!turn.seen.sample) return;
  const Sample& sample = *turn.seen.sample;
  if (LINNET_STOPS(window_keeps_cursor, true)) turn.next.cursor = sample.cursor;
  TellingInterval& each = turn.next.told_each;
  if (is_sane(sample) && has_requests(sample))
    each = {sample.reach, LINNET_STOPS(outage_is_no_interval, true) ? each.last : 0ms};
  if (!is_running(turn.next.phase)) {
    watch_stable(turn.release, turn.next.evidence, sample, turn.elapsed);
    return;
  }
  if (turn.seen.workload && turn.next.rollout && !turn.next.evidence.gauges.empty())
    take_gauges(turn.release, turn.next.evidence,
                of_rollout(*turn.seen.workload, turn.next.rollout->to), sample, turn.elapsed);
  const Result<void> taken = take_window(turn.release, turn.next, sample, turn.elapsed);
  turn.has_counts = taken.has_value();
  if (!taken) turn.entry("trouble", "metrics: " + taken.error().message);
}

// What stands beside the phases: the comparison's first warning, and the placebo's verdict.
void tell_evidence(Turn& turn) {
  const bool broken = turn.next.evidence.placebo_broken;
  if (broken != turn.before.evidence.placebo_broken)
    turn.entry("trouble", broken ? "the error model is broken: " +
                                       placebo_text(turn.release, turn.next.evidence)
                                 : "the error model fits again: comparisons with stable count");
  const bool compares = turn.release.analysis.compare == Analysis::Compare::rollback && !broken;
  for (std::size_t i = 0; i < turn.next.checks.size(); ++i) {
    const CheckReport& check = turn.next.checks[i];
    const bool own = i < turn.release.checks.size();
    const auto* gauge = own ? std::get_if<GaugeCheck>(&turn.release.checks[i].rule) : nullptr;
    if (own ? gauge == nullptr : compares) continue;
    const bool warned = i < turn.before.checks.size() && turn.before.checks[i].name == check.name &&
                        turn.before.checks[i].verdict == check.verdict;
    if (check.verdict != Verdict::inconclusive || warned) continue;
    const bool decides = gauge != nullptr && !gauge->advisory && check.value > gauge->limit_mib;
    const bool goes_on = !std::holds_alternative<RollingBack>(turn.next.phase);
    turn.entry("warning",
               fmt::format("{}: {}{}", check.name, explained(turn.release, turn.next)[i].text,
                           decides   ? "; the step does not pass with this"
                           : goes_on ? "; this only warns: the canary goes on within its limits"
                                     : ""));
  }
}

// Only a promotion writes the new version to stable, and only after all steps.
bool may_have_promoted(const Rollout& rollout) {
  if (rollout.steps.empty()) return false;
  const std::string& last = rollout.steps.back().outcome;
  return last == "passed" || last == "skipped";
}

// An autoscaler or an owner sizes stable; whatever runs in it when nothing is released is stable.
void follow_platform(Turn& turn) {
  if (!turn.seen.workload || !turn.seen.workload->stable.wanted) return;
  const TrackSeen& stable = turn.seen.workload->stable;
  Status& next = turn.next;
  next.stable_size = std::max(*stable.wanted, 1);
  next.stable_most = std::max(next.stable_most, next.stable_size);
  const std::string& told = stable.wanted_version;
  const auto* idle = std::get_if<Idle>(&next.phase);
  const bool starts = idle != nullptr && !idle->ready;
  if (starts || told == next.stable_version) return;
  const bool running = next.rollout && is_running(next.phase);
  const bool returns = running && std::holds_alternative<RollingBack>(next.phase);
  const bool takes = running && !returns && next.stable_version == next.rollout->to;
  // A promotion and its undoing write stable themselves: both versions are linnet's own doing then.
  const bool written = takes || (returns && may_have_promoted(*next.rollout));
  if ((takes || returns) && told == next.rollout->from) return;
  if (written && told == next.rollout->to) return;
  if (!LINNET_STOPS(owners_image_followed, true)) return;
  turn.entry("warning",
             fmt::format("stable runs {} now, set by someone else; it was {}{}", told,
                         takes ? next.rollout->from : next.stable_version,
                         takes ? fmt::format(", and becomes {}", next.stable_version) : ""));
  if (!takes) next.stable_version = told;
  if (running) next.rollout->from = told;
}

void forget_delivered(Turn& turn) {
  std::erase_if(turn.next.outbox, [&](const Notice& notice) {
    return std::find(turn.seen.delivered.begin(), turn.seen.delivered.end(), notice.id) !=
           turn.seen.delivered.end();
  });
}

Duration next_wake(const Release& release, const Decision& decision) {
  const Status& next = decision.next;
  if (!decision.entries.empty()) return std::min(soon, release.turn);  // the world is about to move
  if (const auto* step = std::get_if<Stepping>(&next.phase))
    return step->in_force ? release.turn : std::min(busy_turn, release.turn);
  if (std::holds_alternative<RollingBack>(next.phase) ||
      std::holds_alternative<Promoting>(next.phase) ||
      std::holds_alternative<Preparing>(next.phase))
    return std::min(busy_turn, release.turn);
  if (LINNET_STOPS(standing_is_watched, is_running(next.phase))) return release.turn;
  const auto* idle = std::get_if<Idle>(&next.phase);
  const bool starting = idle != nullptr && !idle->ready && !next.stable_version.empty();
  return starting || !decision.effects.empty() ? std::min(busy_turn, release.turn) : idle_turn;
}

}  // namespace

Decision decide(const Release& release, const Status& status, const Observation& seen, Now now) {
  Turn turn(release, status, seen, now);
  if (seen.traffic && seen.traffic->differ.empty()) turn.next.weight_seen = seen.traffic->weight;
  follow_platform(turn);
  forget_delivered(turn);
  take_sample(turn);
  answer_intents(turn);
  advance_phase(turn);
  want_levels(turn);
  tell_evidence(turn);

  Decision& decision = turn.decision;
  const bool evidence_due =
      is_running(turn.next.phase) &&
      (!status.last_saved || now.mono - *status.last_saved >= save_evidence_every);
  // The levels are what effects are derived from: they are durable before the world follows them.
  // That a weight was read back is one of them: else, after a crash, somebody's reset to the weight
  // before looks like a write that has not come through, and is undone.
  const bool levels_moved = turn.next.weight != status.weight ||
                            turn.next.weight_before != status.weight_before ||
                            turn.next.canary_replicas != status.canary_replicas ||
                            turn.next.stable_version != status.stable_version ||
                            turn.next.stable_size != status.stable_size;
  decision.save = turn.save_ || levels_moved || evidence_due || turn.next.outbox != status.outbox;
  decision.next.last_turn = now.mono;
  if (decision.save) decision.next.last_saved = now.mono;
  decision.wake_after = next_wake(release, decision);
  return std::move(turn.decision);
}

Status resumed(Status status, const Release& release) {
  const int last = static_cast<int>(release.steps.size()) - 1;
  if (auto* step = std::get_if<Stepping>(&status.phase)) step->index = std::min(step->index, last);
  if (auto* held = std::get_if<Holding>(&status.phase)) held->index = std::min(held->index, last);
  if (LINNET_STOPS(resumed_forgets_time, true)) status.last_turn.reset();
  status.last_saved.reset();
  return status;
}

Status drained_anew(Status status, MonoTime now) {
  auto* back = std::get_if<RollingBack>(&status.phase);
  auto* on = std::get_if<Promoting>(&status.phase);
  if (back != nullptr) {
    if (back->part == RollingBack::Part::stable_returns) return status;  // what comes sees the 0 %
    back->part = RollingBack::Part::weight_down;
    status.weight_before = Percent::whole(100);
  } else if (on != nullptr && on->part > Promoting::Part::stable_takes_all) {
    *on = {Promoting::Part::canary_drains, 0ms};
  } else {
    return status;
  }
  status.last_turn = now;
  return status;
}

bool is_urgent(const Effect& effect, const Result<TrafficSeen>&) {
  const auto* weight = std::get_if<SetWeight>(&effect);
  return weight != nullptr && weight->taken_back && weight->weight.is_zero();
}

std::string effect_text(const Effect& effect) {
  if (const auto* weight = std::get_if<SetWeight>(&effect))
    return fmt::format("canary weight is {}{}", weight->weight.text(),
                       weight->taken_back ? " (taken back)" : "");
  if (const auto* track = std::get_if<SetTrack>(&effect))
    return fmt::format("{} has {} instances of {}", track_name(track->track), track->replicas,
                       track->version.empty() ? "nothing" : track->version);
  const Notice& notice = std::get<SendNotice>(effect).notice;
  return fmt::format("people are told: {}", notice.text);
}

std::vector<double> latency_boundaries(const Release& release) {
  std::vector<double> bounds{1,   2,    5,    10,   20,    50,    100,  200,
                             500, 1000, 2000, 5000, 10000, 20000, 60000};
  for (const Check& check : release.checks)
    if (const auto* latency = std::get_if<LatencyCheck>(&check.rule))
      bounds.push_back(static_cast<double>(latency->limit.count()));
  std::sort(bounds.begin(), bounds.end());
  bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());
  return bounds;
}

int canary_replicas_for(Percent weight, int stable) {
  if (weight.is_zero()) return 0;
  const std::int64_t share = static_cast<std::int64_t>(weight.ppm()) * stable;
  return std::max(1, static_cast<int>((share + 999'999) / 1'000'000));
}

int stable_replicas(const Release& release) {
  const auto* process = std::get_if<ProcessWorkload>(&release.workload);
  return process != nullptr ? process->replicas : 1;
}

int stable_size(const Release& release, const Status& status) {
  return status.stable_size > 0 ? status.stable_size : stable_replicas(release);
}

int stable_load(const Release& release, const Status& status) {
  const int now = stable_size(release, status);
  return LINNET_STOPS(canary_keeps_load, status.stable_most > now) ? status.stable_most : now;
}

std::string_view phase_name(const Phase& phase) {
  constexpr std::array<std::string_view, 10> names{
      "idle",      "preparing",    "stepping",  "holding",     "awaiting_promotion",
      "promoting", "rolling_back", "succeeded", "rolled_back", "failed"};
  return names[phase.index()];
}

bool is_running(const Phase& phase) { return phase.index() >= 1 && phase.index() <= 6; }

bool is_stable_replaced(const Phase& phase) {
  const auto* going = std::get_if<Promoting>(&phase);
  const auto* back = std::get_if<RollingBack>(&phase);
  return (going != nullptr && going->part == Promoting::Part::stable_rolls) ||
         (back != nullptr && back->part == RollingBack::Part::stable_returns);
}

std::string_view verdict_name(Verdict verdict) {
  constexpr std::array<std::string_view, 5> names{"pass", "fail", "inconclusive", "no_data",
                                                  "error"};
  return names[static_cast<std::size_t>(verdict)];
}

}  // namespace linnet::core
