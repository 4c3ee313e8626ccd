// From the status to the levels that the world shall have. Derived anew each turn, so an effect
// that was lost comes again and one that was done twice does no harm.
#include <algorithm>

#include "core/turn.h"

namespace linnet::core {
namespace {

bool differs(const TrackSeen& seen, const std::string& version, int replicas) {
  const auto of_version =
      std::count_if(seen.instances.begin(), seen.instances.end(),
                    [&](const Instance& instance) { return instance.version == version; });
  return of_version != replicas || seen.count() != replicas;
}

void want_track(Turn& turn, Track track, const std::string& version, int replicas) {
  // The first turn of an engine tells its adapters the levels, whatever is seen.
  const bool first = !turn.before.last_turn.has_value();
  const bool unknown = !turn.seen.workload;
  if (unknown && !first) return;
  if (first || differs(turn.seen.workload->of(track), version, replicas))
    turn.decision.effects.push_back(SetTrack{track, version, replicas});
}

bool is_rolling_back(const Phase& phase) { return std::holds_alternative<RollingBack>(phase); }

}  // namespace

void want_levels(Turn& turn) {
  const Status& next = turn.next;
  const bool back = is_rolling_back(next.phase);
  const bool at_rest = !is_running(next.phase);
  const Percent weight = at_rest ? Percent() : next.weight;
  if (turn.seen.traffic) {
    const TrafficSeen& seen = *turn.seen.traffic;
    // A mark of the rollback before is cleared before a new canary may get traffic.
    const bool clear_mark = seen.taken_back && !back && !at_rest;
    if (seen.weight != weight || clear_mark)
      turn.decision.effects.push_back(SetWeight{weight, back});
  } else if (back) {
    turn.decision.effects.push_back(SetWeight{Percent(), true});  // safe without looking
  }
  if (!next.stable_version.empty())
    want_track(turn, Track::stable, next.stable_version, stable_replicas(turn.release));
  const std::string canary = next.rollout ? next.rollout->to : std::string();
  if (!next.stable_version.empty()) want_track(turn, Track::canary, canary, next.canary_replicas);
  for (const Notice& notice : next.outbox) turn.decision.effects.push_back(SendNotice{notice});
}

}  // namespace linnet::core
