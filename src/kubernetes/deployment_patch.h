// The one write that brings a Deployment to its level. Pure.
#pragma once

#include "core/decide.h"
#include "kubernetes/client.h"

namespace linnet::kubernetes {

/// A JSON patch, empty when nothing is to be done. It tests that the container at that place is the
/// named one, so that it fails rather than change another. Of stable only the image: its size is
/// its owner's or autoscaler's. Of the canary the size too; at size 0 the image is left as it is.
/// An image that reads as the wanted version is that version, whatever registry it names.
/// Code::invalid: no such container, no acceptable version, or fewer than 0 replicas.
Result<boost::json::array> deployment_patch(const core::DeploymentsWorkload& spec,
                                            const Json& deployment, const core::SetTrack& level);

}  // namespace linnet::kubernetes
