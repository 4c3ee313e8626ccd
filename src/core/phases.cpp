// What each phase does in one turn; promoting and rolling back are in core/endings.cpp. The
// transitions are drawn in core/status.h; the rules in words are in docs/how-linnet-decides.md.
#include "core/phases.h"

#include <algorithm>

#include "base/mark.h"
#include "base/mutant.h"
#include "core/judge.h"

namespace linnet::core {
namespace {

// A few empty seconds are normal at low traffic; beyond this it counts as silence, unless the
// metrics' server itself looks less often.
constexpr Duration quiet_is_normal = 15s;
// Of metrics that cannot be read at all.
constexpr Duration unreachable_is_told = 5s;

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

// Of any track: that counts arrive at all.
bool is_counted(const Turn& turn) {
  return has_data(turn) || (turn.has_counts && turn.seen.sample->stable.requests > 0);
}

Duration longest_quiet(const Turn& turn) {
  const Duration turns = turn.release.turn * 3;
  const Duration shortest = std::max(quiet_is_normal, turns);
  const Duration each = turn.next.told_each.length();
  if (each + turns <= shortest || each == 0ms) return shortest;
  LINNET_MARK(metrics_tell_slowly);
  return each + turns;
}

// Longer silence than low traffic explains: an unreachable source counts at once.
bool is_silent(const Turn& turn, Duration silent) {
  return !turn.has_counts || silent >= longest_quiet(turn);
}

std::string silence_text(const Turn& turn, const Stepping& step) {
  if (!turn.has_counts)
    return fmt::format(
        "no metrics for {}: {}", duration_text(step.silent),
        turn.seen.sample ? "the counts cannot be true" : turn.seen.sample.error().message);
  // Of stable nothing either: then it is the counts that are missing, for all that is known. The
  // canary's last request is older than stable's, the more so the less traffic it gets. One
  // machine's own access log reads what there is.
  const std::string weight = turn.next.weight.text();
  if (step.uncounted * 2 < step.silent || turn.release.metrics.source == "access_log")
    return fmt::format("no request has reached the canary for {} at weight {}",
                       duration_text(step.silent), weight);
  const Stage& stage = turn.next.stage;
  const bool none = stage.stable.requests == 0 && stage.canary.requests == 0;
  return fmt::format(
      "the metrics count no request on either track{} for {} at weight {}: {}? `linnet doctor`",
      none ? "" : " any more,", duration_text(step.uncounted), weight,
      none ? "is there no traffic, or are recipe, labels or selector wrong"
           : "has the traffic ended, or do the metrics' server or pages give nothing new");
}

void on_idle(Turn& turn, Idle idle) {
  if (turn.next.stable_version.empty()) return turn.waits("nothing runs yet: `linnet init`");
  const int wanted = stable_size(turn.release, turn.next);
  const std::string& version = turn.next.stable_version;
  if (!idle.ready) {
    idle.waited += turn.elapsed;
    // A canary that somebody had before is told to stop: who waits for init may end with it.
    const bool stops = turn.seen.workload && turn.seen.workload->canary.wanted.value_or(0) > 0;
    const bool ready = turn.seen.workload && !stops &&
                       turn.seen.workload->stable.ready_of(version) >= wanted &&
                       turn.seen.workload->stable.is_told(version) && turn.seen.traffic;
    const Instance* bad =
        turn.seen.workload ? crash_looping(turn.seen.workload->stable, version) : nullptr;
    if (ready) {
      idle.ready = true;
      return turn.enter(
          idle, fmt::format("stable {} is ready: {} of {} instances", version, wanted, wanted));
    }
    const std::string missing = !turn.seen.traffic ? turn.seen.traffic.error().message
                                : stops            ? "the canary that is there is being stopped"
                                        : ready_text(turn, Track::stable, version, wanted);
    if (bad != nullptr || idle.waited > turn.release.progress) {
      LINNET_MARK(stable_never_ready);
      const std::string text = fmt::format("stable {} does not get ready: {}", version, missing);
      turn.notice("failed", text);
      return turn.enter(Failed{{"not_ready", text}}, text);
    }
    turn.next.phase = idle;
    return turn.waits(missing);
  }
  turn.waits(fmt::format("stable {} carries all traffic", version));
}

// What keeps it from starting is told when it is first seen: the reason is only shown by `status`,
// and the limit may be minutes away. A start has its first seconds without a word.
void waits_for_canary(Turn& turn, const std::string& version) {
  const std::string text = ready_text(turn, Track::canary, version, turn.next.canary_replicas);
  const std::string trouble =
      turn.seen.workload ? first_trouble(turn.seen.workload->canary) : std::string();
  const bool told = turn.next.unready - turn.elapsed >= missing_is_told &&
                    turn.before.reason.find(trouble) != std::string::npos;
  if (!trouble.empty() && turn.next.unready >= missing_is_told && !told)
    turn.entry("warning", text);
  turn.waits(text);
}

void on_preparing(Turn& turn, Preparing preparing) {
  // What it was sent by another hand meanwhile is drained, should it be stopped soon.
  const bool clear = turn.seen.traffic && turn.seen.traffic->most().is_zero();
  preparing.waited = clear ? preparing.waited + turn.elapsed : 0ms;
  turn.next.phase = preparing;
  if (fails_readiness(turn)) return;
  const Rollout& rollout = *turn.next.rollout;
  const bool clean = LINNET_NEEDS(
      preparing_needs_clean_router,
      turn.seen.traffic && turn.seen.traffic->is(Percent()) && !turn.seen.traffic->taken_back);
  const bool ready =
      LINNET_NEEDS(preparing_needs_ready, turn.canary_ready() >= turn.next.canary_replicas);
  if (ready && clean) return turn.start_step(0);
  if (!ready) return waits_for_canary(turn, rollout.to);
  const Duration before = preparing.barred;
  if (LINNET_STOPS(router_is_waited_for, true)) preparing.barred += turn.elapsed;
  turn.next.phase = preparing;
  const bool marked = turn.seen.traffic && turn.seen.traffic->is(Percent());
  const std::string text = marked
                               ? "waiting for the mark of an earlier rollback to go from the router"
                               : "waiting for the router to be at 0 %: " + read_back_text(turn);
  if (preparing.barred > turn.release.progress)
    return turn.roll_back(
        {"not_in_force",
         fmt::format("not ready within {}: {}", duration_text(turn.release.progress), text)});
  if (before < missing_is_told && preparing.barred >= missing_is_told) turn.entry("warning", text);
  turn.waits(text);
}

void pass_step(Turn& turn, int index) {
  turn.record_step("passed");
  const int following = LINNET_STOPS(steps_follow, true) ? index + 1 : index + 2;
  if (following < static_cast<int>(turn.release.steps.size())) return turn.start_step(following);
  const std::string& version = turn.next.rollout->to;
  if (LINNET_NEEDS(promotion_needs_asking, turn.next.rollout->promote))
    return turn.start_promotion("all steps passed: promoting to stable " + version);
  const std::string text =
      fmt::format("all {} steps passed: {} waits for `promote` (or `rollback`)",
                  turn.release.steps.size(), version);
  turn.enter(AwaitingPromotion{}, text);
  turn.notice("waiting", text);
}

bool comes_into_force(Turn& turn, Stepping& step, Percent wanted) {
  if (turn.before.weight != turn.next.weight || turn.next.weight != wanted) return false;
  // Counts begin where this weight is read back: what a server tells late may be of the one before.
  const bool counted = turn.next.stage.canary.requests > 0;
  if (!LINNET_NEEDS(force_needs_requests, has_data(turn) && counted)) return false;
  step.in_force = true;
  const std::int64_t requests = turn.seen.sample->canary.requests;
  turn.entry("weight", fmt::format("{} in force: read back, and {} request{} seen on the canary",
                                   turn.next.weight.text(), requests, requests == 1 ? "" : "s"));
  return true;
}

std::string progress_text(const Turn& turn, const Stepping& step, Duration hold) {
  return fmt::format("step {} of {}: {} for {}, {} done", step.index + 1, turn.release.steps.size(),
                     turn.next.weight.text(), duration_text(hold),
                     duration_text(std::chrono::floor<std::chrono::seconds>(step.held)));
}

Then no_data_then(const Turn& turn) {
  const bool holds = LINNET_STOPS(no_data_may_hold, turn.release.no_data.then == Then::hold);
  return holds ? Then::hold : Then::rollback;
}

void on_stepping(Turn& turn, Stepping step) {
  const Step& wanted = turn.release.steps[static_cast<std::size_t>(step.index)];
  const bool data = LINNET_NEEDS(silence_is_counted, has_data(turn));
  step.silent = data ? 0ms : step.silent + turn.elapsed;
  step.uncounted = is_counted(turn) ? 0ms : step.uncounted + turn.elapsed;
  const bool silent = is_silent(turn, step.silent);
  if (LINNET_STOPS(time_is_counted, step.in_force) &&
      LINNET_NEEDS(held_needs_weight, turn.weight_in_force()) &&
      LINNET_NEEDS(held_needs_data, !silent))
    step.held += turn.elapsed;
  step.waited = turn.weight_in_force() ? 0ms : step.waited + turn.elapsed;
  // Instances may be waited for: what counts came at the weight of this step.
  const bool there = turn.weight_in_force() && turn.next.weight == wanted.weight;
  if (LINNET_STOPS(step_counts_its_own, !step.in_force && !there)) start_counts(turn.next.stage);
  turn.next.phase = step;
  if (fails_readiness(turn)) return;
  if (!step.in_force && comes_into_force(turn, step, wanted.weight)) turn.next.phase = step;

  const bool complete = step.in_force && LINNET_NEEDS(pass_needs_time, step.held >= wanted.hold);
  const Judgement judgement =
      judge(turn.release, turn.next, turn.seen.workload, complete, step.held);
  turn.next.checks = judgement.checks;
  if (LINNET_STOPS(step_failure_stops, judgement.failed.has_value())) {
    turn.entry("verdict", judgement.failed->text);
    return turn.stop_for(*judgement.failed, turn.release.on_failure);
  }
  if (LINNET_STOPS(no_data_ends, step.silent > turn.release.no_data.hold)) {
    LINNET_MARK(no_data_in_step);
    return turn.stop_for({"no_data", silence_text(turn, step)}, no_data_then(turn));
  }
  // The router refuses, or cannot be read: trouble tells why, and nobody may be there to read it.
  if (fails_force(turn, step.waited)) return;
  // Judged first: the canary may fail at the last step's weight while instances start for this one.
  const Percent most = LINNET_STOPS(step_bounds_weight, true) ? wanted.weight : Percent::whole(100);
  if (!at_weight(turn, most, fmt::format("step {}", step.index + 1))) return;
  if (LINNET_STOPS(silence_waits, silent)) {
    const std::string text = silence_text(turn, step) + "; holding";
    // Once, and not only to those who ask: people wait beside it.
    const Duration after = turn.has_counts ? longest_quiet(turn) : unreachable_is_told;
    if (step.silent >= after && step.silent - turn.elapsed < after) turn.entry("warning", text);
    return turn.waits(text);
  }
  if (!step.in_force) {
    const char* missing = turn.next.stage.counting.begun
                              ? "no request on the canary yet"
                              : "the metrics have told of no request since";
    return turn.waits(fmt::format("waiting for {} to be in force: {}", turn.next.weight.text(),
                                  turn.weight_in_force() ? missing : read_back_text(turn)));
  }
  const bool may_pass = LINNET_NEEDS(pass_needs_requests, judgement.enough && !judgement.held_back);
  if ((complete && may_pass) || judgement.early_pass) return pass_step(turn, step.index);
  if (!complete) return turn.waits(progress_text(turn, step, wanted.hold));
  const std::string missing = "its time is over, but " + judgement.missing;
  if (step.held > wanted.hold + turn.release.no_data.hold) {
    LINNET_MARK(too_few_requests_in_step);
    return turn.stop_for({"no_data", missing}, no_data_then(turn));
  }
  turn.waits(fmt::format("step {} of {}: {}", step.index + 1, turn.release.steps.size(), missing));
}

void on_holding(Turn& turn, Holding holding) {
  holding.silent = has_data(turn) ? 0ms : holding.silent + turn.elapsed;
  turn.next.phase = holding;
  // Less traffic needs no judgement, and a canary that fails stands still with it.
  const bool less = holding.weight && *holding.weight < turn.next.weight;
  if (LINNET_STOPS(less_is_set_at_once, less)) turn.want_weight(*holding.weight, "set by hand");
  if (fails_readiness(turn)) return;
  const bool has_traffic = holding.from != Holding::From::preparing || !turn.next.weight.is_zero();
  if (has_traffic && fails_while_watched(turn, holding.watched, false)) return;
  turn.next.phase = holding;
  if (holding.weight) (void)at_weight(turn, *holding.weight, "set by hand");
}

void on_awaiting(Turn& turn, AwaitingPromotion waiting) {
  waiting.silent = has_data(turn) ? 0ms : waiting.silent + turn.elapsed;
  turn.next.phase = waiting;
  if (fails_readiness(turn)) return;
  if (fails_while_watched(turn, waiting.watched, false)) return;
  turn.next.phase = waiting;
  // Here after a hold in the midst of a promotion that needs no question.
  if (turn.next.rollout->promote)
    turn.start_promotion("going on with the promotion of " + turn.next.rollout->to);
}

// Somebody else moved the weight, or a guardian took it back. True when that decided the turn.
bool notice_others(Turn& turn) {
  const bool at_rest = !is_running(turn.before.phase) || !is_running(turn.next.phase);
  if (!turn.seen.traffic || LINNET_STOPS(ended_stays_ended, at_rest)) return false;
  if (std::holds_alternative<RollingBack>(turn.next.phase)) return false;
  const TrafficSeen& traffic = *turn.seen.traffic;
  if (traffic.weight == turn.before.weight) {
    if (traffic.differ.empty() && turn.next.weight == turn.before.weight)
      turn.next.weight_before = traffic.weight;
    return false;
  }
  if (LINNET_STOPS(taken_back_is_rollback, traffic.taken_back && traffic.weight.is_zero())) {
    LINNET_MARK(taken_back_seen);
    turn.roll_back(
        {"taken_back",
         fmt::format("the weight was taken back to 0 %{}",
                     traffic.by.empty()
                         ? " by another command, or while linnet was away or could not save"
                         : " by " + traffic.by)});
    return true;
  }
  const bool half_written = !traffic.differ.empty() && traffic.by.empty();
  if (half_written || traffic.weight == turn.before.weight_before) {
    LINNET_MARK(weight_not_written_yet);
    return false;
  }
  // Stable has it all and the canary goes: whatever else was set, 0 % is right, and safe to set.
  if (is_past_return(turn.next.phase)) return false;
  if (!LINNET_STOPS(foreign_weight_holds, true)) return false;
  LINNET_MARK(foreign_weight_seen);
  const std::string text = fmt::format(
      "the weight is {} now, set by {}{}; {} was wanted", traffic.weight.text(),
      traffic.by.empty() ? "someone else" : traffic.by,
      traffic.differ.empty() ? "" : " (" + traffic.differ + ")", turn.before.weight.text());
  Holding holding;
  holding.cause = {"foreign_weight", text};
  if (const auto* step = std::get_if<Stepping>(&turn.next.phase)) {
    holding.index = step->index;
  } else if (const auto* other = std::get_if<Holding>(&turn.next.phase)) {
    LINNET_MARK(foreign_weight_in_holding);
    holding.from = other->from;
    holding.index = other->index;
  } else {
    holding.from = std::holds_alternative<Preparing>(turn.next.phase) ? Holding::From::preparing
                                                                      : Holding::From::awaiting;
  }
  turn.next.weight = traffic.weight;
  turn.next.weight_before = traffic.weight;
  turn.enter(std::move(holding), text + "; it is left so until `resume`, `promote` or `rollback`");
  turn.notice("paused", text);
  return true;
}

// Stable may be resized while a release runs: the canary's share of the load grows with it, and
// does not shrink with it.
void follow_size(Turn& turn) {
  if (!LINNET_STOPS(canary_grows_with_stable, turn.next.stable_size > 0)) return;
  Percent weight = turn.next.weight;
  if (const auto* step = std::get_if<Stepping>(&turn.next.phase))
    weight = std::max(weight, turn.release.steps[static_cast<std::size_t>(step->index)].weight);
  else if (const auto* holding = std::get_if<Holding>(&turn.next.phase))
    weight = std::max(weight, holding->weight.value_or(weight));
  else if (std::holds_alternative<Promoting>(turn.next.phase) && !is_past_return(turn.next.phase))
    weight = Percent::whole(100);
  else if (!std::holds_alternative<AwaitingPromotion>(turn.next.phase))
    return;
  turn.next.canary_replicas = std::max(
      turn.next.canary_replicas, canary_replicas_for(weight, stable_load(turn.release, turn.next)));
}

}  // namespace

void advance_phase(Turn& turn) {
  if (notice_others(turn)) return;
  follow_size(turn);
  const Phase phase = turn.next.phase;
  std::visit(Overloaded{
                 [&](const Idle& idle) { on_idle(turn, idle); },
                 [&](const Preparing& preparing) { on_preparing(turn, preparing); },
                 [&](const Stepping& step) { on_stepping(turn, step); },
                 [&](const Holding& holding) { on_holding(turn, holding); },
                 [&](const AwaitingPromotion& waiting) { on_awaiting(turn, waiting); },
                 [&](const Promoting& promoting) { on_promoting(turn, promoting); },
                 [&](const RollingBack& rolling) { on_rolling_back(turn, rolling); },
                 [](const auto& ended) { (void)ended; },
             },
             phase);
}

}  // namespace linnet::core
