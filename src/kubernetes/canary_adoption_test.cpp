#include "kubernetes/canary_adoption.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "kubernetes/objects.h"
#include "spec/read.h"

namespace linnet::kubernetes {
namespace {

Names shop(const std::string& name = "shop") {
  const spec::ReadSpecs read =
      spec::read_specs("metadata: { name: " + name +
                           ", namespace: market }\nspec: { workload: { deployments: { stable: "
                           "shop-stable, canary: shop-canary, container: shop, image: "
                           "'shop/web:{{version}}' } }, traffic: { router: ingress-nginx, with: { "
                           "ingress: shop, stable_service: shop-service-stable, canary_service: "
                           "shop-service-canary } } }\n",
                       "t.yaml");
  EXPECT_EQ(read.releases.size(), 1U);
  return names_of(read.releases.at(0), "");
}

Json deployment(const std::string& track, const std::string& labels = "",
                const std::string& container = "shop", const std::string& image = "shop/web:v1",
                int replicas = 2) {
  return boost::json::parse(fmt::format(
      R"({{"metadata":{{"name":"shop-{0}","labels":{{{1}}}}},"spec":{{"replicas":{4},
          "selector":{{"matchLabels":{{"app":"shop","version":"{0}"}}}},
          "template":{{"metadata":{{"labels":{{"app":"shop","version":"{0}"}}}},
            "spec":{{"containers":[{{"name":"{2}","image":"{3}"}}]}}}}}}}})",
      track, labels, container, image, replicas));
}

Json service(const std::string& track) {
  return boost::json::parse(fmt::format(R"({{"metadata":{{"name":"shop-service-{0}"}},
          "spec":{{"selector":{{"app":"shop","version":"{0}"}}}}}})",
                                        track));
}

Found with_canary(Json canary) {
  Found found;
  found.stable = deployment("stable");
  found.stable_service = service("stable");
  found.canary_service = service("canary");
  found.canary = std::move(canary);
  return found;
}

std::string label(const std::string& release) {
  return R"("app.kubernetes.io/managed-by":"linnet","linnet.dev/release":")" + release + "\"";
}

// Neither `init` nor `deploy` begins, nor does init plan anything for it.
void expect_refused(const Names& names, const Found& found, const std::string& cause,
                    const std::string& remedy) {
  const Finding finding = ownership_finding(names, found);
  EXPECT_FALSE(finding.ok);
  EXPECT_NE(finding.cause.find(cause), std::string::npos) << finding.cause;
  EXPECT_NE(finding.remedy.find(remedy), std::string::npos) << finding.remedy;
  const InitPlan plan = plan_init(names, "", found);
  ASSERT_FALSE(plan.obstacles.empty());
  EXPECT_EQ(plan.obstacles[0], finding.cause + ": " + finding.remedy);
  bool told = false;
  for (const Finding& one : deploy_obstacles(names, found)) told = told || one == finding;
  EXPECT_TRUE(told);
}

TEST(CanaryAdoption, SomebodysDeploymentOfTheCanarysNameIsRefused) {
  expect_refused(shop(), with_canary(deployment("canary", "", "worker")),
                 "the Deployment shop-canary has no container shop, but worker",
                 "workload.deployments.canary");
  // Of the same container's name, its image would be overwritten.
  Found found = with_canary(deployment("canary", "", "shop", "birds/canary:v7"));
  found.canary_service = Json();
  expect_refused(shop(), found,
                 "was not made by linnet and runs the image birds/canary:v7, which is no version "
                 "of shop/web:{{version}}",
                 "workload.deployments.canary");
}

TEST(CanaryAdoption, ACanaryOfTheUsersOwnIsTakenOver) {
  for (const char* image : {"shop/web:v1.3.0", "mirror.example/shop/web:v1", "shop/web"}) {
    const Found found = with_canary(deployment("canary", "", "shop", image));
    EXPECT_TRUE(ownership_finding(shop(), found).ok) << image;
    EXPECT_EQ(plan_init(shop(), "", found).obstacles.size(), 1U) << "the main Ingress is missing";
  }
  EXPECT_TRUE(ownership_finding(shop(), with_canary(Json())).ok);
}

TEST(CanaryAdoption, WhatLinnetMadeTakesOverStablesContainersWhateverItHasNow) {
  const Json own = deployment("canary", label("shop"), "before", "elsewhere/web:v1", 0);
  EXPECT_TRUE(ownership_finding(shop(), with_canary(own)).ok);
}

TEST(CanaryAdoption, TwoReleasesNeverShareACanary) {
  Found found = with_canary(deployment("canary", label("shop"), "shop", "shop/web:v1", 0));
  EXPECT_TRUE(ownership_finding(shop(), found).ok);
  expect_refused(shop("other"), found,
                 "the Deployment shop-canary belongs to the release shop (label "
                 "linnet.dev/release)",
                 "was shop renamed to other, `linnet cleanup --remove -n market --release shop` "
                 "comes first");
  found.canary = Json();
  found.canary_service.as_object()["metadata"].as_object()["labels"] =
      boost::json::parse("{" + label("shop") + "}");
  expect_refused(shop("other"), found, "the Service shop-service-canary belongs to", "cleanup");
}

Json canary_ingress(const std::string& labels, const std::string& service) {
  return boost::json::parse(fmt::format(
      R"({{"metadata":{{"name":"shop-canary","labels":{{{}}}}},"spec":{{"rules":[{{"http":{{
          "paths":[{{"path":"/","backend":{{"service":{{"name":"{}"}}}}}}]}}}}]}}}})",
      labels, service));
}

TEST(CanaryAdoption, TwoReleasesNeverShareACanarysIngress) {
  Found found = with_canary(Json());
  const auto put = [&](const std::string& labels, const std::string& service) {
    found.ingresses["shop-canary"] = canary_ingress(labels, service);
  };
  put(label("docs"), "docs-canary");
  expect_refused(shop(), found,
                 "the Ingress shop-canary belongs to the release docs (label linnet.dev/release)",
                 "name another one in traffic.with.canary_ingress");
  put(label("docs"), "shop-service-canary");
  expect_refused(shop(), found, "belongs to the release docs",
                 "`linnet cleanup --remove -n market --release docs` comes first");
  put("", "docs-canary");
  expect_refused(shop(), found,
                 "the Ingress shop-canary sends to docs-canary, not to shop-service-canary",
                 "is it another release's, name another one in traffic.with.canary_ingress");
  // Those that linnet made before it gave them the label.
  put("", "shop-service-canary");
  EXPECT_TRUE(ownership_finding(shop(), found).ok);
  put(label("shop"), "shop-service-canary");
  EXPECT_TRUE(ownership_finding(shop(), found).ok);
  found.ingresses["shop-canary"] = boost::json::parse(R"({"metadata":{"name":"shop-canary"}})");
  EXPECT_TRUE(ownership_finding(shop(), found).ok) << "nothing says whose it is";
}

TEST(CanaryAdoption, SaysWhatInitChangesOfWhatIsThere) {
  const Json theirs = deployment("canary");
  EXPECT_EQ(adoption_of(shop(), theirs, Percent::whole(30)).text,
            "adopt Deployment shop-canary: 2 pods -> 0; weight 30 % -> 0 %");
  EXPECT_EQ(adoption_of(shop(), deployment("canary", "", "shop", "shop/web:v1", 1), Percent()).text,
            "adopt Deployment shop-canary: 1 pod -> 0");
  EXPECT_EQ(adoption_of(shop(), deployment("canary", label("shop")), Percent()).text,
            "stop Deployment shop-canary: 2 pods -> 0");
  EXPECT_EQ(adoption_of(shop(), Json(), Percent::whole(5)).text,
            "take the canary's traffic back: weight 5 % -> 0 %");
  EXPECT_EQ(adoption_of(shop(), Json(), Percent()).text, "");
  const Json resting = deployment("canary", "", "shop", "shop/web:v1", 0);
  EXPECT_EQ(adoption_of(shop(), resting, Percent()).text, "");
  const InitPlan plan = plan_init(shop(), "", with_canary(resting));
  ASSERT_EQ(plan.notes.size(), 2U);
  EXPECT_EQ(plan.notes[1],
            "shop-canary is there and stays as it is, without pods: it was not made by linnet");
}

}  // namespace
}  // namespace linnet::kubernetes
