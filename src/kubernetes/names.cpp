#include "kubernetes/names.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "kubernetes/images.h"
#include "kubernetes/objects.h"

namespace linnet::kubernetes {
namespace {

struct KindRow {
  std::string_view kind, api_version, plural;
};

constexpr std::array<KindRow, 12> kinds{{
    {"Deployment", "apps/v1", "deployments"},
    {"Service", "v1", "services"},
    {"Pod", "v1", "pods"},
    {"Secret", "v1", "secrets"},
    {"ConfigMap", "v1", "configmaps"},
    {"EndpointSlice", "discovery.k8s.io/v1", "endpointslices"},
    {"Ingress", "networking.k8s.io/v1", "ingresses"},
    {"IngressClass", "networking.k8s.io/v1", "ingressclasses"},
    {"HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers"},
    {"PodDisruptionBudget", "policy/v1", "poddisruptionbudgets"},
    {"ServiceMonitor", "monitoring.coreos.com/v1", "servicemonitors"},
    {"Event", "events.k8s.io/v1", "events"},
}};

std::vector<std::string> all_of(const core::RecipeTraffic& traffic, const std::string& key) {
  const auto found = traffic.with.find(key);
  return found == traffic.with.end() ? std::vector<std::string>() : found->second;
}

// What Kubernetes takes. A Deployment's ReplicaSets have its name, a dash and a hash of ten, and
// must fit into 253; pods are cut to fit, with a random end of their own.
constexpr std::size_t longest_name = 253;
constexpr std::size_t longest_deployment = longest_name - 11;
constexpr std::size_t longest_service = 63;  // a label of the DNS, and the value of a label

// A label of the DNS as RFC 1035 has it: not all clusters let a Service begin with a digit.
bool is_service_name(std::string_view name) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto fits = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; };
  return is_letter(name.front()) && name.back() != '-' &&
         std::all_of(name.begin(), name.end(), fits);
}

class NameCheck {
 public:
  void size(std::string_view kind, const std::string& name, std::size_t most,
            const std::string& key) {
    if (name.size() > most)
      add(key, fmt::format("the {} name {} has {} characters, and Kubernetes takes at most {} "
                           "there: set a shorter one",
                           kind, name, name.size(), most));
  }
  void service(const std::string& name, const std::string& key) {
    if (name.empty()) return;
    size("Service", name, longest_service, key);
    if (!is_service_name(name))
      add(key, fmt::format("'{}' is no name of a Service: a-z, 0-9 and '-', beginning with a "
                           "letter and ending with a letter or digit; set another one",
                           name));
  }
  void add(const std::string& key, std::string text) { all.push_back({key, std::move(text)}); }

  std::vector<NameMistake> all;
};

std::string one_of(const core::RecipeTraffic& traffic, const std::string& key) {
  const std::vector<std::string> all = all_of(traffic, key);
  return all.empty() ? std::string() : all.front();
}

}  // namespace

Names names_of(const core::Release& release, const std::string& fallback) {
  Names names;
  names.release = release.name;
  names.name_space = release.name_space.empty() ? fallback : release.name_space;
  if (names.name_space.empty()) names.name_space = "default";
  const auto* pair = std::get_if<core::DeploymentsWorkload>(&release.workload);
  CHECK(pair != nullptr);
  names.workload = *pair;
  if (const auto* traffic = std::get_if<core::RecipeTraffic>(&release.traffic)) {
    names.router = traffic->router;
    names.stable_service = one_of(*traffic, "stable_service");
    names.canary_service = one_of(*traffic, "canary_service");
    names.ingresses = all_of(*traffic, "ingress");
    names.canary_ingresses = all_of(*traffic, "canary_ingress");
    for (std::size_t i = names.canary_ingresses.size(); i < names.ingresses.size(); ++i)
      names.canary_ingresses.push_back(names.ingresses[i] + "-canary");  // as the recipe does
  }
  return names;
}

void take_defaults(Names& names, const recipes::Parameters& filled) {
  const auto take = [&](std::string& name, const std::string& key) {
    const auto found = filled.find(key);
    if (name.empty() && found != filled.end() && !found->second.empty())
      name = found->second.front();
  };
  take(names.stable_service, "stable_service");
  take(names.canary_service, "canary_service");
  if (filled.contains("canary_ingress")) return;
  names.ingresses.clear();  // the weight stands in the main one, which is its recipe's business
  names.canary_ingresses.clear();
}

std::vector<NameMistake> name_mistakes(const Names& names) {
  const std::string pair = "spec.workload.deployments.", with = "spec.traffic.with.";
  NameCheck check;
  check.size("Deployment", names.workload.stable, longest_deployment, pair + "stable");
  check.size("Deployment", names.workload.canary, longest_deployment, pair + "canary");
  check.service(names.stable_service, with + "stable_service");
  check.service(names.canary_service, with + "canary_service");
  if (!names.stable_service.empty() && names.stable_service == names.canary_service)
    check.add(
        with + "canary_service",
        fmt::format("stable and canary have one Service, {}: each needs its own, or no weight "
                    "can part them",
                    names.stable_service));
  for (const std::string& name : names.ingresses)
    check.size("Ingress", name, longest_name, with + "ingress");
  for (const std::string& name : names.canary_ingresses)
    check.size("Ingress", name, longest_name, with + "canary_ingress");
  return std::move(check.all);
}

Resource collection(const recipes::ObjectName& name) {
  return {name.api_version, name.plural, name.name_space};
}

recipes::ObjectName object_name(const std::string& kind, const std::string& name_space,
                                const std::string& name) {
  for (const KindRow& row : kinds)
    if (row.kind == kind)
      return {std::string(row.api_version), kind, std::string(row.plural), name_space, name};
  CHECK(!"a kind that is not in the table");
  return {};
}

recipes::ObjectName deployment_name(const Names& names, core::Track track) {
  const bool stable = track == core::Track::stable;
  return object_name("Deployment", names.name_space,
                     stable ? names.workload.stable : names.workload.canary);
}

recipes::ObjectName service_name(const Names& names, core::Track track) {
  const bool stable = track == core::Track::stable;
  return object_name("Service", names.name_space,
                     stable ? names.stable_service : names.canary_service);
}

std::string running_version(const core::DeploymentsWorkload& spec, const Json& deployment) {
  const auto& containers = list_at(deployment, {"spec", "template", "spec", "containers"});
  const Json* container = named(containers, spec.container);
  return container == nullptr ? "" : version_of(spec.image, text_at(*container, {"image"}));
}

}  // namespace linnet::kubernetes
