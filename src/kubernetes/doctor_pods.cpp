// What `doctor` says about Deployments, their pods and who else has a hand on them.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <set>

#include "kubernetes/canary_clone.h"
#include "kubernetes/cluster_doctor.h"
#include "kubernetes/instances.h"
#include "kubernetes/objects.h"

namespace linnet::kubernetes {
namespace {

using core::Track;

constexpr std::int64_t usual_grace_s = 30;

struct Remedy {
  std::string_view part, helps;
};

// By what pod_trouble.cpp and instances.cpp say; the first that fits.
constexpr std::array<Remedy, 13> remedies{{
    {"cannot be pulled", "push the image, or correct workload.deployments.image or the version"},
    {"cannot be scheduled", "make room in the cluster, or lower the pod's requests"},
    {"exceeded quota", "raise the ResourceQuota, or lower requests or replicas"},
    {"cannot create pods", "see `kubectl describe deployment`: an admission rule refuses the pods"},
    {"cannot be created", "create the Secret or ConfigMap that is named, or correct its name"},
    {"lack of memory", "raise resources.limits.memory of the container"},
    {"should have stopped",
     "see whether its node is there (`kubectl get nodes`), and who takes its "
     "finalizers away; `kubectl delete pod --force` lets it go"},
    {"among the endpoints", "compare the Service's selector with the pods' labels"},
    {"readiness gate", "see who sets that condition (a load balancer's controller, usually)"},
    {"is paused", "kubectl rollout resume"},
    {"does not exist", "linnet init"},
    {"probe (", "does the service answer the probe at that port and path? `linnet logs`"},
    {"", "read what it printed: `linnet logs`"},
}};

std::string remedy_for(const std::string& trouble) {
  for (const Remedy& one : remedies)
    if (trouble.find(one.part) != std::string::npos) return std::string(one.helps);
  return {};
}

std::string troubles_of(const core::TrackSeen& track) {
  std::string out = track.trouble;
  std::set<std::string> told;
  for (const core::Instance& instance : track.instances) {
    if (instance.trouble.empty() || !told.insert(instance.trouble).second) continue;
    out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", instance.id, instance.trouble);
  }
  return out;
}

const Json& deployment_of(const Found& found, Track track) {
  return track == Track::stable ? found.stable : found.canary;
}

const std::string& name_of_track(const Names& names, Track track) {
  return track == Track::stable ? names.workload.stable : names.workload.canary;
}

const Json* container_of(const Names& names, const Json& deployment) {
  return named(list_at(deployment, {"spec", "template", "spec", "containers"}),
               names.workload.container);
}

void add_reference(const Json& from, std::string_view key, std::string_view name_key,
                   std::vector<std::string>& to) {
  const Json* reference = find_at(from, {key});
  if (reference == nullptr || is_true_at(*reference, {"optional"})) return;
  const std::string name = text_at(*reference, {name_key});
  if (!name.empty() && std::find(to.begin(), to.end(), name) == to.end()) to.push_back(name);
}

void add_container(const Json& container, References& to) {
  for (const Json& one : list_at(container, {"envFrom"})) {
    add_reference(one, "secretRef", "name", to.secrets);
    add_reference(one, "configMapRef", "name", to.config_maps);
  }
  for (const Json& one : list_at(container, {"env"})) {
    const Json* from = find_at(one, {"valueFrom"});
    if (from == nullptr) continue;
    add_reference(*from, "secretKeyRef", "name", to.secrets);
    add_reference(*from, "configMapKeyRef", "name", to.config_maps);
  }
}

void sort_absent(const Existence& seen, const std::vector<std::string>& wanted,
                 const std::string& kind, std::vector<std::string>& absent, int& unknown) {
  for (const std::string& name : wanted) {
    const auto found = seen.find(name);
    if (found == seen.end() || !found->second)
      ++unknown;
    else if (!*found->second)
      absent.push_back(kind + " " + name);
  }
}

std::string joined(const std::vector<std::string>& all, std::string_view between) {
  std::string out;
  for (const std::string& one : all) out += fmt::format("{}{}", out.empty() ? "" : between, one);
  return out;
}

// Where two pod templates differ, the named container's image and the labels left out.
void differences(const Json& a, const Json& b, const std::string& path,
                 std::vector<std::string>& out) {
  if (a == b || out.size() >= 5) return;
  if (a.is_object() && b.is_object()) {
    for (const auto& [key, value] : a.get_object()) {
      const Json* other = b.get_object().if_contains(key);
      const std::string name = path.empty() ? std::string(key) : path + "." + std::string(key);
      if (other == nullptr)
        out.push_back(name);
      else
        differences(value, *other, name, out);
    }
    for (const auto& [key, value] : b.get_object())
      if (a.get_object().if_contains(key) == nullptr)
        out.push_back(path.empty() ? std::string(key) : path + "." + std::string(key));
    return;
  }
  if (a.is_array() && b.is_array() && a.get_array().size() == b.get_array().size()) {
    for (std::size_t i = 0; i < a.get_array().size(); ++i)
      differences(a.get_array()[i], b.get_array()[i], fmt::format("{}[{}]", path, i), out);
    return;
  }
  out.push_back(path);
}

Json template_without_image(const Names& names, const Json& deployment) {
  const Json* found = find_at(deployment, {"spec", "template", "spec"});
  if (found == nullptr) return nullptr;
  Json copy = *found;
  if (boost::json::value* list =
          copy.is_object() ? copy.get_object().if_contains("containers") : nullptr;
      list != nullptr && list->is_array())
    for (Json& one : list->get_array())
      if (text_at(one, {"name"}) == names.workload.container) one.get_object().erase("image");
  return copy;
}

// The controller looks up stable's endpoints before it asks for a canary (balancer.lua). Others
// that read its annotations do not.
std::string without_endpoints(const Names& names) {
  if (names.router != "ingress-nginx") return {};
  return "; behind the ingress-nginx controller that is an outage: it answers 503 while stable has "
         "no endpoint, even with all weight on the canary, and only a rolling update avoids it";
}

}  // namespace

Finding pods_finding(const Names& names, Track track, const ClusterView& view) {
  const bool stable = track == Track::stable;
  Finding finding{stable ? "stable pods are ready" : "canary pods start", true, "", ""};
  if (!view.seen)
    return {finding.check, false, view.seen.error().message,
            "is the API server reachable, and may linnet list pods? see the finding on rights"};
  const core::TrackSeen& seen = view.seen->of(track);
  const std::string troubles = troubles_of(seen);
  finding.cause = fmt::format("{} of {} pods of {} ready", seen.ready(), seen.wanted.value_or(0),
                              name_of_track(names, track));
  if (!troubles.empty()) finding.cause += "; " + troubles;
  finding.ok =
      troubles.empty() && seen.ready() >= seen.wanted.value_or(0) && (!stable || seen.ready() > 0);
  if (finding.ok) return finding;
  if (stable && seen.wanted == 0)
    finding.remedy =
        "stable has no pods: even a canary at 100 % gets nothing from ingress-nginx "
        "then; scale it up";
  else
    finding.remedy = remedy_for(troubles);
  return finding;
}

Finding apart_finding(const Names& names, const Found& found) {
  Finding finding{"the tracks are apart", true, "no Service or Deployment selects pods of both",
                  ""};
  const std::vector<std::string> all =
      overlaps(names, found.stable, found.canary, found.stable_service, found.canary_service);
  if (all.empty()) return finding;
  return {finding.check, false, joined(all, "; "),
          "let each selector name a label that only its own pods have (`version`, usually), or "
          "delete the canary's Deployment: `linnet init` makes one with labels of its own"};
}

Finding ports_finding(const Names& names, const Found& found) {
  Finding finding{"Services know their pods' ports", true, "", ""};
  std::vector<std::string> wrong, hints;
  for (const Track track : {Track::stable, Track::canary}) {
    const Json& service = track == Track::stable ? found.stable_service : found.canary_service;
    const Json& deployment = deployment_of(found, track);
    if (service.is_null() || deployment.is_null()) continue;
    const auto is_declared = [&](const Json& target) {
      const std::string_view key = target.is_string() ? "name" : "containerPort";
      for (const char* list : {"containers", "initContainers"})
        for (const Json& container : list_at(deployment, {"spec", "template", "spec", list}))
          for (const Json& port : list_at(container, {"ports"}))
            if (const Json* own = find_at(port, {key}); own != nullptr && *own == target)
              return true;
      return false;
    };
    for (const Json& port : list_at(service, {"spec", "ports"})) {
      const Json* target = find_at(port, {"targetPort"});
      if (target == nullptr || is_declared(*target)) continue;
      const std::string text = target->is_string()
                                   ? fmt::format("named {}", text_at(port, {"targetPort"}))
                                   : fmt::format("{}", number_at(port, {"targetPort"}, 0));
      (target->is_string() ? wrong : hints)
          .push_back(fmt::format("the Service {} sends to the port {}, which no container of {} "
                                 "declares",
                                 name_of(service), text, name_of_track(names, track)));
    }
  }
  // A number needs no declaration.
  finding.cause = hints.empty() ? "each targetPort is a container's"
                                : joined(hints, "; ") + ": right if one listens there all the same";
  if (wrong.empty()) return finding;
  return {finding.check, false, joined(wrong, "; ") + ": it gets no request",
          "correct targetPort of the Service, or name the container's port so"};
}

Finding drain_finding(const Names& names, Track track, const Found& found) {
  const std::string& name = name_of_track(names, track);
  Finding finding{fmt::format("{} pods drain", core::track_name(track)), true, "", ""};
  const Json& deployment = deployment_of(found, track);
  if (deployment.is_null()) return {finding.check, false, name + " does not exist", "linnet init"};
  const Json* container = container_of(names, deployment);
  const Json* hook = container == nullptr ? nullptr : find_at(*container, {"lifecycle", "preStop"});
  const std::int64_t grace = number_at(
      deployment, {"spec", "template", "spec", "terminationGracePeriodSeconds"}, usual_grace_s);
  const std::int64_t pause = hook == nullptr ? 0 : number_at(*hook, {"sleep", "seconds"}, 0);
  finding.cause = fmt::format("{}: {}, {} s to end", name,
                              hook == nullptr ? "no preStop hook"
                              : pause > 0     ? fmt::format("preStop sleeps {} s", pause)
                                              : "a preStop hook",
                              grace);
  finding.ok = hook != nullptr && grace > pause;
  if (!finding.ok)
    finding.remedy =
        hook == nullptr
            ? "when a pod ends, data planes go on sending to it for a moment: add "
              "lifecycle.preStop "
              "{ sleep: { seconds: 5 } }, unless the service goes on answering after SIGTERM"
            : "terminationGracePeriodSeconds must be longer than the sleep";
  return finding;
}

Finding strategy_finding(const Names& names, const Found& found) {
  Finding finding{"stable is replaced without a gap", true, "", ""};
  if (found.stable.is_null())
    return {finding.check, false, names.workload.stable + " does not exist", "linnet init"};
  const std::string type = text_at(found.stable, {"spec", "strategy", "type"});
  if (type == "Recreate") {
    finding.ok = false;
    finding.cause = "its strategy is Recreate: a promotion stops all pods before new ones start" +
                    without_endpoints(names);
    finding.remedy = "strategy: { type: RollingUpdate, rollingUpdate: { maxUnavailable: 0 } }";
    return finding;
  }
  const std::int64_t replicas = number_at(found.stable, {"spec", "replicas"}, 1);
  const std::int64_t down = most_missing(found.stable);
  finding.cause =
      fmt::format("RollingUpdate; {} of {} pods may be missing meanwhile", down, replicas);
  finding.ok = down == 0;
  if (!finding.ok && down >= replicas) finding.cause += without_endpoints(names);
  if (!finding.ok)
    finding.remedy =
        "set strategy.rollingUpdate.maxUnavailable to 0: a promotion then never has fewer pods";
  return finding;
}

Finding autoscaler_finding(const Names& names, const Found& found) {
  Finding finding{"sizes have one owner", true, "no autoscaler; stable keeps the size it has", ""};
  for (const Json& one : found.autoscalers) {
    if (text_at(one, {"spec", "scaleTargetRef", "kind"}) != "Deployment") continue;
    const std::string target = text_at(one, {"spec", "scaleTargetRef", "name"});
    if (target == names.workload.canary)
      return {finding.check, false,
              fmt::format("the autoscaler {} scales the canary, whose size follows its weight",
                          name_of(one)),
              fmt::format("kubectl delete hpa -n {} {}", names.name_space, name_of(one))};
    if (target != names.workload.stable) continue;
    finding.cause = fmt::format("{} scales stable between {} and {}; linnet leaves its size alone",
                                name_of(one), number_at(one, {"spec", "minReplicas"}, 1),
                                number_at(one, {"spec", "maxReplicas"}, 1));
  }
  return finding;
}

Finding budget_finding(const Names& names, const Found& found) {
  Finding finding{"stable survives a drained node", true, "", ""};
  const Labels pods = labels_at(found.stable, {"spec", "template", "metadata", "labels"});
  for (const Json& one : found.disruption_budgets) {
    const Json* selector = find_at(one, {"spec", "selector"});
    if (selector == nullptr || !selector_matches(*selector, pods)) continue;
    finding.cause = fmt::format("PodDisruptionBudget {}", name_of(one));
    const bool none = number_at(one, {"status", "disruptionsAllowed"}, 1) == 0 &&
                      number_at(one, {"status", "expectedPods"}, 0) ==
                          number_at(one, {"status", "currentHealthy"}, 0) &&
                      number_at(one, {"status", "expectedPods"}, 0) > 0;
    if (!none) return finding;
    return {finding.check, false, finding.cause + " allows no disruption at all",
            "nodes cannot be drained: allow one pod (maxUnavailable: 1)"};
  }
  finding.cause = fmt::format("no PodDisruptionBudget for {}: advice only", names.workload.stable);
  return finding;
}

References references_of(const Json& deployment) {
  References all;
  const Json* pod = find_at(deployment, {"spec", "template", "spec"});
  if (pod == nullptr) return all;
  for (const char* key : {"containers", "initContainers"})
    for (const Json& container : list_at(*pod, {key})) add_container(container, all);
  for (const Json& volume : list_at(*pod, {"volumes"})) {
    add_reference(volume, "secret", "secretName", all.secrets);
    add_reference(volume, "configMap", "name", all.config_maps);
    for (const Json& source : list_at(volume, {"projected", "sources"})) {
      add_reference(source, "secret", "name", all.secrets);
      add_reference(source, "configMap", "name", all.config_maps);
    }
  }
  return all;
}

Finding references_finding(const Names&, const ClusterView& view) {
  Finding finding{"Secrets and ConfigMaps are there", true, "", ""};
  std::vector<std::string> absent;
  int unknown = 0;
  std::size_t named_there = 0;
  for (const Json* deployment : {&view.found.stable, &view.found.canary}) {
    const References all = references_of(*deployment);
    named_there = std::max(named_there, all.secrets.size() + all.config_maps.size());
    std::vector<std::string> more;
    int not_known = 0;
    sort_absent(view.secrets, all.secrets, "Secret", more, not_known);
    sort_absent(view.config_maps, all.config_maps, "ConfigMap", more, not_known);
    unknown = std::max(unknown, not_known);
    for (std::string& one : more)
      if (std::find(absent.begin(), absent.end(), one) == absent.end())
        absent.push_back(std::move(one));
  }
  finding.cause = fmt::format("{} named by the pods", named_there);
  if (unknown > 0) finding.cause += fmt::format(", {} of them may not be read by linnet", unknown);
  if (absent.empty()) return finding;
  return {finding.check, false, joined(absent, ", ") + " does not exist, and pods need it",
          "create it in the release's namespace before a deploy"};
}

Finding rights_finding(const ClusterView& view) {
  Finding finding{"linnet has the rights it needs", true, "all that `linnet rbac` lists", ""};
  std::string needed, useful;
  for (const Right& right : view.missing) {
    std::string& to = right.optional ? useful : needed;
    to += fmt::format("{}{} ({})", to.empty() ? "" : "; ", right.text(), right.why);
  }
  if (needed.empty() && useful.empty()) return finding;
  finding.ok = needed.empty();
  finding.cause =
      needed.empty() ? "may not: " + useful + "; releases work without" : "may not: " + needed;
  if (!finding.ok) finding.remedy = "linnet rbac | kubectl apply -f -";
  return finding;
}

Finding monitor_finding(const Found& found) {
  return {"ServiceMonitor", true,
          found.has_service_monitors
              ? (found.service_monitor.is_null() ? "the kind exists; none of this release's name"
                                                 : "it exists")
              : "the cluster does not know the kind: Prometheus must find the pods another way",
          ""};
}

Finding drift_finding(const Names& names, const Found& found) {
  Finding finding{"the canary differs from stable by its version only", true, "", ""};
  if (found.stable.is_null() || found.canary.is_null()) {
    finding.cause = "one of the Deployments does not exist";
    return finding;
  }
  std::vector<std::string> where;
  differences(template_without_image(names, found.stable),
              template_without_image(names, found.canary), "", where);
  finding.cause = "the same pod template but for image and labels";
  if (where.empty()) return finding;
  finding.cause = "the pod templates differ at " + joined(where, ", ");
  const std::string owner = template_owner(found.canary);
  if (owner.empty()) {
    finding.cause += "; the canary takes over stable's when it starts next";
    return finding;
  }
  return {finding.check, false, fmt::format("{}; {}", finding.cause, owner),
          fmt::format("a promotion changes stable's image only: make both alike, or delete {} and "
                      "let `linnet init` clone it anew",
                      names.workload.canary)};
}

}  // namespace linnet::kubernetes
