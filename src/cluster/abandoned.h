// Whether anybody still drives a rollout that runs: an engine lives no longer than its command, and
// one that was killed leaves a status that looks alive.
#pragma once

#include <optional>

#include "api/backend.h"
#include "cluster/parts.h"

namespace linnet::cluster {

/// Nothing while somebody drives it, or when none runs. May look at the Lease for some seconds
/// (Lease::left_by). Code::denied: the Lease may not be read.
Task<Result<std::optional<api::Abandoned>>> find_abandoned(Parts& parts, const core::Status& status,
                                                           Deadline deadline);

/// The rollout waits for a person, whether or not an engine runs.
bool waits_for_people(const core::Phase& phase);
/// What is left of a rollout whose engine is gone, and what to do.
api::Abandoned abandoned_by(const kubernetes::LeaseHolder& holder, const core::Status& status);

}  // namespace linnet::cluster
