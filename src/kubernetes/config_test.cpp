#include "kubernetes/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "kubernetes/base64.h"
#include "net/test_server.h"

namespace linnet::kubernetes {
namespace {

struct ConfigTest : testing::Test {
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = directory.path + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    return path;
  }
  Result<Config> flag(const std::string& text) {
    ConfigChoice choice;
    choice.kubeconfig_flag = write("kubeconfig", text);
    return load_config(choice);
  }
  /// The message of a kubeconfig that is refused.
  std::string refusal(const std::string& text) {
    const auto config = flag(text);
    return config ? "(taken)" : config.error().message;
  }
  net::TestDirectory directory;
};

const std::string the_ca = "-----BEGIN CERTIFICATE-----\nTHE CA\n";
const std::string the_key = "-----BEGIN PRIVATE KEY-----\nTHE KEY\n";

std::string small(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
         "contexts:\n- name: c\n  context: {cluster: k, user: u}\n"
         "clusters:\n- name: k\n  cluster: " +
         cluster + "\nusers:\n- name: u\n  user: " + user + "\n";
}

TEST_F(ConfigTest, ReadsWhatKubectlWrites) {
  const auto config = flag(
      "apiVersion: v1\nkind: Config\npreferences: {}\ncurrent-context: dev\n"
      "clusters:\n"
      "- name: dev\n"
      "  cluster:\n"
      "    server: https://10.0.0.1:6443\n"
      "    certificate-authority-data: " +
      encode_base64(the_ca) +
      "\n"
      "    tls-server-name: kubernetes\n"
      "    proxy-url: socks5://127.0.0.1:1080\n"
      "    disable-compression: true\n"
      "users:\n"
      "- name: anna\n"
      "  user:\n"
      "    client-certificate: pki/anna.crt\n"
      "    client-key-data: " +
      encode_base64(the_key) +
      "\n"
      "    as: admin\n"
      "    as-uid: \"7\"\n"
      "    as-groups: [one, two]\n"
      "    as-user-extra: {scope: [a, b]}\n"
      "contexts:\n"
      "- context: {cluster: dev, namespace: shop, user: anna}\n"
      "  name: dev\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://10.0.0.1:6443");
  EXPECT_EQ(config->name_space, "shop");
  EXPECT_EQ(config->context, "dev");
  EXPECT_EQ(config->user, "anna");
  EXPECT_EQ(config->tls.ca_pem, the_ca);
  EXPECT_EQ(config->tls_server_name, "kubernetes");
  EXPECT_EQ(config->proxy, "socks5://127.0.0.1:1080");
  EXPECT_EQ(config->tls.client_certificate_file, directory.path + "/pki/anna.crt");
  EXPECT_EQ(config->tls.client_key_pem, the_key);
  EXPECT_TRUE(config->tls.verify);
  EXPECT_EQ(config->impersonate, "admin");
  EXPECT_EQ(config->impersonate_uid, "7");
  EXPECT_EQ(config->impersonate_groups, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(config->impersonate_extra.size(), 2u);
}

TEST_F(ConfigTest, JsonWithTabsIsAKubeconfigToo) {
  const auto config = flag(
      "{\n\t\"current-context\": \"c\",\n\t\"clusters\": [{\"name\": \"k\", \"cluster\": "
      "{\"server\": \"https://h\", \"insecure-skip-tls-verify\": true}}],\n"
      "\t\"contexts\": [{\"name\": \"c\", \"context\": {\"cluster\": \"k\"}}]\n}");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_FALSE(config->tls.verify);
  EXPECT_EQ(config->name_space, "default");
}

TEST_F(ConfigTest, OfSeveralFilesTheFirstThatNamesAThingHasAllOfIt) {
  const std::string one = write("one/config",
                                "current-context: a\n"
                                "users:\n- name: u\n  user: {tokenFile: token}\n"
                                "contexts:\n- name: a\n  context: {cluster: k, user: u}\n");
  const std::string two = write("two/config",
                                "current-context: b\n"
                                "users:\n- name: u\n  user: {token: other, username: x}\n"
                                "clusters:\n- name: k\n  cluster: {server: 'https://h', "
                                "certificate-authority: ../ca.crt}\n"
                                "contexts:\n- name: b\n  context: {cluster: k, user: u}\n");
  ConfigChoice choice;
  choice.kubeconfig_env = one + ":" + directory.path + "/missing::" + two;
  choice.home = "/nowhere";
  const auto config = load_config(choice);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->context, "a");
  EXPECT_EQ(config->token_file, directory.path + "/one/token");
  EXPECT_EQ(config->token, "") << "entries are not mixed";
  EXPECT_EQ(config->username, "");
  EXPECT_EQ(config->tls.ca_file, directory.path + "/two/../ca.crt");
  choice.context = "b";
  EXPECT_EQ(load_config(choice)->context, "b");
}

TEST_F(ConfigTest, AFlagIsThatFileAloneAndMustBeThere) {
  write(".kube/config", small("{server: 'https://home'}", "{}"));
  const std::string other = write("other", small("{server: 'https://env'}", "{}"));
  ConfigChoice choice;
  choice.home = directory.path;
  EXPECT_EQ(load_config(choice)->server, "https://home");
  choice.kubeconfig_env = other;
  EXPECT_EQ(load_config(choice)->server, "https://env");
  choice.kubeconfig_flag = directory.path + "/none";
  const auto missing = load_config(choice);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
  choice.kubeconfig_flag = write("flag", small("{server: 'https://flag'}", "{}"));
  EXPECT_EQ(load_config(choice)->server, "https://flag");
}

TEST_F(ConfigTest, WithoutAFileAPodUsesItsServiceAccount) {
  write("account/token", "tok\n");
  write("account/ca.crt", "CA");
  write("account/namespace", "shop\n");
  ConfigChoice choice;
  choice.home = directory.path;
  choice.service_account = directory.path + "/account";
  const auto nothing = load_config(choice);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, Code::not_found);
  EXPECT_NE(nothing.error().message.find("/.kube/config"), std::string::npos);
  choice.service_host = "fd00::1";
  choice.service_port = "443";
  const auto config = load_config(choice);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://[fd00::1]:443");
  EXPECT_EQ(config->name_space, "shop");
  EXPECT_EQ(config->context, "in-cluster");
  EXPECT_TRUE(config->is_pod);
  EXPECT_EQ(config->token_file, choice.service_account + "/token");
  choice.service_host = "10.0.0.1";
  EXPECT_EQ(load_config(choice)->server, "https://10.0.0.1:443");
  std::filesystem::remove(choice.service_account + "/token");
  EXPECT_EQ(load_config(choice).error().code, Code::not_found);
}

TEST_F(ConfigTest, AContextIsNoPodWhateverItsName) {
  const auto config = flag(
      "apiVersion: v1\nkind: Config\ncurrent-context: in-cluster\n"
      "contexts:\n- name: in-cluster\n  context: {cluster: k}\n"
      "clusters:\n- name: k\n  cluster: {server: 'https://k:6443'}\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->context, "in-cluster");
  EXPECT_FALSE(config->is_pod);
}

TEST_F(ConfigTest, APluginIsReadWithAllItsKeys) {
  const auto config = flag(
      "current-context: c\n"
      "contexts:\n- name: c\n  context: {cluster: k, user: u}\n"
      "clusters:\n- name: k\n  cluster:\n    server: https://h\n    extensions:\n"
      "    - name: client.authentication.k8s.io/exec\n      extension: {audience: 'x', n: 5}\n"
      "users:\n- name: u\n  user:\n    exec:\n"
      "      apiVersion: client.authentication.k8s.io/v1\n"
      "      command: bin/get-token\n"
      "      args: [--cluster, 'my one']\n"
      "      env:\n      - {name: REGION, value: eu}\n"
      "      installHint: get it from example.com\n"
      "      provideClusterInfo: true\n"
      "      interactiveMode: Never\n");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_TRUE(config->exec);
  EXPECT_EQ(config->exec->command, directory.path + "/bin/get-token");
  EXPECT_EQ(config->exec->arguments, (std::vector<std::string>{"--cluster", "my one"}));
  ASSERT_EQ(config->exec->environment.size(), 1u);
  EXPECT_EQ(config->exec->environment[0].second, "eu");
  EXPECT_EQ(config->exec->install_hint, "get it from example.com");
  EXPECT_TRUE(config->exec->provide_cluster_info);
  EXPECT_EQ(config->exec->interactive, ExecPlugin::Interactive::never);
  EXPECT_EQ(config->exec->cluster_extension, R"({"audience":"x","n":5})");
}

TEST_F(ConfigTest, AMistakeNamesFileAndKey) {
  const std::string file = directory.path + "/kubeconfig: ";
  EXPECT_EQ(refusal(small("{server: 'h:6443'}", "{}")).rfind(file + "cluster k.server: ", 0), 0u);
  EXPECT_EQ(refusal(small("{server: 'https://h', certificate-authority-data: '!'}", "{}")),
            file + "cluster k.certificate-authority-data: this is not base64");
  EXPECT_EQ(refusal(small("{server: 'https://h', insecure-skip-tls-verify: yes}", "{}")),
            file + "cluster k.insecure-skip-tls-verify: 'yes' is neither true nor false");
  EXPECT_EQ(refusal(small("{server: 'https://h'}", "{token: [a]}")),
            file + "user u.token: this must be one text");
  EXPECT_NE(refusal(small("{server: 'https://h'}", "{auth-provider: {name: gcp}}"))
                .find("exec plugin instead"),
            std::string::npos);
  EXPECT_NE(refusal(small("{server: 'https://h'}",
                          "{exec: {apiVersion: client.authentication.k8s.io/v1alpha1, "
                          "command: x}}"))
                .find("user u.exec.apiVersion"),
            std::string::npos);
  EXPECT_NE(refusal("clusters: 5\ncurrent-context: c\n").find("clusters: this must be a list"),
            std::string::npos);
  EXPECT_NE(refusal("current-context: [\n").find("kubeconfig:"), std::string::npos);
  EXPECT_NE(refusal("kind: Deployment\n").find("a kubeconfig has 'Config'"), std::string::npos);
}

TEST_F(ConfigTest, AMissingContextClusterOrUserIsNamedWithWhatThereIs) {
  const std::string text = small("{server: 'https://h'}", "{}");
  ConfigChoice choice;
  choice.kubeconfig_flag = write("kubeconfig", text);
  choice.context = "prod";
  const auto unknown = load_config(choice);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::not_found);
  EXPECT_NE(unknown.error().message.find("no context 'prod'; there are: c"), std::string::npos);
  std::string none = text;
  none.replace(none.find("current-context: c\n"), 19, "");
  EXPECT_NE(refusal(none).find("choose one with --context: c"), std::string::npos);
  std::string user = text;
  user.replace(user.find("user: u}"), 8, "user: x}");
  EXPECT_NE(refusal(user).find("no user 'x'; there are: u"), std::string::npos);
  std::string cluster = text;
  cluster.replace(cluster.find("cluster: k,"), 11, "cluster: x,");
  EXPECT_NE(refusal(cluster).find("no cluster 'x'; there are: k"), std::string::npos);
  EXPECT_EQ(refusal("").rfind(choice.kubeconfig_flag, 0), 0u);
  EXPECT_NE(refusal("").find("it has no contexts: an empty file"), std::string::npos);
}

TEST_F(ConfigTest, WhatIsNoCertificateIsNamedWithItsFileAndKey) {
  const std::string garbage = encode_base64("garbage");
  const std::string plain = write("garbage.pem", "garbage");
  EXPECT_NE(refusal(small("{server: 'https://h'}", "{client-certificate-data: " + garbage + "}"))
                .find("user u.client-certificate-data: this is base64 of something else than PEM"),
            std::string::npos);
  EXPECT_NE(refusal(small("{server: 'https://h'}", "{client-key: " + plain + "}"))
                .find("user u.client-key: " + plain + " is not PEM"),
            std::string::npos);
  EXPECT_NE(
      refusal(small("{server: 'https://h', certificate-authority-data: " + garbage + "}", "{}"))
          .find("cluster k.certificate-authority-data"),
      std::string::npos);
}

}  // namespace
}  // namespace linnet::kubernetes
