// The workload against an API server in memory: what the watches bring, and each write.
#include "kubernetes/deployments_workload.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "kubernetes/cluster_view.h"
#include "kubernetes/kubernetes_testing.h"
#include "kubernetes/objects.h"
#include "kubernetes/web_test_support.h"

namespace linnet::kubernetes {
namespace {

using boost::json::parse;
using core::Track;

Json deployment(const std::string& name, int replicas, const std::string& label) {
  return parse(fmt::format(
      R"({{"metadata":{{"name":"{}","generation":1}},"spec":{{"replicas":{},
          "selector":{{"matchLabels":{{"app":"{}","tier":"front"}}}},
          "template":{{"spec":{{"containers":[{{"name":"web","image":"shop/web:v1"}}]}}}}}}}})",
      name, replicas, label));
}

Json pod(const std::string& name, const std::string& label, const std::string& version,
         bool ready = true) {
  return parse(fmt::format(
      R"({{"metadata":{{"name":"{}","labels":{{"app":"{}","tier":"front"}}}},
          "spec":{{"containers":[{{"name":"web","image":"shop/web:{}"}}]}},
          "status":{{"phase":"Running","conditions":[{{"type":"Ready","status":"{}"}}]}}}})",
      name, label, version, ready ? "True" : "False"));
}

Json slice(const std::string& service, const std::string& pod_name) {
  return parse(fmt::format(
      R"({{"metadata":{{"name":"{0}-1","labels":{{"kubernetes.io/service-name":"{0}"}}}},
          "endpoints":[{{"conditions":{{"ready":true}},
            "targetRef":{{"kind":"Pod","name":"{1}"}}}}]}})",
      service, pod_name));
}

struct DeploymentsWorkloadTest : ApiTest {
  DeploymentsWorkloadTest() {
    api.put(deployments, deployment("web", 2, "web"));
    api.put(deployments, deployment("web-canary", 0, "web-canary"));
    workload = std::make_unique<DeploymentsWorkload>(
        io.get_executor(), *client, clock, web(), [this] { ++rings; }, times());
    tasks.spawn("workload", workload->run());
  }
  ~DeploymentsWorkloadTest() override {
    tasks.cancel();
    EXPECT_TRUE(eventually([this] { return tasks.running() == 0; })) << "the watches go on";
  }
  static CacheTimes times() {
    CacheTimes quick;
    quick.first_backoff = 20ms;
    quick.longest_backoff = 100ms;
    quick.limit = 2s;
    quick.ask_after = 1s;
    return quick;
  }
  Result<core::WorkloadSeen> observe() { return run(workload->observe(soon())); }
  /// Looks again until it holds.
  template <class Condition>
  bool comes(Condition holds) {
    return eventually([&] {
      const auto seen = observe();
      return seen && holds(*seen);
    });
  }
  bool settled() {
    return comes([](const auto&) { return true; });
  }
  Result<void> set(const core::SetTrack& level) { return run(workload->set(level, soon())); }

  std::unique_ptr<DeploymentsWorkload> workload;
  int rings = 0;
};

TEST_F(DeploymentsWorkloadTest, ARegistryHasItsTimeHoweverOldAPodLooksByOurClock) {
  ASSERT_TRUE(settled());
  Json one = pod("web-1", "web", "v1", false);
  one.as_object()["metadata"].as_object()["creationTimestamp"] = "2001-01-01T00:00:00Z";
  one.as_object()["status"].as_object()["containerStatuses"] = parse(
      R"([{"name":"web","state":{"waiting":{"reason":"ErrImagePull","message":"not found"}}}])");
  api.put(pods, std::move(one));
  ASSERT_TRUE(comes([](const auto& seen) { return seen.stable.count() == 1; }));
  const core::Instance seen = observe()->stable.instances.at(0);
  EXPECT_NE(seen.trouble.find("no such image"), std::string::npos) << seen.trouble;
  EXPECT_FALSE(seen.crash_loop);
}

TEST_F(DeploymentsWorkloadTest, SeesWhatTheWatchesBring) {
  const auto before = observe();
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error().code, Code::unavailable);
  ASSERT_TRUE(settled());
  EXPECT_EQ(observe()->stable.wanted, 2);
  EXPECT_EQ(observe()->canary.wanted, 0);
  EXPECT_EQ(observe()->stable.count(), 0);
  const int before_pod = rings;
  api.put(pods, pod("web-1", "web", "v1"));
  ASSERT_TRUE(comes([](const auto& seen) { return seen.stable.count() == 1; }));
  EXPECT_GT(rings, before_pod);
  EXPECT_EQ(observe()->stable.ready(), 0) << "no endpoint yet";
  api.put(slices, slice("web", "web-1"));
  ASSERT_TRUE(comes([](const auto& seen) { return seen.stable.ready_of("v1") == 1; }));
  api.put(pods, pod("web-canary-1", "web-canary", "v2"));
  api.put(slices, slice("web-canary", "web-canary-1"));
  ASSERT_TRUE(comes([](const auto& seen) { return seen.canary.ready_of("v2") == 1; }));
  api.put(pods, pod("web-1", "web", "v1", false));
  ASSERT_TRUE(comes([](const auto& seen) { return seen.stable.ready() == 0; }));
  api.erase(pods, "web-1");
  ASSERT_TRUE(comes([](const auto& seen) { return seen.stable.count() == 0; }));
}

TEST_F(DeploymentsWorkloadTest, ALevelIsOneWriteAndNoneWhenItIsThere) {
  ASSERT_TRUE(settled());
  ASSERT_TRUE(set({Track::stable, "v1", 2}));
  EXPECT_EQ(api.count("PATCH"), 0);
  ASSERT_TRUE(set({Track::canary, "v2", 1}));
  ASSERT_TRUE(set({Track::canary, "v2", 1})) << "before the watch has brought it";
  EXPECT_EQ(api.count("PATCH", "/deployments/web-canary"), 1);
  EXPECT_EQ(api.count("PATCH", "fieldManager=linnet"), 1);
  const Json* canary = api.find(deployments, "web-canary");
  EXPECT_EQ(number_at(*canary, {"spec", "replicas"}, -1), 1);
  EXPECT_EQ(running_version(web().workload, *canary), "v2");
  EXPECT_EQ(workload->deployment(Track::canary)->at("spec").at("replicas"), 1);
  ASSERT_TRUE(set({Track::stable, "v2", 7}));
  const Json* stable = api.find(deployments, "web");
  EXPECT_EQ(number_at(*stable, {"spec", "replicas"}, -1), 2) << "stable's size is not linnet's";
  EXPECT_EQ(running_version(web().workload, *stable), "v2");
  ASSERT_TRUE(set({Track::canary, "", 0}));
  EXPECT_EQ(api.count("PATCH"), 3);
}

TEST_F(DeploymentsWorkloadTest, FollowsADeploymentThatIsMadeAnew) {
  ASSERT_TRUE(settled());
  api.put(pods, pod("web-1", "web", "v1"));
  api.put(pods, pod("other-1", "other", "v1"));
  ASSERT_TRUE(comes([](const auto& seen) { return seen.stable.count() == 1; }));
  api.erase(deployments, "web");
  ASSERT_TRUE(comes([](const auto& seen) {
    return seen.stable.count() == 0 && !seen.stable.wanted && !seen.stable.trouble.empty();
  }));
  const auto gone = set({Track::stable, "v2", 2});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::not_found);
  EXPECT_EQ(gone.error().message, "the Deployment web does not exist: `linnet init`");
  api.put(deployments, deployment("web", 3, "other"));
  ASSERT_TRUE(comes([](const auto& seen) {
    return seen.stable.count() == 1 && seen.stable.instances[0].id == "other-1" &&
           seen.stable.wanted == 3;
  }));
}

TEST_F(DeploymentsWorkloadTest, ReadsAnewWhenAContainerHasMoved) {
  ASSERT_TRUE(settled());
  // The watch says nothing any more; meanwhile a sidecar was put in front.
  api.hang(true);
  Json moved = deployment("web", 2, "web");
  moved.at_pointer("/spec/template/spec/containers") =
      parse(R"([{"name":"proxy","image":"p:1"},{"name":"web","image":"shop/web:v1"}])");
  api.put(deployments, std::move(moved));
  api.hang(false);
  ASSERT_TRUE(set({Track::stable, "v2", 2}));
  const Json* stable = api.find(deployments, "web");
  EXPECT_EQ(running_version(web().workload, *stable), "v2");
  EXPECT_EQ(text_at(stable->at_pointer("/spec/template/spec/containers/0"), {"image"}), "p:1");
}

TEST_F(DeploymentsWorkloadTest, SaysWhichWatchCannotSee) {
  ASSERT_TRUE(settled());
  api.instead() = [](const net::ServerRequest& request) -> std::optional<net::ServerResponse> {
    if (request.target.find("/pods") == std::string::npos) return std::nullopt;
    return ApiImposter::status(403, "Forbidden", "pods is forbidden: no right to list");
  };
  api.compact();
  api.end_watches();
  std::string message;
  const auto fails = [&] {
    const auto seen = observe();
    if (!seen) message = seen.error().message;
    return !seen;
  };
  EXPECT_TRUE(eventually(fails, 40s));
  EXPECT_NE(message.find("the pods of web cannot be seen"), std::string::npos) << message;
  EXPECT_NE(message.find("no right to list"), std::string::npos) << message;
}

struct ClusterViewTest : ApiTest {};

TEST_F(ClusterViewTest, FindsWhatIsThereAndDoesWhatIsPlanned) {
  Names names = web();
  names.workload.host = "shop.example";
  names.ingresses = {"web"};
  names.canary_ingresses = {"web-canary"};
  auto found = run(find_objects(*client, names, soon()));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(found->stable.is_null());
  const InitPlan plan = plan_init(names, "v1", *found);
  ASSERT_EQ(plan.obstacles, std::vector<std::string>{});
  std::vector<recipes::Write> writes;
  for (const PlannedWrite& one : plan.writes) writes.push_back(one.write);
  ASSERT_TRUE(run(write_all(*client, writes, soon())));
  ASSERT_TRUE(run(write_all(*client, writes, soon()))) << "what exists is left";
  found = run(find_objects(*client, names, soon()));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(running_version(names.workload, found->stable), "v1");
  EXPECT_EQ(found->ingresses.size(), 1U);
  EXPECT_EQ(found->autoscalers.size(), 1U);
  EXPECT_TRUE(plan_init(names, "v1", *found).writes.empty());
}

TEST_F(ClusterViewTest, WhatMayNotBeReadIsUnknown) {
  api.instead() = [](const net::ServerRequest& request) -> std::optional<net::ServerResponse> {
    const auto about = [&](const char* part) {
      return request.target.find(part) != std::string::npos;
    };
    if (about("selfsubjectaccessreviews")) {
      net::ServerResponse out;
      out.status = 201;
      const bool may = request.body.find("\"pods\"") != std::string::npos;
      out.body = may ? R"({"status":{"allowed":true}})" : R"({"status":{"allowed":false}})";
      return out;
    }
    if (about("/secrets") || about("/horizontalpodautoscalers") || about("/apps/v1/deployments?") ||
        about("/namespaces/ingress-nginx/deployments"))
      return ApiImposter::status(403, "Forbidden", "no");
    return std::nullopt;
  };
  Json needs = deployment("web", 2, "web");
  needs.at_pointer("/spec/template/spec/containers/0").as_object()["envFrom"] =
      parse(R"([{"secretRef":{"name":"db"}},{"configMapRef":{"name":"conf"}}])");
  api.put(deployments, std::move(needs));
  const std::vector<Rule> rules{{"", "pods", {}, {"list"}, "a"}, {"", "x", {}, {"get"}, "b"}};
  const Resource elsewhere{"apps/v1", "deployments", "traefik"};
  api.put(elsewhere, named("edge"));
  const ControllerPlaces places{true, {"ingress-nginx", "traefik"}};
  const auto view = run(look_around(*client, web(), rules, places, soon()));
  ASSERT_TRUE(view) << view.error().message;
  ASSERT_EQ(view->missing.size(), 1U);
  EXPECT_EQ(view->missing[0].text(), "get x");
  EXPECT_EQ(view->secrets.at("db"), std::nullopt);
  EXPECT_EQ(view->config_maps.at("conf"), false);
  EXPECT_EQ(view->controllers.denied,
            (std::vector<std::string>{"list deployments.apps in all namespaces",
                                      "list deployments.apps in namespace ingress-nginx"}));
  ASSERT_EQ(view->controllers.objects.size(), 1U) << "where it may be read, it is";
  EXPECT_EQ(name_of(view->controllers.objects.front()), "edge");
  EXPECT_TRUE(view->found.autoscalers.empty());
}

TEST_F(ClusterViewTest, RightsThatAreMissingAreToldThoughNothingMayBeRead) {
  api.instead() = [](const net::ServerRequest& request) -> std::optional<net::ServerResponse> {
    if (request.target.find("selfsubjectaccessreviews") == std::string::npos)
      return ApiImposter::status(403, "Forbidden", "no");
    net::ServerResponse out;
    out.status = 201;
    out.body = R"({"status":{"allowed":false}})";
    return out;
  };
  const std::vector<Rule> rules{{"apps", "deployments", {"web"}, {"get"}, "its image"}};
  const auto view = run(look_around(*client, web(), rules, ControllerPlaces(), soon()));
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(rights_finding(*view).cause, "may not: get deployments.apps web (its image)");
  EXPECT_EQ(api.count("GET", "daemonsets"), 0) << "this router's controller delays nothing";
}

}  // namespace
}  // namespace linnet::kubernetes
