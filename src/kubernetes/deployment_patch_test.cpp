#include "kubernetes/deployment_patch.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace linnet::kubernetes {
namespace {

using core::Track;

const core::DeploymentsWorkload spec{"web", "web-canary", "web", "shop/web:{{version}}",
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
