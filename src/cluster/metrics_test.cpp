// What of a metrics server's secrets and certificates is missing on this machine, and where the
// pages of pods are.
#include "cluster/metrics.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "prometheus/store_client.h"

namespace linnet::cluster {
namespace {

using Troubles = std::vector<std::string>;

TEST(MetricsObstacles, NameTheVariableOrFileOfEverySecretThatCannotBeRead) {
  core::Metrics metrics;
  metrics.source = "prometheus";
  metrics.auth = core::BearerAuth{"env:LINNET_TEST_IS_NOT_SET"};
  metrics.headers = {"X-Scope-OrgID: shop", "X-Key: file:/nowhere/key"};
  metrics.tls.ca_file = "/nowhere/ca.pem";
  EXPECT_EQ(metrics_obstacles(metrics),
            (Troubles{"spec.metrics.auth.bearer.token: the environment variable "
                      "LINNET_TEST_IS_NOT_SET is not set",
                      "spec.metrics.headers: /nowhere/key cannot be read",
                      "spec.metrics.tls.ca_file: /nowhere/ca.pem cannot be read"}));
}

TEST(MetricsObstacles, AreVariablesThatHoldNothingButALineBreak) {
  core::Metrics metrics;
  metrics.source = "prometheus";
  metrics.auth = core::BearerAuth{"env:LINNET_TEST_TOKEN"};
  ::setenv("LINNET_TEST_TOKEN", "\n", 1);
  EXPECT_EQ(metrics_obstacles(metrics),
            Troubles{"spec.metrics.auth.bearer.token: the environment variable LINNET_TEST_TOKEN "
                     "is empty"});
  // As `echo word | base64` puts it into a Secret.
  EXPECT_EQ(prometheus::trimmed_secret(" word\n", "").value(), "word");
  ::unsetenv("LINNET_TEST_TOKEN");
}

TEST(MetricsObstacles, AreNoneWhereAllCanBeReadOrNothingIsAsked) {
  const std::string file = ::testing::TempDir() + "/linnet-obstacles-" + std::to_string(::getpid());
  std::ofstream(file) << "word\n";
  core::Metrics metrics;
  metrics.source = "cloudwatch";
  metrics.auth = core::SigV4Auth{"eu-central-1", "monitoring", "file:" + file, "file:" + file, ""};
  metrics.tls.ca_file = file;
  EXPECT_EQ(metrics_obstacles(metrics), Troubles());
  std::filesystem::remove(file);
  EXPECT_EQ(metrics_obstacles(metrics).size(), 3U);
  metrics.source = "scrape";
  EXPECT_EQ(metrics_obstacles(metrics), Troubles());
}

TEST(MetricsPages, OfAPodWithAnAddressOfVersionSixHaveItInBrackets) {
  EXPECT_EQ(page_url("10.1.2.3", "9090", "/metrics"), "http://10.1.2.3:9090/metrics");
  EXPECT_EQ(page_url("fd00::1", "9090", "/metrics"), "http://[fd00::1]:9090/metrics");
}

}  // namespace
}  // namespace linnet::cluster
