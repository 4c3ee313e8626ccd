// What `linnet doctor` finds out about a release on a cluster.
#pragma once

#include <vector>

#include "api/backend.h"
#include "cluster/parts.h"
#include "kubernetes/cluster_doctor.h"

namespace linnet::cluster {

/// Where the controller of the release's router is looked for.
kubernetes::ControllerPlaces controller_places(const core::Release& release,
                                               const kubernetes::Names& names,
                                               const std::string& own_recipe);

/// Those that a rollout sets.
std::vector<Percent> all_weights(const core::Release& release);

/// What helps where the router's weight cannot be read, or its controller objects; `splits` is what
/// its objects themselves say: RecipeRouter::could_split().
std::string router_remedy(const std::vector<recipes::ObjectName>& carriers,
                          const Result<std::string>& splits);

/// One finding per question, in the order in which a person would ask them.
Task<Result<std::vector<api::Finding>>> examine(Parts& parts, Deadline deadline);

}  // namespace linnet::cluster
