#include "kubernetes/manifests.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "kubernetes/canary_clone.h"
#include "kubernetes/objects.h"
#include "kubernetes/yaml_text.h"
#include "spec/read.h"

namespace linnet::kubernetes {
namespace {

Names names_from(const std::string& deployments, const std::string& more = "") {
  const spec::ReadSpecs read = spec::read_specs(
      "metadata: { name: api-gateway, namespace: autograph }\nspec: { workload: { deployments: { "
      "image: 'autograph/api-gateway:{{version}}'" +
          deployments + " } }" + more + " }\n",
      "t.yaml");
  EXPECT_EQ(read.releases.size(), 1U);
  return names_of(read.releases.at(0), "context");
}

std::vector<std::string> created(const InitPlan& plan) {
  std::vector<std::string> all;
  for (const PlannedWrite& one : plan.writes)
    all.push_back(one.write.object.kind + " " + one.write.object.name);
  return all;
}

const Json& body_of(const InitPlan& plan, const std::string& kind, const std::string& name) {
  for (const PlannedWrite& one : plan.writes)
    if (one.write.object.kind == kind && one.write.object.name == name) return one.write.body;
  ADD_FAILURE() << "no " << kind << " " << name;
  static const Json none;
  return none;
}

Json deployment_of(const std::string& name, const std::string& labels,
                   const std::string& selector) {
  return boost::json::parse(fmt::format(
      R"({{"metadata":{{"name":"{}","annotations":{{"argocd.argoproj.io/tracking-id":"x"}}}},
          "spec":{{"replicas":3,"selector":{{"matchLabels":{}}},
            "template":{{"metadata":{{"labels":{},"annotations":{{"prometheus.io/scrape":"true",
                "kubectl.kubernetes.io/restartedAt":"2026-10-01T12:00:00Z"}}}},
              "spec":{{"containers":[{{"name":"api-gateway","image":"autograph/api-gateway:v1",
                "env":[{{"name":"A","value":"b"}}]}}]}}}}}}}})",
      name, selector, labels));
}

Json service_of(const std::string& name, const std::string& selector) {
  return boost::json::parse(fmt::format(
      R"({{"metadata":{{"name":"{}","annotations":{{"a.example/b":"c",
            "external-dns.alpha.kubernetes.io/hostname":"shop.example"}}}},
          "spec":{{"type":"NodePort","clusterIP":"10.96.0.9","selector":{},
            "ports":[{{"name":"http","port":80,"targetPort":8080,"nodePort":30080}}]}}}})",
      name, selector));
}

const std::string with_host = ", host: api.autograph.local";

TEST(Init, CreatesEverythingThatTheMissionNames) {
  const Names names = names_from(with_host);
  Found found;
  found.has_service_monitors = true;
  const InitPlan plan = plan_init(names, "v1.0.0", found);
  EXPECT_EQ(plan.obstacles, std::vector<std::string>{});
  EXPECT_EQ(created(plan),
            (std::vector<std::string>{
                "Deployment api-gateway-stable", "Service api-gateway-service-stable",
                "Deployment api-gateway-canary", "Service api-gateway-service-canary",
                "Ingress api-gateway-ingress-stable", "HorizontalPodAutoscaler api-gateway-stable",
                "PodDisruptionBudget api-gateway-stable", "ServiceMonitor api-gateway"}));
  const Json& stable = body_of(plan, "Deployment", "api-gateway-stable");
  const Json& container = stable.at("spec").at("template").at("spec").at("containers").at(0);
  EXPECT_EQ(text_at(container, {"image"}), "autograph/api-gateway:v1.0.0");
  EXPECT_EQ(text_at(container, {"readinessProbe", "httpGet", "path"}), "/health");
  EXPECT_EQ(number_at(container, {"livenessProbe", "httpGet", "port"}, 0), 8080);
  EXPECT_EQ(number_at(container, {"lifecycle", "preStop", "sleep", "seconds"}, 0), 5);
  EXPECT_EQ(number_at(stable, {"spec", "strategy", "rollingUpdate", "maxUnavailable"}, 9), 0);
  EXPECT_EQ(number_at(stable, {"spec", "replicas"}, 0), 2);
  EXPECT_EQ(namespace_of(stable), "autograph");
  const Json& canary = body_of(plan, "Deployment", "api-gateway-canary");
  EXPECT_EQ(number_at(canary, {"spec", "replicas"}, 9), 0);
  EXPECT_EQ(text_at(canary, {"spec", "template", "metadata", "labels", "version"}), "canary");
  EXPECT_EQ(canary.at("spec").at("template").at("spec"),
            stable.at("spec").at("template").at("spec"));
  const Json& ingress = body_of(plan, "Ingress", "api-gateway-ingress-stable");
  EXPECT_EQ(text_at(ingress.at("spec").at("rules").at(0), {"host"}), "api.autograph.local");
  EXPECT_EQ(find_at(ingress, {"metadata", "annotations"}), nullptr);
}

TEST(Init, MakesNoServiceMonitorWhereTheKindIsAbsent) {
  const InitPlan plan = plan_init(names_from(with_host), "v1", Found{});
  EXPECT_EQ(created(plan).size(), 7U);
  EXPECT_EQ(plan.notes,
            std::vector<std::string>{"no ServiceMonitor: the cluster does not know the kind"});
}

TEST(Init, DoesNothingASecondTime) {
  const Names names = names_from(with_host);
  Found found;
  const InitPlan first = plan_init(names, "v1", found);
  found.stable = body_of(first, "Deployment", "api-gateway-stable");
  found.canary = body_of(first, "Deployment", "api-gateway-canary");
  found.stable_service = body_of(first, "Service", "api-gateway-service-stable");
  found.canary_service = body_of(first, "Service", "api-gateway-service-canary");
  found.ingresses["api-gateway-ingress-stable"] =
      body_of(first, "Ingress", "api-gateway-ingress-stable");
  const InitPlan second = plan_init(names, "v2", found);
  EXPECT_EQ(created(second), std::vector<std::string>{});
  EXPECT_EQ(second.obstacles, std::vector<std::string>{});
  EXPECT_EQ(
      plan_lines(second),
      std::vector<std::string>{"note: api-gateway-stable is there and stays as it is: it runs v1"});
}

TEST(Init, SaysWhatIsMissing) {
  EXPECT_EQ(plan_init(names_from(with_host), "", Found{}).obstacles,
            std::vector<std::string>{
                "the Deployment api-gateway-stable does not exist and no version is given for it: "
                "`linnet init --version VERSION`, or spec.version"});
  EXPECT_EQ(plan_init(names_from(""), "v1", Found{}).obstacles,
            std::vector<std::string>{
                "the Ingress api-gateway-ingress-stable does not exist: create it, or give its "
                "host in workload.deployments.host"});
  Found found;
  found.stable = deployment_of("api-gateway-stable", R"({"app":"web"})", R"({"app":"web"})");
  const InitPlan plan = plan_init(names_from(", container: web"), "", found);
  EXPECT_EQ(plan.obstacles,
            std::vector<std::string>{"the Deployment api-gateway-stable has no container web, but "
                                     "api-gateway: set workload.deployments.container"});
  EXPECT_TRUE(plan.writes.empty());
}

TEST(Init, ReplacesNoVersionThatWorks) {
  const Names names = names_from("");
  Found found;
  EXPECT_TRUE(check_adopted_version(names, "v2", found)) << "there is nothing yet";
  found.stable = deployment_of("api-gateway-stable", R"({"app":"web"})", R"({"app":"web"})");
  const std::string runs = running_version(names.workload, found.stable);
  EXPECT_TRUE(check_adopted_version(names, "v2", found)) << "it never became ready";
  found.stable.as_object()["status"] = Json{{"readyReplicas", 1}};
  EXPECT_TRUE(check_adopted_version(names, "", found));
  EXPECT_TRUE(check_adopted_version(names, runs, found));
  const Result<void> other = check_adopted_version(names, "v2", found);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::invalid);
  EXPECT_EQ(other.error().message,
            "stable already runs " + runs + "; release another version with `deploy v2`");
}

TEST(Init, SaysThatAStableWithoutPodsIsWaitedFor) {
  Found found;
  found.stable = deployment_of("api-gateway-stable", R"({"app":"web"})", R"({"app":"web"})");
  const std::size_t before = plan_init(names_from(with_host), "", found).notes.size();
  found.stable.at("spec").as_object()["replicas"] = 0;
  const InitPlan plan = plan_init(names_from(with_host), "", found);
  ASSERT_EQ(plan.notes.size(), before + 1);
  EXPECT_EQ(plan.notes[1],
            "api-gateway-stable is scaled to 0, and `init` waits until stable has a ready pod: "
            "`kubectl scale deployment -n autograph api-gateway-stable --replicas=2`");
}

TEST(Init, AnImageWithoutAVersionIsInTheWayAndNothingIsBegun) {
  Found found;
  found.stable = deployment_of("api-gateway-stable", R"({"app":"web"})", R"({"app":"web"})");
  Json& container = found.stable.at("spec").at("template").at("spec").at("containers").at(0);
  for (const char* image : {"elsewhere/web:v1", "autograph/api-gateway@sha256:0123"}) {
    container.as_object()["image"] = image;
    const InitPlan plan = plan_init(names_from(""), "v1", found);
    ASSERT_FALSE(plan.obstacles.empty()) << image;
    EXPECT_EQ(plan.obstacles.front(),
              std::string("the Deployment api-gateway-stable runs the image ") + image +
                  ", in which no version is to be seen: set workload.deployments.image (now "
                  "autograph/api-gateway:{{version}}), or give it an image with a tag");
    EXPECT_TRUE(plan.writes.empty()) << image;
  }
}

TEST(Init, OfAnotherRouterLeavesItsRouteToIt) {
  const Names names =
      names_from("",
                 ", traffic: { router: gateway-api, with: { route: web, stable_service: a, "
                 "canary_service: b } }");
  EXPECT_EQ(created(plan_init(names, "v1", Found{}))[1], "Service a");
  EXPECT_EQ(plan_init(names, "v1", Found{}).obstacles, std::vector<std::string>{});
}

TEST(Adoption, ClonesThePodsUnderLabelsThatNobodySelects) {
  const Names names = names_from(", stable: web, canary: web-canary",
                                 ", traffic: { router: gateway-api, with: { route: web, "
                                 "stable_service: web, canary_service: web-canary } }");
  Found found;
  found.stable = deployment_of("web", R"({"app":"web","tier":"front"})", R"({"app":"web"})");
  found.stable_service = service_of("web", R"({"app":"web"})");
  const InitPlan plan = plan_init(names, "", found);
  EXPECT_EQ(plan.obstacles, std::vector<std::string>{});
  EXPECT_EQ(created(plan),
            (std::vector<std::string>{"Deployment web-canary", "Service web-canary"}));
  const Json& canary = body_of(plan, "Deployment", "web-canary");
  const Labels pods = labels_at(canary, {"spec", "template", "metadata", "labels"});
  EXPECT_EQ(pods, (Labels{{"app", "web-canary"},
                          {"linnet.dev/release", "api-gateway"},
                          {"tier", "front"},
                          {"version", "canary"}}));
  EXPECT_TRUE(selector_matches(canary.at("spec").at("selector"), pods));
  EXPECT_TRUE(selector_matches(boost::json::object(), pods)) << "of a budget for all pods";
  EXPECT_FALSE(selector_matches(nullptr, pods));
  EXPECT_FALSE(selects({{"app", "web"}}, pods));
  EXPECT_EQ(labels_at(canary, {"spec", "template", "metadata", "annotations"}),
            (Labels{{"prometheus.io/scrape", "true"}}));
  EXPECT_EQ(find_at(canary, {"metadata", "annotations"}), nullptr) << "Argo CD would prune it";
  const Json& service = body_of(plan, "Service", "web-canary");
  EXPECT_EQ(yaml_text(service.at("spec").at("ports")),
            "- name: http\n  port: 80\n  targetPort: 8080\n");
  EXPECT_EQ(find_at(service, {"spec", "clusterIP"}), nullptr);
  EXPECT_EQ(labels_at(service, {"metadata", "annotations"}), (Labels{{"a.example/b", "c"}}));
}

TEST(Adoption, ChangesNoMoreLabelsThanItMust) {
  const Names names = names_from("");
  struct {
    const char* what;
    const char* pods;
    const char* deployment;
    const char* service;
    Labels canary;
  } const cases[] = {
      {"version parts them",
       R"({"app":"web","version":"stable"})",
       R"({"app":"web","version":"stable"})",
       R"({"app":"web","version":"stable"})",
       {{"app", "web"}, {"version", "canary"}}},
      {"track is in both",
       R"({"app":"web","track":"main"})",
       R"({"app":"web","track":"main"})",
       R"({"app":"web","track":"main"})",
       {{"app", "web"}, {"track", "main-canary"}, {"version", "canary"}}},
      {"the Service does not look at version",
       R"({"app":"web","version":"1"})",
       R"({"app":"web","version":"1"})",
       R"({"app":"web"})",
       {{"app", "web-canary"}, {"version", "canary"}}},
      {"nothing in common",
       R"({"a":"x","b":"y"})",
       R"({"a":"x"})",
       R"({"b":"y"})",
       {{"a", "x-canary"}, {"b", "y-canary"}, {"version", "canary"}}},
  };
  for (const auto& each : cases) {
    const Json stable = deployment_of("web", each.pods, each.deployment);
    Labels labels = canary_labels(names, stable, service_of("web", each.service));
    labels.erase("linnet.dev/release");
    EXPECT_EQ(labels, each.canary) << each.what;
  }
}

TEST(Overlaps, NameWhatWouldMixTheTracks) {
  const Names names = names_from(", stable: web, canary: web-canary");
  const Json stable = deployment_of("web", R"({"app":"web"})", R"({"app":"web"})");
  const Json mixed = deployment_of("web-canary", R"({"app":"web","version":"canary"})",
                                   R"({"app":"web","version":"canary"})");
  const Json service = service_of("web", R"({"app":"web"})");
  const auto all = overlaps(names, stable, mixed, service,
                            service_of("web-canary", R"({"app":"web","version":"canary"})"));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0],
            "the Service web selects the pods of web-canary as well (app=web): requests meant for "
            "web would go there past every weight");
  EXPECT_NE(all[1].find("the Deployment web selects the pods of web-canary"), std::string::npos);
  const Json canary =
      deployment_of("web-canary", R"({"app":"web-canary"})", R"({"app":"web-canary"})");
  EXPECT_EQ(overlaps(names, stable, canary, service, Json()), std::vector<std::string>{});
  EXPECT_EQ(overlaps(names, stable, canary, service_of("web", R"({"app":"shop"})"), Json()),
            std::vector<std::string>{
                "the Service web does not select the pods of web (app=shop against app=web)"});
}

TEST(YamlText, IsWhatKubectlReads) {
  const Json json = boost::json::parse(
      R"({"a":"x","b":{"c":[1,"2",{"d":true,"e":null}],"f":[],"g":{}},"h":"yes","i":["p: q"]})");
  EXPECT_EQ(yaml_text(json),
            "a: x\nb:\n  c:\n  - 1\n  - \"2\"\n  - d: true\n    e: null\n  f: []\n  g: {}\n"
            "h: \"yes\"\ni:\n- \"p: q\"\n");
}

}  // namespace
}  // namespace linnet::kubernetes
