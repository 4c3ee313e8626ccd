// What `plan` and `init --dry-run` show of the cluster's objects: what would be written, rehearsed
// on copies of what is there.
#pragma once

#include <string>
#include <vector>

#include "api/backend.h"
#include "cluster/parts.h"
#include "kubernetes/canary_adoption.h"
#include "recipes/router.h"

namespace linnet::cluster {

/// Of a rollout that goes well, promotion included. Code::not_found: `init` comes first. The
/// watches have seen the cluster.
Task<Result<std::vector<api::ObjectChange>>> changes_of_deploy(Parts& parts, core::Status status,
                                                               std::string version);
/// `writes` is what `init` has planned, `adoption` what comes of the canary that is there.
Task<Result<std::vector<api::ObjectChange>>> changes_of_init(Parts& parts,
                                                             std::vector<recipes::Write> writes,
                                                             kubernetes::Adoption adoption,
                                                             Deadline deadline);

/// What `init` changes of the canary that is there, `canary` being its Deployment: nothing while a
/// rollout runs, since `init` is refused then.
Task<Result<kubernetes::Adoption>> find_adoption(Parts& parts, boost::json::value canary,
                                                 core::Phase phase, Deadline deadline);

}  // namespace linnet::cluster
