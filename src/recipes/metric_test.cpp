#include "recipes/metric.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "recipes/metric_json.h"

namespace linnet::recipes {
namespace {

using core::Track;
using testing::Test;

MetricRecipe built_in(const std::string& name) {
  const auto recipe = MetricRecipe::read(built_in_metrics().at(name), name + ".yaml");
  EXPECT_TRUE(recipe) << recipe.error().message;
  return recipe.value();
}

Parameters ingress() {
  return {{"namespace", {"shop"}},
          {"release", {"web"}},
          {"ingress", {"web"}},
          {"canary_service", {"web-c"}},
          {"port", {"80"}},
          {"stable_service", {"web"}},
          {"stable_deployment", {"web"}},
          {"canary_deployment", {"web-canary"}}};
}

Series series(std::string metric, Labels labels) {
  return {std::move(metric), std::move(labels), 1};
}

const std::string requests = "nginx_ingress_controller_requests";

TEST(MetricRecipe, TellsTheTracksApartAndBadRequestsFromOthers) {
  const MetricRecipe recipe = built_in("ingress-nginx");
  Labels labels{{"namespace", "shop"},
                {"ingress", "web"},
                {"service", "web"},
                {"canary", ""},
                {"status", "200"}};
  EXPECT_EQ(recipe.role(ingress(), series(requests, labels)),
            (Role{Track::stable, Role::Counts::requests, 0, ""}));
  labels["canary"] = "shop-web-c-80";
  labels["status"] = "5xx";
  EXPECT_EQ(recipe.role(ingress(), series(requests, labels)),
            (Role{Track::canary, Role::Counts::bad_requests, 0, ""}));
  labels["canary"] = "shop-other-80";
  EXPECT_FALSE(recipe.role(ingress(), series(requests, labels)));
  labels["canary"] = "";
  labels["namespace"] = "shop2";
  EXPECT_FALSE(recipe.role(ingress(), series(requests, labels)));
  labels["namespace"] = "shop";
  labels["service"] = "assets";  // on another path of the same Ingress
  EXPECT_FALSE(recipe.role(ingress(), series(requests, labels)));
}

TEST(MetricRecipe, WhatARuleExcludesIsNotCountedAndAnAbsentLabelIs) {
  const MetricRecipe recipe = built_in("linkerd");
  Labels labels{
      {"direction", "inbound"}, {"pod", "web-canary-6d5f7c9d4b-x7x2p"}, {"status_code", "200"}};
  EXPECT_TRUE(recipe.role(ingress(), series("response_total", labels)));
  labels["target_addr"] = "10.0.0.7:8080";
  EXPECT_TRUE(recipe.role(ingress(), series("response_total", labels)));
  labels["target_addr"] = "0.0.0.0:4191";
  EXPECT_FALSE(recipe.role(ingress(), series("response_total", labels)));
  const auto selectors = recipe.selectors(ingress());
  ASSERT_TRUE(selectors) << selectors.error().message;
  EXPECT_NE(selectors->at(0).find(R"(target_addr!~".*:4191")"), std::string::npos)
      << selectors->at(0);
}

TEST(MetricRecipe, AnAbsentLabelIsAnEmptyOne) {
  const Labels labels{
      {"namespace", "shop"}, {"ingress", "web"}, {"service", "web"}, {"status", "500"}};
  EXPECT_EQ(built_in("ingress-nginx").role(ingress(), series(requests, labels)),
            (Role{Track::stable, Role::Counts::bad_requests, 0, ""}));
}

TEST(MetricRecipe, ALabelThatPrometheusRenamedIsReadByItsNewName) {
  const MetricRecipe recipe = built_in("ingress-nginx");
  Labels labels{{"namespace", "ingress-nginx"},
                {"exported_namespace", "shop"},
                {"ingress", "web"},
                {"service", "web"},
                {"status", "200"}};
  EXPECT_TRUE(recipe.role(ingress(), series(requests, labels)));
  labels["namespace"] = "shop";
  labels["exported_namespace"] = "other";
  EXPECT_FALSE(recipe.role(ingress(), series(requests, labels)));
}

TEST(MetricRecipe, LatencyBoundsAreMilliseconds) {
  const MetricRecipe recipe = built_in("ingress-nginx");
  Labels labels{{"namespace", "shop"}, {"ingress", "web"}, {"service", "web"}, {"le", "0.3"}};
  const std::string bucket = "nginx_ingress_controller_request_duration_seconds_bucket";
  EXPECT_EQ(recipe.role(ingress(), series(bucket, labels))->le_ms, 300);
  labels["le"] = "+Inf";
  EXPECT_TRUE(std::isinf(recipe.role(ingress(), series(bucket, labels))->le_ms));
  labels["le"] = "soon";
  EXPECT_FALSE(recipe.role(ingress(), series(bucket, labels)));
}

TEST(MetricRecipe, PodsOfADeploymentWhoseNameBeginsLikeTheOthersAreNotMixedUp) {
  const MetricRecipe recipe = built_in("application");
  Labels labels{{"pod", "web-6d5f7c9d4b-x7x2p"}, {"status", "200"}};
  EXPECT_EQ(recipe.role(ingress(), series("http_requests_total", labels)),
            (Role{Track::stable, Role::Counts::requests, 0, "web-6d5f7c9d4b-x7x2p"}));
  labels["pod"] = "web-canary-6d5f7c9d4b-x7x2p";
  EXPECT_EQ(recipe.role(ingress(), series("http_requests_total", labels))->track, Track::canary);
}

TEST(MetricRecipe, SelectorsHoldWhatRoleKnows) {
  const auto selectors = built_in("ingress-nginx").selectors(ingress());
  ASSERT_TRUE(selectors) << selectors.error().message;
  // Two tracks of two metrics, of which two labels may be called otherwise.
  EXPECT_EQ(selectors->size(), 16U);
  const std::string rest = R"(,canary=""})";
  EXPECT_EQ(selectors->at(0), requests + R"({namespace="shop",ingress="web",service="web")" + rest);
  for (const char* other : {R"({exported_namespace="shop",ingress="web",service="web")",
                            R"({namespace="shop",ingress="web",exported_service="web")",
                            R"({exported_namespace="shop",ingress="web",exported_service="web")"})
    EXPECT_EQ(std::count(selectors->begin(), selectors->end(), requests + other + rest), 1)
        << other;
}

TEST(MetricRecipe, SeveralValuesOfAParameterBecomeAlternatives) {
  Parameters with = ingress();
  with["ingress"] = {"web", "web.api"};
  const MetricRecipe recipe = built_in("ingress-nginx");
  const auto selectors = recipe.selectors(with);
  ASSERT_TRUE(selectors);
  EXPECT_NE(selectors->at(0).find(R"(ingress=~"web|web\\.api")"), std::string::npos)
      << selectors->at(0);
  const Labels labels{{"namespace", "shop"}, {"ingress", "web.api"}, {"service", "web"}};
  EXPECT_TRUE(recipe.role(with, series(requests, labels)));
}

TEST(MetricRecipe, ParametersCannotBreakOutOfASelector) {
  Parameters with = ingress();
  with["ingress"] = {R"(x"} or secret{a="\)"};
  const auto selectors = built_in("ingress-nginx").selectors(with);
  ASSERT_TRUE(selectors);
  EXPECT_NE(selectors->at(0).find(R"(ingress="x\"} or secret{a=\"\\")"), std::string::npos)
      << selectors->at(0);
  with["ingress"] = {"a\nb"};
  EXPECT_FALSE(built_in("ingress-nginx").check(with));
  with = ingress();
  with["requests_metric"] = {"up} or x"};
  EXPECT_FALSE(built_in("application").check(with));
}

TEST(MetricRecipe, SaysWhichParametersAreMissing) {
  const auto checked = built_in("ingress-nginx").check({{"namespace", {"shop"}}});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Code::invalid);
  for (const char* word : {"ingress", "canary_service", "port", "metrics.with"})
    EXPECT_NE(checked.error().message.find(word), std::string::npos) << checked.error().message;
}

TEST(MetricRecipe, KnowsWhereItsPagesStand) {
  EXPECT_EQ(built_in("ingress-nginx").scrape(ingress()).value(),
            (ScrapePlace{false, "ingress-nginx", "app.kubernetes.io/component=controller", "10254",
                         "/metrics"}));
  EXPECT_TRUE(built_in("application").scrape(ingress())->workload);
  EXPECT_EQ(built_in("datadog").scrape(ingress()).error().code, Code::not_found);
  EXPECT_EQ(built_in("datadog").roles(ingress()).error().code, Code::invalid);
}

TEST(MetricRecipe, MistakesComeTogetherWithTheirPlaces) {
  const auto recipe = MetricRecipe::read(R"(name: x
summary: y
tried: not run
requests:
  metrc: a_total
  labels: { a: "{{nmaespace}}" }
  stable: { b: "~[" }
  canary: { b-c: x }
  status: code
  bad: "5{2}"
)",
                                         "mine.yaml");
  ASSERT_FALSE(recipe);
  const std::string& text = recipe.error().message;
  for (const char* part : {"mine.yaml:5:3: requests.metrc: unknown key; did you mean 'metric'?",
                           "requests.metric: is missing", "did you mean 'namespace'?",
                           "requests.stable: b: ", "requests.bad: ", "[A-Za-z0-9_]"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\nin\n" << text;
}

TEST(MetricRecipe, WhatCouldNeverCountIsAMistake) {
  const auto told = [](const std::string& from, const std::string& to) {
    std::string text =
        "name: x\nsummary: y\ntried: not run\nrequests:\n  metric: a_total\n  stable: { b: x }\n"
        "  canary: { b: y }\n  status: code\n  bad: '5..'\n"
        "scrape: { pods: workload, port: '9100', path: /stats }\n";
    EXPECT_TRUE(MetricRecipe::read(text, "mine.yaml"));
    text.replace(text.find(from), from.size(), to);
    const auto recipe = MetricRecipe::read(text, "mine.yaml");
    return recipe ? std::string() : recipe.error().message;
  };
  EXPECT_NE(told("{ b: y }", "{ b: x }").find("requests.canary: is the same as stable"),
            std::string::npos);
  EXPECT_NE(told("a_total", "a total").find("requests.metric: "), std::string::npos);
  EXPECT_NE(told("9100", "99999").find("scrape.port: must be from 1 to 65535"), std::string::npos);
  EXPECT_NE(told("/stats", "stats").find("scrape.path: must start with '/'"), std::string::npos);
  EXPECT_EQ(told("name: x", "kind: jsn\nname: x"), "mine.yaml:1:7: kind: must be counters or json");
}

TEST(MetricRecipe, ANameThatYamlReadsAsACommentIsMissing) {
  const auto recipe = MetricRecipe::read("name: #mine\nsummary: y\ntried: not run\n", "mine.yaml");
  ASSERT_FALSE(recipe);
  EXPECT_NE(recipe.error().message.find("name: must not be empty"), std::string::npos)
      << recipe.error().message;
}

TEST(MetricRecipe, EveryBuiltInOneIsSoundAndSaysWhatItWasTriedAgainst) {
  EXPECT_GE(built_in_metrics().size(), 12U);
  for (const auto& [name, text] : built_in_metrics()) {
    const MetricRecipe recipe = built_in(name);
    EXPECT_EQ(recipe.name(), name);
    EXPECT_FALSE(recipe.summary().empty());
    EXPECT_FALSE(recipe.tried().empty());
    Parameters with = ingress();
    for (const MetricParameter& parameter : recipe.parameters())
      if (!parameter.fallback) with.try_emplace(parameter.name, std::vector<std::string>{"x"});
    const auto checked = recipe.check(with);
    EXPECT_TRUE(checked) << name << ": " << checked.error().message;
  }
}

TEST(MetricRecipe, BoundsThatNoDurationHasAreNobodys) {
  const auto recipe = MetricRecipe::read(built_in_metrics().at("application"), "application.yaml");
  ASSERT_TRUE(recipe) << recipe.error().message;
  const Parameters with{{"namespace", {"shop"}},
                        {"release", {"web"}},
                        {"stable_deployment", {"web"}},
                        {"canary_deployment", {"web-canary"}}};
  const auto le_ms = [&](const std::string& le) {
    const auto role =
        recipe->role(with, {"http_request_duration_seconds_bucket",
                            {{"namespace", "shop"}, {"pod", "web-6956fd7b44-cn8qs"}, {"le", le}},
                            1});
    return role ? std::optional<double>(role->le_ms) : std::nullopt;
  };
  EXPECT_EQ(le_ms("0.5"), 500.0);
  EXPECT_EQ(le_ms("+Inf"), std::numeric_limits<double>::infinity());
  for (const char* le : {"-1", "-1e308", "1e308"}) EXPECT_EQ(le_ms(le), std::nullopt) << le;
}

TEST(JsonDialect, FillsTimesAndParametersInEachPlaceInItsOwnWay) {
  const auto recipe = MetricRecipe::read(R"(kind: json
name: x
summary: y
tried: not run
parameters: { account: { help: h } }
auth: none
request:
  method: POST
  path: "/a/{{account}}/b"
  query: { q: "{{query}}", from: "{{start_s}}" }
  headers: { X-Start: "{{start_iso}}" }
  json: '{"q":"{{query}}","to":{{end_ms}}}'
window: { lag: 60s, interval: 10s }
queries:
  stable: { requests: "a\"b", bad: "c" }
  canary: { requests: "{{account}}", bad: "d" }
answer: { value: "/*/n", pick: last-non-null, missing: error, scale: 60 }
)",
                                         "x.yaml");
  ASSERT_TRUE(recipe) << recipe.error().message;
  const JsonDialect& dialect = *recipe->json();
  EXPECT_EQ(dialect.pick, JsonDialect::Pick::last_non_null);
  EXPECT_TRUE(dialect.null_is_error);
  EXPECT_EQ(dialect.scale, 60);
  const JsonWindow window{{1'000'000}, {1'010'000}, {1'090'000}};
  const auto request = render(dialect, dialect.queries.at(0), {{"account", {"4/2"}}}, window);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->target, "/a/4%2F2/b?q=a%22b&from=1000");
  EXPECT_EQ(request->body, R"({"q":"a\"b","to":1010000})");
  EXPECT_EQ(request->headers.at(0).second, "1970-01-01T00:16:40.000Z");
  EXPECT_EQ(request->headers.at(1).first, "Content-Type");
}

}  // namespace
}  // namespace linnet::recipes
