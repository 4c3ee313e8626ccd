#include "kubernetes/names.h"

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
    names.stable_service = one_of(*traffic, "stable_service");
    names.canary_service = one_of(*traffic, "canary_service");
    names.ingresses = all_of(*traffic, "ingress");
    names.canary_ingresses = all_of(*traffic, "canary_ingress");
    for (std::size_t i = names.canary_ingresses.size(); i < names.ingresses.size(); ++i)
      names.canary_ingresses.push_back(names.ingresses[i] + "-canary");  // as the recipe does
  }
  return names;
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
