// What the tests of a cluster's router share: objects that carry weights, and a router that watches
// them in an API server in memory.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kubernetes/kubernetes_testing.h"
#include "kubernetes/recipe_router.h"
#include "recipes/library.h"

namespace linnet::kubernetes {

inline const Resource ingresses{"networking.k8s.io/v1", "ingresses", "shop"};
inline const Resource routes{"gateway.networking.k8s.io/v1", "httproutes", "shop"};

inline CacheTimes quick() {
  CacheTimes times;
  times.first_backoff = 10ms;
  times.longest_backoff = 40ms;
  return times;
}

inline recipes::Parameters parameters(const std::string& name,
                                      const std::vector<std::string>& values) {
  return {{"namespace", {"shop"}},
          {"release", {"shop"}},
          {name, values},
          {"stable_service", {"web"}},
          {"canary_service", {"web-canary"}}};
}

inline Json canary_ingress(const std::string& name, const std::string& weight) {
  return boost::json::parse(fmt::format(
      R"({{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{{"name":"{}",
          "annotations":{{"nginx.ingress.kubernetes.io/canary":"true",
                          "nginx.ingress.kubernetes.io/canary-weight":"{}"}}}}}})",
      name, weight));
}

/// A canary Ingress that sends to this Service and bears this release's label, if any.
inline Json canary_of(const std::string& name, const std::string& weight,
                      const std::string& service, const std::string& release) {
  Json ingress = canary_ingress(name, weight);
  ingress.at("metadata").as_object()["labels"] =
      boost::json::parse(R"({"app.kubernetes.io/managed-by":"linnet"})");
  if (!release.empty())
    ingress.at("metadata").at("labels").as_object()["linnet.dev/release"] = release;
  ingress.as_object()["spec"] = boost::json::parse(fmt::format(
      R"({{"rules":[{{"http":{{"paths":[{{"path":"/a","pathType":"Prefix",
          "backend":{{"service":{{"name":"{}","port":{{"number":80}}}}}}}}]}}}}]}})",
      service));
  return ingress;
}

inline Json main_ingress(const std::string& name) {
  return boost::json::parse(fmt::format(
      R"({{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{{"name":"{}"}},
          "spec":{{"rules":[{{"http":{{"paths":[{{"path":"/","pathType":"Prefix",
          "backend":{{"service":{{"name":"web","port":{{"number":80}}}}}}}}]}}}}]}}}})",
      name));
}

inline Json route(int stable, int canary, bool accepted = true) {
  return boost::json::parse(fmt::format(
      R"({{"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute",
          "metadata":{{"name":"web","generation":2}},
          "spec":{{"rules":[{{"backendRefs":[{{"name":"web","weight":{}}},
                                             {{"name":"web-canary","weight":{}}}]}}]}},
          "status":{{"parents":[{{"conditions":[
            {{"type":"Accepted","status":"True","observedGeneration":{}}},
            {{"type":"ResolvedRefs","status":"True","observedGeneration":2}}]}}]}}}})",
      stable, canary, accepted ? 2 : 1));
}

/// As last written by this manager at this second.
inline Json written_by(Json ingress, const std::string& manager, int second,
                       bool taken_back = false) {
  auto& metadata = ingress.at("metadata").as_object();
  if (taken_back) metadata.at("annotations").as_object()["linnet.dev/taken-back"] = "true";
  metadata["managedFields"] = boost::json::parse(fmt::format(
      R"([{{"manager":"{}","time":"2026-01-01T00:00:{:02}Z","fieldsV1":{{"f:metadata":{{
          "f:annotations":{{"f:nginx.ingress.kubernetes.io/canary-weight":{{}}}}}}}}}}])",
      manager, second));
  return ingress;
}

struct RecipeRouterTest : ApiTest {
  ~RecipeRouterTest() override {
    tasks.cancel();
    io.restart();
    io.poll();
  }
  void start(const std::string& recipe, recipes::Parameters with) {
    auto made = RecipeRouter::make(
        *client, *recipes::find_router(recipe, ""), std::move(with), [this] { ++changes; },
        "linnet", quick());
    ASSERT_TRUE(made) << made.error().message;
    router = *std::move(made);
    router->watch(tasks);
    ASSERT_TRUE(eventually([this] {
      const auto seen = run(router->read(soon()));
      return seen || seen.error().message.find("not known") == std::string::npos;
    }));
    api.asked().clear();
  }
  Result<core::TrafficSeen> read() { return run(router->read(soon())); }
  Result<void> set(Percent weight, bool taken_back = false) {
    const core::SetWeight level{weight, taken_back};
    return run(router->set(level, soon()));
  }
  std::string annotation(const std::string& object, const std::string& key) {
    const Json* found = api.find(ingresses, object);
    return found == nullptr ? "" : text_at(*found, {"metadata", "annotations", key});
  }
  std::string weight_of(const std::string& object) {
    return annotation(object, "nginx.ingress.kubernetes.io/canary-weight");
  }
  /// Another hand is faster, once: this happens when the next PATCH arrives.
  void before_the_next_patch(std::function<void()> happens) {
    api.instead() =
        [happens = std::move(happens), done = false](
            const net::ServerRequest& request) mutable -> std::optional<net::ServerResponse> {
      if (request.method == "PATCH" && !std::exchange(done, true)) happens();
      return std::nullopt;
    };
  }

  std::unique_ptr<RecipeRouter> router;
  int changes = 0;
};

}  // namespace linnet::kubernetes
