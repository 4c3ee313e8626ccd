// What `plan` and `init --dry-run` show of the cluster's objects: what would be written, rehearsed
// on copies of what is there.
#pragma once

#include <string>
#include <vector>

#include "api/backend.h"
#include "cluster/parts.h"
#include "recipes/router.h"

namespace linnet::cluster {

/// Of a rollout that goes well, promotion included. Code::not_found: `init` comes first. The
/// watches have seen the cluster.
Task<Result<std::vector<api::ObjectChange>>> changes_of_deploy(Parts& parts, core::Status status,
                                                               std::string version);
/// `writes` is what `init` has planned.
Task<Result<std::vector<api::ObjectChange>>> changes_of_init(Parts& parts,
                                                             std::vector<recipes::Write> writes,
                                                             Deadline deadline);

}  // namespace linnet::cluster
