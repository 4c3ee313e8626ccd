// `linnet names`: what a shell is offered, and that nothing else ever comes of it.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "cli/testing.h"

namespace linnet::cli {
namespace {

using namespace testing;

std::string kubeconfig(const std::string& server) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: dev\n"
         "contexts:\n- name: dev\n  context: { cluster: k }\n- name: 'a b'\n  context: {}\n"
         "clusters:\n- name: k\n  cluster: { server: '" +
         server + "' }\n";
}

const char* cluster_spec =
    "apiVersion: linnet.dev/v1alpha1\nkind: Release\nmetadata: { name: web, namespace: shop }\n"
    "spec:\n  workload: { deployments: { image: 'shop/web:{{version}}' } }\n";

class NamesCommand : public ::testing::Test {
 protected:
  NamesCommand() { program.environment["HOME"] = scratch.path(); }
  void expect(const std::vector<std::string>& words, int code, const std::string& out) {
    std::vector<std::string> all{"names"};
    all.insert(all.end(), words.begin(), words.end());
    const Ran ran = program.run(all);
    EXPECT_EQ(ran.code, code) << words.front();
    EXPECT_EQ(ran.out, out) << words.front();
    EXPECT_EQ(ran.err, "") << words.front();
  }
  Scratch scratch;
  Program program{scratch};
};

TEST_F(NamesCommand, ContextsAreThoseOfAllKubeconfigs) {
  const std::string one = scratch.write("one", kubeconfig("https://127.0.0.1:1"));
  const std::string two =
      scratch.write("two",
                    "contexts:\n- name: dev\n  context: {}\n- { name: prod, context: {} }\n"
                    "- { name: \"two\\nlines\", context: {} }\n");
  program.environment["KUBECONFIG"] = one + ":" + two;
  expect({"contexts"}, 0, "a b\ndev\nprod\n");
  expect({"contexts", "--kubeconfig", two}, 0, "dev\nprod\n");
  expect({"contexts", "--context", "gone"}, 0, "a b\ndev\nprod\n");
  scratch.write("two", "contexts: 1\n");
  expect({"contexts"}, 4, "");
}

TEST_F(NamesCommand, ReleasesAreTheSpecsAndTheDaemonsWithoutStartingOne) {
  scratch.write("linnet.yaml", shop_spec);
  expect({"releases"}, 0, "shop\n");
  EXPECT_FALSE(std::filesystem::exists(scratch.path() + "/linnet.sock"));
  FakeDaemon daemon(scratch.path(), status_json("idle"));
  daemon.answer("/v1/releases", {"[" + status_json("idle") + R"(,{"release":"mail"}])"});
  expect({"releases"}, 0, "shop\nmail\n");
  expect({"releases", "--spec", "missing.yaml"}, 0, "shop\nmail\n");
}

TEST_F(NamesCommand, VersionsAreThoseOfTheHistory) {
  scratch.write("linnet.yaml", shop_spec);
  FakeDaemon daemon(scratch.path(), status_json("idle"));
  daemon.answer("/v1/releases/shop/history",
                {R"([{"id":"2","from":"v1","to":"v2"},{"id":"1","from":"","to":"v1"}])"});
  expect({"versions"}, 0, "v2\nv1\n");
  expect({"versions", "--release", "shop"}, 0, "v2\nv1\n");
}

TEST_F(NamesCommand, RecipesAreTheBuiltInOnesOfBothKindsEachOnce) {
  const std::string out = program.run({"names", "recipes"}).out;
  for (const char* name : {"gateway-api", "ingress-nginx", "cloudwatch"}) {
    const std::size_t at = ("\n" + out).find(fmt::format("\n{}\n", name));
    EXPECT_NE(at, std::string::npos) << name;
    EXPECT_EQ(("\n" + out).find(fmt::format("\n{}\n", name), at + 1), std::string::npos) << name;
  }
}

TEST_F(NamesCommand, TroubleIsNeverTold) {
  for (const char* what : {"contexts", "releases", "versions"}) expect({what}, 0, "");
  for (const char* what : {"namespaces", "deployments", "adoptable"}) expect({what}, 4, "");
  program.environment["KUBECONFIG"] = scratch.write("config", kubeconfig("https://127.0.0.1:1"));
  expect({"deployments"}, 4, "");
  scratch.write("linnet.yaml", "nonsense: [");
  expect({"namespaces"}, 4, "");
}

TEST_F(NamesCommand, AClusterThatDoesNotAnswerIsNotWaitedForLong) {
  const int silent = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(silent, 5), 0);
  ASSERT_EQ(::getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size), 0);
  program.environment["KUBECONFIG"] = scratch.write(
      "config", kubeconfig("https://127.0.0.1:" + std::to_string(ntohs(address.sin_port))));
  scratch.write("linnet.yaml", cluster_spec);
  const auto began = std::chrono::steady_clock::now();
  expect({"releases"}, 4, "web\n");
  expect({"versions"}, 4, "");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(8)) << "2 s each";
  ::close(silent);
}

// Not of `linnet names`, but of the same wrong kubeconfig.
TEST_F(NamesCommand, AContextThatIsNotThereIsNamedAndNoDaemonIsBlamed) {
  program.environment["KUBECONFIG"] = scratch.write("config", kubeconfig("https://127.0.0.1:1"));
  scratch.write("linnet.yaml", cluster_spec);
  const Ran status = program.run({"status", "--context", "prod"});
  EXPECT_EQ(status.code, 2);
  EXPECT_NE(status.err.find("there is no context 'prod'; there are: a b, dev"), std::string::npos)
      << status.err;
  const Ran doctor = program.run({"doctor", "--context", "prod"});
  EXPECT_EQ(doctor.code, 1);
  EXPECT_NE(doctor.out.find("there is no context 'prod'"), std::string::npos) << doctor.out;
  EXPECT_EQ(doctor.out.find("linnet init"), std::string::npos) << doctor.out;
}

}  // namespace
}  // namespace linnet::cli
