// Bodies of intents as people write them, right and wrong.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "wire/json.h"

namespace linnet::wire {
namespace {

std::string refusal(std::string_view body) {
  const auto intent = read_intent(body);
  if (intent) return "(accepted)";
  EXPECT_EQ(intent.error().code, Code::invalid);
  return intent.error().message;
}

TEST(IntentBodyTest, ADeployIsRead) {
  const auto intent = read_intent(
      R"({"kind":"deploy","version":"v1.1.0","by":"anna@build-7","promote":true,"why":"Größe"})");
  ASSERT_TRUE(intent) << intent.error().message;
  EXPECT_EQ(intent->kind, core::Intent::Kind::deploy);
  EXPECT_EQ(intent->version, "v1.1.0");
  EXPECT_EQ(intent->by, "anna@build-7");
  EXPECT_EQ(intent->why, "Größe");
  EXPECT_TRUE(intent->promote);
  EXPECT_FALSE(intent->supersede);
}

TEST(IntentBodyTest, TheNearestKeyIsNamed) {
  EXPECT_EQ(refusal(R"({"kind":"deploy","versoin":"v1"})"),
            "reading the intent: unknown key 'versoin'; did you mean 'version'?");
  EXPECT_EQ(refusal(R"({"kind":"deply","version":"v1"})"),
            "reading the intent: kind 'deply' is not known; did you mean 'deploy'?");
}

TEST(IntentBodyTest, WeightsOutsideTheScaleAreRefused) {
  for (const char* weight : {"-1", "101", "5.55", "abc", "", "1e1", "5%%"})
    EXPECT_NE(refusal(fmt::format(R"({{"kind":"traffic","weight":"{}"}})", weight)), "(accepted)")
        << weight;
  EXPECT_NE(refusal(R"({"kind":"traffic","weight":25})"), "(accepted)");
  EXPECT_NE(refusal(R"({"kind":"traffic"})"), "(accepted)");
  const auto tenth = read_intent(R"({"kind":"traffic","weight":"0.1%"})");
  ASSERT_TRUE(tenth);
  EXPECT_EQ(tenth->weight, Percent::from_ppm(1000));
}

TEST(IntentBodyTest, VersionsWithShellCharactersAreRefused) {
  for (const char* version : {"", "$(reboot)", "a;b", "../v1", "-v", "v 1", "v1\\u0000"})
    EXPECT_NE(refusal(fmt::format(R"({{"kind":"deploy","version":"{}"}})", version)), "(accepted)")
        << version;
  EXPECT_EQ(refusal(R"({"kind":"deploy"})"), "reading the intent: deploy needs a \"version\"");
}

TEST(IntentBodyTest, WhatMeansNothingToTheKindIsRefused) {
  EXPECT_EQ(refusal(R"({"kind":"rollback","version":"v1"})"),
            "reading the intent: 'version' means nothing to rollback");
  EXPECT_EQ(refusal(R"({"kind":"pause","weight":"5%"})"),
            "reading the intent: 'weight' means nothing to pause");
  EXPECT_EQ(refusal(R"({"kind":"rollback","skip_steps":true})"),
            "reading the intent: 'skip_steps' means nothing to rollback");
  EXPECT_NE(refusal(R"({"kind":"deploy","version":"v1","promote":"yes"})"), "(accepted)");
}

TEST(IntentBodyTest, OtherJsonIsRefused) {
  for (const char* body : {"", "null", "[]", "{", "{} {}", "7", R"({"kind":5})", "{}"})
    EXPECT_NE(refusal(body), "(accepted)") << body;
  EXPECT_NE(refusal(std::string(20'000, ' ')), "(accepted)");
  EXPECT_NE(refusal(std::string(5'000, '[')), "(accepted)");
  EXPECT_NE(refusal("{\"kind\":\"pause\",\"by\":\"\xff\"}"), "(accepted)");
  EXPECT_NE(refusal(R"({"kind":"pause","by":"a\u001b[31m"})"), "(accepted)");
}

RC_GTEST_PROP(IntentBodyTest, RandomBytesAreAnError, (const std::string& bytes)) {
  RC_ASSERT(!read_intent(bytes));
}

TEST(IntentBodyTest, WhatACommandWritesIsReadBack) {
  using Kind = core::Intent::Kind;
  core::Intent deploy{.kind = Kind::deploy,
                      .by = "a\"b",
                      .version = "v2",
                      .promote = true,
                      .supersede = true,
                      .hold = true,
                      .force = true,
                      .why = "it is time"};
  EXPECT_EQ(read_intent(intent_body(deploy)), deploy);
  core::Intent traffic{.kind = Kind::traffic, .weight = Percent::from_ppm(1000)};
  EXPECT_EQ(read_intent(intent_body(traffic)), traffic);
  const core::Intent interrupt{.kind = Kind::interrupt, .version = "v2"};
  EXPECT_EQ(read_intent(intent_body(interrupt)), interrupt);
  for (Kind kind : {Kind::init, Kind::promote, Kind::rollback, Kind::pause, Kind::resume,
                    Kind::cleanup, Kind::interrupt}) {
    const core::Intent intent{.kind = kind};
    EXPECT_EQ(read_intent(intent_body(intent)), intent);
  }
}

}  // namespace
}  // namespace linnet::wire
