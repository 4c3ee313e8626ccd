// The one write that brings a Deployment to its level. Pure.
#pragma once

#include "core/decide.h"
#include "kubernetes/client.h"

namespace linnet::kubernetes {

/// A JSON patch, empty when nothing is to be done. It tests that the container at that place is the
/// named one, so that it fails rather than change another. Of stable only the image: its size is
/// its owner's or autoscaler's. Of the canary the size too; at size 0 the image is left as it is.
/// An image that reads as the wanted version is that version, whatever registry it names.
/// With `stable`, a canary that starts from size 0 and whose pod template is linnet's alone takes
/// over stable's template of now (canary_clone.h): made at `init`, it would run an outdated one. It
/// tests the generation then, so that no canary with pods is changed.
/// Code::invalid: no such container, no acceptable version, or fewer than 0 replicas.
Result<boost::json::array> deployment_patch(const core::DeploymentsWorkload& spec,
                                            const Json& deployment, const core::SetTrack& level,
                                            const Json& stable = {});
/// Whether `stable` matters for that.
bool starts_canary(const Json& deployment, const core::SetTrack& level);

}  // namespace linnet::kubernetes
