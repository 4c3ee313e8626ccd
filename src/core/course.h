// The levels that a rollout sets one after the other when all goes well: what `plan` tries on
// copies of the objects. A test holds it against what decide() sets.
#pragma once

#include <string>
#include <vector>

#include "core/decide.h"

namespace linnet::core {

/// From `status` on, promotion and clean-up included. SetWeight and SetTrack only.
std::vector<Effect> course_of(const Release& release, const Status& status,
                              const std::string& version);

}  // namespace linnet::core
