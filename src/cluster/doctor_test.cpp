// Where doctor looks for the controller that applies a release's weight.
#include "cluster/doctor.h"

#include <gtest/gtest.h>

#include "spec/read.h"

namespace linnet::cluster {
namespace {

kubernetes::ControllerPlaces places_of(const std::string& more) {
  const spec::ReadSpecs read = spec::read_specs(
      "metadata: { name: shop }\nspec:\n  workload: { deployments: { image: "
      "'shop/web:{{version}}' } }\n" +
          more,
      "t.yaml");
  EXPECT_TRUE(read.mistakes.empty()) << read.mistakes.front().text();
  const core::Release& release = read.releases.at(0);
  return controller_places(release, kubernetes::names_of(release, "shop"), "");
}

std::string route(const std::string& router) {
  return "  traffic: { router: " + router +
         ", with: { route: shop, stable_service: a, canary_service: b } }\n";
}

TEST(ControllerPlaces, AreThoseOfTheMetricsPagesElseTheUsualOnes) {
  using Namespaces = std::vector<std::string>;
  EXPECT_EQ(places_of("").namespaces, Namespaces{"ingress-nginx"});
  EXPECT_EQ(places_of("  metrics: { source: scrape, recipe: ingress-nginx, with: { "
                      "controller_namespace: edge } }\n")
                .namespaces,
            Namespaces{"edge"});
  EXPECT_EQ(places_of("  metrics: { source: prometheus, recipe: application, address: "
                      "'http://p:9090' }\n")
                .namespaces,
            (Namespaces{"ingress-nginx", "traefik"}));
  EXPECT_EQ(
      places_of(route("gateway-api") + "  metrics: { source: scrape, recipe: traefik-gateway }\n")
          .namespaces,
      Namespaces{"traefik"});
}

TEST(ControllerPlaces, OfARouterThatDelaysNothingAreNone) {
  const std::string metrics = "  metrics: { source: scrape, recipe: application }\n";
  EXPECT_FALSE(places_of(route("istio") + metrics).matter);
  const kubernetes::ControllerPlaces gateway = places_of(route("gateway-api") + metrics);
  EXPECT_TRUE(gateway.matter);
  EXPECT_TRUE(gateway.namespaces.empty()) << "whose Gateway it is, is not known";
}

TEST(RouterRemedy, OfARouteThatIsNotAcceptedNamesItsParent) {
  const auto remedy = [](const Result<std::string>& splits) {
    return router_remedy(
        {{"gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes", "shop", "web"},
         {"gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes", "shop", "api"}},
        splits);
  };
  EXPECT_NE(remedy("").find("an object that is missing is named here too"), std::string::npos);
  EXPECT_NE(remedy("").find("Does their parent"), std::string::npos);
  EXPECT_NE(remedy("").find("`kubectl describe httproutes.gateway.networking.k8s.io web api -n "
                            "shop`"),
            std::string::npos);
  EXPECT_NE(remedy(fail(Code::not_found, "x is not there")).find("`linnet init` makes"),
            std::string::npos);
  EXPECT_NE(remedy(fail(Code::denied, "x")).find("rights"), std::string::npos);
}

}  // namespace
}  // namespace linnet::cluster
