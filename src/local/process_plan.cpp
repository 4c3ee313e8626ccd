#include "local/process_plan.h"

#include <algorithm>

namespace linnet::local {
namespace {

using State = core::Instance::State;
using Indices = std::vector<std::size_t>;

// How much is lost with an instance in this state.
int worth(State state) {
  switch (state) {
    case State::backoff: return 0;
    case State::starting: return 1;
    case State::unready: return 2;
    case State::ready: return 3;
    case State::stopping: return 4;
  }
  return 4;
}

void sort_expendable_first(Indices& indices, const std::vector<PlannedInstance>& instances) {
  std::sort(indices.begin(), indices.end(), [&](std::size_t a, std::size_t b) {
    const int worth_a = worth(instances[a].state);
    const int worth_b = worth(instances[b].state);
    if (worth_a != worth_b) return worth_a < worth_b;
    return instances[a].serial > instances[b].serial;
  });
}

}  // namespace

Moves plan_track(core::Track track, int replicas, const std::vector<PlannedInstance>& instances,
                 int free_slots) {
  Moves moves;
  Indices current;
  Indices old;
  int ready = 0;
  bool someone_stops = false;
  for (std::size_t i = 0; i < instances.size(); ++i) {
    someone_stops |= instances[i].state == State::stopping;
    if (instances[i].state == State::stopping) continue;
    ready += instances[i].state == State::ready;
    (instances[i].current ? current : old).push_back(i);
  }
  sort_expendable_first(current, instances);
  sort_expendable_first(old, instances);

  while (static_cast<int>(current.size()) > replicas) {
    ready -= instances[current.front()].state == State::ready;
    moves.stop.push_back(current.front());
    current.erase(current.begin());
  }
  const bool current_are_ready = std::all_of(current.begin(), current.end(), [&](std::size_t i) {
    return instances[i].state == State::ready;
  });

  int live = static_cast<int>(current.size() + old.size());
  const int missing = replicas - static_cast<int>(current.size());
  int room = missing;
  if (track == core::Track::stable && !old.empty())
    room = std::max(replicas - live, current_are_ready ? replicas + 1 - live : 0);
  moves.start = std::max(0, std::min({missing, room, free_slots}));

  for (const std::size_t i : old) {
    const State state = instances[i].state;
    const bool serves_nobody = state == State::backoff || state == State::starting;
    const bool surplus =
        state == State::ready ? ready > replicas : current_are_ready && live > replicas;
    if (!serves_nobody && !surplus) continue;
    ready -= state == State::ready;
    --live;
    moves.stop.push_back(i);
  }
  const bool stuck = missing > 0 && free_slots == 0 && moves.stop.empty() && !someone_stops;
  if (track == core::Track::canary && stuck && !old.empty()) moves.stop.push_back(old.front());
  return moves;
}

}  // namespace linnet::local
