// Specs that are sound YAML and would fail at the cluster: told by `linnet validate`.
#include "cluster/recipe_check.h"

#include <gtest/gtest.h>

#include "spec/read.h"

namespace linnet::cluster {
namespace {

// "key: message" of each mistake.
std::vector<std::string> mistakes_of(const std::string& more) {
  const spec::ReadSpecs read = spec::read_specs(
      "metadata: { name: shop }\nspec:\n  workload: { deployments: { image: "
      "'shop/web:{{version}}' } }\n" +
          more,
      "t.yaml");
  EXPECT_TRUE(read.mistakes.empty()) << read.mistakes.front().text();
  std::vector<std::string> out;
  for (const RecipeMistake& each : recipe_mistakes(read.releases.at(0), "t.yaml"))
    out.push_back(each.key + ": " + each.message);
  return out;
}

const std::string gateway =
    "  traffic: { router: gateway-api, with: { route: shop, stable_service: shop, "
    "canary_service: shop-canary } }\n";

void expect_one(const std::string& more, const std::string& key, const std::string& words) {
  const std::vector<std::string> found = mistakes_of(more);
  ASSERT_EQ(found.size(), 1U) << more << (found.empty() ? "" : found.back());
  EXPECT_TRUE(found[0].starts_with(key + ": ")) << found[0];
  EXPECT_NE(found[0].find(words), std::string::npos) << found[0];
}

TEST(RecipeCheck, FindsNothingInDefaultsAndInWhatFits) {
  EXPECT_EQ(mistakes_of(""), std::vector<std::string>());
  EXPECT_EQ(mistakes_of(gateway + "  metrics: { recipe: traefik-gateway, with: "
                                  "{ controller_selector: app=traefik } }\n"),
            std::vector<std::string>());
}

TEST(RecipeCheck, NamesTheNearestOfAnUnknownRecipe) {
  expect_one(
      "  traffic: { router: ingres-nginx }\n  metrics: { recipe: ingress-nginx, with: "
      "{ ingress: a, stable_service: b, canary_service: c, port: '80' } }\n",
      "spec.traffic.router", "did you mean 'ingress-nginx'?");
  expect_one(gateway + "  metrics: { recipe: traefik-gatway }\n", "spec.metrics.recipe",
             "did you mean 'traefik-gateway'?");
}

TEST(RecipeCheck, ARouterWithoutMetricsOfItsNameSaysWhichToChoose) {
  expect_one(gateway, "spec.metrics.recipe", "traefik-gateway");
}

TEST(RecipeCheck, NamesParametersThatAreMissingOrMistyped) {
  expect_one(
      "  traffic: { router: gateway-api, with: { rout: shop, stable_service: a, "
      "canary_service: b } }\n  metrics: { recipe: traefik-gateway, with: { route: shop } "
      "}\n",
      "spec.traffic.with", "rout");
  expect_one(gateway +
                 "  metrics: { recipe: traefik-gateway, with: { controler_selector: a=b } "
                 "}\n",
             "spec.metrics.with", "did you mean 'controller_selector'?");
}

TEST(RecipeCheck, ARequestIsWaitedForLongerThanAStoreIsLate) {
  const std::string store =
      "  metrics: { source: influxdb, address: 'http://db', with: { database: d, "
      "stable_requests: a, stable_bad: b, canary_requests: c, canary_bad: d } }\n";
  EXPECT_EQ(mistakes_of(store), std::vector<std::string>());
  EXPECT_EQ(mistakes_of(store + "  no_data: { hold: 12s }\n"), std::vector<std::string>());
  expect_one(store + "  no_data: { hold: 11s }\n", "spec.no_data.hold",
             "influxdb knows of requests up to 11s late");
}

TEST(RecipeCheck, AStepThatTheRouterCannotCarryIsNamedWithTheNearest) {
  const std::string route =
      "  traffic: { router: openshift-route, with: { route: shop, stable_service: a, "
      "canary_service: b } }\n  metrics: { recipe: application }\n";
  EXPECT_EQ(mistakes_of(route + "  steps: [{ weight: 0.5% }, { weight: 10% }]\n"),
            std::vector<std::string>());
  expect_one(route + "  steps: [{ weight: 0.5% }, { weight: 10.2% }]\n", "spec.steps[1].weight",
             "cannot carry 10.2 %: its weights go in steps of 0.5 %; the nearest is 10 %");
}

// `init` would fail in the midst of its writes.
TEST(RecipeCheck, NamesThatKubernetesDoesNotTakeAreToldBeforeAnythingIsWritten) {
  const auto mistakes_of_release = [](const std::string& name, const std::string& more = "") {
    const spec::ReadSpecs read = spec::read_specs(
        "metadata: { name: " + name +
            " }\nspec:\n  workload: { deployments: { image: 'shop/web:{{version}}' } }\n" + more,
        "t.yaml");
    EXPECT_TRUE(read.mistakes.empty()) << name;
    std::vector<std::string> out;
    for (const RecipeMistake& each : recipe_mistakes(read.releases.at(0), "t.yaml"))
      out.push_back(each.key + ": " + each.message);
    return out;
  };
  EXPECT_EQ(mistakes_of_release(std::string(48, 'a')), std::vector<std::string>());
  const std::string longest(63, 'a');
  const auto all = mistakes_of_release(longest);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0], "spec.traffic.with.stable_service: the Service name " + longest +
                        "-service-stable has 78 characters, and Kubernetes takes at most 63 there: "
                        "set a shorter one");
  EXPECT_TRUE(all[1].starts_with("spec.traffic.with.canary_service: ")) << all[1];
  EXPECT_EQ(mistakes_of_release(longest,
                                "  traffic: { router: ingress-nginx, with: { ingress: a, "
                                "stable_service: a, canary_service: b, port: '80' } }\n"),
            std::vector<std::string>());
  const auto digit = mistakes_of_release("2fast");
  ASSERT_EQ(digit.size(), 2U);
  EXPECT_NE(digit[0].find("beginning with a letter"), std::string::npos) << digit[0];
  const auto one = mistakes_of_release("shop",
                                       "  traffic: { router: ingress-nginx, with: { ingress: a, "
                                       "stable_service: a, canary_service: a, port: '80' } }\n");
  ASSERT_EQ(one.size(), 1U);
  EXPECT_NE(one[0].find("stable and canary have one Service, a"), std::string::npos) << one[0];
}

}  // namespace
}  // namespace linnet::cluster
