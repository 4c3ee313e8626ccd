#include "kubernetes/images.h"

#include <gtest/gtest.h>

namespace linnet::kubernetes {
namespace {

TEST(Images, AVersionGoesIntoTheTemplateAndComesBack) {
  for (const char* form :
       {"autograph/api-gateway:{{version}}", "shop:{{version}}",
        "registry.example:5000/shop/web:{{version}}-slim", "docker.io/library/nginx:{{version}}",
        "shop/web-{{version}}:{{version}}"})
    for (const char* version : {"v1.2.0", "1", "2026-10-01_a.b"})
      EXPECT_EQ(version_of(form, image_of(form, version)), version) << form;
}

struct Reading {
  const char* form;
  const char* image;
  const char* version;
};

TEST(Images, TheVersionIsReadFromWhatPodsReallyCarry) {
  const std::string digest =
      "sha256:3f1d2a0b9c8e7d6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f";
  const std::string with_digest = "shop/web:v2@" + digest;
  const std::string only_digest = "shop/web@" + digest;
  const std::string pinned = "shop/web@sha256:{{version}}";
  const std::vector<Reading> cases{
      {"shop/web:{{version}}", "shop/web:v2", "v2"},
      {"shop/web:{{version}}", "docker.io/shop/web:v2", "v2"},
      {"docker.io/shop/web:{{version}}", "shop/web:v2", "v2"},
      {"nginx:{{version}}", "docker.io/library/nginx:1.27", "1.27"},
      {"shop/web:{{version}}", "mirror.example:5000/shop/web:v2", "v2"},
      {"shop/web:{{version}}", "mirror.example/docker.io/shop/web:v2", "v2"},
      {"nginx:{{version}}", "mirror.example/hub/library/nginx:1.27", "1.27"},
      {"shop/web:{{version}}", with_digest.c_str(), "v2"},
      {"shop/web:{{version}}", only_digest.c_str(), digest.c_str()},
      {pinned.c_str(), only_digest.c_str(), digest.c_str() + 7},
      {"shop/web:{{version}}", "shop/web", "latest"},
      {"shop/web:{{version}}", "other/web:v2", "other/web:v2"},
      {"web:{{version}}", "shop/web:v2", "shop/web:v2"},
      {"shop/web:{{version}}", "shop/web-debug:v2", "shop/web-debug:v2"},
      {"shop/web:{{version}}-slim", "shop/web:v2", "shop/web:v2"},
      {"shop/web:{{version}}", "", ""},
      {"shop/web:{{version}}", "shop/web:", "shop/web:"},
  };
  for (const Reading& each : cases)
    EXPECT_EQ(version_of(each.form, each.image), each.version) << each.form << " " << each.image;
}

}  // namespace
}  // namespace linnet::kubernetes
