// From the status to the levels that the world shall have. Derived anew each turn, so an effect
// that was lost comes again and one that was done twice does no harm.
#include <algorithm>

#include "base/mark.h"
#include "base/mutant.h"
#include "core/turn.h"

namespace linnet::core {
namespace {

bool differs(const TrackSeen& seen, Track track, const std::string& version, int replicas) {
  if (seen.wanted) {
    const bool other = replicas > 0 && !seen.is_told(version);
    return other || (track == Track::canary && *seen.wanted != replicas);
  }
  const auto of_version =
      std::count_if(seen.instances.begin(), seen.instances.end(),
                    [&](const Instance& instance) { return instance.version == version; });
  return of_version != replicas || seen.count() != replicas;
}

bool is_on_platform(const Turn& turn) {
  return std::holds_alternative<DeploymentsWorkload>(turn.release.workload);
}

// Whoever creates stable's Deployment anew says what it runs: to write what it ran before could
// only undo that.
bool is_stable_gone(const Turn& turn) {
  return is_on_platform(turn) && turn.seen.workload && !turn.seen.workload->stable.wanted;
}

// Once, and shown as long as it is so.
void tell_stable_gone(Turn& turn) {
  LINNET_MARK(stable_gone);
  const std::string& why = turn.seen.workload->stable.trouble;
  const auto tells = [&](const std::string& reason) {
    return reason.find(why) != std::string::npos;
  };
  if (!tells(turn.before.reason)) turn.entry("trouble", why);
  if (!tells(turn.next.reason)) turn.next.reason += "; " + why;
}

void want_track(Turn& turn, Track track, const std::string& version, int replicas) {
  // The first turn of an engine tells its adapters the levels, whatever is seen: but an owner may
  // have given stable another image meanwhile.
  const bool owned = track == Track::stable && is_on_platform(turn);
  const bool first = !turn.before.last_turn.has_value() && !LINNET_STOPS(unseen_image_stays, owned);
  const bool unknown = !turn.seen.workload;
  if (unknown && !first) return;
  if (first || LINNET_NEEDS(writes_are_changes,
                            differs(turn.seen.workload->of(track), track, version, replicas)))
    turn.decision.effects.push_back(SetTrack{track, version, replicas});
}

// Its traffic is being taken away, or its requests finish: it is not stopped yet.
bool is_draining(const Phase& phase) {
  if (const auto* back = std::get_if<RollingBack>(&phase))
    return back->part < RollingBack::Part::canary_stops;
  const auto* going = std::get_if<Promoting>(&phase);
  return going != nullptr && going->part >= Promoting::Part::stable_takes_all &&
         going->part < Promoting::Part::canary_stops;
}

// What someone else made of one of several objects stands until a person decides.
bool is_left(const Phase& phase, const TrafficSeen& seen) {
  const auto* holding = std::get_if<Holding>(&phase);
  return holding != nullptr && !holding->weight && !seen.differ.empty() && !seen.by.empty();
}

// Its requests are being taken away once more: it is not told the new version meanwhile.
bool waits_to_be_replaced(const Status& status) {
  const auto* going = std::get_if<Promoting>(&status.phase);
  return going != nullptr && going->part == Promoting::Part::canary_takes_all &&
         status.stable_version == status.rollout->to;
}

bool takes_back(const Phase& phase) {
  const auto* back = std::get_if<RollingBack>(&phase);
  return back != nullptr && back->part >= RollingBack::Part::weight_down;
}

// What the canary has is not touched until stable can take it.
bool keeps_traffic(const Phase& phase) {
  return std::holds_alternative<RollingBack>(phase) && !takes_back(phase);
}

}  // namespace

void want_levels(Turn& turn) {
  const Status& next = turn.next;
  const bool back = takes_back(next.phase);
  const bool at_rest = !is_running(next.phase);
  const Percent weight = at_rest ? Percent() : next.weight;
  if (turn.seen.traffic && !keeps_traffic(next.phase)) {
    const TrafficSeen& seen = *turn.seen.traffic;
    // A mark of the rollback before is cleared before a new canary may get traffic.
    const bool clear_mark = LINNET_STOPS(mark_is_cleared, seen.taken_back && !back && !at_rest);
    if (clear_mark) LINNET_MARK(mark_cleared);
    // What was ready when the weight was decided may be gone when it is written, or written again.
    const bool waits =
        (weight > seen.weight || !seen.differ.empty()) &&
        turn.canary_ready() < canary_replicas_for(weight, stable_load(turn.release, next));
    // The same for stable, which takes all in a promotion. Its record may be gone in the midst of
    // it.
    const bool bare = (at_rest || std::holds_alternative<Promoting>(next.phase)) &&
                      weight.is_zero() && turn.is_stable_bare();
    // The switch to 0 is always written: a raise before it may be on its way and not show yet.
    const bool changed = weight.is_zero() && !turn.before.weight.is_zero() && !seen.taken_back &&
                         !std::holds_alternative<Holding>(next.phase);
    const bool written = seen.is(weight) || is_left(next.phase, seen);
    const bool kept = LINNET_STOPS(rest_is_kept, true) || !at_rest;
    if (kept && (!written || changed || clear_mark) &&
        !LINNET_STOPS(write_needs_ready, waits || bare))
      turn.decision.effects.push_back(SetWeight{weight, back});
  } else if (back) {
    LINNET_MARK(rollback_without_router);
    turn.decision.effects.push_back(SetWeight{Percent(), true});  // safe without looking
  }
  const bool stable_wanted = !next.stable_version.empty() && !waits_to_be_replaced(next);
  if (stable_wanted && is_stable_gone(turn)) {
    tell_stable_gone(turn);
  } else if (stable_wanted) {
    const int whole = stable_size(turn.release, next);
    const int beside_canary = std::max(1, whole - next.canary_replicas);
    want_track(turn, Track::stable, next.stable_version,
               LINNET_STOPS(stable_keeps_size, true) ? whole : beside_canary);
  }
  const std::string canary = next.rollout ? next.rollout->to : std::string();
  const bool stays = next.canary_replicas == 0 && is_draining(next.phase);
  if (!next.stable_version.empty() && !LINNET_STOPS(draining_keeps_canary, stays))
    want_track(turn, Track::canary, canary, next.canary_replicas);
  for (const Notice& notice : next.outbox) turn.decision.effects.push_back(SendNotice{notice});
}

}  // namespace linnet::core
