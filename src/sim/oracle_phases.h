// What the parts of the oracle share: the phases by number, and where in its phase a status is.
#pragma once

#include <string>

#include "core/status.h"

namespace linnet::sim {

/// In the order of core::Phase.
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

/// The part of promoting or rolling back; -1: neither.
inline int part_index(const core::Phase& phase) {
  if (const auto* going = std::get_if<core::Promoting>(&phase))
    return static_cast<int>(going->part);
  if (const auto* back = std::get_if<core::RollingBack>(&phase))
    return static_cast<int>(back->part);
  return -1;
}

/// The step that is watched or held; -1: none.
inline int step_index(const core::Phase& phase) {
  if (const auto* step = std::get_if<core::Stepping>(&phase)) return step->index;
  if (const auto* hold = std::get_if<core::Holding>(&phase))
    if (hold->from == core::Holding::From::stepping) return hold->index;
  return -1;
}

inline bool is_ended(std::size_t phase) { return phase >= succeeded; }

/// Empty without a rollout.
inline std::string rollout_id(const core::Status& status) {
  return status.rollout ? status.rollout->id : std::string();
}

}  // namespace linnet::sim
