// Who else has written what is in force: managedFields of the objects that `status` reads anyway.
#pragma once

#include <vector>

#include "api/backend.h"
#include "kubernetes/names.h"

namespace linnet::cluster {

/// The weight, which `traffic.by` wrote at `when`. Nothing where it is as linnet wrote it, or where
/// nobody knows who else did.
std::vector<api::OtherHand> other_weight(const core::Status& status,
                                         const core::TrafficSeen& traffic, const std::string& when);

/// The canary's replicas and both tracks' versions; `deployment` is null where there is none.
std::vector<api::OtherHand> other_levels(const core::DeploymentsWorkload& spec,
                                         const core::Status& status, core::Track track,
                                         const recipes::Json* deployment);

}  // namespace linnet::cluster
