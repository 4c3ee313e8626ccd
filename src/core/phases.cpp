// What each phase does in one turn. The transitions are drawn in core/status.h; the rules in words
// are in docs/how-linnet-decides.md.
#include <algorithm>

#include "base/mark.h"
#include "base/mutant.h"
#include "core/judge.h"
#include "core/turn.h"

namespace linnet::core {
namespace {

// A few empty seconds are normal at low traffic; beyond this it counts as silence.
constexpr Duration quiet_is_normal = 15s;
// Of metrics that cannot be read at all.
constexpr Duration unreachable_is_told = 5s;
// A canary that has traffic and lacks instances for so long: an entry says it.
constexpr Duration missing_is_told = 2s;

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

Duration not_ready_limit(const Release& release) {
  const auto* process = std::get_if<ProcessWorkload>(&release.workload);
  return process != nullptr ? std::min(process->health.startup, release.progress)
                            : release.progress;
}

std::string first_trouble(const TrackSeen& track) {
  if (!track.trouble.empty()) return track.trouble;
  for (const Instance& instance : track.instances)
    if (!instance.trouble.empty()) return fmt::format("{}: {}", instance.id, instance.trouble);
  return {};
}

const Instance* crash_looping(const TrackSeen& track, const std::string& version) {
  for (const Instance& instance : track.instances)
    if (instance.crash_loop && instance.version == version) return &instance;
  return nullptr;
}

std::string ready_text(const Turn& turn, Track track, const std::string& version, int wanted) {
  if (!turn.seen.workload)
    return fmt::format("the instances cannot be seen: {}", turn.seen.workload.error().message);
  const TrackSeen& seen = turn.seen.workload->of(track);
  const std::string trouble = first_trouble(seen);
  return fmt::format("{} of {} {} instances of {} ready{}{}", seen.ready_of(version), wanted,
                     track_name(track), version, trouble.empty() ? "" : "; ", trouble);
}

bool has_data(const Turn& turn) { return turn.has_counts && turn.seen.sample->canary.requests > 0; }

// Longer silence than low traffic explains: an unreachable source counts at once.
bool is_silent(const Turn& turn, Duration silent) {
  return !turn.has_counts || silent >= std::max(quiet_is_normal, turn.release.turn * 3);
}

std::string silence_text(const Turn& turn, Duration silent) {
  if (!turn.has_counts)
    return fmt::format(
        "no metrics for {}: {}", duration_text(silent),
        turn.seen.sample ? "the counts cannot be true" : turn.seen.sample.error().message);
  return fmt::format("no request has reached the canary for {} at weight {}", duration_text(silent),
                     turn.next.weight.text());
}

// The canary lost instances and does not get them back in time.
bool fails_readiness(Turn& turn) {
  const Rollout& rollout = *turn.next.rollout;
  if (turn.seen.workload) {
    const Instance* bad = crash_looping(turn.seen.workload->canary, rollout.to);
    if (LINNET_STOPS(crash_loop_ends, bad != nullptr)) {
      LINNET_MARK(canary_crash_loop);
      turn.roll_back({"health", fmt::format("canary {} cannot run: {}: {}", rollout.to, bad->id,
                                            bad->trouble)});
      return true;
    }
  }
  if (turn.canary_ready() >= turn.next.canary_replicas) {
    turn.next.unready = 0ms;
    return false;
  }
  const Duration unready = turn.next.unready;
  if (LINNET_STOPS(unready_is_counted, true)) turn.next.unready += turn.elapsed;
  const bool told_now = unready < missing_is_told && turn.next.unready >= missing_is_told;
  const int needed = canary_replicas_for(turn.next.weight, stable_size(turn.release, turn.next));
  const bool missing = !turn.next.weight.is_zero() && turn.canary_ready() < needed;
  if (turn.seen.workload && told_now && missing)
    turn.entry("warning", fmt::format("at {}: {}", turn.next.weight.text(),
                                      ready_text(turn, Track::canary, rollout.to, needed)));
  if (!LINNET_STOPS(unready_ends, turn.next.unready > not_ready_limit(turn.release))) return false;
  LINNET_MARK(canary_never_ready);
  turn.roll_back(
      {"not_ready",
       fmt::format("not ready within {}: {}", duration_text(not_ready_limit(turn.release)),
                   ready_text(turn, Track::canary, rollout.to, turn.next.canary_replicas))});
  return true;
}

void on_idle(Turn& turn, Idle idle) {
  if (turn.next.stable_version.empty()) return turn.waits("nothing runs yet: `linnet init`");
  const int wanted = stable_size(turn.release, turn.next);
  const std::string& version = turn.next.stable_version;
  if (!idle.ready) {
    idle.waited += turn.elapsed;
    const bool ready = turn.seen.workload &&
                       turn.seen.workload->stable.ready_of(version) >= wanted &&
                       turn.seen.workload->stable.is_told(version) && turn.seen.traffic;
    const Instance* bad =
        turn.seen.workload ? crash_looping(turn.seen.workload->stable, version) : nullptr;
    if (ready) {
      idle.ready = true;
      return turn.enter(
          idle, fmt::format("stable {} is ready: {} of {} instances", version, wanted, wanted));
    }
    const std::string missing = turn.seen.traffic ? ready_text(turn, Track::stable, version, wanted)
                                                  : turn.seen.traffic.error().message;
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
  preparing.waited += turn.elapsed;
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
  turn.waits(turn.seen.traffic
                 ? "waiting for the router to read back weight 0 %"
                 : fmt::format("the router cannot be read: {}", turn.seen.traffic.error().message));
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

// Brings the canary's weight to `target`: down at once, up only when its instances are ready.
bool at_weight(Turn& turn, Percent target, const std::string& why) {
  if (turn.next.weight == target) return true;
  if (LINNET_STOPS(raise_needs_ready,
                   target > turn.next.weight && turn.canary_ready() < turn.next.canary_replicas)) {
    turn.waits(fmt::format(
        "before {}: {}", target.text(),
        ready_text(turn, Track::canary, turn.next.rollout->to, turn.next.canary_replicas)));
    return false;
  }
  turn.want_weight(target, why);
  return true;
}

bool comes_into_force(Turn& turn, Stepping& step, Percent wanted) {
  if (turn.before.weight != turn.next.weight || turn.next.weight != wanted) return false;
  if (!LINNET_NEEDS(force_needs_readback, turn.weight_in_force())) return false;
  if (!LINNET_NEEDS(force_needs_requests, has_data(turn))) return false;
  step.in_force = true;
  const std::int64_t requests = turn.seen.sample->canary.requests;
  turn.entry("weight", fmt::format("{} in force: read back, and {} request{} seen on the canary",
                                   turn.next.weight.text(), requests, requests == 1 ? "" : "s"));
  return true;
}

std::string read_back_text(const Turn& turn) {
  if (!turn.seen.traffic) return "the router cannot be read: " + turn.seen.traffic.error().message;
  if (!turn.seen.traffic->differ.empty()) return turn.seen.traffic->differ;
  return fmt::format("{} is read back", turn.seen.traffic->weight.text());
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
  const bool silent = is_silent(turn, step.silent);
  if (LINNET_STOPS(time_is_counted, step.in_force) &&
      LINNET_NEEDS(held_needs_weight, turn.weight_in_force()) &&
      LINNET_NEEDS(held_needs_data, !silent))
    step.held += turn.elapsed;
  step.waited = turn.weight_in_force() ? 0ms : step.waited + turn.elapsed;
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
    return turn.stop_for({"no_data", silence_text(turn, step.silent)}, no_data_then(turn));
  }
  // The router refuses, or cannot be read: trouble tells why, and nobody may be there to read it.
  if (step.waited > turn.release.progress)
    return turn.roll_back(
        {"not_in_force", fmt::format("{} is not in force after {}: {}", turn.next.weight.text(),
                                     duration_text(step.waited), read_back_text(turn))});
  // Judged first: the canary may fail at the last step's weight while instances start for this one.
  const Percent most = LINNET_STOPS(step_bounds_weight, true) ? wanted.weight : Percent::whole(100);
  if (!at_weight(turn, most, fmt::format("step {}", step.index + 1))) return;
  if (LINNET_STOPS(silence_waits, silent)) {
    const std::string text = silence_text(turn, step.silent) + "; holding";
    // Once, and not only to those who ask: people wait beside it.
    const Duration after = turn.has_counts ? quiet_is_normal : unreachable_is_told;
    if (step.silent >= after && step.silent - turn.elapsed < after) turn.entry("warning", text);
    return turn.waits(text);
  }
  if (!step.in_force)
    return turn.waits(fmt::format(
        "waiting for {} to be in force: {}", turn.next.weight.text(),
        turn.weight_in_force() ? "no request on the canary yet" : read_back_text(turn)));
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

// Checks of a canary outside of the steps: evidence at any time, the plain rule once a period, and
// where what comes next needs it.
bool fails_while_watched(Turn& turn, Duration& watched, bool due) {
  const bool over = watched >= turn.release.steps.back().hold;
  const bool complete = due || LINNET_STOPS(watch_has_periods, over);
  const Judgement judgement = judge(turn.release, turn.next, turn.seen.workload, complete, watched);
  turn.next.checks = judgement.checks;
  const bool promoting = std::holds_alternative<Promoting>(turn.next.phase);
  const bool failed = judgement.failed.has_value();
  if (promoting ? LINNET_STOPS(promotion_is_watched, failed)
                : LINNET_STOPS(watching_fails, failed)) {
    const Then then = promoting ? Then::rollback : turn.release.on_failure;
    if (!std::holds_alternative<Holding>(turn.next.phase) || then == Then::rollback)
      turn.entry("verdict", judgement.failed->text);
    if (promoting)
      LINNET_MARK(promotion_failed_check);
    else
      LINNET_MARK(failed_while_waiting);
    turn.stop_for(*judgement.failed, then);
    return true;
  }
  if (complete && judgement.enough) {
    LINNET_MARK(watch_period_complete);
    watched = 0ms;
    turn.next.stage = Stage{};  // the next period is counted anew; the evidence goes on
  }
  return false;
}

void on_holding(Turn& turn, Holding holding) {
  holding.silent = has_data(turn) ? 0ms : holding.silent + turn.elapsed;
  turn.next.phase = holding;
  // Less traffic needs no judgement, and a canary that fails stands still with it.
  const bool less = holding.weight && *holding.weight < turn.next.weight;
  if (LINNET_STOPS(less_is_set_at_once, less)) turn.want_weight(*holding.weight, "set by hand");
  if (fails_readiness(turn)) return;
  const bool has_traffic = holding.from != Holding::From::preparing || !turn.next.weight.is_zero();
  if (has_traffic && has_data(turn)) holding.watched += turn.elapsed;
  if (has_traffic && fails_while_watched(turn, holding.watched, false)) return;
  turn.next.phase = holding;
  if (holding.weight) (void)at_weight(turn, *holding.weight, "set by hand");
}

void on_awaiting(Turn& turn, AwaitingPromotion waiting) {
  waiting.silent = has_data(turn) ? 0ms : waiting.silent + turn.elapsed;
  turn.next.phase = waiting;
  if (fails_readiness(turn)) return;
  if (has_data(turn)) waiting.watched += turn.elapsed;
  if (fails_while_watched(turn, waiting.watched, false)) return;
  turn.next.phase = waiting;
  // Here after a hold in the midst of a promotion that needs no question.
  if (turn.next.rollout->promote)
    turn.start_promotion("going on with the promotion of " + turn.next.rollout->to);
}

void to_part(Turn& turn, Promoting::Part part, std::string reason) {
  turn.enter(Promoting{part, 0ms}, std::move(reason));
}

// What the canary does at 100 % speaks before stable is replaced, and before stable runs the same.
bool fails_at_all(Turn& turn, Duration watched) {
  return LINNET_STOPS(promotion_parts_are_judged, true) && fails_while_watched(turn, watched, true);
}

void stable_rolls(Turn& turn, Duration waited, Duration watched) {
  const std::string& version = turn.next.rollout->to;
  const int wanted = stable_size(turn.release, turn.next);
  if (turn.seen.workload) {
    const TrackSeen& stable = turn.seen.workload->stable;
    const Instance* bad = crash_looping(stable, version);
    if (bad != nullptr || waited > not_ready_limit(turn.release) * wanted) {
      LINNET_MARK(promotion_stable_not_ready);
      return turn.roll_back(
          {"promotion", fmt::format("stable does not get ready on {}: {}", version,
                                    ready_text(turn, Track::stable, version, wanted))});
    }
    if (LINNET_NEEDS(weight_down_needs_stable, stable.ready_of(version) == wanted &&
                                                   stable.count() == wanted &&
                                                   stable.is_told(version))) {
      if (fails_at_all(turn, watched)) return;
      turn.want_weight(Percent(), "stable runs the new version");
      return to_part(turn, Promoting::Part::stable_takes_all,
                     fmt::format("stable runs {}: it takes all traffic", version));
    }
  }
  turn.waits("restarting stable, one by one: " + ready_text(turn, Track::stable, version, wanted));
}

// Where a platform keeps the sizes, 0 is its owner's wish.
bool is_scaled_away(const TrackSeen& stable) { return stable.count() == 0 && !stable.wanted; }

void on_promoting(Turn& turn, Promoting promoting) {
  using Part = Promoting::Part;
  promoting.waited += turn.elapsed;
  turn.next.phase = promoting;
  const std::string& version = turn.next.rollout->to;
  if (promoting.part <= Part::stable_rolls) {
    if (fails_readiness(turn)) return;
    if (has_data(turn)) promoting.watched += turn.elapsed;
    if (fails_while_watched(turn, promoting.watched, false)) return;
    turn.next.phase = promoting;
  }
  switch (promoting.part) {
    case Part::canary_takes_all:
      if (!at_weight(turn, Percent::whole(100), "promotion: the canary carries all")) return;
      if (!LINNET_NEEDS(stable_rolls_needs_weight, turn.weight_in_force())) {
        turn.next.phase = Promoting{promoting.part, 0ms, promoting.watched};
        return turn.waits("waiting for 100 % to be in force");
      }
      // Counted from where it was first read back, not from the turn before.
      if (turn.before.weight_seen != Percent::whole(100)) promoting.waited = 0ms;
      turn.next.phase = promoting;
      if (LINNET_STOPS(stable_drains, promoting.waited < turn.drain()))
        return turn.waits("letting requests on stable finish");
      if (fails_at_all(turn, promoting.watched)) return;
      turn.next.stable_version = version;
      return to_part(turn, Part::stable_rolls, fmt::format("restarting stable on {}", version));
    case Part::stable_rolls: return stable_rolls(turn, promoting.waited, promoting.watched);
    case Part::stable_takes_all:
      if (!LINNET_NEEDS(drain_needs_weight, turn.weight_in_force()))
        return turn.waits("waiting for weight 0 % to be in force");
      return to_part(turn, Part::canary_drains, "letting requests on the canary finish");
    case Part::canary_drains:
      if (!turn.weight_in_force()) {
        turn.next.phase = Promoting{Part::stable_takes_all, 0ms};
        return turn.waits("weight 0 % is not confirmed any more");
      }
      if (!LINNET_NEEDS(promoting_drains, promoting.waited >= turn.drain()))
        return turn.waits("letting requests on the canary finish");
      turn.next.canary_replicas = 0;
      return to_part(turn, Part::canary_stops, "stopping the canary");
    case Part::canary_stops:
      if (!turn.weight_in_force()) {
        // Another hand: what is left of the canary is not stopped under its traffic.
        if (turn.seen.traffic) turn.next.phase = Promoting{Part::stable_takes_all, 0ms};
        return turn.waits("weight 0 % is not confirmed any more");
      }
      if (!LINNET_NEEDS(promoted_needs_canary_gone,
                        turn.seen.workload && turn.seen.workload->canary.count() == 0))
        return turn.waits("stopping the canary");
      if (is_scaled_away(turn.seen.workload->stable))
        return turn.waits(fmt::format("stable was scaled to 0: bringing {} back", version));
      if (!turn.seen.workload->stable.is_told(version))
        return turn.waits(fmt::format("somebody gave stable {}: bringing {} back",
                                      turn.seen.workload->stable.wanted_version, version));
      const std::string text = fmt::format("{} is stable", version);
      turn.finish_rollout("succeeded", {"promoted", text});
      turn.enter(Succeeded{}, text);
      turn.notice("promoted", text);
      return;
  }
}

bool stable_is_back(const Turn& turn) {
  if (!turn.seen.workload) return false;
  const TrackSeen& stable = turn.seen.workload->stable;
  for (const Instance& instance : stable.instances)
    if (instance.version != turn.next.stable_version) return false;
  if (!stable.is_told(turn.next.stable_version)) return false;
  return stable.ready() > 0 || LINNET_STOPS(owners_zero_is_whole, stable.wanted == 0);
}

// A promotion that fails while stable has no ready instance: the switch waits for those that take
// the traffic. It is never given up: the canary is all that answers.
bool waits_for_stable(Turn& turn, RollingBack& rolling) {
  const bool taken_away = turn.seen.traffic && turn.seen.traffic->weight.is_zero();
  if (taken_away) return false;
  const int wanted = std::max(1, stable_size(turn.release, turn.next));
  const std::string& version = turn.next.stable_version;
  if (turn.seen.workload) {
    const TrackSeen& stable = turn.seen.workload->stable;
    if (turn.canary_ready() == 0 || stable.ready_of(version) >= wanted) return false;
    if (stable.wanted == 0) return false;  // its owner's wish
    const bool late = rolling.waited > not_ready_limit(turn.release) * wanted;
    if (late && stable.ready() > 0) return false;
  }
  LINNET_MARK(stable_returns_first);
  const std::string missing = ready_text(turn, Track::stable, version, wanted);
  if (rolling.waited / turn.release.progress >
      (rolling.waited - turn.elapsed) / turn.release.progress)
    turn.entry("trouble",
               fmt::format("the canary still carries the traffic after {}, for stable cannot: {}",
                           duration_text(rolling.waited), missing));
  turn.next.phase = rolling;
  turn.waits(fmt::format("{}; the canary keeps its traffic until stable is back: {}",
                         rolling.cause.text, missing));
  return true;
}

// `done`: what the journal does not have yet; it has the cause.
void end_rollback(Turn& turn, Phase end, const Cause& cause, const std::string& done) {
  const std::string text = fmt::format("{}: {}", done, cause.text);
  const std::string outcome(phase_name(end));
  turn.finish_rollout(outcome, cause);
  turn.enter(std::move(end), text, done);
  turn.notice(outcome, text);
}

void on_rolling_back(Turn& turn, RollingBack rolling) {
  using Part = RollingBack::Part;
  rolling.waited += turn.elapsed;
  if (rolling.part == Part::stable_returns) {
    if (waits_for_stable(turn, rolling)) return;
    rolling = {rolling.cause, Part::weight_down, 0ms};
    turn.want_weight(Percent(), "taken back");
  }
  if (rolling.part == Part::weight_down) {
    if (!LINNET_NEEDS(stop_needs_weight_down, turn.weight_in_force())) {
      // Someone else's weight counts as well: what had traffic is drained.
      if (turn.seen.traffic) turn.next.weight_before = turn.seen.traffic->most();
      turn.next.phase = rolling;
      // It is never given up, and said again: what refuses it may need a person.
      if (rolling.waited / turn.release.progress >
          (rolling.waited - turn.elapsed) / turn.release.progress)
        turn.entry("trouble", fmt::format("weight 0 % is not in force after {}: {}; it is tried on",
                                          duration_text(rolling.waited), read_back_text(turn)));
      return turn.waits(fmt::format(
          "{}; weight 0 % {}", rolling.cause.text,
          turn.seen.traffic ? "is being set"
                            : "is not confirmed: " + turn.seen.traffic.error().message));
    }
    // A weight may have been in force that was never read back: requests tell.
    const bool had_traffic =
        !turn.next.weight_before.is_zero() || turn.next.stage.canary.requests > 0;
    rolling.part = had_traffic ? Part::canary_drains : Part::canary_stops;
    turn.next.weight_before = Percent();
    rolling.waited = 0ms;
    turn.entry("weight", "0 % in force: all traffic is on stable");
  }
  if (!LINNET_NEEDS(stop_needs_weight_down, turn.weight_in_force())) {
    // A write that came late, or another hand: the canary is not stopped under its traffic.
    rolling.part = Part::weight_down;
    turn.next.weight_before = turn.seen.traffic ? turn.seen.traffic->most() : Percent::whole(100);
    rolling.waited = 0ms;
    turn.next.phase = rolling;
    return turn.waits(rolling.cause.text + "; weight 0 % is not confirmed any more");
  }
  if (rolling.part == Part::canary_drains &&
      LINNET_NEEDS(rollback_drains, rolling.waited >= turn.drain())) {
    rolling.part = Part::canary_stops;
    rolling.waited = 0ms;
  }
  turn.next.phase = rolling;
  if (rolling.part == Part::canary_drains)
    return turn.waits(rolling.cause.text + "; letting requests on the canary finish");
  if (turn.next.canary_replicas > 0) {
    turn.next.canary_replicas = 0;
    turn.entry("phase", "rolling_back: stopping the canary");
  }
  if (!LINNET_NEEDS(rollback_needs_canary_gone,
                    turn.seen.workload && turn.seen.workload->canary.count() == 0))
    return turn.waits(rolling.cause.text + "; stopping the canary");
  const std::string& stable = turn.next.stable_version;
  const bool back = LINNET_NEEDS(rollback_needs_stable, stable_is_back(turn));
  // One instance after the other. What is started is kept; that it does not run is for a person.
  const int wanted = std::max(1, stable_size(turn.release, turn.next));
  const bool dies = turn.seen.workload && crash_looping(turn.seen.workload->stable, stable);
  if (!back && !dies && rolling.waited <= not_ready_limit(turn.release) * wanted) {
    LINNET_MARK(rollback_waits_for_stable);
    return turn.waits(fmt::format("{}; bringing stable back to {}", rolling.cause.text, stable));
  }
  const std::string& taken = turn.next.rollout->to;
  if (back)
    end_rollback(turn, RolledBack{rolling.cause}, rolling.cause,
                 fmt::format("{} taken back to {}", taken, stable));
  else
    end_rollback(turn, Failed{rolling.cause}, rolling.cause,
                 fmt::format("{} is taken back, but stable does not get ready on {}: {}", taken,
                             stable, ready_text(turn, Track::stable, stable, wanted)));
  if (!turn.next.queued) return;
  const Intent queued = *turn.next.queued;
  turn.next.queued.reset();
  turn.start_rollout(queued);
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

// Stable may be resized while a release runs: the canary's share of the load grows with it.
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
  turn.next.canary_replicas =
      std::max(turn.next.canary_replicas, canary_replicas_for(weight, turn.next.stable_size));
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
