// The levels that a rollout sets one after the other when all goes well: what `plan` tries on
// copies of the objects. A test holds it against what decide() sets.
#pragma once

#include <string>
#include <vector>

#include "core/decide.h"

namespace linnet::core {

/// Why a deploy of this version would begin no rollout: stable lacks, or has it already. Empty:
/// it would.
std::string begins_nothing(const Status& status, const std::string& version);

/// From `status` on, promotion and clean-up included; none where nothing would begin. SetWeight and
/// SetTrack only.
std::vector<Effect> course_of(const Release& release, const Status& status,
                              const std::string& version);

}  // namespace linnet::core
