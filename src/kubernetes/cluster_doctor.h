// What `linnet doctor` finds out about a release in a cluster: each finding with its cause and what
// helps. Pure: the objects come in as they were read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/observation.h"
#include "kubernetes/manifests.h"
#include "kubernetes/rbac.h"

namespace linnet::kubernetes {

struct Finding {
  std::string check;  // "canary pods start"
  bool ok = true;
  std::string cause;   // also when ok
  std::string remedy;  // empty when ok
  friend bool operator==(const Finding&, const Finding&) = default;
};

/// Is it there? Not set: may not be read.
using Existence = std::map<std::string, std::optional<bool>>;

/// Where the router's controller is looked for, to see how late it applies a change.
struct ControllerPlaces {
  bool matter = false;                  // nothing of the kind is known of the router otherwise
  std::vector<std::string> namespaces;  // where it usually is, when not all of them may be read
};

/// What may be the router's controller.
struct Controllers {
  ControllerPlaces places;
  std::vector<boost::json::value> objects;  // Deployments and DaemonSets, of any use
  std::vector<std::string> denied;          // "list deployments.apps in namespace ingress-nginx"
};

/// What was read. What may not be read is left out and told as unknown, never as fine.
struct ClusterView {
  Found found;
  Result<core::WorkloadSeen> seen = fail(Code::unavailable, "not looked at");
  Percent weight;  // the canary's, as the router reads back
  Existence secrets, config_maps;
  std::vector<Right> missing;  // rights that the API server denies
  Controllers controllers;
};

std::vector<Finding> examine(const Names& names, const ClusterView& view);

/// Why no deploy may begin; the tracks of `found` are enough.
std::vector<Finding> deploy_obstacles(const Names& names, const Found& found);

/// Another canary Ingress for a place of the release's main ones that leads to its stable:
/// controllers take one for each place and say nothing about the other. Unset: none, or they may
/// not be listed.
std::optional<Finding> rival_canary(const Names& names, const Found& found);

/// A main Ingress whose class the cluster does not have, or that names none where none is the
/// default: nobody serves it, unless a controller is told to. Unset: none, or the classes may not
/// be listed.
std::optional<Finding> unserved_ingress(const Names& names, const Found& found);

// The parts of it.
Finding pods_finding(const Names& names, core::Track track, const ClusterView& view);
Finding apart_finding(const Names& names, const Found& found);
Finding ports_finding(const Names& names, const Found& found);
Finding split_finding(const Names& names, const ClusterView& view);
Finding ingress_finding(const Names& names, const Found& found);
Finding lateness_finding(const Names& names, const ClusterView& view);
Finding drain_finding(const Names& names, core::Track track, const Found& found);
Finding strategy_finding(const Names& names, const Found& found);
Finding autoscaler_finding(const Names& names, const Found& found);
Finding budget_finding(const Names& names, const Found& found);
Finding references_finding(const Names& names, const ClusterView& view);
Finding rights_finding(const ClusterView& view);
Finding monitor_finding(const Found& found);
Finding drift_finding(const Names& names, const Found& found);

/// Secrets and ConfigMaps without which a pod does not start.
struct References {
  std::vector<std::string> secrets, config_maps;
};
References references_of(const boost::json::value& deployment);

}  // namespace linnet::kubernetes
