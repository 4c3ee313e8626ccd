#include "kubernetes/manifests.h"

#include <algorithm>
#include <boost/json.hpp>

#include "kubernetes/canary_adoption.h"
#include "kubernetes/canary_clone.h"
#include "kubernetes/cluster_doctor.h"
#include "kubernetes/images.h"
#include "kubernetes/objects.h"

namespace linnet::kubernetes {
namespace {

namespace json = boost::json;
using core::Track;

// A pod goes on answering while data planes learn that it is leaving.
constexpr int pre_stop_s = 5;
constexpr int grace_s = 45;
// Of an autoscaler that `init` makes.
constexpr int cpu_percent = 70;
constexpr int growth = 5;

json::object metadata(const Names& names, const std::string& name) {
  return {{"name", name}, {"namespace", names.name_space}, {"labels", own_labels(names)}};
}

json::object track_labels(const Names& names, Track track) {
  return {{"app", names.release}, {"version", core::track_name(track)}};
}

// The `sleep` action needs no shell in the image (Kubernetes 1.30).
json::object container(const Names& names, const std::string& version) {
  const core::DeploymentsWorkload& pair = names.workload;
  const json::object get{{"path", pair.health}, {"port", pair.port}};
  return {
      {"name", pair.container},
      {"image", image_of(pair.image, version)},
      {"ports", json::array{json::object{{"name", "http"}, {"containerPort", pair.port}}}},
      {"resources", json::object{{"requests", json::object{{"cpu", "100m"}, {"memory", "64Mi"}}}}},
      {"readinessProbe",
       json::object{{"httpGet", get}, {"periodSeconds", 2}, {"failureThreshold", 3}}},
      {"livenessProbe", json::object{{"httpGet", get},
                                     {"initialDelaySeconds", 10},
                                     {"periodSeconds", 10},
                                     {"failureThreshold", 3}}},
      {"lifecycle",
       json::object{{"preStop", json::object{{"sleep", json::object{{"seconds", pre_stop_s}}}}}}}};
}

json::object new_deployment(const Names& names, const std::string& version) {
  const json::object labels = track_labels(names, Track::stable);
  const json::object rolling{{"maxUnavailable", 0}, {"maxSurge", 1}};
  return {
      {"apiVersion", "apps/v1"},
      {"kind", "Deployment"},
      {"metadata", metadata(names, names.workload.stable)},
      {"spec",
       json::object{
           {"replicas", names.workload.replicas},
           {"selector", json::object{{"matchLabels", labels}}},
           {"strategy", json::object{{"type", "RollingUpdate"}, {"rollingUpdate", rolling}}},
           {"template",
            json::object{
                {"metadata", json::object{{"labels", labels}}},
                {"spec", json::object{{"terminationGracePeriodSeconds", grace_s},
                                      {"containers", json::array{container(names, version)}}}}}}}}};
}

json::object labels_object(const Labels& labels) {
  json::object out;
  for (const auto& [key, value] : labels) out[key] = value;
  return out;
}

json::object new_service(const Names& names, const Json& stable) {
  const json::object port{
      {"name", "http"}, {"port", names.workload.port}, {"targetPort", names.workload.port}};
  json::object own = metadata(names, names.stable_service);
  own["labels"].as_object()["app"] = names.release;
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata", own},
          {"spec", json::object{{"selector", labels_object(labels_at(
                                                 stable, {"spec", "selector", "matchLabels"}))},
                                {"ports", json::array{port}}}}};
}

std::string ingress_class(const Found& found) {
  for (const Json& one : found.ingress_classes.value_or(std::vector<Json>()))
    if (text_at(one, {"spec", "controller"}) == "k8s.io/ingress-nginx") return name_of(one);
  return "nginx";
}

// Neither ssl-redirect nor rewrite-target: without TLS and a regular path they break every request.
json::object new_ingress(const Names& names, const std::string& name, const Found& found) {
  const json::object backend{
      {"service", json::object{{"name", names.stable_service},
                               {"port", json::object{{"number", names.workload.port}}}}}};
  const json::object path{{"path", "/"}, {"pathType", "Prefix"}, {"backend", backend}};
  const json::object rule{{"host", names.workload.host},
                          {"http", json::object{{"paths", json::array{path}}}}};
  return {{"apiVersion", "networking.k8s.io/v1"},
          {"kind", "Ingress"},
          {"metadata", metadata(names, name)},
          {"spec",
           json::object{{"ingressClassName", ingress_class(found)}, {"rules", json::array{rule}}}}};
}

json::object new_autoscaler(const Names& names) {
  const core::DeploymentsWorkload& pair = names.workload;
  const json::object target{
      {"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", pair.stable}};
  const json::object cpu{
      {"name", "cpu"},
      {"target", json::object{{"type", "Utilization"}, {"averageUtilization", cpu_percent}}}};
  return {{"apiVersion", "autoscaling/v2"},
          {"kind", "HorizontalPodAutoscaler"},
          {"metadata", metadata(names, pair.stable)},
          {"spec", json::object{{"scaleTargetRef", target},
                                {"minReplicas", pair.replicas},
                                {"maxReplicas", pair.replicas * growth},
                                {"metrics", json::array{json::object{{"type", "Resource"},
                                                                     {"resource", cpu}}}}}}};
}

json::object new_disruption_budget(const Names& names) {
  return {{"apiVersion", "policy/v1"},
          {"kind", "PodDisruptionBudget"},
          {"metadata", metadata(names, names.workload.stable)},
          {"spec", json::object{{"maxUnavailable", 1},
                                {"selector", json::object{{"matchLabels",
                                                           track_labels(names, Track::stable)}}}}}};
}

json::object new_service_monitor(const Names& names) {
  const json::object endpoint{{"port", "http"}, {"path", "/metrics"}, {"interval", "15s"}};
  return {{"apiVersion", "monitoring.coreos.com/v1"},
          {"kind", "ServiceMonitor"},
          {"metadata", metadata(names, names.release)},
          {"spec", json::object{{"selector", json::object{{"matchLabels", own_labels(names)}}},
                                {"endpoints", json::array{endpoint}}}}};
}

bool targets(const Json& autoscaler, const std::string& deployment) {
  return text_at(autoscaler, {"spec", "scaleTargetRef", "kind"}) == "Deployment" &&
         text_at(autoscaler, {"spec", "scaleTargetRef", "name"}) == deployment;
}

class Planner {
 public:
  Planner(const Names& names, const std::string& version, const Found& found)
      : names_(names), version_(version), found_(found) {}

  InitPlan all() {
    for (const NameMistake& one : name_mistakes(names_)) obstacle(one.key + ": " + one.text);
    if (!plan_.obstacles.empty()) return std::move(plan_);
    deployments_and_services();
    if (!plan_.obstacles.empty()) return std::move(plan_);
    for (const std::string& ingress : names_.ingresses) main_ingress(ingress);
    // A clone of ours that was made under another name, mostly: the one beside it would do nothing.
    if (const auto rival = rival_canary(names_, found_))
      obstacle(rival->cause + ": " + rival->remedy);
    if (const auto unserved = unserved_ingress(names_, found_))
      plan_.notes.push_back(unserved->cause + ": " + unserved->remedy);
    if (found_.stable.is_null()) beside_new_stable();
    return std::move(plan_);
  }

 private:
  void create(json::object object, const std::string& more) {
    const std::string kind(object.at("kind").as_string());
    const std::string name(object.at("metadata").at("name").as_string());
    plan_.writes.push_back(
        {{recipes::Write::Kind::create, object_name(kind, names_.name_space, name),
          std::move(object)},
         fmt::format("create {} {}{}{}", kind, name, more.empty() ? "" : ": ", more)});
  }
  void obstacle(std::string text) { plan_.obstacles.push_back(std::move(text)); }

  void deployments_and_services() {
    const core::DeploymentsWorkload& pair = names_.workload;
    Json stable = found_.stable;
    if (stable.is_null()) {
      if (version_.empty())
        return obstacle(fmt::format(
            "the Deployment {} does not exist and no version is given for it: `linnet init "
            "--version VERSION`, or spec.version",
            pair.stable));
      stable = new_deployment(names_, version_);
      create(stable.as_object(),
             fmt::format("{} pods of {}", pair.replicas, image_of(pair.image, version_)));
    } else if (!check_stable()) {
      return;
    }
    Json service = found_.stable_service;
    if (service.is_null() && !names_.stable_service.empty()) {
      service = new_service(names_, stable);
      create(service.as_object(), fmt::format("port {} of stable's pods", pair.port));
    }
    if (const Finding owned = ownership_finding(names_, found_); !owned.ok)
      obstacle(owned.cause + ": " + owned.remedy);
    Json canary = found_.canary;
    if (std::string note = adopted_as_it_is(canary); !note.empty())
      plan_.notes.push_back(std::move(note));
    if (canary.is_null()) {
      canary = canary_deployment(names_, stable, service);
      create(canary.as_object(),
             fmt::format("0 pods, as {} but for the labels {}", pair.stable,
                         labels_text(labels_at(canary, {"spec", "selector", "matchLabels"}))));
    }
    Json other = found_.canary_service;
    if (other.is_null() && !names_.canary_service.empty()) {
      other =
          canary_service(names_, service, labels_at(canary, {"spec", "selector", "matchLabels"}));
      create(other.as_object(), fmt::format("as {} but for the selector {}", names_.stable_service,
                                            labels_text(labels_at(other, {"spec", "selector"}))));
    }
    for (std::string& overlap : overlaps(names_, stable, canary, service, other))
      obstacle(std::move(overlap));
  }

  bool check_stable() {
    const core::DeploymentsWorkload& pair = names_.workload;
    const auto& containers = list_at(found_.stable, {"spec", "template", "spec", "containers"});
    const Json* own = named(containers, pair.container);
    if (own != nullptr) {
      const std::string runs = running_version(pair, found_.stable);
      if (core::check_version(runs)) {
        plan_.notes.push_back(
            fmt::format("{} is there and stays as it is: it runs {}", pair.stable, runs));
        if (number_at(found_.stable, {"spec", "replicas"}, 1) == 0)
          plan_.notes.push_back(
              fmt::format("{0} is scaled to 0, and `init` waits until stable has a ready pod: "
                          "`kubectl scale deployment -n {1} {0} --replicas={2}`",
                          pair.stable, names_.name_space, pair.replicas));
        return true;
      }
      obstacle(
          fmt::format("the Deployment {} runs the image {}, in which no version is to be seen: set "
                      "workload.deployments.image (now {}), or give it an image with a tag",
                      pair.stable, text_at(*own, {"image"}), pair.image));
      return false;
    }
    std::string names;
    for (const Json& one : containers)
      names += (names.empty() ? "" : ", ") + text_at(one, {"name"});
    obstacle(
        fmt::format("the Deployment {} has no container {}, but {}: set "
                    "workload.deployments.container",
                    pair.stable, pair.container, names.empty() ? "none" : names));
    return false;
  }

  void main_ingress(const std::string& name) {
    if (found_.ingresses.count(name) > 0) return;
    if (names_.workload.host.empty())
      return obstacle(
          fmt::format("the Ingress {} does not exist: create it, or give its host in "
                      "workload.deployments.host",
                      name));
    const std::string own_class = ingress_class(found_);
    const auto& classes = found_.ingress_classes;
    if (classes && std::none_of(classes->begin(), classes->end(),
                                [&](const Json& one) { return name_of(one) == own_class; }))
      plan_.notes.push_back(
          fmt::format("nobody serves {} yet: the cluster has no IngressClass {}; install the "
                      "controller of that class",
                      name, own_class));
    create(new_ingress(names_, name, found_),
           fmt::format("http://{}/ to {}", names_.workload.host, names_.stable_service));
  }

  // Only for a Deployment of our own: another's owner has decided on these already.
  void beside_new_stable() {
    const std::string& stable = names_.workload.stable;
    if (std::none_of(found_.autoscalers.begin(), found_.autoscalers.end(),
                     [&](const Json& one) { return targets(one, stable); }))
      create(new_autoscaler(names_),
             fmt::format("{} to {} pods of stable at {} % CPU", names_.workload.replicas,
                         names_.workload.replicas * growth, cpu_percent));
    Labels pods;
    for (const auto& [key, value] : track_labels(names_, Track::stable))
      pods.emplace(key, std::string_view(value.as_string()));
    if (std::none_of(found_.disruption_budgets.begin(), found_.disruption_budgets.end(),
                     [&](const Json& one) {
                       const Json* selector = find_at(one, {"spec", "selector"});
                       return selector != nullptr && selector_matches(*selector, pods);
                     }))
      create(new_disruption_budget(names_), "at most 1 pod of stable is drained at a time");
    if (!found_.has_service_monitors)
      plan_.notes.push_back("no ServiceMonitor: the cluster does not know the kind");
    else if (found_.service_monitor.is_null())
      create(new_service_monitor(names_), "/metrics of both Services");
  }

  const Names& names_;
  const std::string& version_;
  const Found& found_;
  InitPlan plan_;
};

}  // namespace

json::object own_labels(const Names& names) {
  return {{"app.kubernetes.io/managed-by", "linnet"},
          {"app.kubernetes.io/name", names.release},
          {"linnet.dev/release", names.release}};
}

Result<void> check_adopted_version(const Names& names, const std::string& asked,
                                   const Found& found) {
  const std::string runs = running_version(names.workload, found.stable);
  if (asked.empty() || runs.empty() || runs == asked) return {};
  if (number_at(found.stable, {"status", "readyReplicas"}, 0) == 0) return {};
  return fail(Code::invalid, "stable already runs {}; release another version with `deploy {}`",
              runs, asked);
}

InitPlan plan_init(const Names& names, const std::string& version, const Found& found) {
  return Planner(names, version, found).all();
}

std::vector<recipes::Write> plan_removal(const Names& names, const Found& found) {
  std::vector<recipes::Write> writes;
  const auto remove = [&](const char* kind, const Json& object) {
    const Labels labels = labels_at(object, {"metadata", "labels"});
    const auto is = [&](const char* key, const std::string& value) {
      const auto label = labels.find(key);
      return label != labels.end() && label->second == value;
    };
    if (is("app.kubernetes.io/managed-by", "linnet") && is("linnet.dev/release", names.release))
      writes.push_back({recipes::Write::Kind::remove,
                        object_name(kind, names.name_space, name_of(object)), Json()});
  };
  remove("Deployment", found.canary);
  remove("Service", found.canary_service);
  return writes;
}

std::vector<std::string> plan_lines(const InitPlan& plan) {
  std::vector<std::string> lines;
  for (const PlannedWrite& one : plan.writes) lines.push_back(one.text);
  for (const std::string& obstacle : plan.obstacles) lines.push_back("cannot begin: " + obstacle);
  for (const std::string& note : plan.notes) lines.push_back("note: " + note);
  return lines;
}

}  // namespace linnet::kubernetes
