#include "kubernetes/deployment_patch.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace linnet::kubernetes {
namespace {

using core::Track;

const core::DeploymentsWorkload spec{"web", "web-canary", "web",     "shop/web:{{version}}",
                                     2,     8080,         "/health", ""};

Json deployment(const std::string& image, int replicas) {
  return boost::json::parse(fmt::format(
      R"({{"metadata":{{"name":"web"}},"spec":{{"replicas":{},"template":{{"spec":{{"containers":[
          {{"name":"proxy","image":"proxy:1"}},{{"name":"web","image":"{}"}}]}}}}}}}})",
      replicas, image));
}

std::string patch_text(const std::string& image, int replicas, const core::SetTrack& level) {
  const auto patch = deployment_patch(spec, deployment(image, replicas), level);
  return patch ? boost::json::serialize(*patch) : patch.error().message;
}

const std::string to_v2 =
    R"({"op":"test","path":"/spec/template/spec/containers/1/name","value":"web"},)"
    R"({"op":"replace","path":"/spec/template/spec/containers/1/image","value":"shop/web:v2"})";

TEST(DeploymentPatch, OfStableChangesTheImageAlone) {
  EXPECT_EQ(patch_text("shop/web:v1", 7, {Track::stable, "v2", 2}), "[" + to_v2 + "]");
  EXPECT_EQ(patch_text("shop/web:v2", 7, {Track::stable, "v2", 2}), "[]");
  EXPECT_EQ(patch_text("shop/web:v2", 7, {Track::stable, "v2", 0}), "[]");
}

TEST(DeploymentPatch, AnImageThatReadsAsTheVersionStays) {
  for (const char* image : {"docker.io/shop/web:v2", "mirror.example/shop/web:v2",
                            "shop/web:v2@sha256:0123456789abcdef"})
    EXPECT_EQ(patch_text(image, 2, {Track::stable, "v2", 2}), "[]") << image;
}

TEST(DeploymentPatch, OfTheCanarySetsImageAndSizeAtOnce) {
  const std::string to_3 = R"({"op":"add","path":"/spec/replicas","value":3})";
  EXPECT_EQ(patch_text("shop/web:v1", 0, {Track::canary, "v2", 3}), "[" + to_v2 + "," + to_3 + "]");
  EXPECT_EQ(patch_text("shop/web:v2", 1, {Track::canary, "v2", 3}), "[" + to_3 + "]");
  EXPECT_EQ(patch_text("shop/web:v2", 3, {Track::canary, "v2", 3}), "[]");
}

TEST(DeploymentPatch, OfACanaryThatGoesLeavesTheImage) {
  const std::string to_0 = R"([{"op":"add","path":"/spec/replicas","value":0}])";
  EXPECT_EQ(patch_text("shop/web:v2", 3, {Track::canary, "", 0}), to_0);
  EXPECT_EQ(patch_text("shop/web:v1", 3, {Track::canary, "v2", 0}), to_0);
  EXPECT_EQ(patch_text("shop/web:v1", 0, {Track::canary, "", 0}), "[]");
}

// ---- The canary's template follows stable's -----------------------------------------------------

Json stable_with(const std::string& env) {
  return boost::json::parse(fmt::format(
      R"({{"metadata":{{"name":"web"}},"spec":{{"replicas":2,"template":{{"metadata":{{
          "labels":{{"app":"web","version":"stable","mesh":"in"}},
          "annotations":{{"team":"shop","kubectl.kubernetes.io/restartedAt":"now"}}}},
          "spec":{{"containers":[{{"name":"web","image":"shop/web:v1","env":"{}"}}]}}}}}}}})",
      env));
}

/// As `init` has cloned it from stable_with("old"), and nobody has touched it since.
Json clone(int replicas, const std::string& maker = "linnet", const std::string& owner = "linnet") {
  return boost::json::parse(fmt::format(
      R"({{"metadata":{{"name":"web-canary","generation":7,
          "labels":{{"app.kubernetes.io/managed-by":"{}"}},
          "managedFields":[{{"manager":"linnet","fieldsV1":{{"f:spec":{{"f:template":{{}}}}}}}},
                           {{"manager":"kube-controller-manager","fieldsV1":{{"f:status":{{}}}}}},
                           {{"manager":"{}","fieldsV1":{{"f:spec":{{"f:template":{{}}}}}}}}]}},
          "spec":{{"replicas":{},"template":{{"metadata":{{"creationTimestamp":null,
          "labels":{{"app":"web","version":"canary","mesh":"in"}},"annotations":{{"team":"shop"}}}},
          "spec":{{"containers":[{{"name":"web","image":"shop/web:v1","env":"old"}}]}}}}}}}})",
      maker, owner, replicas));
}

boost::json::array started(const Json& canary, const Json& stable) {
  const auto patch = deployment_patch(spec, canary, {Track::canary, "v2", 1}, stable);
  EXPECT_TRUE(patch) << patch.error().message;
  return patch.value_or(boost::json::array{});
}

TEST(DeploymentPatch, ACanaryThatStartsTakesOverStablesTemplate) {
  const boost::json::array patch = started(clone(0), stable_with("new"));
  EXPECT_EQ(patch, boost::json::parse(R"([
    {"op":"test","path":"/metadata/generation","value":7},
    {"op":"replace","path":"/spec/template","value":{
      "metadata":{"creationTimestamp":null,
                  "labels":{"app":"web","version":"canary","mesh":"in"},
                  "annotations":{"team":"shop"}},
      "spec":{"containers":[{"name":"web","image":"shop/web:v2","env":"new"}]}}},
    {"op":"add","path":"/spec/replicas","value":1}])")
                       .as_array());
}

TEST(DeploymentPatch, ATemplateThatIsAsStablesIsNotWritten) {
  Json canary = clone(0);
  canary.at("spec").at("template").at("spec").at("containers").at(0).as_object()["image"] =
      "mirror.example/shop/web:v2";
  EXPECT_EQ(started(canary, stable_with("old")),
            boost::json::parse(R"([{"op":"add","path":"/spec/replicas","value":1}])").as_array());
}

TEST(DeploymentPatch, ATemplateIsLeftWhereThereArePodsOrAnotherOwner) {
  const auto renews = [](const Json& canary, const Json& stable) {
    return boost::json::serialize(started(canary, stable)).find("/spec/template\"") !=
           std::string::npos;
  };
  EXPECT_TRUE(renews(clone(0), stable_with("new")));
  EXPECT_FALSE(renews(clone(1), stable_with("new")));
  EXPECT_FALSE(renews(clone(0, "Helm"), stable_with("new")));
  EXPECT_FALSE(renews(clone(0, "linnet", "kubectl-edit"), stable_with("new")));
  EXPECT_FALSE(renews(clone(0), Json()));
  const auto gone = deployment_patch(spec, clone(2), {Track::canary, "v2", 0}, stable_with("new"));
  EXPECT_EQ(boost::json::serialize(*gone), R"([{"op":"add","path":"/spec/replicas","value":0}])");
}

TEST(DeploymentPatch, RefusesWhatCannotBe) {
  EXPECT_EQ(patch_text("shop/web:v1", 1, {Track::canary, "", 1}), "the version is empty");
  EXPECT_EQ(patch_text("shop/web:v1", 1, {Track::canary, "v2", -1}), "-1 replicas");
  core::DeploymentsWorkload other = spec;
  other.container = "app";
  EXPECT_EQ(deployment_patch(other, deployment("shop/web:v1", 1), {Track::stable, "v2", 1})
                .error()
                .message,
            "the Deployment web has no container app");
}

}  // namespace
}  // namespace linnet::kubernetes
