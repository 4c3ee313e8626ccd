// The least rights that releasing with a spec needs: as a Role to apply, and one by one for
// `doctor` to ask the API server about. Everything is in the release's own namespace, but for
// metrics pages that are read elsewhere; nothing needs a ClusterRole.
#pragma once

#include <string>
#include <vector>

#include "kubernetes/names.h"

namespace linnet::kubernetes {

/// One rule of a Role, with what it is for.
struct Rule {
  std::string group;  // "" is the core group
  std::string resource;
  std::vector<std::string> names;  // empty: any
  std::vector<std::string> verbs;
  std::string why;
  /// Without it a release works, and less is told or made.
  bool optional = false;
};

struct RbacOptions {
  std::string service_account = "linnet";
  bool init = true;  // may create what is missing
};

/// What the router reads and what it writes the weight to.
struct RouterObject {
  recipes::ObjectName name;
  bool written = true;
};

/// For the routers whose objects are a stable and a canary Ingress.
std::vector<RouterObject> ingress_objects(const Names& names);
/// As the recipe says where the weight stands; the main Ingresses are read beside it.
/// Code::invalid: the release's parameters do not fit the recipe.
Result<std::vector<RouterObject>> router_objects(const Names& names, const core::Release& release,
                                                 const recipes::RouterRecipe& recipe);

std::vector<Rule> rules_of(const Names& names, const core::Release& release,
                           const std::vector<RouterObject>& router, const RbacOptions& options);

/// ServiceAccount, Role and RoleBinding, each rule with a comment.
std::string rbac_yaml(const Names& names, const std::vector<Rule>& rules,
                      const RbacOptions& options);

/// Another Role beside it, for metrics pages of pods in another namespace: the controller's.
std::string pages_rbac_yaml(const Names& names, const std::string& name_space,
                            const RbacOptions& options);

/// One question to the API server (SelfSubjectAccessReview).
struct Right {
  std::string verb, group, resource, subresource, name;
  std::string why;
  bool optional = false;
  [[nodiscard]] std::string text() const;  // "patch deployments.apps web"
};
std::vector<Right> rights_of(const std::vector<Rule>& rules);
/// That to do this write.
Right right_to(const recipes::Write& write);
/// Whether a SelfSubjectRulesReview says so; where it does not, the right may be there all the
/// same.
bool grants(const boost::json::value& review, const Right& right);

}  // namespace linnet::kubernetes
