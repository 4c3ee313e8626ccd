// Reading for `init` and `doctor` what the pure parts judge, and doing what `init` has planned.
#pragma once

#include "kubernetes/client.h"
#include "kubernetes/cluster_doctor.h"

namespace linnet::kubernetes {

/// Code::invalid: there is no such namespace. Who may not look is told nothing.
Task<Result<void>> check_namespace(Client& client, std::string name, Deadline deadline);

/// The Deployments, Services and Ingresses of both tracks that exist, and the cluster's
/// IngressClasses. `client` outlives the task, here and below.
Task<Result<Found>> find_tracks(Client& client, Names names, Deadline deadline);

/// The objects of the release that exist. What only some rights show (autoscalers, budgets) is
/// left out without them.
Task<Result<Found>> find_objects(Client& client, Names names, Deadline deadline);

/// For doctor: as find_objects(), and Secrets, ConfigMaps, rights and controllers as far as they
/// may be read. `seen` and `weight` are the caller's to fill in.
Task<Result<ClusterView>> look_around(Client& client, Names names, std::vector<Rule> rules,
                                      ControllerPlaces places, Deadline deadline);

/// The rights among these that the API server denies.
Task<Result<std::vector<Right>>> missing_rights(Client& client, std::string name_space,
                                                std::vector<Right> rights, Deadline deadline);

/// One after the other; the error says which failed. What exists already is left as it is.
Task<Result<void>> write_all(Client& client, std::vector<recipes::Write> writes, Deadline deadline);

}  // namespace linnet::kubernetes
