// A router beside others: hands that write the weight between two looks at it, and releases that
// name the same object.
#include "kubernetes/recipe_router_test_support.h"

namespace linnet::kubernetes {
namespace {

// ---- Other hands --------------------------------------------------------------------------------

TEST_F(RecipeRouterTest, AWeightIsNotRaisedOverWhatSomebodyElseHasSetMeanwhile) {
  api.put(ingresses, canary_ingress("web-canary", "25"));
  start("ingress-nginx", parameters("ingress", {"web"}));
  before_the_next_patch([this] { api.put(ingresses, canary_ingress("web-canary", "10")); });
  const auto done = set(Percent::whole(50));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::conflict);
  EXPECT_NE(done.error().message.find("someone has set it to 10 % meanwhile"), std::string::npos)
      << done.error().message;
  EXPECT_EQ(weight_of("web-canary"), "10");
}

TEST_F(RecipeRouterTest, NorOverWhatWasSetMeanwhileInOneOfSeveral) {
  api.put(ingresses, written_by(canary_ingress("a-canary", "25"), "linnet", 1));
  api.put(ingresses, written_by(canary_ingress("b-canary", "25"), "linnet", 1));
  start("ingress-nginx", parameters("ingress", {"a", "b"}));
  before_the_next_patch([this] {
    api.put(ingresses, written_by(canary_ingress("b-canary", "10"), "kubectl-edit", 9));
  });
  const auto done = set(Percent::whole(50));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::conflict) << done.error().message;
  EXPECT_NE(done.error().message.find("kubectl-edit has set it to 10 % meanwhile"),
            std::string::npos)
      << done.error().message;
  EXPECT_EQ(weight_of("b-canary"), "10");
}

TEST_F(RecipeRouterTest, NorOverWhatTheWatchHasToldOfSinceItWasRead) {
  api.put(ingresses, canary_ingress("web-canary", "25"));
  start("ingress-nginx", parameters("ingress", {"web"}));
  EXPECT_EQ(read()->weight, Percent::whole(25));
  api.put(ingresses, written_by(canary_ingress("web-canary", "0"), "kubectl-patch", 9, true));
  const auto shown = [this] {
    return text_at(router->copies().front().object,
                   {"metadata", "annotations", "linnet.dev/taken-back"}) == "true";
  };
  ASSERT_TRUE(eventually(shown));
  const auto done = set(Percent::whole(50));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::conflict) << done.error().message;
  EXPECT_NE(done.error().message.find("kubectl-patch has set it to 0 % meanwhile"),
            std::string::npos)
      << done.error().message;
  EXPECT_EQ(weight_of("web-canary"), "0");
  EXPECT_EQ(api.count("PATCH"), 0);
  EXPECT_TRUE(read()->taken_back);
  EXPECT_TRUE(set(Percent::whole(50))) << "whoever has read it decides";
  EXPECT_EQ(weight_of("web-canary"), "50");
}

TEST_F(RecipeRouterTest, TheMarkOfARollbackAloneIsNotRaisedOverUnread) {
  api.put(ingresses, canary_ingress("web-canary", "0"));
  start("ingress-nginx", parameters("ingress", {"web"}));
  EXPECT_FALSE(read()->taken_back);
  before_the_next_patch([this] {
    api.put(ingresses, written_by(canary_ingress("web-canary", "0"), "linnet", 9, true));
  });
  const auto done = set(Percent::whole(5));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::conflict) << done.error().message;
  EXPECT_EQ(weight_of("web-canary"), "0");
}

TEST_F(RecipeRouterTest, NothingThatWasNotReadHoldsALoweringUp) {
  api.put(ingresses, canary_ingress("web-canary", "25"));
  start("ingress-nginx", parameters("ingress", {"web"}));
  api.put(ingresses, canary_ingress("web-canary", "50"));
  ASSERT_TRUE(eventually([this] {
    return text_at(router->copies().front().object,
                   {"metadata", "annotations", "nginx.ingress.kubernetes.io/canary-weight"}) ==
           "50";
  }));
  EXPECT_TRUE(set(Percent::whole(10)));
  EXPECT_EQ(weight_of("web-canary"), "10");
  api.put(ingresses, canary_ingress("web-canary", "100"));
  EXPECT_TRUE(set(Percent(), true));
  EXPECT_EQ(weight_of("web-canary"), "0");
}

TEST_F(RecipeRouterTest, OwnWritesAreNoStrangersButForARollbackFromBeside) {
  api.put(ingresses, canary_ingress("web-canary", "0"));
  start("ingress-nginx", parameters("ingress", {"web"}));
  for (const int percent : {5, 25, 10, 50, 0, 25}) {
    const auto done = set(Percent::whole(percent));
    EXPECT_TRUE(done) << percent << " %: " << done.error().message;
  }
  ASSERT_TRUE(set(Percent(), true));  // a person's, while the loop saves what it decided before
  const auto done = set(Percent::whole(50));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::conflict);
  EXPECT_EQ(weight_of("web-canary"), "0");
  EXPECT_TRUE(read()->taken_back);
  EXPECT_TRUE(set(Percent::whole(50)));
}

TEST_F(RecipeRouterTest, ARaiseThatMetAnotherChangeIsTriedAgainAtOnce) {
  api.put(ingresses, canary_ingress("web-canary", "25"));
  start("ingress-nginx", parameters("ingress", {"web"}));
  before_the_next_patch([this] {
    Json changed = canary_ingress("web-canary", "25");
    changed.at("metadata").at("annotations").as_object()["team"] = "payments";
    api.put(ingresses, std::move(changed));
  });
  const auto done = set(Percent::whole(50));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(weight_of("web-canary"), "50");
  EXPECT_EQ(annotation("web-canary", "team"), "payments");
  EXPECT_EQ(api.count("PATCH"), 2);
}

// ---- Two releases behind one Ingress ------------------------------------------------------------

struct AnothersIngress : RecipeRouterTest {
  /// Behind `main` the release shop has the canary web-canary; `main-canary` is somebody else's.
  void begin(const std::string& service, const std::string& release) {
    api.put(ingresses, main_ingress("main"));
    api.put(ingresses, canary_of("main-canary", "25", service, release));
    start("ingress-nginx", parameters("ingress", {"main"}));
  }
  template <class T>
  void expect_refused(const Result<T>& done) {
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Code::invalid) << done.error().message;
    for (const std::string& part :
         {whose, std::string("name another one in traffic.with.canary_ingress")})
      EXPECT_NE(done.error().message.find(part), std::string::npos) << done.error().message;
  }
  void expect_left_alone() {
    const Json before = *api.find(ingresses, "main-canary");
    expect_refused(set(Percent(), true));
    expect_refused(set(Percent()));
    expect_refused(set(Percent::whole(50)));
    const auto looks = [](const net::ServerRequest& asked) {
      return asked.method == "GET" && asked.target.find("watch=1") == std::string::npos;
    };
    EXPECT_EQ(std::count_if(api.asked().begin(), api.asked().end(), looks), 0)
        << "the copies at hand are enough";
    expect_refused(run(router->plan_create({}, soon())));
    expect_refused(run(router->create(soon())));
    expect_refused(run(router->could_split({Percent::whole(5)}, soon())));
    expect_refused(run(router->plan_remove(soon())));
    expect_refused(run(router->remove(soon())));
    EXPECT_EQ(api.count("PATCH") + api.count("POST") + api.count("DELETE"), 0);
    ASSERT_NE(api.find(ingresses, "main-canary"), nullptr);
    EXPECT_EQ(*api.find(ingresses, "main-canary"), before);
  }
  void expect_nothing_of_it_read() {
    ASSERT_TRUE(read());
    EXPECT_TRUE(read()->is(Percent()));
    EXPECT_EQ(read()->by, fmt::format("someone ({})", whose));
    EXPECT_TRUE(run(router->weight_now(soon()))->is_zero());
  }

  std::string whose;
};

TEST_F(AnothersIngress, ThatItsLabelNamesIsNeitherWrittenNorDeleted) {
  whose = "Ingress main-canary belongs to the release a (label linnet.dev/release)";
  begin("a-canary", "a");
  expect_left_alone();
  expect_nothing_of_it_read();
}

TEST_F(AnothersIngress, ThatSendsElsewhereIsNeitherWrittenNorDeleted) {
  whose = "Ingress main-canary sends to a-canary, not to web-canary";
  begin("a-canary", "");
  expect_left_alone();
  expect_nothing_of_it_read();
}

TEST_F(RecipeRouterTest, ARollbackOfOneOfSeveralLeavesAnothersAlone) {
  api.put(ingresses, canary_of("a-canary", "25", "web-canary", "shop"));
  api.put(ingresses, canary_of("b-canary", "25", "b-canary", "b"));
  start("ingress-nginx", parameters("ingress", {"a", "b"}));
  const auto done = set(Percent(), true);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("b-canary belongs to the release b"), std::string::npos)
      << done.error().message;
  EXPECT_EQ(weight_of("a-canary"), "0");
  EXPECT_EQ(weight_of("b-canary"), "25");
}

TEST_F(AnothersIngress, ACloneOfBeforeTheLabelGoesOnWorking) {
  api.put(ingresses, main_ingress("main"));
  api.put(ingresses, canary_of("main-canary", "5", "web-canary", ""));
  start("ingress-nginx", parameters("ingress", {"main"}));
  EXPECT_TRUE(run(router->create(soon())));
  EXPECT_TRUE(set(Percent::whole(50)));
  EXPECT_EQ(weight_of("main-canary"), "50");
  EXPECT_TRUE(set(Percent(), true));
  EXPECT_EQ(weight_of("main-canary"), "0");
  const auto removed = run(router->remove(soon()));
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(api.find(ingresses, "main-canary"), nullptr);
}

// A clone of before the label took over the main Ingress', which another name's `init` had made.
TEST_F(AnothersIngress, WhatSendsToTheCanaryCanBeTakenBackWhateverItsLabel) {
  api.put(ingresses, canary_of("main-canary", "25", "web-canary", "old-name"));
  start("ingress-nginx", parameters("ingress", {"main"}));
  EXPECT_EQ(read()->weight, Percent::whole(25));
  EXPECT_EQ(set(Percent::whole(50)).error().code, Code::invalid);
  EXPECT_EQ(run(router->remove(soon())).error().code, Code::invalid);
  EXPECT_EQ(weight_of("main-canary"), "25");
  EXPECT_TRUE(set(Percent(), true));
  EXPECT_EQ(weight_of("main-canary"), "0");
}

TEST_F(RecipeRouterTest, ARouteIsSharedByReleasesWhateverItsLabel) {
  Json shared = route(75, 25);
  shared.at("metadata").as_object()["labels"] =
      boost::json::parse(R"({"linnet.dev/release":"another"})");
  api.put(routes, std::move(shared));
  start("gateway-api", parameters("route", {"web"}));
  EXPECT_EQ(read()->weight, Percent::whole(25));
  EXPECT_TRUE(set(Percent::whole(50)));
  const Json& backends = api.find(routes, "web")->at("spec").at("rules").at(0).at("backendRefs");
  EXPECT_EQ(backends.at(1).at("weight").as_int64(), 50);
}

}  // namespace
}  // namespace linnet::kubernetes
