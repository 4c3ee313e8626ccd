// Reasons and messages as kubelet and containerd write them (kubernetes
// pkg/kubelet/images/types.go, kuberuntime/kuberuntime_container.go).
#include "kubernetes/pod_trouble.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "kubernetes/objects.h"

namespace linnet::kubernetes {
namespace {

constexpr std::int64_t deaths_of_a_loop = 3;
constexpr Duration registry_patience = 40s;  // the kubelet has tried three times by then
constexpr std::size_t most_text = 300;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

template <std::size_t N>
bool has_any(std::string_view text, const std::array<std::string_view, N>& parts) {
  return std::any_of(parts.begin(), parts.end(), [&](auto part) { return has(text, part); });
}

std::string tail(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return shortened(std::move(text), most_text);
}

struct PullProblem {
  std::string cause;
  bool passes = false;  // a registry that is out of reach or lags behind may come back
};

PullProblem pull_problem(const std::string& reason, const std::string& message) {
  constexpr std::array<std::string_view, 3> absent{"not found", "manifest unknown", "NotFound"};
  constexpr std::array<std::string_view, 6> refused{"denied",
                                                    "nauthorized",
                                                    "403 Forbidden",
                                                    "authorization failed",
                                                    "authentication required",
                                                    "no basic auth"};
  if (reason == "InvalidImageName") return {"it is no valid name of an image"};
  if (reason == "ErrImageNeverPull") return {"it is not on the node, and imagePullPolicy is Never"};
  if (has_any(message, refused))
    return {"the registry refuses it, or has no such repository (imagePullSecrets?)"};
  if (has_any(message, absent) && !has(message, "no such host"))
    return {"the registry has no such image or tag", true};
  if (const std::size_t at = message.find("dial tcp");
      at != std::string::npos && !has(message, "no such host"))
    return {"the registry cannot be reached: " + tail(message.substr(at)), true};
  if (has(message, "toomanyrequests") || has(message, "429"))
    return {"the registry limits the rate of pulls", true};
  if (has(message, "no such host")) return {"the registry's name cannot be resolved", true};
  if (has(message, "x509")) return {"the registry's certificate is not trusted", true};
  if (message.empty()) return {"the kubelet tries again with growing pauses", true};
  return {tail(message), true};
}

bool is_pull_reason(std::string_view reason) {
  constexpr std::array<std::string_view, 7> reasons{
      "ErrImagePull",      "ImagePullBackOff",    "InvalidImageName",         "ErrImageNeverPull",
      "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"};
  return std::find(reasons.begin(), reasons.end(), reason) != reasons.end();
}

PodTrouble waiting_trouble(const Json& status, const Json* container, Duration lacking) {
  const std::string reason = text_at(status, {"state", "waiting", "reason"});
  const std::string message = text_at(status, {"state", "waiting", "message"});
  if (is_pull_reason(reason)) {
    std::string image = container == nullptr ? "" : text_at(*container, {"image"});
    if (image.empty()) image = text_at(status, {"image"});
    const PullProblem problem = pull_problem(reason, message);
    return {fmt::format("the image {} cannot be pulled: {}", image, problem.cause),
            !problem.passes || lacking >= registry_patience};
  }
  if (reason == "CreateContainerConfigError")
    return {fmt::format("cannot be created: {}", tail(message)), false};
  if (reason == "CrashLoopBackOff") {
    std::string ending = ending_text(status, container);
    if (ending.empty()) ending = "dies again and again";
    return {ending, endings(status) >= deaths_of_a_loop};
  }
  if (reason.empty() || reason == "ContainerCreating" || reason == "PodInitializing") return {};
  return {
      fmt::format("cannot be started: {}{}{}", reason, message.empty() ? "" : ": ", tail(message)),
      false};
}

std::string not_ready_text(const Json& status, const Json* container) {
  const bool restarted = number_at(status, {"restartCount"}, 0) > 0;
  std::string out = restarted ? ending_text(status, container) : "";
  if (container == nullptr) return out;
  const std::string startup = probe_text(*container, "startupProbe");
  const std::string readiness = probe_text(*container, "readinessProbe");
  const std::string* probe = &readiness;
  std::string_view kind = "readiness";
  if (!startup.empty() && !is_true_at(status, {"started"})) {
    probe = &startup;
    kind = "startup";
  }
  if (!probe->empty())
    out += fmt::format("{}its {} probe ({}) does not pass", out.empty() ? "" : "; ", kind, *probe);
  return out;
}

/// `ends`: it is an init container that shall end well before the others begin.
PodTrouble container_trouble(const Json& status, const Json* container, bool ends,
                             Duration lacking) {
  if (find_at(status, {"state", "waiting"}) != nullptr)
    return waiting_trouble(status, container, lacking);
  if (find_at(status, {"state", "terminated"}) != nullptr) {
    const bool done = ends && number_at(status, {"state", "terminated", "exitCode"}, 0) == 0;
    if (done) return {};
    return {ending_text(status, container), false};
  }
  if (ends || find_at(status, {"state", "running"}) == nullptr) return {};
  if (is_true_at(status, {"ready"})) return {};
  return {not_ready_text(status, container), false};
}

PodTrouble first_of(const Json& pod, std::string_view statuses, std::string_view containers,
                    const std::string& main, Duration lacking) {
  PodTrouble first;
  const bool is_init = statuses == "initContainerStatuses";
  for (const Json& status : list_at(pod, {"status", statuses})) {
    const std::string name = text_at(status, {"name"});
    const Json* container = named(list_at(pod, {"spec", containers}), name);
    // One that is always started again is a sidecar: the others wait until it is started.
    const bool is_sidecar =
        is_init && container != nullptr && text_at(*container, {"restartPolicy"}) == "Always";
    PodTrouble trouble = container_trouble(status, container, is_init && !is_sidecar, lacking);
    if (trouble.text.empty()) continue;
    const bool is_main = name == main && !is_init;
    if (!is_main)
      trouble.text = fmt::format("{}container {}: {}", is_init ? "init " : "", name, trouble.text);
    if (first.text.empty() || is_main || (trouble.hopeless && !first.hopeless)) {
      const bool hopeless = first.hopeless || trouble.hopeless;
      first = std::move(trouble);
      first.hopeless = hopeless;
    }
    if (is_main) return first;
  }
  return first;
}

PodTrouble scheduling_trouble(const Json& pod) {
  const Json* scheduled = condition_of(pod, "PodScheduled");
  if (scheduled == nullptr || text_at(*scheduled, {"status"}) != "False") return {};
  if (text_at(*scheduled, {"reason"}) == "SchedulingGated")
    return {"it waits for its scheduling gates", false};
  return {fmt::format("cannot be scheduled: {}", tail(text_at(*scheduled, {"message"}))), false};
}

std::string gate_text(const Json& pod) {
  for (const Json& gate : list_at(pod, {"spec", "readinessGates"})) {
    const std::string type = text_at(gate, {"conditionType"});
    const Json* condition = condition_of(pod, type);
    if (condition == nullptr || text_at(*condition, {"status"}) != "True")
      return fmt::format("it waits for its readiness gate {}", type);
  }
  return {};
}

std::string one_ending(const Json& ended, const Json* container) {
  const std::string reason = text_at(ended, {"reason"});
  const std::int64_t status = number_at(ended, {"exitCode"}, 0);
  if (reason == "OOMKilled") {
    const std::string limit =
        container == nullptr ? "" : text_at(*container, {"resources", "limits", "memory"});
    return fmt::format("killed for lack of memory{}",
                       limit.empty() ? "" : fmt::format(" (limit {})", limit));
  }
  std::string message = text_at(ended, {"message"});
  if (reason == "StartError" || reason == "ContainerCannotRun") {
    // Of all that the runtime says, what it wanted to execute.
    if (const std::size_t at = message.find("exec: "); at != std::string::npos)
      message = message.substr(at);
    return fmt::format("cannot be started: {}", message.empty() ? reason : tail(message));
  }
  message = tail(message);
  const bool probed = container != nullptr && find_at(*container, {"livenessProbe"}) != nullptr;
  const bool killed = status == 137 || status == 143;
  std::string out = killed ? fmt::format("killed by signal {}", status - 128)
                           : fmt::format("exited with status {}", status);
  // A service that ends itself in order when asked to: the kubelet asks when it fails this probe.
  if (probed && (killed || status == 0))
    out += fmt::format(", perhaps since its liveness probe ({}) failed",
                       probe_text(*container, "livenessProbe"));
  if (!message.empty()) out += fmt::format(" ({})", shortened(message, 120));
  return out;
}

}  // namespace

std::int64_t endings(const Json& status) {
  const auto restarts =
      std::clamp<std::int64_t>(number_at(status, {"restartCount"}, 0), 0, 1'000'000);
  const bool down = find_at(status, {"state", "running"}) == nullptr &&
                    (find_at(status, {"state", "terminated"}) != nullptr ||
                     find_at(status, {"lastState", "terminated"}) != nullptr);
  return restarts + (down ? 1 : 0);
}

std::string ending_text(const Json& status, const Json* container) {
  const Json* ended = find_at(status, {"state", "terminated"});
  if (ended == nullptr) ended = find_at(status, {"lastState", "terminated"});
  if (ended == nullptr) return {};
  const std::int64_t times = endings(status);
  return fmt::format("{}{}", one_ending(*ended, container),
                     times > 1 ? fmt::format(", {} times", times) : "");
}

std::string probe_text(const Json& container, std::string_view kind) {
  const Json* probe = find_at(container, {kind});
  if (probe == nullptr) return {};
  const auto port_text = [&](std::string_view what) {
    const std::string name = text_at(*probe, {what, "port"});
    return name.empty() ? std::to_string(number_at(*probe, {what, "port"}, 0)) : name;
  };
  if (find_at(*probe, {"httpGet"}) != nullptr)
    return fmt::format("GET :{}{}", port_text("httpGet"), text_at(*probe, {"httpGet", "path"}));
  if (find_at(*probe, {"tcpSocket"}) != nullptr)
    return fmt::format("TCP :{}", port_text("tcpSocket"));
  if (find_at(*probe, {"grpc"}) != nullptr) return fmt::format("gRPC :{}", port_text("grpc"));
  return "a command";
}

bool lacks_image(const Json& pod) {
  for (const std::string_view statuses : {"initContainerStatuses", "containerStatuses"})
    for (const Json& status : list_at(pod, {"status", statuses}))
      if (is_pull_reason(text_at(status, {"state", "waiting", "reason"}))) return true;
  return false;
}

PodTrouble trouble_of(const Json& pod, const std::string& container, Duration lacking) {
  if (PodTrouble trouble = scheduling_trouble(pod); !trouble.text.empty()) return trouble;
  PodTrouble init = first_of(pod, "initContainerStatuses", "initContainers", container, lacking);
  if (!init.text.empty()) return init;
  PodTrouble main = first_of(pod, "containerStatuses", "containers", container, lacking);
  if (!main.text.empty()) return main;
  const Json* ready = condition_of(pod, "ContainersReady");
  if (ready != nullptr && text_at(*ready, {"status"}) == "True") return {gate_text(pod), false};
  return {};
}

}  // namespace linnet::kubernetes
