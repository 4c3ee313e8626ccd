// Which instances of a track to stop and where to start new ones, to get from what runs to the
// level that is wanted. Pure, and asked again after every change, so a new level at any time is no
// case.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/observation.h"

namespace linnet::local {

struct PlannedInstance {
  core::Instance::State state = core::Instance::State::starting;
  bool current = false;      // of the version wanted, in a slot that counts
  std::uint64_t serial = 0;  // grows with each instance created
};

struct Moves {
  std::vector<std::size_t> stop;  // indices into the instances
  int start = 0;                  // new instances of the version wanted, each into a free slot
};

/// `free_slots`: slots without an instance, a stopping one included, that can be used.
/// Stable: while old instances exist at most one more than `replicas` live, each new one is ready
/// before the next begins, and no stop leaves fewer than `replicas` ready where there were as many.
/// The canary surges into all its free slots, and gives one up when there is none.
/// Too many: first those that are down, then the newest.
Moves plan_track(core::Track track, int replicas, const std::vector<PlannedInstance>& instances,
                 int free_slots);

}  // namespace linnet::local
