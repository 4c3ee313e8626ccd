#include "kubernetes/instances.h"

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "kubernetes/images.h"
#include "kubernetes/names.h"
#include "kubernetes/objects.h"
#include "kubernetes/pod_trouble.h"
#include "wire/json.h"

namespace linnet::kubernetes {
namespace {

using core::Instance;
using State = Instance::State;

// Other Deployments' pods may carry the same labels: a ReplicaSet is named after its Deployment and
// the hash that its pods carry.
bool is_owned(const Json& pod, const std::string& deployment) {
  const std::string hash = text_at(pod, {"metadata", "labels", "pod-template-hash"});
  for (const Json& owner : list_at(pod, {"metadata", "ownerReferences"}))
    if (is_true_at(owner, {"controller"}))
      return text_at(owner, {"kind"}) == "ReplicaSet" &&
             (hash.empty() || text_at(owner, {"name"}) == deployment + "-" + hash);
  return true;
}

bool has_ended(const Json& pod) {
  const std::string phase = text_at(pod, {"status", "phase"});
  return phase == "Failed" || phase == "Succeeded";
}

bool is_condition_true(const Json& pod, std::string_view type) {
  const Json* condition = condition_of(pod, type);
  return condition != nullptr && text_at(*condition, {"status"}) == "True";
}

/// What the EndpointSlices call ready: pods' names, and addresses where no pod is named.
struct ReadyEndpoints {
  std::set<std::string> pods;
  std::set<std::string> addresses;

  explicit ReadyEndpoints(const std::vector<const Json*>& slices) {
    for (const Json* slice : slices)
      for (const Json& endpoint : list_at(*slice, {"endpoints"})) add(endpoint);
  }
  [[nodiscard]] bool has(const Json& pod) const {
    if (pods.count(name_of(pod)) > 0) return true;
    return addresses.count(text_at(pod, {"status", "podIP"})) > 0;
  }

 private:
  void add(const Json& endpoint) {
    // Not set means true (discovery.k8s.io/v1 EndpointConditions).
    const Json* ready = find_at(endpoint, {"conditions", "ready"});
    if (ready != nullptr && ready->is_bool() && !ready->get_bool()) return;
    if (is_true_at(endpoint, {"conditions", "terminating"})) return;
    if (text_at(endpoint, {"targetRef", "kind"}) == "Pod") {
      pods.insert(text_at(endpoint, {"targetRef", "name"}));
      return;
    }
    for (const Json& address : list_at(endpoint, {"addresses"}))
      if (address.is_string()) addresses.emplace(std::string_view(address.get_string()));
  }
};

// The Ready condition of a pod that never was ready is older than its container's present run.
bool was_ready(const Json& pod, const Json& status) {
  const Json* ready = condition_of(pod, "Ready");
  if (ready == nullptr) return false;
  const auto changed = wire::parse_wall_time(text_at(*ready, {"lastTransitionTime"}));
  const auto started = wire::parse_wall_time(text_at(status, {"state", "running", "startedAt"}));
  return changed && started && *changed > *started;
}

State state_of(const Json& pod, const Json* status) {
  if (find_at(pod, {"metadata", "deletionTimestamp"}) != nullptr) return State::stopping;
  if (is_condition_true(pod, "Ready")) return State::ready;
  if (status == nullptr) return State::starting;
  const bool ended = find_at(*status, {"state", "terminated"}) != nullptr ||
                     text_at(*status, {"state", "waiting", "reason"}) == "CrashLoopBackOff";
  if (ended) return State::backoff;
  return was_ready(pod, *status) ? State::unready : State::starting;
}

/// A number of pods or restarts, whatever the object says.
int bounded(std::int64_t number) {
  return static_cast<int>(std::clamp<std::int64_t>(number, 0, 1'000'000));
}

int restarts_of(const Json& pod) {
  std::int64_t sum = 0;
  for (const Json& status : list_at(pod, {"status", "containerStatuses"}))
    sum += bounded(number_at(status, {"restartCount"}, 0));
  return bounded(sum);
}

// Empty within its grace period: then nothing is wrong with it.
std::string overdue_text(const Json& pod, WallTime now) {
  const std::string until = text_at(pod, {"metadata", "deletionTimestamp"});
  const auto due = wire::parse_wall_time(until);
  if (!due || now <= *due) return {};
  std::string finalizers;
  for (const Json& one : list_at(pod, {"metadata", "finalizers"}))
    if (one.is_string())
      finalizers += (finalizers.empty() ? "" : ", ") + std::string(one.get_string());
  const std::string node = text_at(pod, {"spec", "nodeName"});
  return fmt::format("it should have stopped at {}{}{}", until,
                     node.empty() ? "" : ", on node " + shortened(node, 100),
                     finalizers.empty() ? "" : ", finalizers " + shortened(finalizers, 200));
}

// "25%" of `of`, or a plain number; a surge is rounded up, what may be missing down.
std::int64_t share_of(const Json* value, std::int64_t of, bool up) {
  const std::int64_t rest = up ? 99 : 0;
  if (value == nullptr) return (of * 25 + rest) / 100;
  if (value->is_int64()) return value->get_int64();
  if (!value->is_string()) return 0;
  std::int64_t percent = 0;
  for (const char c : std::string_view(value->get_string()))
    if (c >= '0' && c <= '9') percent = std::min<std::int64_t>(percent * 10 + (c - '0'), 1000);
  return (of * percent + rest) / 100;
}

}  // namespace

std::string container_names(const boost::json::array& containers) {
  std::string out;
  for (const Json& container : containers)
    out += (out.empty() ? "" : ", ") + text_at(container, {"name"});
  return out;
}

Instance instance_of(const core::DeploymentsWorkload& spec, const Json& pod, Duration lacking,
                     WallTime now) {
  Instance instance;
  instance.id = name_of(pod);
  instance.restarts = restarts_of(pod);
  const auto& containers = list_at(pod, {"spec", "containers"});
  const Json* container = named(containers, spec.container);
  const Json* status = named(list_at(pod, {"status", "containerStatuses"}), spec.container);
  instance.state = state_of(pod, status);
  if (container == nullptr) {
    instance.version = "unknown";
    instance.trouble = fmt::format("it has no container {}; it has {}", spec.container,
                                   container_names(containers));
    return instance;
  }
  instance.version = version_of(spec.image, text_at(*container, {"image"}));
  if (instance.state == State::stopping) instance.trouble = overdue_text(pod, now);
  if (instance.state == State::ready || instance.state == State::stopping) return instance;
  PodTrouble trouble = trouble_of(pod, spec.container, lacking);
  instance.trouble = std::move(trouble.text);
  instance.crash_loop = trouble.hopeless;
  return instance;
}

std::string deployment_trouble(const std::string& name, const Json* deployment) {
  if (deployment == nullptr)
    return fmt::format("the Deployment {} does not exist: `linnet init`", name);
  if (is_true_at(*deployment, {"spec", "paused"}))
    return fmt::format("the Deployment {} is paused: `kubectl rollout resume -n {} deployment/{}`",
                       name, text_at(*deployment, {"metadata", "namespace"}), name);
  const Json* failure = condition_of(*deployment, "ReplicaFailure");
  if (failure != nullptr && text_at(*failure, {"status"}) == "True")
    return fmt::format("the Deployment {} cannot create pods: {}", name,
                       shortened(text_at(*failure, {"message"}), 300));
  return {};
}

std::int64_t most_missing(const Json& deployment) {
  const std::int64_t replicas = number_at(deployment, {"spec", "replicas"}, 1);
  if (text_at(deployment, {"spec", "strategy", "type"}) == "Recreate") return replicas;
  const auto share = [&](std::string_view name, bool up) {
    return share_of(find_at(deployment, {"spec", "strategy", "rollingUpdate", name}), replicas, up);
  };
  const std::int64_t missing = share("maxUnavailable", false);
  // Without either nothing could go on: then Kubernetes takes one away.
  return missing == 0 && share("maxSurge", true) == 0 ? 1 : missing;
}

core::TrackSeen track_seen(const core::DeploymentsWorkload& spec, const TrackObjects& objects,
                           WallTime now) {
  core::TrackSeen seen;
  seen.trouble = deployment_trouble(objects.deployment_name, objects.deployment);
  if (objects.deployment != nullptr) {
    seen.wanted = bounded(number_at(*objects.deployment, {"spec", "replicas"}, 1));
    seen.wanted_version = running_version(spec, *objects.deployment);
    seen.observed = number_at(*objects.deployment, {"status", "observedGeneration"}, 0) >=
                    number_at(*objects.deployment, {"metadata", "generation"}, 0);
    seen.replaced_at_once = most_missing(*objects.deployment) >= *seen.wanted;
  }
  const ReadyEndpoints endpoints(objects.slices);
  for (const Json* pod : objects.pods) {
    if (!is_owned(*pod, objects.deployment_name) || has_ended(*pod)) continue;
    const auto lacking = objects.lacking.find(name_of(*pod));
    Instance instance =
        instance_of(spec, *pod, lacking == objects.lacking.end() ? 0ms : lacking->second, now);
    if (instance.state == State::ready && !objects.service.empty() && !endpoints.has(*pod)) {
      instance.state = State::starting;
      instance.trouble =
          fmt::format("it is ready, but not among the endpoints of Service {}", objects.service);
    }
    // Asked to stop, and requests may still be sent to it.
    if (instance.state == State::stopping && endpoints.has(*pod)) instance.state = State::unready;
    seen.instances.push_back(std::move(instance));
  }
  std::sort(seen.instances.begin(), seen.instances.end(),
            [](const Instance& a, const Instance& b) { return a.id < b.id; });
  const Json* progress =
      objects.deployment == nullptr ? nullptr : condition_of(*objects.deployment, "Progressing");
  const bool stuck =
      progress != nullptr && text_at(*progress, {"reason"}) == "ProgressDeadlineExceeded";
  const bool told = std::any_of(seen.instances.begin(), seen.instances.end(),
                                [](const Instance& i) { return !i.trouble.empty(); });
  if (stuck && !told && seen.trouble.empty())
    seen.trouble =
        fmt::format("the Deployment {} made no progress within its {} s", objects.deployment_name,
                    number_at(*objects.deployment, {"spec", "progressDeadlineSeconds"}, 600));
  return seen;
}

}  // namespace linnet::kubernetes
