// What `init` makes in a cluster: the objects of a release that are missing, or a canary beside a
// Deployment that is there already. Pure: what was found goes in, the writes come out, and what is
// there is never changed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kubernetes/names.h"

namespace linnet::kubernetes {

/// Null: it does not exist.
struct Found {
  boost::json::value stable, canary;                  // Deployments
  boost::json::value stable_service, canary_service;  // Services
  std::map<std::string, boost::json::value>
      ingresses;  // the main ones that exist, and the canary's
  /// All of the namespace, where the release uses any; not set: they may not be listed.
  std::optional<std::vector<boost::json::value>> all_ingresses;
  std::vector<boost::json::value> autoscalers;         // all of the namespace
  std::vector<boost::json::value> disruption_budgets;  // all of the namespace
  /// Of the cluster, where the release uses Ingresses; not set: they may not be listed.
  std::optional<std::vector<boost::json::value>> ingress_classes;
  bool has_service_monitors = false;  // the kind exists
  boost::json::value service_monitor;
};

struct PlannedWrite {
  recipes::Write write;
  std::string text;  // "create Deployment web-canary: ..."
};

struct InitPlan {
  std::vector<PlannedWrite> writes;    // in the order in which they are done
  std::vector<std::string> obstacles;  // any: init must not begin
  std::vector<std::string> notes;      // what a person should know, and nothing stops at
};

/// `version` is what stable shall start with; empty: what runs. The router's own objects (a canary
/// Ingress) are its recipe's to create, afterwards.
InitPlan plan_init(const Names& names, const std::string& version, const Found& found);

/// Code::conflict: stable has ready pods of another version than the one that was asked for. What
/// works is replaced by a release only.
Result<void> check_adopted_version(const Names& names, const std::string& asked,
                                   const Found& found);

/// What `init` made for the canary but for the router's objects: what bears our labels, and nothing
/// else.
std::vector<recipes::Write> plan_removal(const Names& names, const Found& found);

/// Labels by which everything that linnet made is known.
boost::json::object own_labels(const Names& names);

/// The plan as people read it: a line for each write, then the obstacles and notes.
std::vector<std::string> plan_lines(const InitPlan& plan);

}  // namespace linnet::kubernetes
