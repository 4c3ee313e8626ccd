#include "kubernetes/canary_clone.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace linnet::kubernetes {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_label = 63;

// What other programs keep there for themselves: a copy would make them take the clone for theirs,
// or a second address be published.
bool is_others(std::string_view key) {
  constexpr std::array<std::string_view, 12> starts{"kubectl.kubernetes.io/",
                                                    "deployment.kubernetes.io/",
                                                    "argocd.argoproj.io/",
                                                    "meta.helm.sh/",
                                                    "helm.sh/",
                                                    "kustomize.toolkit.fluxcd.io/",
                                                    "helm.toolkit.fluxcd.io/",
                                                    "external-dns.alpha",
                                                    "service.beta.kubernetes.io/",
                                                    "service.kubernetes.io/",
                                                    "cloud.google.com/",
                                                    "endpoints.kubernetes.io/"};
  return std::any_of(starts.begin(), starts.end(),
                     [&](std::string_view start) { return key.substr(0, start.size()) == start; });
}

json::object kept(const Labels& all) {
  json::object out;
  for (const auto& [key, value] : all)
    if (!is_others(key)) out[key] = value;
  return out;
}

json::object as_object(const Labels& labels) {
  json::object out;
  for (const auto& [key, value] : labels) out[key] = value;
  return out;
}

std::string canary_value(const std::string& value) {
  constexpr std::string_view end = "-canary";
  std::string out = value.substr(0, longest_label - end.size());
  while (!out.empty() && !std::isalnum(static_cast<unsigned char>(out.back()))) out.pop_back();
  return out.empty() ? "canary" : out + std::string(end);
}

Labels pod_labels(const Json& deployment) {
  return labels_at(deployment, {"spec", "template", "metadata", "labels"});
}

json::object pod_template(const Json& deployment) {
  const Json* found = find_at(deployment, {"spec", "template"});
  return found == nullptr || !found->is_object() ? json::object() : found->get_object();
}

json::object kept_annotations(const Json& stable) {
  return kept(labels_at(stable, {"spec", "template", "metadata", "annotations"}));
}

const Json& selector_of(const Json& deployment) {
  static const Json none;
  const Json* found = find_at(deployment, {"spec", "selector"});
  return found == nullptr ? none : *found;
}

// The one label to change, when `version` does not part the tracks: of those that both select by,
// else of one.
std::vector<std::string> keys_to_change(const Labels& deployment, const Labels& service) {
  constexpr std::array<std::string_view, 5> first{"track", "release", "app.kubernetes.io/instance",
                                                  "app", "app.kubernetes.io/name"};
  std::vector<std::string> common;
  for (const auto& [key, value] : deployment)
    if (service.empty() || service.count(key) > 0) common.push_back(key);
  if (common.empty()) {
    if (!deployment.empty()) common.push_back(deployment.begin()->first);
    if (!service.empty()) common.push_back(service.begin()->first);
    return common;
  }
  for (const std::string_view preferred : first)
    if (std::find(common.begin(), common.end(), preferred) != common.end())
      return {std::string(preferred)};
  return {common.front()};
}

}  // namespace

Labels canary_labels(const Names& names, const Json& stable, const Json& stable_service) {
  Labels labels = pod_labels(stable);
  labels["version"] = "canary";
  labels["linnet.dev/release"] = names.release;
  const Labels service = labels_at(stable_service, {"spec", "selector"});
  const Json& selector = selector_of(stable);
  const auto apart = [&] {
    return !selects(service, labels) && !selector_matches(selector, labels);
  };
  if (apart()) return labels;
  for (const std::string& key : keys_to_change(labels_at(selector, {"matchLabels"}), service))
    labels[key] = canary_value(labels[key]);
  return labels;
}

json::object canary_deployment(const Names& names, const Json& stable, const Json& stable_service) {
  const Labels labels = canary_labels(names, stable, stable_service);
  Labels selector{{"version", "canary"}, {"linnet.dev/release", names.release}};
  for (const auto& [key, value] : labels_at(selector_of(stable), {"matchLabels"}))
    selector[key] = labels.at(key);
  json::object pods = pod_template(stable);
  json::object pods_metadata;
  pods_metadata["labels"] = as_object(labels);
  if (json::object own = kept_annotations(stable); !own.empty()) pods_metadata["annotations"] = own;
  pods["metadata"] = pods_metadata;
  json::object inner;
  for (const char* key : {"strategy", "minReadySeconds", "progressDeadlineSeconds"})
    if (const Json* found = find_at(stable, {"spec", key}); found != nullptr) inner[key] = *found;
  inner["replicas"] = 0;
  inner["selector"] = json::object{{"matchLabels", as_object(selector)}};
  inner["template"] = pods;
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", json::object{{"name", names.workload.canary},
                                    {"namespace", names.name_space},
                                    {"labels", own_labels(names)}}},
          {"spec", inner}};
}

std::string template_owner(const Json& canary) {
  constexpr std::string_view ours = "linnet";
  if (text_at(canary, {"metadata", "labels", "app.kubernetes.io/managed-by"}) != ours)
    return fmt::format("{} was not made by linnet", name_of(canary));
  for (const Json& entry : list_at(canary, {"metadata", "managedFields"})) {
    const std::string manager = text_at(entry, {"manager"});
    if (manager != ours && find_at(entry, {"fieldsV1", "f:spec", "f:template"}) != nullptr)
      return fmt::format("{} owns fields of {}", manager, name_of(canary));
  }
  return {};
}

json::object followed_template(const Json& stable, const Json& canary) {
  json::object pods = pod_template(stable);
  Labels labels = pod_labels(stable);
  for (const auto& [key, value] : pod_labels(canary)) labels[key] = value;
  // What the server adds to the canary's own metadata stays, so that equal ones compare equal.
  const Json* metadata = find_at(canary, {"spec", "template", "metadata"});
  json::object own = metadata == nullptr ? json::object() : metadata->as_object();
  own["labels"] = as_object(labels);
  own.erase("annotations");
  if (json::object more = kept_annotations(stable); !more.empty()) own["annotations"] = more;
  pods["metadata"] = own;
  return pods;
}

json::object canary_service(const Names& names, const Json& stable_service,
                            const Labels& selector) {
  json::array ports;
  for (const Json& port : list_at(stable_service, {"spec", "ports"})) {
    if (!port.is_object()) continue;
    json::object own = port.as_object();
    own.erase("nodePort");
    ports.push_back(own);
  }
  json::object inner{{"ports", ports}, {"selector", as_object(selector)}};
  for (const char* key : {"sessionAffinity", "publishNotReadyAddresses", "trafficDistribution"})
    if (const Json* found = find_at(stable_service, {"spec", key}); found != nullptr)
      inner[key] = *found;
  if (text_at(stable_service, {"spec", "clusterIP"}) == "None") inner["clusterIP"] = "None";
  json::object metadata{{"name", names.canary_service},
                        {"namespace", names.name_space},
                        {"labels", own_labels(names)}};
  if (json::object own = kept(labels_at(stable_service, {"metadata", "annotations"})); !own.empty())
    metadata["annotations"] = own;
  return {{"apiVersion", "v1"}, {"kind", "Service"}, {"metadata", metadata}, {"spec", inner}};
}

std::vector<std::string> overlaps(const Names& names, const Json& stable, const Json& canary,
                                  const Json& stable_service, const Json& canary_service) {
  std::vector<std::string> all;
  const Labels stable_pods = pod_labels(stable), canary_pods = pod_labels(canary);
  const auto mixes = [&](const Json& service, const Labels& own, const Labels& others,
                         const std::string& mine, const std::string& theirs) {
    if (service.is_null()) return;
    const Labels selector = labels_at(service, {"spec", "selector"});
    if (!others.empty() && selects(selector, others))
      all.push_back(
          fmt::format("the Service {} selects the pods of {} as well ({}): requests meant for {} "
                      "would go there "
                      "past every weight",
                      name_of(service), theirs, labels_text(selector), mine));
    else if (!own.empty() && !selects(selector, own))
      all.push_back(fmt::format("the Service {} does not select the pods of {} ({} against {})",
                                name_of(service), mine, labels_text(selector), labels_text(own)));
  };
  const core::DeploymentsWorkload& pair = names.workload;
  mixes(stable_service, stable_pods, canary_pods, pair.stable, pair.canary);
  mixes(canary_service, canary_pods, stable_pods, pair.canary, pair.stable);
  if (!canary_pods.empty() && selector_matches(selector_of(stable), canary_pods))
    all.push_back(fmt::format(
        "the Deployment {} selects the pods of {} as well ({}): an autoscaler would count them",
        pair.stable, pair.canary, selector_text(selector_of(stable))));
  if (!stable_pods.empty() && selector_matches(selector_of(canary), stable_pods))
    all.push_back(fmt::format("the Deployment {} selects the pods of {} as well ({})", pair.canary,
                              pair.stable, selector_text(selector_of(canary))));
  return all;
}

}  // namespace linnet::kubernetes
