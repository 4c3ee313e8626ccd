// The router of a cluster against an API server in memory, with other hands at the same objects.
#include "kubernetes/cluster_router_test_support.h"

namespace linnet::kubernetes {
namespace {

TEST_F(RecipeRouterTest, ARollbackIsOnePatchAnObjectAndNothingElse) {
  api.put(ingresses, canary_ingress("a-canary", "25"));
  api.put(ingresses, canary_ingress("b-canary", "25"));
  start("ingress-nginx", parameters("ingress", {"a", "b"}));
  EXPECT_EQ(read()->weight, Percent::whole(25));
  const auto done = set(Percent(), true);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(api.count("PATCH"), 2);
  EXPECT_EQ(api.count("GET"), 0);
  EXPECT_EQ(weight_of("a-canary"), "0");
  EXPECT_EQ(weight_of("b-canary"), "0");
  EXPECT_TRUE(read()->taken_back) << "its own write is known before the watch tells of it";
  ASSERT_TRUE(set(Percent(), true));
  EXPECT_EQ(api.count("PATCH"), 2) << "what is so already is not written";
}

TEST_F(RecipeRouterTest, ARollbackGoesOnWhenOneObjectCannotBeWritten) {
  api.put(ingresses, canary_ingress("a-canary", "25"));
  api.put(ingresses, canary_ingress("b-canary", "25"));
  start("ingress-nginx", parameters("ingress", {"a", "b"}));
  api.instead() = [](const net::ServerRequest& request) -> std::optional<net::ServerResponse> {
    if (request.method != "PATCH" || request.target.find("a-canary") == std::string::npos)
      return std::nullopt;
    return ApiImposter::status(403, "Forbidden", "no");
  };
  const auto done = set(Percent(), true);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::denied);
  EXPECT_EQ(weight_of("b-canary"), "0");
}

// ---- Several objects that differ ----------------------------------------------------------------

TEST_F(RecipeRouterTest, OfAWriteThatWasLeftHalfDoneNoWeightIsInForce) {
  api.put(ingresses, written_by(canary_ingress("a-canary", "25"), "linnet", 9));
  api.put(ingresses, written_by(canary_ingress("b-canary", "5"), "linnet", 1));
  start("ingress-nginx", parameters("ingress", {"a", "b"}));
  const auto seen = read();
  ASSERT_TRUE(seen) << seen.error().message;
  EXPECT_EQ(seen->differ, "Ingress a-canary carries 25 %, Ingress b-canary 5 %");
  EXPECT_EQ(seen->by, "");
  EXPECT_FALSE(seen->taken_back);
  for (const int percent : {0, 5, 25}) EXPECT_FALSE(seen->is(Percent::whole(percent)));
  ASSERT_TRUE(set(Percent::whole(25)));
  EXPECT_TRUE(read()->is(Percent::whole(25)));
}

TEST_F(RecipeRouterTest, ARollbackThatWasLeftHalfDoneIsReadAsOne) {
  api.put(ingresses, written_by(canary_ingress("a-canary", "0"), "linnet", 9, true));
  api.put(ingresses, written_by(canary_ingress("b-canary", "25"), "kubectl-edit", 1));
  start("ingress-nginx", parameters("ingress", {"a", "b"}));
  EXPECT_TRUE(read()->taken_back);
  EXPECT_TRUE(read()->weight.is_zero());
  EXPECT_FALSE(read()->is(Percent())) << "b-canary still has traffic";
  ASSERT_TRUE(set(Percent(), true));
  EXPECT_TRUE(read()->is(Percent()));
  EXPECT_TRUE(read()->taken_back);
}

TEST_F(RecipeRouterTest, OneThatSomeoneElseWroteIsToldWithItsWriter) {
  api.put(ingresses, written_by(canary_ingress("a-canary", "25"), "linnet", 1));
  api.put(ingresses, written_by(canary_ingress("b-canary", "0"), "kubectl-edit", 9));
  start("ingress-nginx", parameters("ingress", {"a", "b"}));
  EXPECT_EQ(read()->by, "kubectl-edit");
  EXPECT_TRUE(read()->weight.is_zero());
  EXPECT_FALSE(read()->is(Percent()));
}

TEST_F(RecipeRouterTest, OfSeveralWritersTheLastOneIsTold) {
  api.put(ingresses, written_by(canary_ingress("a-canary", "25"), "helm", 8));
  api.put(ingresses, written_by(canary_ingress("b-canary", "10"), "kubectl-edit", 9));
  api.put(ingresses, written_by(canary_ingress("c-canary", "25"), "argocd", 1));
  start("ingress-nginx", parameters("ingress", {"a", "b", "c"}));
  EXPECT_EQ(read()->by, "kubectl-edit");
  EXPECT_EQ(router->written_when(), "2026-01-01T00:00:09Z");
  EXPECT_EQ(read()->weight, Percent::whole(10));
}

TEST_F(RecipeRouterTest, OfAWeightThatSomeoneElseWroteItIsKnownWhen) {
  api.put(ingresses, written_by(canary_ingress("web-canary", "10"), "kubectl-patch", 9));
  start("ingress-nginx", parameters("ingress", {"web"}));
  EXPECT_EQ(read()->by, "kubectl-patch");
  EXPECT_EQ(router->written_when(), "2026-01-01T00:00:09Z");
  api.put(ingresses, written_by(canary_ingress("web-canary", "25"), "linnet", 10));
  ASSERT_TRUE(eventually([&] { return read()->weight == Percent::whole(25); }));
  EXPECT_EQ(router->written_when(), "") << "its own writes are nobody else's";
}

TEST_F(RecipeRouterTest, OneThatIsDeletedIsToldToo) {
  api.put(ingresses, written_by(canary_ingress("a-canary", "25"), "linnet", 1));
  api.put(ingresses, written_by(canary_ingress("b-canary", "25"), "linnet", 1));
  start("ingress-nginx", parameters("ingress", {"a", "b"}));
  api.erase(ingresses, "b-canary");
  ASSERT_TRUE(eventually([&] { return read() && read()->weight.is_zero(); }));
  EXPECT_EQ(read()->by, "someone");
  EXPECT_EQ(read()->differ, "Ingress a-canary carries 25 %, but Ingress b-canary is not there");
  EXPECT_FALSE(read()->is(Percent()));
}

TEST_F(RecipeRouterTest, ARuleOfARouteThatSomeoneElseChangedIsTheOneThatIsNotAsBefore) {
  const auto two_rules = [](int first, int second) {
    Json both = route(100 - first, first);
    auto& rules = both.at("spec").at("rules").as_array();
    rules.push_back(route(100 - second, second).at("spec").at("rules").at(0));
    both.at("metadata").as_object()["managedFields"] = boost::json::parse(
        R"([{"manager":"kubectl-edit","time":"2026-01-01T00:00:09Z",
             "fieldsV1":{"f:spec":{"f:rules":{}}}}])");
    return both;
  };
  api.put(routes, two_rules(25, 25));
  start("gateway-api", parameters("route", {"web"}));
  EXPECT_EQ(read()->weight, Percent::whole(25));
  for (const auto& [first, second] : {std::pair(25, 50), std::pair(50, 25)}) {
    api.put(routes, two_rules(first, second));
    ASSERT_TRUE(eventually([&] { return read() && !read()->differ.empty(); }));
    EXPECT_EQ(read()->weight, Percent::whole(50)) << first << " and " << second;
    EXPECT_EQ(read()->by, "kubectl-edit");
    api.put(routes, two_rules(25, 25));
    ASSERT_TRUE(eventually([&] { return read() && read()->differ.empty(); }));
  }
}

TEST_F(RecipeRouterTest, ARollbackFindsBackendsThatMovedMeanwhile) {
  api.put(routes, route(75, 25));
  start("gateway-api", parameters("route", {"web"}));
  before_the_next_patch([this] {
    Json moved = route(75, 25);
    auto& backends = moved.at("spec").at("rules").at(0).at("backendRefs").as_array();
    std::swap(backends[0], backends[1]);
    api.put(routes, std::move(moved));
  });
  const auto done = set(Percent(), true);
  ASSERT_TRUE(done) << done.error().message;
  const Json& backends = api.find(routes, "web")->at("spec").at("rules").at(0).at("backendRefs");
  EXPECT_EQ(backends.at(0).at("weight").as_int64(), 0);
  EXPECT_EQ(backends.at(1).at("weight").as_int64(), 100);
}

TEST_F(RecipeRouterTest, WhatTheControllerHasNotAcceptedIsNotInForce) {
  api.put(routes, route(75, 25, false));
  start("gateway-api", parameters("route", {"web"}));
  const auto waiting = read();
  ASSERT_FALSE(waiting);
  EXPECT_EQ(waiting.error().code, Code::unavailable);
  EXPECT_EQ(waiting.error().message, "HTTPRoute web waits for Accepted of the current generation");
  const int before = changes;
  api.put(routes, route(75, 25));
  ASSERT_TRUE(eventually([&] { return read().has_value(); }));
  EXPECT_EQ(read()->weight, Percent::whole(25));
  EXPECT_GT(changes, before) << "the doorbell rings";
}

TEST_F(RecipeRouterTest, AStepThatTheObjectsCannotCarryIsKnownBeforeTheFirst) {
  Json shared = route(3, 0);
  shared.at("spec")
      .at("rules")
      .at(0)
      .at("backendRefs")
      .as_array()
      .push_back(boost::json::parse(R"({"name":"other","weight":1})"));
  api.put(routes, shared);
  start("gateway-api", parameters("route", {"web"}));
  EXPECT_TRUE(run(router->could_split({Percent::whole(100)}, soon())));
  const auto fifth = run(router->could_split({Percent::whole(20), Percent::whole(100)}, soon()));
  ASSERT_FALSE(fifth);
  EXPECT_EQ(fifth.error().code, Code::invalid);
  EXPECT_NE(fifth.error().message.find("20 % is no whole number"), std::string::npos)
      << fifth.error().message;
}

TEST_F(RecipeRouterTest, WhatTheControllerSaysAgainstACanaryIsKnownBeforeItGetsAWeight) {
  const auto objection = [this](Json object) {
    api.put(routes, std::move(object));
    const auto splits = run(router->could_split({Percent::whole(100)}, soon()));
    return splits ? *splits : "failed: " + splits.error().message;
  };
  start("gateway-api", parameters("route", {"web"}));
  EXPECT_EQ(objection(route(100, 0)), "");
  EXPECT_EQ(objection(route(100, 0, false)),
            "HTTPRoute web waits for Accepted of the current generation");
  Json refused = route(100, 0);
  auto& conditions = refused.at("status").at("parents").at(0).at("conditions").as_array();
  conditions[1] = boost::json::parse(
      R"({"type":"ResolvedRefs","status":"False","observedGeneration":2,
          "reason":"BackendNotFound","message":"no Service docs"})");
  EXPECT_EQ(objection(refused),
            "HTTPRoute web waits for ResolvedRefs=False (BackendNotFound: no Service docs)");
  ASSERT_TRUE(eventually([&] { return read().has_value(); })) << "0 % asks for less";
  refused.at("status").as_object().clear();
  EXPECT_EQ(objection(refused), "HTTPRoute web waits for Accepted: no controller has taken it");
}

TEST_F(RecipeRouterTest, ALostAnswerIsAnUnknownOutcome) {
  api.put(ingresses, canary_ingress("web-canary", "0"));
  start("ingress-nginx", parameters("ingress", {"web"}));
  api.loses() = [](const net::ServerRequest& request) { return request.method == "PATCH"; };
  const auto done = set(Percent::whole(5));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::unknown_outcome) << done.error().message;
}

TEST_F(RecipeRouterTest, AnIngressThatSomebodyDeletedSplitsNothingAndIsTold) {
  api.put(ingresses, canary_ingress("web-canary", "25"));
  start("ingress-nginx", parameters("ingress", {"web"}));
  api.erase(ingresses, "web-canary");
  ASSERT_TRUE(eventually([&] { return read() && read()->weight.is_zero(); }));
  EXPECT_EQ(read()->by, "someone (Ingress web-canary is not there)");
  EXPECT_TRUE(set(Percent(), true));
  const auto raised = set(Percent::whole(5));
  ASSERT_FALSE(raised);
  EXPECT_EQ(raised.error().code, Code::not_found);
  EXPECT_NE(raised.error().message.find("linnet init"), std::string::npos);
}

TEST_F(RecipeRouterTest, InitMakesTheCanarysIngressAndCleanupTakesOnlyThatAway) {
  api.put(ingresses, main_ingress("a"));
  api.put(ingresses, main_ingress("b"));
  api.put(ingresses, canary_ingress("b-canary", "5"));
  start("ingress-nginx", parameters("ingress", {"a", "b"}));
  const auto plan = run(router->plan_create({}, soon()));
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_EQ(plan->size(), 1U);
  EXPECT_EQ(api.find(ingresses, "a-canary"), nullptr);
  const auto made = run(router->create(soon()));
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->size(), 1U);
  EXPECT_EQ(creation_text(made->front()), "create Ingress a-canary: at weight 0 %");
  EXPECT_EQ(weight_of("a-canary"), "0");
  ASSERT_TRUE(eventually([&] { return !read() || !read()->weight.is_zero(); })) << "0 and 5 differ";
  const auto removed = run(router->remove(soon()));
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(api.find(ingresses, "a-canary"), nullptr);
  EXPECT_EQ(weight_of("b-canary"), "0") << "people made it: it stays, without traffic";
  EXPECT_NE(api.find(ingresses, "a"), nullptr);
}

TEST_F(RecipeRouterTest, WhatIsPlannedToBeThereCountsForThePlanOnly) {
  start("ingress-nginx", parameters("ingress", {"a"}));
  const auto unplanned = run(router->plan_create({}, soon()));
  ASSERT_FALSE(unplanned);
  EXPECT_NE(unplanned.error().message.find("Ingress a is not there"), std::string::npos)
      << unplanned.error().message;
  const recipes::ObjectName main{"networking.k8s.io/v1", "Ingress", "ingresses", "shop", "a"};
  const recipes::Write first{recipes::Write::Kind::create, main, main_ingress("a")};
  const auto plan = run(router->plan_create({first}, soon()));
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_EQ(plan->size(), 1U);
  EXPECT_EQ(plan->front().object.name, "a-canary");
  EXPECT_EQ(api.count("POST"), 0);
}

TEST_F(RecipeRouterTest, ARouteThatGetsTheCanaryIsToldAsChanged) {
  Json without = route(1, 0);
  without.at("spec").at("rules").at(0).at("backendRefs").as_array().pop_back();
  api.put(routes, without);
  start("gateway-api", parameters("route", {"web"}));
  const auto before = run(router->could_split({Percent::whole(100)}, soon()));
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error().code, Code::not_found);
  EXPECT_NE(before.error().message.find("`linnet init` adds the canary"), std::string::npos);
  const auto made = run(router->create(soon()));
  ASSERT_TRUE(made) << made.error().message;
  const auto after = run(router->could_split({Percent::whole(100)}, soon()));
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(*after, "HTTPRoute web waits for Accepted of the current generation");
  EXPECT_EQ(api.count("PATCH"), 1) << "nothing is written to find out";
  ASSERT_EQ(made->size(), 1U);
  EXPECT_EQ(creation_text(made->front()),
            "change HTTPRoute web: the canary comes into it, at weight 0 %");
  const auto again = run(router->create(soon()));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->empty()) << "what is there is not told again";
}

TEST_F(RecipeRouterTest, BeforeTheFirstListNothingIsKnownAndARollbackLooksItself) {
  api.put(ingresses, canary_ingress("web-canary", "25"));
  auto made = RecipeRouter::make(*client, *recipes::find_router("ingress-nginx", ""),
                                 parameters("ingress", {"web"}), [] {});
  router = *std::move(made);
  EXPECT_EQ(read().error().code, Code::unavailable);
  EXPECT_EQ(set(Percent::whole(50)).error().code, Code::unavailable);
  EXPECT_TRUE(set(Percent(), true));
  EXPECT_EQ(weight_of("web-canary"), "0");
}

TEST_F(RecipeRouterTest, AWrongParameterIsToldWithTheRouter) {
  auto with = parameters("ingress", {"web"});
  with["canary_ingres"] = {"x"};
  const auto made =
      RecipeRouter::make(*client, *recipes::find_router("ingress-nginx", ""), with, [] {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message,
            "router ingress-nginx: unknown parameter 'canary_ingres'; did you mean "
            "'canary_ingress'?");
}

}  // namespace
}  // namespace linnet::kubernetes

namespace linnet::contract {
INSTANTIATE_TEST_SUITE_P(Cluster, RouterContract, testing::Values([] {
                           return std::make_unique<kubernetes::ClusterRouter>();
                         }));
}  // namespace linnet::contract
