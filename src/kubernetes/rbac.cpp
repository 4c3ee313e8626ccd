#include "kubernetes/rbac.h"

#include <algorithm>
#include <boost/json.hpp>

#include "kubernetes/objects.h"
#include "spec/fields.h"

namespace linnet::kubernetes {
namespace {

std::string group_of(const std::string& api_version) {
  const std::size_t slash = api_version.find('/');
  return slash == std::string::npos ? "" : api_version.substr(0, slash);
}

std::vector<std::string> without_empty(std::vector<std::string> names) {
  names.erase(std::remove(names.begin(), names.end(), ""), names.end());
  return names;
}

std::string flow(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + spec::yaml_scalar(text);
  return "[" + out + "]";
}

// Objects of one collection with the same use share a rule.
void add_router(std::vector<Rule>& rules, const std::vector<RouterObject>& router) {
  const std::size_t first = rules.size();
  for (const RouterObject& object : router) {
    const std::string group = group_of(object.name.api_version);
    const std::vector<std::string> verbs =
        object.written ? std::vector<std::string>{"get", "list", "watch", "patch"}
                       : std::vector<std::string>{"get", "list", "watch"};
    const auto same = std::find_if(
        rules.begin() + static_cast<std::ptrdiff_t>(first), rules.end(), [&](const Rule& rule) {
          return rule.group == group && rule.resource == object.name.plural && rule.verbs == verbs;
        });
    if (same != rules.end()) {
      same->names.push_back(object.name.name);
      continue;
    }
    rules.push_back({group,
                     object.name.plural,
                     {object.name.name},
                     verbs,
                     object.written ? "the canary's weight stands there"
                                    : "stable's way for the requests, read only"});
  }
}

void add_init(std::vector<Rule>& rules, const Names& names,
              const std::vector<RouterObject>& router) {
  rules.push_back({"apps", "deployments", {}, {"create"}, "init: those that are missing"});
  rules.push_back({"", "services", {}, {"create"}, "init: those that are missing"});
  std::vector<std::pair<std::string, std::string>> made;
  for (const RouterObject& object : router) {
    const std::pair<std::string, std::string> kind{group_of(object.name.api_version),
                                                   object.name.plural};
    if (std::find(made.begin(), made.end(), kind) != made.end()) continue;
    made.push_back(kind);
    rules.push_back({kind.first, kind.second, {}, {"create"}, "init: the canary's"});
  }
  rules.push_back(
      {"apps", "deployments", {names.workload.canary}, {"delete"}, "`cleanup --remove`", true});
  if (!names.canary_service.empty())
    rules.push_back(
        {"", "services", {names.canary_service}, {"delete"}, "`cleanup --remove`", true});
  for (const RouterObject& object : router)
    if (object.written)
      rules.push_back({group_of(object.name.api_version),
                       object.name.plural,
                       {object.name.name},
                       {"delete"},
                       "`cleanup --remove`",
                       true});
  rules.push_back({"autoscaling",
                   "horizontalpodautoscalers",
                   {},
                   {"create"},
                   "init: for a Deployment that it creates",
                   true});
  rules.push_back({"policy",
                   "poddisruptionbudgets",
                   {},
                   {"create"},
                   "init: for a Deployment that it creates",
                   true});
  rules.push_back({"monitoring.coreos.com",
                   "servicemonitors",
                   {names.release},
                   {"get"},
                   "init: is there one already",
                   true});
  rules.push_back({"monitoring.coreos.com",
                   "servicemonitors",
                   {},
                   {"create"},
                   "init: when the cluster knows the kind",
                   true});
}

}  // namespace

std::vector<RouterObject> ingress_objects(const Names& names) {
  std::vector<RouterObject> all;
  for (const std::string& ingress : names.ingresses)
    all.push_back({object_name("Ingress", names.name_space, ingress), false});
  for (const std::string& ingress : names.canary_ingresses)
    all.push_back({object_name("Ingress", names.name_space, ingress), true});
  return all;
}

Result<std::vector<RouterObject>> router_objects(const Names& names, const core::Release& release,
                                                 const recipes::RouterRecipe& recipe) {
  std::vector<RouterObject> all;
  for (RouterObject& one : ingress_objects(names))
    if (!one.written) all.push_back(std::move(one));
  const auto* traffic = std::get_if<core::RecipeTraffic>(&release.traffic);
  if (traffic == nullptr) return all;
  recipes::Parameters with = traffic->with;
  with["namespace"] = {names.name_space};
  with["release"] = {names.release};
  TRY(objects, recipe.objects(with));
  for (recipes::ObjectName& one : objects) {
    const auto& main = names.ingresses;
    if (one.kind == "Ingress" && std::find(main.begin(), main.end(), one.name) != main.end())
      continue;  // what the canary's was cloned from: read only
    if (one.name_space.empty()) one.name_space = names.name_space;
    all.push_back({std::move(one), true});
  }
  return all;
}

std::vector<Rule> rules_of(const Names& names, const core::Release& release,
                           const std::vector<RouterObject>& router, const RbacOptions& options) {
  const std::string own = "linnet-" + names.release;
  std::vector<Rule> rules{
      {"apps",
       "deployments",
       {names.workload.stable, names.workload.canary},
       {"get", "list", "watch", "patch"},
       "the image of both, the size of the canary"},
      {"", "pods", {}, {"get", "list", "watch"}, "which run, and why others do not"},
      {"discovery.k8s.io",
       "endpointslices",
       {},
       {"list", "watch"},
       "which pods get requests: ready is not enough"},
      {"",
       "services",
       without_empty({names.stable_service, names.canary_service}),
       {"get"},
       "that they select their own pods only"}};
  add_router(rules, router);
  rules.push_back({"",
                   "configmaps",
                   {own},
                   {"get", "list", "watch", "update", "patch", "delete"},
                   "the release's status and history"});
  rules.push_back({"", "configmaps", {}, {"create"}, "the first time (a create has no name)"});
  rules.push_back({"coordination.k8s.io",
                   "leases",
                   {own},
                   {"get", "update", "patch", "delete"},
                   "that two jobs never drive one release"});
  rules.push_back({"coordination.k8s.io", "leases", {}, {"create"}, "the first time"});
  rules.push_back({"", "pods/log", {}, {"get"}, "`linnet logs`", true});
  rules.push_back(
      {"autoscaling", "horizontalpodautoscalers", {}, {"list"}, "who else sets sizes", true});
  rules.push_back(
      {"policy", "poddisruptionbudgets", {}, {"list"}, "what may be drained at a time", true});
  rules.push_back({"events.k8s.io",
                   "events",
                   {},
                   {"create", "patch"},
                   "what happens is told on the Deployment",
                   true});
  if (!names.ingresses.empty())
    rules.push_back({"networking.k8s.io",
                     "ingresses",
                     {},
                     {"list"},
                     "that no other canary Ingress has the same host and path",
                     true});
  if (release.metrics.source == "scrape")
    rules.push_back({"",
                     "pods/proxy",
                     {},
                     {"get"},
                     "metrics of pods of this namespace, from outside the cluster",
                     true});
  if (options.init) add_init(rules, names, router);
  rules.erase(std::remove_if(rules.begin(), rules.end(),
                             [](const Rule& rule) {
                               return rule.resource == "services" && rule.names.empty() &&
                                      rule.verbs.front() == "get";
                             }),
              rules.end());
  return rules;
}

namespace {

// A Role and its binding; the service account is of the release's namespace.
std::string role_yaml(const Names& names, const std::string& role, const std::string& name_space,
                      const std::vector<Rule>& rules, const RbacOptions& options) {
  std::string out = fmt::format(
      "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n"
      "metadata: {{ name: {}, namespace: {} }}\nrules:\n",
      role, name_space);
  for (const Rule& rule : rules) {
    out += fmt::format("# {}{}\n- apiGroups: {}\n  resources: {}\n", rule.why,
                       rule.optional ? " (may be left out)" : "", flow({rule.group}),
                       flow({rule.resource}));
    if (!rule.names.empty()) out += fmt::format("  resourceNames: {}\n", flow(rule.names));
    out += fmt::format("  verbs: {}\n", flow(rule.verbs));
  }
  return out + fmt::format(
                   "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n"
                   "metadata: {{ name: {0}, namespace: {1} }}\n"
                   "roleRef: {{ apiGroup: rbac.authorization.k8s.io, kind: Role, name: {0} }}\n"
                   "subjects:\n- {{ kind: ServiceAccount, name: {2}, namespace: {3} }}\n",
                   role, name_space, spec::yaml_scalar(options.service_account), names.name_space);
}

}  // namespace

std::string rbac_yaml(const Names& names, const std::vector<Rule>& rules,
                      const RbacOptions& options) {
  return fmt::format(
             "# What linnet needs to release {0}, all of it in namespace {1}.\n"
             "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{ name: {2}, namespace: {1} }}\n",
             names.release, names.name_space, spec::yaml_scalar(options.service_account)) +
         role_yaml(names, "linnet-" + names.release, names.name_space, rules, options);
}

std::string pages_rbac_yaml(const Names& names, const std::string& name_space,
                            const RbacOptions& options) {
  const std::vector<Rule> rules{
      {"", "pods", {}, {"get", "list", "watch"}, "which pods serve the metrics pages"},
      {"", "pods/proxy", {}, {"get"}, "the pages themselves, from outside the cluster"},
      {"apps", "deployments", {}, {"list"}, "`linnet doctor`: how late changes are applied", true},
      {"apps", "daemonsets", {}, {"list"}, "`linnet doctor`: how late changes are applied", true}};
  return fmt::format("---\n# Beyond it: the metrics pages that are read in namespace {}.\n",
                     name_space) +
         role_yaml(names, fmt::format("linnet-{}-{}", names.name_space, names.release), name_space,
                   rules, options)
             .substr(4);
}

std::string Right::text() const {
  return fmt::format("{} {}{}{}{}{}{}", verb, resource, group.empty() ? "" : ".", group,
                     subresource.empty() ? "" : "/", subresource, name.empty() ? "" : " " + name);
}

Right right_to(const recipes::Write& write) {
  using Kind = recipes::Write::Kind;
  Right right;
  right.verb = write.kind == Kind::create   ? "create"
               : write.kind == Kind::remove ? "delete"
                                            : "patch";
  right.group = group_of(write.object.api_version);
  right.resource = write.object.plural;
  if (write.kind != Kind::create) right.name = write.object.name;
  return right;
}

bool grants(const Json& review, const Right& right) {
  const auto has = [](const Json& rule, std::string_view key, const std::string& word) {
    const auto& words = list_at(rule, {key});
    return std::any_of(words.begin(), words.end(), [&](const Json& one) {
      return one.is_string() && (one.get_string() == "*" || one.get_string() == word);
    });
  };
  const std::string resource =
      right.subresource.empty() ? right.resource : right.resource + "/" + right.subresource;
  const auto& rules = list_at(review, {"status", "resourceRules"});
  return std::any_of(rules.begin(), rules.end(), [&](const Json& rule) {
    const bool any_name = list_at(rule, {"resourceNames"}).empty();
    return has(rule, "verbs", right.verb) && has(rule, "apiGroups", right.group) &&
           has(rule, "resources", resource) &&
           (any_name || (!right.name.empty() && has(rule, "resourceNames", right.name)));
  });
}

std::vector<Right> rights_of(const std::vector<Rule>& rules) {
  std::vector<Right> rights;
  for (const Rule& rule : rules) {
    const std::size_t slash = rule.resource.find('/');
    const std::string resource = rule.resource.substr(0, slash);
    const std::string subresource =
        slash == std::string::npos ? "" : rule.resource.substr(slash + 1);
    std::vector<std::string> names = rule.names;
    if (names.empty()) names.emplace_back();
    for (const std::string& name : names)
      for (const std::string& verb : rule.verbs)
        rights.push_back({verb, rule.group, resource, subresource, name, rule.why, rule.optional});
  }
  return rights;
}

}  // namespace linnet::kubernetes
