// The ways out: a promotion, and a rollback.
#include <algorithm>

#include "base/mark.h"
#include "base/mutant.h"
#include "core/phases.h"

namespace linnet::core {
namespace {

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
                                                   stable.staying() == wanted &&
                                                   stable.is_told(version))) {
      if (fails_at_all(turn, watched)) return;
      turn.want_weight(Percent(), "stable runs the new version");
      return to_part(turn, Promoting::Part::stable_takes_all,
                     fmt::format("stable runs {}: it takes all traffic", version));
    }
  }
  turn.waits("restarting stable, one by one: " + ready_text(turn, Track::stable, version, wanted));
}

// What is never given up is said again each `progress`: it may need a person.
bool is_told_again(const Turn& turn, Duration waited) {
  return waited / turn.release.progress > (waited - turn.elapsed) / turn.release.progress;
}

void tell_not_zero(Turn& turn, Duration waited) {
  if (is_told_again(turn, waited))
    turn.entry("trouble", fmt::format("weight 0 % is not in force after {}: {}; it is tried on",
                                      duration_text(waited), read_back_text(turn)));
}

// Somebody has given stable requests again, and its platform does not know the new version yet.
bool has_traffic_untouched(const Turn& turn) {
  if (!turn.seen.workload || !turn.seen.traffic || turn.weight_in_force()) return false;
  return !turn.seen.workload->stable.is_told(turn.next.rollout->to);
}

// A platform's usual grace period, twice. What an instance of this rollout answers until then is
// not counted as the next one's.
constexpr Duration leaving_is_awaited = 60s;

// All of the canary is gone, or leaving and waited for in vain.
bool is_canary_gone(const Turn& turn, Duration waited) {
  if (!turn.seen.workload) return false;
  const TrackSeen& canary = turn.seen.workload->canary;
  const bool leaving = canary.wanted == 0 && canary.staying() == 0;
  return canary.count() == 0 ||
         (leaving && LINNET_NEEDS(leaving_is_waited_for, waited >= leaving_is_awaited));
}

// Why it does not go is for a person to see; the rollout is over without it.
void tell_who_is_leaving(Turn& turn) {
  std::string who;
  for (const Instance& instance : turn.seen.workload->canary.instances)
    who += fmt::format("{}{}{}", who.empty() ? "" : ", ", instance.id,
                       instance.trouble.empty() ? "" : " (" + instance.trouble + ")");
  if (!who.empty())
    turn.entry("warning", "the canary gets no traffic, and is stopping still: " + who);
}

// Where a platform keeps the sizes, 0 is its owner's wish.
bool has_nobody(const TrackSeen& stable) { return stable.staying() == 0 && stable.wanted != 0; }

}  // namespace

void on_promoting(Turn& turn, Promoting promoting) {
  using Part = Promoting::Part;
  promoting.waited += turn.elapsed;
  turn.next.phase = promoting;
  const std::string& version = turn.next.rollout->to;
  if (promoting.part <= Part::stable_rolls) {
    if (fails_readiness(turn)) return;
    if (fails_while_watched(turn, promoting.watched, false)) return;
    turn.next.phase = promoting;
  }
  switch (promoting.part) {
    case Part::canary_takes_all:
      turn.next.phase = Promoting{promoting.part, 0ms, promoting.watched};
      if (!at_weight(turn, Percent::whole(100), "promotion: the canary carries all")) return;
      turn.next.phase = promoting;
      if (!LINNET_NEEDS(stable_rolls_needs_weight, turn.weight_in_force())) {
        // What comes into force again begins to drain then.
        turn.next.weight_seen = Percent();
        if (fails_force(turn, promoting.waited)) return;
        return turn.waits("waiting for 100 % to be in force: " + read_back_text(turn));
      }
      // Counted from where it was first read back, not from the turn before.
      if (turn.before.weight_seen != Percent::whole(100)) promoting.waited = 0ms;
      turn.next.phase = promoting;
      if (LINNET_STOPS(stable_drains, promoting.waited < turn.drain()))
        return turn.waits("letting requests on stable finish");
      if (fails_at_all(turn, promoting.watched)) return;
      turn.next.stable_version = version;
      return to_part(turn, Part::stable_rolls, fmt::format("restarting stable on {}", version));
    case Part::stable_rolls:
      if (!has_traffic_untouched(turn))
        return stable_rolls(turn, promoting.waited, promoting.watched);
      // Requests came back before it was told: they are taken away, and finish, first.
      turn.next.phase = Promoting{Part::canary_takes_all, 0ms, promoting.watched};
      return turn.waits("waiting for 100 % to be in force");
    case Part::stable_takes_all:
      if (!LINNET_NEEDS(drain_needs_weight, turn.weight_in_force())) {
        tell_not_zero(turn, promoting.waited);
        return turn.waits("waiting for weight 0 % to be in force: " + read_back_text(turn));
      }
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
      if (!LINNET_NEEDS(promoted_needs_canary_gone, is_canary_gone(turn, promoting.waited)))
        return turn.waits("stopping the canary");
      if (const TrackSeen& stable = turn.seen.workload->stable; has_nobody(stable)) {
        const std::string why = stable.wanted ? "all of stable stops" : "stable was scaled to 0";
        return turn.waits(fmt::format("{}: bringing {} back",
                                      stable.trouble.empty() ? why : stable.trouble, version));
      }
      if (!turn.seen.workload->stable.is_told(version))
        return turn.waits(fmt::format("somebody gave stable {}: bringing {} back",
                                      turn.seen.workload->stable.wanted_version, version));
      tell_who_is_leaving(turn);
      const std::string text = fmt::format("{} is stable", version);
      turn.finish_rollout("succeeded", {"promoted", text});
      turn.enter(Succeeded{}, text);
      turn.notice("promoted", text);
      return;
  }
}

namespace {

bool stable_is_back(const Turn& turn) {
  if (!turn.seen.workload) return false;
  const TrackSeen& stable = turn.seen.workload->stable;
  for (const Instance& instance : stable.instances)
    if (instance.version != turn.next.stable_version && !stable.is_leaving(instance)) return false;
  if (!stable.is_told(turn.next.stable_version)) return false;
  return stable.ready() > 0 || LINNET_STOPS(owners_zero_is_whole, stable.wanted == 0);
}

// A promotion that fails while stable has no ready instance: the switch waits for those that take
// the traffic. It is never given up: the canary is all that answers.
bool waits_for_stable(Turn& turn, RollingBack& rolling) {
  const bool taken_away = turn.seen.traffic && turn.seen.traffic->is(Percent());
  if (taken_away) return false;
  const int wanted = std::max(1, stable_size(turn.release, turn.next));
  const std::string& version = turn.next.stable_version;
  if (turn.seen.workload) {
    const TrackSeen& stable = turn.seen.workload->stable;
    const bool whole =
        stable.is_told(version) && stable.observed && stable.ready_of(version) >= wanted;
    if (turn.canary_ready() == 0 || whole) return false;
    if (stable.wanted == 0) return false;  // its owner's wish
    const bool late = rolling.waited > not_ready_limit(turn.release) * wanted;
    if (late && stable.ready() > 0) return false;
  }
  LINNET_MARK(stable_returns_first);
  const std::string missing = ready_text(turn, Track::stable, version, wanted);
  if (is_told_again(turn, rolling.waited))
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
  if (turn.seen.workload) tell_who_is_leaving(turn);
  const std::string text = fmt::format("{}: {}", done, cause.text);
  const std::string outcome(phase_name(end));
  turn.finish_rollout(outcome, cause);
  turn.enter(std::move(end), text, done);
  turn.notice(outcome, text);
}

}  // namespace

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
      tell_not_zero(turn, rolling.waited);
      return turn.waits(fmt::format(
          "{}; weight 0 % {}", rolling.cause.text,
          turn.seen.traffic ? "is being set"
                            : "is not confirmed: " + turn.seen.traffic.error().message));
    }
    // A weight may have been in force that was never read back: requests tell, those of before
    // the step as well.
    const Stage& stage = turn.next.stage;
    const bool had_traffic = !turn.next.weight_before.is_zero() || stage.canary.requests > 0 ||
                             stage.recent.requests + stage.recent_before.requests > 0;
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
  if (!LINNET_NEEDS(rollback_needs_canary_gone, is_canary_gone(turn, rolling.waited)))
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

}  // namespace linnet::core
