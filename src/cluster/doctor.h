// What `linnet doctor` finds out about a release on a cluster.
#pragma once

#include <vector>

#include "api/backend.h"
#include "cluster/parts.h"

namespace linnet::cluster {

/// One finding per question, in the order in which a person would ask them.
Task<Result<std::vector<api::Finding>>> examine(Parts& parts, Deadline deadline);

}  // namespace linnet::cluster
