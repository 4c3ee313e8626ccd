// Findings on objects as users have them, broken on purpose in the ways that mission and field
// know.
#include "kubernetes/cluster_doctor.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "kubernetes/objects.h"
#include "spec/read.h"

namespace linnet::kubernetes {
namespace {

using boost::json::parse;
using core::Track;

Names shop() {
  const spec::ReadSpecs read = spec::read_specs(
      "metadata: { name: shop, namespace: market }\nspec: { workload: { deployments: { image: "
      "'shop/web:{{version}}' } } }\n",
      "t.yaml");
  EXPECT_EQ(read.releases.size(), 1U);
  return names_of(read.releases.at(0), "");
}

Json deployment(const std::string& track, const std::string& pod_more = "",
                const std::string& container_more = "", const std::string& spec_more = "") {
  return parse(fmt::format(
      R"({{"metadata":{{"name":"shop-{0}"}},"spec":{{"replicas":3,{3}
          "selector":{{"matchLabels":{{"app":"shop","version":"{0}"}}}},
          "template":{{"metadata":{{"labels":{{"app":"shop","version":"{0}"}}}},
            "spec":{{{1}"containers":[{{{2}"name":"shop","image":"shop/web:v1"}}]}}}}}}}})",
      track, pod_more, container_more, spec_more));
}

Json service(const std::string& track) {
  return parse(fmt::format(
      R"({{"metadata":{{"name":"shop-service-{0}"}},
          "spec":{{"selector":{{"app":"shop","version":"{0}"}}}}}})",
      track));
}

Json ingress(const std::string& name, const std::string& annotations, const std::string& service,
             const std::string& more = R"("ingressClassName":"nginx",)",
             const std::string& host = "shop.example", const std::string& path = "/") {
  return parse(fmt::format(
      R"({{"metadata":{{"name":"{}","annotations":{{{}}}}},"spec":{{{}"rules":[{{"host":"{}",
          "http":{{"paths":[{{"path":"{}","pathType":"Prefix",
            "backend":{{"service":{{"name":"{}"}}}}}}]}}}}]}}}})",
      name, annotations, more, host, path, service));
}

const std::string canary_on = R"("nginx.ingress.kubernetes.io/canary":"true",
    "nginx.ingress.kubernetes.io/canary-weight":"5")";

ClusterView sound() {
  ClusterView view;
  const std::string hook = R"("lifecycle":{"preStop":{"sleep":{"seconds":5}}},)";
  const std::string rolling =
      R"("strategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":0}},)";
  view.found.stable = deployment("stable", "", hook, rolling);
  view.found.canary = deployment("canary", "", hook);
  view.found.stable_service = service("stable");
  view.found.canary_service = service("canary");
  view.found.ingresses["shop-ingress-stable"] =
      ingress("shop-ingress-stable", "", "shop-service-stable");
  view.found.ingresses["shop-ingress-canary"] =
      ingress("shop-ingress-canary", canary_on, "shop-service-canary");
  view.found.all_ingresses.emplace();
  for (const auto& [name, object] : view.found.ingresses)
    view.found.all_ingresses->push_back(object);
  core::WorkloadSeen seen;
  for (const char* id : {"a", "b", "c"})
    seen.stable.instances.push_back({id, "v1", core::Instance::State::ready});
  seen.stable.wanted = 3;
  seen.canary.wanted = 0;
  view.seen = seen;
  view.controllers.places.matter = true;
  return view;
}

void expect_bad(const Finding& finding, const std::string& cause) {
  EXPECT_FALSE(finding.ok) << finding.check << ": " << finding.cause;
  EXPECT_NE(finding.cause.find(cause), std::string::npos) << finding.cause;
  EXPECT_FALSE(finding.remedy.empty()) << finding.check;
}

TEST(ClusterDoctor, FindsNothingWrongWithWhatIsSound) {
  for (const Finding& finding : examine(shop(), sound())) {
    EXPECT_TRUE(finding.ok) << finding.check << ": " << finding.cause;
    EXPECT_FALSE(finding.cause.empty()) << finding.check;
    EXPECT_EQ(finding.remedy, "") << finding.check;
  }
}

TEST(ClusterDoctor, NamesASecondCanaryIngressOfTheSamePlace) {
  ClusterView view = sound();
  std::vector<Json>& all = *view.found.all_ingresses;
  all.push_back(
      ingress("elsewhere", canary_on, "x", R"("ingressClassName":"nginx",)", "b.example"));
  all.push_back(ingress("shop-canary-of-before", canary_on, "shop-service-canary",
                        R"("ingressClassName":"other",)"));
  all.push_back(ingress("ordinary", "", "shop-service-canary"));
  EXPECT_TRUE(split_finding(shop(), view).ok);
  all.push_back(ingress("shop-canary-of-before", canary_on, "shop-service-canary"));
  const Finding finding = split_finding(shop(), view);
  expect_bad(finding,
             "the Ingress shop-canary-of-before is a canary of shop.example/ (Prefix) too");
  EXPECT_EQ(finding.remedy, "kubectl delete ingress -n market shop-canary-of-before");
  ASSERT_EQ(deploy_obstacles(shop(), view.found).size(), 1U);
  const InitPlan plan = plan_init(shop(), "v1", view.found);
  ASSERT_EQ(plan.obstacles.size(), 1U);
  EXPECT_NE(plan.obstacles[0].find("kubectl delete ingress -n market shop-canary-of-before"),
            std::string::npos);
  view.found.all_ingresses.reset();
  EXPECT_NE(split_finding(shop(), view).cause.find("is unknown (may not list"), std::string::npos);
}

// ALB and HAProxy have the weight in an annotation of the main Ingress.
TEST(ClusterDoctor, ARouterThatMakesNoCanaryIngressNeedsNone) {
  ClusterView view = sound();
  view.found.ingresses.clear();
  Names names = shop();
  names.router = "alb";
  EXPECT_FALSE(deploy_obstacles(names, view.found).empty());
  take_defaults(names, {{"ingress", {"shop-ingress-stable"}}, {"canary_service", {"c"}}});
  EXPECT_TRUE(deploy_obstacles(names, view.found).empty());
}

// One main Ingress, two releases: /docs has a stable and a canary of its own.
TEST(ClusterDoctor, ACanaryOfAnotherPathBehindTheSameIngressIsNoRival) {
  ClusterView view = sound();
  Json main = ingress("shop-ingress-stable", "", "shop-service-stable");
  Json both = ingress("", "", "docs-stable", "", "shop.example", "/docs");
  main.at("spec").at("rules").as_array().push_back(both.at("spec").at("rules").at(0));
  view.found.ingresses["shop-ingress-stable"] = main;
  std::vector<Json>& all = *view.found.all_ingresses;
  all.push_back(ingress("docs-canary", canary_on, "docs-service-canary",
                        R"("ingressClassName":"nginx",)", "shop.example", "/docs"));
  EXPECT_TRUE(split_finding(shop(), view).ok) << split_finding(shop(), view).cause;
  EXPECT_TRUE(deploy_obstacles(shop(), view.found).empty());
  EXPECT_TRUE(plan_init(shop(), "v1", view.found).obstacles.empty());
  all.push_back(ingress("shop-canary-of-before", canary_on, "shop-service-canary"));
  expect_bad(split_finding(shop(), view), "is a canary of shop.example/ (Prefix) too");
}

TEST(ClusterDoctor, NamesAnIngressThatNobodyServes) {
  ClusterView view = sound();
  EXPECT_NE(split_finding(shop(), view).cause.find("is unknown (may not list ingressclasses)"),
            std::string::npos);
  const auto with_class = [&view](const std::string& more) {
    view.found.ingresses["shop-ingress-stable"] =
        ingress("shop-ingress-stable", "", "shop-service-stable", more);
    view.found.ingresses["shop-ingress-canary"] =
        ingress("shop-ingress-canary", canary_on, "shop-service-canary", more);
  };
  view.found.ingress_classes = {{parse(R"({"metadata":{"name":"nginx"}})")}};
  EXPECT_TRUE(split_finding(shop(), view).ok);
  with_class(R"("ingressClassName":"ngnix",)");
  expect_bad(split_finding(shop(), view),
             "nobody serves the Ingress shop-ingress-stable: the cluster has no IngressClass ngnix "
             "(it has: nginx)");
  ASSERT_EQ(deploy_obstacles(shop(), view.found).size(), 1U);
  EXPECT_EQ(plan_init(shop(), "v1", view.found).obstacles.size(), 0U);
  EXPECT_EQ(plan_init(shop(), "v1", view.found).notes.size(), 2U) << "init tells it";
  with_class("");
  expect_bad(split_finding(shop(), view), "it names no class, and no IngressClass is the default");
  EXPECT_TRUE(deploy_obstacles(shop(), view.found).empty()) << "a controller may be told to";
  view.controllers.objects = {parse(
      R"({"metadata":{"name":"c","labels":{"app.kubernetes.io/name":"ingress-nginx"}},
          "spec":{"template":{"spec":{"containers":[
            {"args":["--watch-ingress-without-class=true"]}]}}}})")};
  EXPECT_TRUE(split_finding(shop(), view).ok);
  view.controllers.objects.clear();
  view.found.ingress_classes = {{parse(
      R"({"metadata":{"name":"nginx",
          "annotations":{"ingressclass.kubernetes.io/is-default-class":"true"}}})")}};
  EXPECT_TRUE(split_finding(shop(), view).ok);
  view.found.ingress_classes.emplace();
  for (auto& [name, object] : view.found.ingresses)
    object.at("metadata").at("annotations").as_object()["kubernetes.io/ingress.class"] = "old";
  EXPECT_TRUE(split_finding(shop(), view).ok) << "the annotation needs no object";
}

TEST(ClusterDoctor, NamesAServicesPortThatNoContainerHas) {
  ClusterView view = sound();
  const auto ports = [&view](const std::string& target, const std::string& own) {
    view.found.canary_service.at("spec").as_object()["ports"] =
        parse(R"([{"port":80,"targetPort":)" + target + "}]");
    view.found.canary = deployment("canary", "", R"("ports":[)" + own + "],");
    return ports_finding(shop(), view.found);
  };
  EXPECT_TRUE(ports(R"("http")", R"({"name":"http","containerPort":8080})").ok);
  EXPECT_TRUE(ports("8080", R"({"name":"http","containerPort":8080})").ok);
  expect_bad(ports(R"("web")", R"({"name":"http","containerPort":8080})"),
             "the Service shop-service-canary sends to the port named web, which no container of "
             "shop-canary declares");
  const Finding number = ports("9999", "");
  EXPECT_TRUE(number.ok) << "legal";
  EXPECT_NE(number.cause.find("the port 9999, which no container"), std::string::npos);
}

TEST(ClusterDoctor, NamesWhyCanaryPodsDoNotStart) {
  struct {
    const char* trouble;
    const char* remedy;
  } const cases[] = {
      {"the image shop/web:v9 cannot be pulled: the registry has no such image or tag", "push"},
      {"cannot be scheduled: 0/1 nodes are available", "room"},
      {"cannot be created: secret \"db\" not found", "create the Secret"},
      {"killed for lack of memory (limit 64Mi), 4 times", "limits.memory"},
      {"exited with status 1, 3 times", "linnet logs"},
      {"its readiness probe (GET :8080/health) does not pass", "answer the probe"},
  };
  for (const auto& each : cases) {
    ClusterView view = sound();
    view.seen->canary.wanted = 1;
    view.seen->canary.instances = {
        {"shop-canary-x", "v9", core::Instance::State::starting, 0, false, each.trouble}};
    const Finding finding = pods_finding(shop(), Track::canary, view);
    expect_bad(finding,
               "0 of 1 pods of shop-canary ready; shop-canary-x: " + std::string(each.trouble));
    EXPECT_NE(finding.remedy.find(each.remedy), std::string::npos) << finding.remedy;
  }
  ClusterView quota = sound();
  quota.seen->canary.wanted = 1;
  quota.seen->canary.trouble = "the Deployment shop-canary cannot create pods: exceeded quota: s";
  const Finding finding = pods_finding(shop(), Track::canary, quota);
  expect_bad(finding, "exceeded quota");
  EXPECT_NE(finding.remedy.find("ResourceQuota"), std::string::npos);
}

TEST(ClusterDoctor, SeesThatStableHasNoPods) {
  ClusterView view = sound();
  view.seen->stable = {};
  view.seen->stable.wanted = 0;
  expect_bad(pods_finding(shop(), Track::stable, view), "0 of 0 pods of shop-stable");
  view.seen = fail(Code::unavailable, "the pods cannot be seen");
  expect_bad(pods_finding(shop(), Track::stable, view), "cannot be seen");
}

TEST(ClusterDoctor, NamesWhyTrafficDoesNotSplit) {
  const auto with = [](Json canary) {
    ClusterView view = sound();
    view.found.ingresses["shop-ingress-canary"] = std::move(canary);
    return split_finding(shop(), view);
  };
  const std::string own = "shop-service-canary", name = "shop-ingress-canary";
  expect_bad(with(nullptr), "the Ingress shop-ingress-canary does not exist");
  expect_bad(with(ingress(name, R"("nginx.ingress.kubernetes.io/canary":"false")", own)),
             "canary is \"false\"");
  expect_bad(with(ingress(name, "", own)), "canary is \"\"");
  expect_bad(with(ingress(name, R"("nginx.ingress.kubernetes.io/canary":"true",
                      "nginx.ingress.kubernetes.io/canary-weight":"5.5")",
                          own)),
             "\"5.5\" is no whole number");
  expect_bad(with(ingress(name, canary_on, own, R"("ingressClassName":"other",)")),
             "class is \"other\", the main one's \"nginx\"");
  expect_bad(with(ingress(name, canary_on, own, R"("ingressClassName":"nginx",)", "www.example")),
             "www.example/ (Prefix) is not a rule of the main one");
  expect_bad(
      with(ingress(name, canary_on, own, R"("ingressClassName":"nginx",)", "shop.example", "/api")),
      "shop.example/api (Prefix) is not a rule");
  expect_bad(with(ingress(name, canary_on, "shop-service-stable")), "in both");
  expect_bad(with(ingress(name, canary_on, "other")), "goes to other, not to shop-service-canary");
  ClusterView idle = sound();
  idle.weight = Percent::whole(5);
  expect_bad(split_finding(shop(), idle), "0 canary pods get requests: everything goes to stable");
  ClusterView none = sound();
  none.found.ingresses.clear();
  expect_bad(split_finding(shop(), none), "the Ingress shop-ingress-stable does not exist");
}

TEST(ClusterDoctor, NamesTheTrapsOfTheMissionsManifests) {
  const auto with = [](const std::string& annotations, const std::string& more = "") {
    ClusterView view = sound();
    view.found.ingresses["shop-ingress-stable"] =
        ingress("shop-ingress-stable", annotations, "shop-service-stable", more);
    return ingress_finding(shop(), view.found);
  };
  const std::string redirect = R"("nginx.ingress.kubernetes.io/ssl-redirect":"true")";
  const std::string forced = R"("nginx.ingress.kubernetes.io/force-ssl-redirect":"true")";
  expect_bad(with(redirect), "ssl-redirect \"true\" but no tls section");
  expect_bad(with(forced), "every request is redirected");
  EXPECT_TRUE(with(redirect, R"("tls":[{"hosts":["shop.example"],"secretName":"tls"}],)").ok);
  expect_bad(with(R"("nginx.ingress.kubernetes.io/rewrite-target":"/")"),
             "rewrite-target / on shop.example/ (Prefix)");
  EXPECT_TRUE(with(R"("nginx.ingress.kubernetes.io/rewrite-target":"/$1")").ok);
  const Finding both = with(redirect + R"(,"nginx.ingress.kubernetes.io/rewrite-target":"/")");
  expect_bad(both, "ssl-redirect \"true\" but no tls section");
  expect_bad(both, "rewrite-target / on shop.example/ (Prefix)");
  EXPECT_NE(both.remedy.find("spec.tls"), std::string::npos);
  EXPECT_NE(both.remedy.find("capture group"), std::string::npos);
}

TEST(ClusterDoctor, NamesACookieThatKeepsUsersOnTheCanaryAtWeightZero) {
  ClusterView view = sound();
  view.found.ingresses["shop-ingress-stable"] =
      ingress("shop-ingress-stable", R"("nginx.ingress.kubernetes.io/affinity":"cookie")",
              "shop-service-stable");
  const Finding finding = ingress_finding(shop(), view.found);
  expect_bad(finding, "at weight 0 those on the canary stay until its pods are gone");
  EXPECT_NE(finding.remedy.find("annotate ingress -n market shop-ingress-canary "),
            std::string::npos)
      << finding.remedy;
  view.found.ingresses["shop-ingress-canary"] =
      ingress("shop-ingress-canary",
              canary_on + R"(,"nginx.ingress.kubernetes.io/affinity-canary-behavior":"legacy")",
              "shop-service-canary");
  EXPECT_TRUE(ingress_finding(shop(), view.found).ok);
}

// A controller as published manifests have it, shortened to what may be read.
Json controller(const std::string& name, const std::string& label, const std::string& image,
                const std::string& arguments) {
  return parse(fmt::format(
      R"({{"metadata":{{"name":"{}","labels":{{"app.kubernetes.io/name":"{}"}}}},
          "spec":{{"template":{{"spec":{{"containers":[{{"image":"{}","args":[{}]}}]}}}}}}}})",
      name, label, image, arguments));
}

ClusterView with_controllers(std::vector<Json> objects) {
  ClusterView view = sound();
  view.controllers.places = {true, {"ingress-nginx", "traefik"}};
  view.controllers.objects = std::move(objects);
  return view;
}

Finding lateness_with(const std::string& label, const std::string& image,
                      const std::string& arguments) {
  return lateness_finding(shop(), with_controllers({controller("ctl", label, image, arguments)}));
}

TEST(ClusterDoctor, NamesAControllerThatAppliesLate) {
  expect_bad(lateness_with("ingress-nginx", "", ""), "0.3 changes a second (its default)");
  expect_bad(lateness_with("ingress-nginx", "", R"("--sync-rate-limit=0.3")"),
             "0.3 changes a second");
  EXPECT_TRUE(lateness_with("ingress-nginx", "", R"("--sync-rate-limit=20")").ok);
  expect_bad(lateness_with("traefik", "", ""), "2s (its default)");
  expect_bad(lateness_with("traefik", "", R"("--providers.providersThrottleDuration=5s")"),
             "each 5s");
  EXPECT_TRUE(lateness_with("traefik", "", R"("--providers.providersthrottleduration=0s")").ok);
}

TEST(ClusterDoctor, KnowsAControllerWithoutItsLabel) {
  struct {
    const char* image;
    const char* arguments;
    const char* cause;
  } const cases[] = {
      {"registry.k8s.io/ingress-nginx/controller:v1.12.1@sha256:d2fb", "", "0.3 changes"},
      {"10.0.0.1:5000/mirror/ingress-nginx/controller", "", "0.3 changes"},
      {"corp/nginx", R"("/nginx-ingress-controller")", "0.3 changes"},
      {"corp/nginx", R"("--controller-class=k8s.io/ingress-nginx")", "0.3 changes"},
      {"traefik:v3.7", "", "each 2s (its default)"},
      {"docker.io/library/traefik", "", "each 2s (its default)"},
      {"corp/edge", R"("--providers.kubernetesingress")", "each 2s (its default)"},
  };
  for (const auto& each : cases)
    expect_bad(lateness_with("", each.image, each.arguments), each.cause);
  for (const char* other : {"nginx:1.27", "corp/traefik-forward-auth:v1", "corp/web"})
    expect_bad(lateness_with("web", other, ""), "unknown: no Deployment or DaemonSet");
  ClusterView route = with_controllers({});
  route.controllers.places = {true, {}};  // any of many programs may serve it
  EXPECT_TRUE(lateness_finding(shop(), route).ok);
  route.controllers.denied = {"list deployments.apps in all namespaces"};
  expect_bad(lateness_finding(shop(), route), "unknown: the controller may not be looked for");
}

TEST(ClusterDoctor, LooksAtTheControllerOfTheIngressClass) {
  ClusterView view = with_controllers(
      {controller("edge", "traefik", "", ""),
       controller("public", "ingress-nginx", "", R"("--sync-rate-limit=20")"),
       controller("internal", "ingress-nginx", "", R"("--controller-class=corp/internal")")});
  expect_bad(lateness_finding(shop(), view), "edge throttles");
  const auto of_class = [&view](const char* name) {
    view.found.ingress_classes = {{parse(
        fmt::format(R"({{"metadata":{{"name":"nginx"}},"spec":{{"controller":"{}"}}}})", name))}};
    return lateness_finding(shop(), view);
  };
  EXPECT_EQ(of_class("k8s.io/ingress-nginx").cause, "public applies at most 20 changes a second");
  EXPECT_TRUE(of_class("k8s.io/ingress-nginx").ok);
  expect_bad(of_class("corp/internal"), "internal applies at most 0.3");
  expect_bad(of_class("traefik.io/ingress-controller"), "edge throttles");
}

TEST(ClusterDoctor, TellsWhichRightIsMissingToSeeTheController) {
  ClusterView view = with_controllers({});
  view.controllers.denied = {"list deployments.apps in all namespaces",
                             "list deployments.apps in namespace ingress-nginx"};
  const Finding finding = lateness_finding(shop(), view);
  expect_bad(finding,
             "may not: list deployments.apps in all namespaces, list deployments.apps in "
             "namespace ingress-nginx");
  EXPECT_NE(finding.remedy.find("-n ingress-nginx --verb=list "
                                "--resource=deployments.apps,daemonsets.apps"),
            std::string::npos)
      << finding.remedy;
  view.controllers.objects = {controller("ctl", "ingress-nginx", "", R"("--sync-rate-limit=20")")};
  EXPECT_TRUE(lateness_finding(shop(), view).ok) << "found in one of the usual namespaces";
  view.controllers.places.matter = false;
  EXPECT_TRUE(lateness_finding(shop(), view).ok);
}

TEST(ClusterDoctor, NamesPodsWithoutADrain) {
  Found found = sound().found;
  found.stable = deployment("stable");
  expect_bad(drain_finding(shop(), Track::stable, found), "no preStop hook, 30 s to end");
  found.stable = deployment("stable", R"("terminationGracePeriodSeconds":5,)",
                            R"("lifecycle":{"preStop":{"sleep":{"seconds":5}}},)");
  expect_bad(drain_finding(shop(), Track::stable, found), "preStop sleeps 5 s, 5 s to end");
}

TEST(ClusterDoctor, NamesAStrategyThatLosesPods) {
  Found found = sound().found;
  const auto with = [&](const std::string& strategy, int replicas) {
    found.stable = deployment("stable", "", "", strategy);
    found.stable.at("spec").as_object()["replicas"] = replicas;
    return strategy_finding(shop(), found);
  };
  const std::string outage = "it answers 503 while stable has no endpoint";
  const Finding recreated = with(R"("strategy":{"type":"Recreate"},)", 3);
  expect_bad(recreated, "Recreate");
  expect_bad(recreated, outage);
  expect_bad(with(R"("strategy":{"rollingUpdate":{"maxUnavailable":1}},)", 1), outage);
  EXPECT_EQ(with("", 4).cause.find(outage), std::string::npos) << "others go on answering";
  Names elsewhere = shop();
  elsewhere.router = "gateway-api";
  found.stable = deployment("stable", "", "", R"("strategy":{"type":"Recreate"},)");
  EXPECT_EQ(strategy_finding(elsewhere, found).cause,
            "its strategy is Recreate: a promotion stops all pods before new ones start");
  expect_bad(with("", 4), "1 of 4 pods may be missing");
  EXPECT_TRUE(with("", 3).ok) << "a quarter of 3 is rounded down";
  expect_bad(with(R"("strategy":{"rollingUpdate":{"maxUnavailable":1}},)", 2), "1 of 2");
  EXPECT_TRUE(with(R"("strategy":{"rollingUpdate":{"maxUnavailable":"10%"}},)", 9).ok);
}

TEST(ClusterDoctor, NamesWhoElseSetsSizes) {
  Found found = sound().found;
  const auto scaler = [](const std::string& name, const std::string& target) {
    return parse(fmt::format(
        R"({{"metadata":{{"name":"{}"}},"spec":{{"minReplicas":2,"maxReplicas":9,
            "scaleTargetRef":{{"kind":"Deployment","name":"{}"}}}}}})",
        name, target));
  };
  found.autoscalers = {scaler("a", "other"), scaler("b", "shop-stable")};
  EXPECT_EQ(autoscaler_finding(shop(), found).cause,
            "b scales stable between 2 and 9; linnet leaves its size alone");
  found.autoscalers.push_back(scaler("c", "shop-canary"));
  expect_bad(autoscaler_finding(shop(), found), "c scales the canary");
}

TEST(ClusterDoctor, NamesABudgetThatAllowsNothing) {
  Found found = sound().found;
  found.disruption_budgets = {parse(
      R"({"metadata":{"name":"p"},"spec":{"selector":{"matchLabels":{"version":"stable"}}},
          "status":{"disruptionsAllowed":0,"expectedPods":3,"currentHealthy":3}})")};
  expect_bad(budget_finding(shop(), found), "p allows no disruption");
}

TEST(ClusterDoctor, NamesWhatPodsNeedAndIsAbsent) {
  ClusterView view = sound();
  view.found.stable = deployment(
      "stable",
      R"("volumes":[{"configMap":{"name":"conf"}},{"secret":{"secretName":"maybe","optional":true}}],)",
      R"("env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"db","key":"a"}}}],
         "envFrom":[{"secretRef":{"name":"more"}}],)");
  const References all = references_of(view.found.stable);
  EXPECT_EQ(all.secrets, (std::vector<std::string>{"more", "db"}));
  EXPECT_EQ(all.config_maps, std::vector<std::string>{"conf"});
  view.secrets = {{"db", false}, {"more", std::nullopt}};
  view.config_maps = {{"conf", true}};
  expect_bad(references_finding(shop(), view), "Secret db does not exist");
  view.secrets["db"] = true;
  EXPECT_EQ(references_finding(shop(), view).cause,
            "3 named by the pods, 1 of them may not be read by linnet");
}

TEST(ClusterDoctor, NamesTheVerbsThatAreMissing) {
  ClusterView view = sound();
  view.missing = {{"patch", "apps", "deployments", "", "shop-canary", "its size", false}};
  expect_bad(rights_finding(view), "may not: patch deployments.apps shop-canary (its size)");
  view.missing = {{"create", "events.k8s.io", "events", "", "", "telling", true}};
  EXPECT_TRUE(rights_finding(view).ok);
  EXPECT_NE(rights_finding(view).cause.find("releases work without"), std::string::npos);
}

TEST(ClusterDoctor, NamesACanaryThatIsNotStablesTwin) {
  Found found = sound().found;
  found.canary = deployment("canary", "", R"("lifecycle":{"preStop":{"sleep":{"seconds":5}}},
      "env":[{"name":"NEW","value":"1"}],)");
  expect_bad(drift_finding(shop(), found), "differ at containers[0].env");
}

TEST(ClusterDoctor, NamesAServiceThatMixesTheTracks) {
  Found found = sound().found;
  found.stable_service.at("spec").at("selector").as_object().erase("version");
  expect_bad(apart_finding(shop(), found), "selects the pods of shop-canary as well");
}

TEST(DeployObstacles, AreNoneWhereAReleaseCanBegin) {
  EXPECT_TRUE(deploy_obstacles(shop(), sound().found).empty());
}

TEST(DeployObstacles, AreObjectsThatAreMissingAndTracksThatAreNotApart) {
  const auto told = [](const Found& found) {
    std::string text;
    for (const Finding& one : deploy_obstacles(shop(), found)) {
      EXPECT_FALSE(one.ok);
      text += fmt::format("{}: {}\n", one.cause, one.remedy);
    }
    return text;
  };
  Found mixed = sound().found;
  mixed.stable_service.at("spec").at("selector").as_object().erase("version");
  EXPECT_EQ(told(mixed).find("the Service shop-service-stable selects the pods of shop-canary"), 0U)
      << told(mixed);
  Found removed = sound().found;
  removed.canary = removed.canary_service = nullptr;
  removed.ingresses.erase("shop-ingress-canary");
  EXPECT_EQ(told(removed),
            "the Deployment shop-canary does not exist: `linnet init`\n"
            "the Service shop-service-canary does not exist: `linnet init`\n"
            "the Ingress shop-ingress-canary does not exist: `linnet init` makes it from "
            "shop-ingress-stable\n");
}

TEST(ClusterDoctor, OfNothingAtAllSaysWhatIsMissing) {
  for (const Finding& finding : examine(shop(), ClusterView{}))
    EXPECT_FALSE(finding.cause.empty()) << finding.check;
}

}  // namespace
}  // namespace linnet::kubernetes
