// Which names of pods are a Deployment's: those of real pods, and of what stands beside it.
#include "recipes/pod_names.h"

#include <gtest/gtest.h>

#include "recipes/metric_pattern.h"

namespace linnet::recipes {
namespace {

bool is_of(const std::string& deployment, const std::string& pod) {
  const auto pattern = Pattern::compile(pods_pattern(deployment));
  EXPECT_TRUE(pattern) << pods_pattern(deployment);
  return pattern && pattern->matches(pod);
}

TEST(PodNames, AreTheDeploymentsOwn) {
  EXPECT_TRUE(is_of("web", "web-6d4cf56db6-x7k2p"));
  EXPECT_TRUE(is_of("web", "web-74dcffc78-nsq8c")) << "a hash may be shorter";
  EXPECT_TRUE(is_of("web.shop", "web.shop-6d4cf56db6-x7k2p"));
  EXPECT_FALSE(is_of("web.shop", "webbshop-6d4cf56db6-x7k2p"));
}

TEST(PodNames, OfOtherThingsWithItsNameAtTheFrontAreNot) {
  for (const char* other : {"web-canary-6d4cf56db6-x7k2p", "web-db-0", "web-worker-x7k2p",
                            "web-db-x7k2p", "web-migrate-x7k2p", "web-6d4cf56db6", "web"})
    EXPECT_FALSE(is_of("web", other)) << other;
}

TEST(PodNames, ThatKubernetesCutsAreKnown) {
  // As seen on a cluster: 51 characters, then six of the hash and the five of the end.
  const std::string canary = "acme-production-payments-gateway-service-eur-canary";
  const std::string pod = canary + "-67494c8rrv2";
  EXPECT_TRUE(is_of(canary, pod));
  EXPECT_FALSE(is_of("acme-production-payments-gateway-service-eur", pod));
}

TEST(PodNames, OfEachLengthAreMatched) {
  for (std::size_t length = 1; length < 80; ++length) {
    const std::string name(length, 'a');
    EXPECT_TRUE(is_of(name, a_pod_of(name))) << length;
    EXPECT_LE(a_pod_of(name).size(), 63u);
    for (std::size_t hash = 5; hash <= 10; ++hash) {
      std::string base = name + "-" + std::string(hash, '7') + "-";
      EXPECT_TRUE(is_of(name, base.substr(0, 58) + "x7k2p")) << length << ' ' << hash;
    }
  }
}

}  // namespace
}  // namespace linnet::recipes
