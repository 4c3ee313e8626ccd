// A canary beside a Deployment that is there already: the same pods under labels of their own, so
// that no Service, Deployment or autoscaler of stable takes them for its own.
#pragma once

#include <string>
#include <vector>

#include "kubernetes/manifests.h"
#include "kubernetes/objects.h"

namespace linnet::kubernetes {

/// The labels of the canary's pods: stable's, `version: canary` among them, and when that does not
/// keep them out of stable's Service and Deployment, one more label changed ("web" to
/// "web-canary").
Labels canary_labels(const Names& names, const Json& stable, const Json& stable_service);

/// With 0 replicas and stable's image: nothing runs until a deploy.
boost::json::object canary_deployment(const Names& names, const Json& stable,
                                      const Json& stable_service);
/// Whose the canary's pod template is, in words, when it does not follow stable's: it was not made
/// by linnet, or somebody else owns fields of it. Empty: it is linnet's alone.
std::string template_owner(const Json& canary);
/// Stable's pod template of now as the canary's, whose own labels are kept; images as stable has
/// them.
boost::json::object followed_template(const Json& stable, const Json& canary);
/// The stable Service's ports for pods with these labels.
boost::json::object canary_service(const Names& names, const Json& stable_service,
                                   const Labels& selector);

/// Why these two tracks are not apart, in words; empty when they are.
std::vector<std::string> overlaps(const Names& names, const Json& stable, const Json& canary,
                                  const Json& stable_service, const Json& canary_service);

}  // namespace linnet::kubernetes
