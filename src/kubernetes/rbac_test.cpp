#include "kubernetes/rbac.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "spec/read.h"

namespace linnet::kubernetes {
namespace {

core::Release release_of(const std::string& more = "") {
  const spec::ReadSpecs read = spec::read_specs(
      "metadata: { name: shop, namespace: market }\nspec: { workload: { deployments: { image: "
      "'shop/web:{{version}}' } }" +
          more + " }\n",
      "t.yaml");
  EXPECT_EQ(read.releases.size(), 1U);
  return read.releases.at(0);
}

std::vector<std::string> texts(const std::vector<Right>& rights, bool optional) {
  std::vector<std::string> all;
  for (const Right& right : rights)
    if (right.optional == optional) all.push_back(right.text());
  return all;
}

bool holds(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

TEST(Rbac, ChangesOnlyTheNamedObjects) {
  const core::Release release = release_of();
  const Names names = names_of(release, "");
  for (const Rule& rule : rules_of(names, release, ingress_objects(names), {})) {
    for (const std::string& verb : rule.verbs) {
      EXPECT_NE(verb, "*");
      const bool changes = verb == "patch" || verb == "update" || verb == "delete";
      if (changes && rule.resource != "events") {
        EXPECT_FALSE(rule.names.empty()) << rule.resource << " " << verb;
      }
    }
    EXPECT_NE(rule.resource, "secrets");
    EXPECT_FALSE(rule.why.empty());
  }
}

TEST(Rbac, TheMainIngressIsOnlyRead) {
  const core::Release release = release_of();
  const Names names = names_of(release, "");
  const auto rights = texts(rights_of(rules_of(names, release, ingress_objects(names), {})), false);
  EXPECT_TRUE(holds(rights, "get ingresses.networking.k8s.io shop-ingress-stable"));
  EXPECT_TRUE(holds(rights, "patch ingresses.networking.k8s.io shop-ingress-canary"));
  EXPECT_FALSE(holds(rights, "patch ingresses.networking.k8s.io shop-ingress-stable"));
  EXPECT_TRUE(holds(rights, "patch deployments.apps shop-stable"));
  EXPECT_TRUE(holds(rights, "create ingresses.networking.k8s.io"));
}

TEST(Rbac, WithoutInitNothingIsCreatedButTheRecord) {
  const core::Release release = release_of();
  const Names names = names_of(release, "");
  RbacOptions options;
  options.init = false;
  const auto rights =
      texts(rights_of(rules_of(names, release, ingress_objects(names), options)), false);
  const auto is_record = [](const std::string& right) {
    return right == "create configmaps" || right == "create leases.coordination.k8s.io";
  };
  for (const std::string& right : rights)
    EXPECT_TRUE(!right.starts_with("create") || is_record(right)) << right;
}

TEST(Rbac, ScrapingFromOutsideNeedsTheProxyOfPods) {
  const core::Release release = release_of(", metrics: { source: scrape }");
  const Names names = names_of(release, "");
  EXPECT_TRUE(holds(texts(rights_of(rules_of(names, release, {}, {})), true), "get pods/proxy"));
}

TEST(Rbac, PagesOfAControllerNeedARoleInItsNamespaceForTheSameAccount) {
  Names names;
  names.release = "shop";
  names.name_space = "market";
  const std::string yaml = pages_rbac_yaml(names, "traefik", {});
  EXPECT_TRUE(yaml.starts_with("---\n#")) << yaml;
  EXPECT_NE(yaml.find("kind: Role\nmetadata: { name: linnet-market-shop, namespace: traefik }"),
            std::string::npos)
      << yaml;
  EXPECT_NE(yaml.find("resources: [pods/proxy]\n  verbs: [get]\n"), std::string::npos) << yaml;
  EXPECT_NE(yaml.find("kind: ServiceAccount, name: linnet, namespace: market"), std::string::npos)
      << yaml;
}

TEST(Rbac, KnowsFromTheReviewOfAllRulesWhatIsGranted) {
  const auto review = boost::json::parse(R"({"status": {"resourceRules": [
    {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "pods/log"]},
    {"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments"],
     "resourceNames": ["web"]},
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["leases"]}]}})");
  const auto is = [&](const Right& right) { return grants(review, right); };
  EXPECT_TRUE(is({"list", "", "pods", "", "", "", false}));
  EXPECT_TRUE(is({"get", "", "pods", "log", "", "", false}));
  EXPECT_FALSE(is({"get", "", "pods", "proxy", "", "", false}));
  EXPECT_FALSE(is({"get", "apps", "pods", "", "", "", false})) << "another group";
  EXPECT_TRUE(is({"patch", "apps", "deployments", "", "web", "", false}));
  EXPECT_FALSE(is({"patch", "apps", "deployments", "", "shop", "", false}));
  EXPECT_FALSE(is({"patch", "apps", "deployments", "", "", "", false})) << "of any name";
  EXPECT_TRUE(is({"update", "coordination.k8s.io", "leases", "", "x", "", false}));
  EXPECT_FALSE(grants(boost::json::value(), {"get", "", "pods", "", "", "", false}));
}

TEST(Rbac, IsPrintedAsYamlWithReasons) {
  const core::Release release = release_of();
  const Names names = names_of(release, "");
  const std::string yaml =
      rbac_yaml(names, rules_of(names, release, ingress_objects(names), {}), {});
  EXPECT_NE(yaml.find("# the image of both, the size of the canary\n- apiGroups: [apps]\n"
                      "  resources: [deployments]\n  resourceNames: [shop-stable, shop-canary]\n"
                      "  verbs: [get, list, watch, patch]\n"),
            std::string::npos)
      << yaml;
  EXPECT_NE(yaml.find("- apiGroups: [\"\"]\n  resources: [pods]\n"), std::string::npos);
  EXPECT_NE(yaml.find("subjects:\n- { kind: ServiceAccount, name: linnet, namespace: market }\n"),
            std::string::npos);
  EXPECT_EQ(yaml.find("ClusterRole"), std::string::npos);
}

}  // namespace
}  // namespace linnet::kubernetes
