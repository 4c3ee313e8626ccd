// The workload of a cluster as the contract of all workloads asks for it: two Deployments in an API
// server in memory and a controller beside them. The contract's tests come along: in one file of a
// program only.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <memory>
#include <string>

#include "contract/workload_contract.h"
#include "kubernetes/deployments_workload.h"
#include "kubernetes/kubernetes_testing.h"
#include "kubernetes/objects.h"
#include "kubernetes/web_test_support.h"

namespace linnet::kubernetes {

/// What kube-controller-manager and a kubelet make of one Deployment with maxSurge 1 and
/// maxUnavailable 0, one action at a time. The first pods come with the first image that is set.
class DeploymentActor {
 public:
  DeploymentActor(ApiImposter& api, std::string name, int replicas)
      : api_(api), name_(std::move(name)) {
    api_.put(deployments,
             boost::json::parse(fmt::format(
                 R"({{"metadata":{{"name":"{0}","generation":1}},"spec":{{"replicas":{1},
                     "selector":{{"matchLabels":{{"app":"{0}"}}}},"template":{{"spec":{{
                       "containers":[{{"name":"web","image":"shop/web:none"}}]}}}}}}}})",
                 name_, replicas)));
  }

  [[nodiscard]] int count() const { return static_cast<int>(pods_.size()); }
  [[nodiscard]] int ready(const std::string& version = "") const {
    return static_cast<int>(std::count_if(pods_.begin(), pods_.end(), [&](const auto& entry) {
      return entry.second.ready && (version.empty() || entry.second.version == version);
    }));
  }

  void act() {
    const Json& deployment = *api_.find(deployments, name_);
    const std::string version = running_version(web().workload, deployment);
    if (version == "none") return;
    const auto wanted = static_cast<int>(number_at(deployment, {"spec", "replicas"}, 1));
    if (start_one_that_is_not_ready()) return;
    const int current = of(version);
    if (current < wanted && count() <= wanted)
      put(fmt::format("{}-{}", name_, ++made_), {version, false});
    else if (current > wanted)
      end_one([&](const Pod& pod) { return pod.version == version; });
    else if (count() > current && (ready(version) == wanted || count() > wanted))
      end_one([&](const Pod& pod) { return pod.version != version; });
  }

 private:
  struct Pod {
    std::string version;
    bool ready = false;
  };

  [[nodiscard]] int of(const std::string& version) const {
    return static_cast<int>(std::count_if(pods_.begin(), pods_.end(), [&](const auto& entry) {
      return entry.second.version == version;
    }));
  }
  bool start_one_that_is_not_ready() {
    for (auto& [name, pod] : pods_)
      if (!pod.ready && pod.version != "broken") {
        put(name, {pod.version, true});
        return true;
      }
    return false;
  }
  template <class Which>
  void end_one(Which which) {
    const auto found = std::find_if(pods_.begin(), pods_.end(),
                                    [&](const auto& entry) { return which(entry.second); });
    if (found == pods_.end()) return;
    const std::string name = found->first;
    pods_.erase(found);
    put_slice();
    api_.erase(pods, name);
  }
  void put(const std::string& name, const Pod& pod) {
    pods_[name] = pod;
    const char* state =
        pod.version == "broken" ? R"("waiting":{"reason":"CrashLoopBackOff"})" : R"("running":{})";
    api_.put(pods, boost::json::parse(fmt::format(
                       R"({{"metadata":{{"name":"{}","labels":{{"app":"{}"}}}},
          "spec":{{"containers":[{{"name":"web","image":"shop/web:{}"}}]}},
          "status":{{"phase":"Running","conditions":[{{"type":"Ready","status":"{}"}}],
            "containerStatuses":[{{"name":"web","ready":{},"state":{{{}}}}}]}}}})",
                       name, name_, pod.version, pod.ready ? "True" : "False", pod.ready, state)));
    put_slice();
  }
  void put_slice() {
    std::string endpoints;
    for (const auto& [name, pod] : pods_)
      endpoints += fmt::format(
          R"({}{{"conditions":{{"ready":{}}},"targetRef":{{"kind":"Pod","name":"{}"}}}})",
          endpoints.empty() ? "" : ",", pod.ready, name);
    api_.put(slices,
             boost::json::parse(fmt::format(
                 R"({{"metadata":{{"name":"{0}-1","labels":{{"kubernetes.io/service-name":"{0}"}}}},
                     "endpoints":[{1}]}})",
                 name_, endpoints)));
  }

  ApiImposter& api_;
  std::string name_;
  std::map<std::string, Pod> pods_;
  int made_ = 0;
};

class DeploymentsUnderTest : public contract::PlatformUnderTest {
 public:
  DeploymentsUnderTest() {
    tasks_.spawn("workload", workload_.run());
    contract::until(context, [this] { return agrees(); });
  }
  ~DeploymentsUnderTest() override {
    tasks_.cancel();
    contract::until(context, [this] { return tasks_.running() == 0; });
  }
  Workload& workload() override { return workload_; }
  Deadline soon() override { return clock_.now().mono + 20s; }
  /// An action at a time, and the next one when it was seen: what the workload makes of watches
  /// that overtake each other is not this suite's matter.
  void wait_a_little() override {
    context.restart();
    context.run_for(std::chrono::milliseconds(10));
    if (!agrees()) return;
    stable_.act();
    canary_.act();
  }

  void owner_scales_stable(int replicas) override {
    Json deployment = *api_.find(deployments, "web");
    deployment.at("spec").as_object()["replicas"] = replicas;
    api_.put(deployments, deployment);
  }
  void owner_gives_stable(const std::string& version) override {
    Json deployment = *api_.find(deployments, "web");
    Json& container = deployment.at("spec").at("template").at("spec").at("containers").at(0);
    container.as_object()["image"] = "shop/web:" + version;
    api_.put(deployments, deployment);
  }

  // What a layer around the workload needs besides.
  Clock& clock() { return clock_; }
  Client& client() { return client_; }

 private:
  bool agrees() {
    const auto seen = contract::run(context, workload_.observe(soon()));
    return seen && agrees(seen->stable, stable_) && agrees(seen->canary, canary_);
  }
  static bool agrees(const core::TrackSeen& seen, const DeploymentActor& actor) {
    return seen.count() == actor.count() && seen.ready() == actor.ready();
  }

  runtime::SystemClock clock_;
  ApiImposter api_{context};
  DeploymentActor stable_{api_, "web", 2};
  DeploymentActor canary_{api_, "web-canary", 0};
  std::unique_ptr<net::Curl> curl_ = std::move(*net::Curl::load(context.get_executor()));
  Client client_{*curl_, clock_, api_.config()};
  DeploymentsWorkload workload_{context.get_executor(), client_, clock_, web(), [] {}};
  runtime::TaskGroup tasks_{context.get_executor()};
};

}  // namespace linnet::kubernetes
