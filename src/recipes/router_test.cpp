#include "recipes/router.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>

#include "recipes/library.h"

namespace linnet::recipes {
namespace {

RouterRecipe built_in(const std::string& name) {
  auto recipe = RouterRecipe::read(built_in_routers().at(name), name);
  EXPECT_TRUE(recipe) << recipe.error().message;
  return *recipe;
}

const Parameters gateway{{"namespace", {"shop"}},
                         {"release", {"shop"}},
                         {"route", {"web"}},
                         {"stable_service", {"web"}},
                         {"canary_service", {"web-canary"}}};

std::string mistakes(const std::string& yaml) {
  const auto recipe = RouterRecipe::read(yaml, "x.yaml");
  return recipe ? "" : recipe.error().message;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(RouterParameters, ATypoNamesTheNearestParameterAndNothingElse) {
  Parameters with = gateway;
  with.erase("canary_service");
  with["canary_servise"] = {"web-canary"};
  const auto checked = built_in("gateway-api").check(with);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message,
            "unknown parameter 'canary_servise'; did you mean 'canary_service'?");
}

TEST(RouterParameters, EachMissingOneAndEachWrongWordIsTold) {
  const auto checked =
      built_in("gateway-api").check({{"namespace", {"shop"}}, {"kind", {"Route"}}});
  ASSERT_FALSE(checked);
  const std::string& message = checked.error().message;
  EXPECT_TRUE(contains(message, "kind 'Route' is not one of HTTPRoute, GRPCRoute")) << message;
  for (const char* missing :
       {"route is missing", "stable_service is missing", "canary_service is missing"})
    EXPECT_TRUE(contains(message, missing)) << message;
  EXPECT_FALSE(contains(message, "gateway is missing")) << message;
}

TEST(RouterParameters, CanaryIngressesMustBeAsManyAsIngresses) {
  Parameters with{{"namespace", {"shop"}},
                  {"ingress", {"a", "b"}},
                  {"canary_ingress", {"c"}},
                  {"stable_service", {"web"}},
                  {"canary_service", {"web-canary"}}};
  EXPECT_FALSE(built_in("ingress-nginx").check(with));
  with["canary_ingress"] = {"c", "b"};
  EXPECT_FALSE(built_in("ingress-nginx").check(with)) << "b would be both";
  with["canary_ingress"] = {"c", "c"};
  EXPECT_FALSE(built_in("ingress-nginx").check(with)) << "c is there twice";
  with["canary_ingress"] = {"c", "d"};
  EXPECT_TRUE(built_in("ingress-nginx").check(with));
}

TEST(RouterObjects, AreTheCanarysAndThenStables) {
  const auto objects = built_in("ingress-nginx")
                           .objects({{"namespace", {"shop"}},
                                     {"ingress", {"a", "b"}},
                                     {"stable_service", {"web"}},
                                     {"canary_service", {"web-canary"}}});
  ASSERT_TRUE(objects) << objects.error().message;
  std::vector<std::string> names;
  for (const ObjectName& name : *objects) names.push_back(name.plural + "/" + name.name);
  EXPECT_EQ(names, (std::vector<std::string>{"ingresses/a-canary", "ingresses/b-canary",
                                             "ingresses/a", "ingresses/b"}));
}

TEST(RouterRecipe, KnowsItsSmallestStepAndHowLongItSettles) {
  EXPECT_EQ(built_in("ingress-nginx").smallest_step(), Percent::from_ppm(1000));
  EXPECT_EQ(built_in("f5-nginx").smallest_step(), Percent::whole(1));
  EXPECT_EQ(built_in("openshift-route").smallest_step(), Percent::from_ppm(5000));
  EXPECT_EQ(built_in("ingress-nginx").settles(), 4s);
  EXPECT_FALSE(built_in("f5-nginx").carries(Percent::from_ppm(5000)));
}

TEST(RouterRecipe, TellsWhoWroteTheWeightLast) {
  const Json route = boost::json::parse(R"({"metadata":{"managedFields":[
    {"manager":"helm","time":"2026-01-01T00:00:00Z","fieldsV1":{"f:spec":{"f:rules":{}}}},
    {"manager":"kubectl-edit","time":"2026-01-02T00:00:00Z","fieldsV1":{"f:spec":{"f:rules":{}}}},
    {"manager":"traefik","time":"2026-01-03T00:00:00Z","fieldsV1":{"f:status":{}}}]},
    "spec":{"rules":[{"backendRefs":[{"name":"web","weight":9},
                                       {"name":"web-canary","weight":1}]}]}})");
  const RouterRecipe recipe = built_in("gateway-api");
  const auto objects = recipe.objects(gateway);
  const auto read = recipe.weight(gateway, {{objects->at(0), route}});
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->by, "kubectl-edit");
}

TEST(RouterRecipe, AllMistakesOfAFileAreToldWithTheirPlaces) {
  const std::string found = mistakes(R"(name: x
sumary: y
settles: soon
parameters:
  route: { help: the route, optional: true }
object: { api: v1, kind: Thing, name: "{{route}}" }
weight:
  canary: spec[
  stable: spec.list[name={{rout}}].weight
  total: [0]
  zero: never
accepted: { conditions: status.conditions }
)");
  for (const char* part : {"x.yaml:2:1: sumary: unknown key 'sumary'; did you mean 'summary'?",
                           "x.yaml:1:1: summary: 'summary' is missing", "x.yaml:3:10: settles: ",
                           "'route' is optional: it can stand only in [key={{route}}]",
                           "x.yaml:8:11: weight.canary: character 5: '[' without ']'",
                           "no parameter 'rout' is declared above; did you mean 'route'?",
                           "weight.total: must be whole numbers from 1 to 1000000",
                           "weight.zero: must be write or remove", "accepted.needs: "})
    EXPECT_TRUE(contains(found, part)) << part << "\nnot in\n" << found;
}

TEST(RouterRecipe, AParameterWhoseNameIsAMistakeIsNotOfferedForAnother) {
  const std::string found = mistakes(
      "name: x\nsummary: y\nparameters:\n  \"rou\\tte\": { help: the route }\n"
      "object: { api: v1, kind: Thing, name: \"{{route}}\" }\n");
  EXPECT_TRUE(contains(found, "a name must be of a-z and '_'")) << found;
  EXPECT_TRUE(contains(found, "no parameter 'route' is declared above")) << found;
  EXPECT_FALSE(contains(found, "did you mean")) << found;
}

TEST(RouterRecipe, MistakesShowControlCharactersAndMoveNoCursor) {
  const std::string found = mistakes("name: x\nsummary: y\nweight: { canary: \"a[b\\e[2J=]\" }\n");
  EXPECT_TRUE(contains(found, R"('[b\x1b[2J=]' must be [*])")) << found;
}

TEST(RouterRecipe, AnEntryThatIsTakenOutHoldsItsNumberByNames) {
  for (const char* path : {"spec[name=c].text.(json).weight", "spec[name=c].a[*].weight"})
    EXPECT_TRUE(contains(mistakes(fmt::format(R"(
name: x
summary: y
object: {{ api: v1, kind: Thing, name: t }}
weight: {{ canary: "{}", stable: "spec[name=s].weight", zero: remove }}
)",
                                              path)),
                         "goes on by names"))
        << path;
}

TEST(RouterRecipe, WithoutAPathToTheCanarysWeightIsAMistake) {
  EXPECT_TRUE(contains(mistakes("name: x\nsummary: y\nweight:\n  canary: #spec.weight\n"),
                       "canary: must not be empty"))
      << mistakes("name: x\nsummary: y\nweight:\n  canary: #spec.weight\n");
}

// One host without its subset: the same entry would be written as both.
TEST(RouterRecipe, OneEntryIsNeverBothStablesAndTheCanarys) {
  const auto recipe = built_in("istio");
  const Parameters with{{"namespace", {"shop"}},
                        {"virtual_service", {"web"}},
                        {"stable_host", {"web"}},
                        {"canary_subset", {"canary"}}};
  const std::vector<Seen> seen{
      {recipe.objects(with)->at(0), boost::json::parse(R"({"spec":{"http":[{"route":[{"weight":90},
         {"destination":{"host":"web","subset":"canary"},"weight":10}]}]}})")}};
  const auto read = recipe.weight(with, seen);
  ASSERT_FALSE(read);
  EXPECT_TRUE(contains(read.error().message, "without stable beside it")) << read.error().message;
  EXPECT_FALSE(recipe.set_weight(with, seen, Percent::whole(5), false));
}

TEST(RouterRecipe, OfNothingOrOfListsIsAMistake) {
  EXPECT_TRUE(contains(mistakes(""), "the file is empty"));
  EXPECT_TRUE(contains(mistakes("- a"), "one mapping"));
  EXPECT_FALSE(mistakes("a: [").empty());
  EXPECT_FALSE(mistakes("object: [1]\nweight: 3\nparameters: x\nclone: {of: [a]}").empty());
}

TEST(RouterRecipe, OfARouterThatCannotHoldAZeroTakesTheEntryOut) {
  const auto recipe = RouterRecipe::read(R"(
name: x
summary: y
object: { api: v1, kind: Thing, name: t }
weight:
  canary: spec.to[name=c].weight
  stable: spec.to[name=s].weight
  zero: remove
)",
                                         "x.yaml");
  ASSERT_TRUE(recipe) << recipe.error().message;
  const Parameters with{{"namespace", {"shop"}}};
  std::vector<Seen> seen{
      {recipe->objects(with)->at(0),
       boost::json::parse(R"({"spec":{"to":[{"name":"s","port":1,"weight":100}]}})")}};
  EXPECT_TRUE(recipe->weight(with, seen)->weight.is_zero());
  const auto raised = recipe->set_weight(with, seen, Percent::whole(5), false);
  ASSERT_TRUE(raised) << raised.error().message;
  EXPECT_EQ(raised->at(0).body, boost::json::parse(R"([
    {"op":"test","path":"/spec/to/0/name","value":"s"},
    {"op":"test","path":"/spec/to/0/weight","value":100},
    {"op":"add","path":"/spec/to/0/weight","value":95},
    {"op":"add","path":"/spec/to/-","value":{"name":"c","port":1,"weight":5}}])"));
  seen[0].object = boost::json::parse(
      R"({"spec":{"to":[{"name":"s","port":1,"weight":95},{"name":"c","port":1,"weight":5}]}})");
  EXPECT_EQ(recipe->weight(with, seen)->weight, Percent::whole(5));
  const auto lowered = recipe->set_weight(with, seen, Percent(), false);
  ASSERT_TRUE(lowered) << lowered.error().message;
  EXPECT_EQ(lowered->at(0).body, boost::json::parse(R"([
    {"op":"test","path":"/spec/to/0/name","value":"s"},
    {"op":"test","path":"/spec/to/1/name","value":"c"},
    {"op":"add","path":"/spec/to/0/weight","value":100},
    {"op":"remove","path":"/spec/to/1"}])"));
}

TEST(RouterRecipe, WhatCouldNeverCarryAWeightIsAMistake) {
  const auto told = [](const std::string& from, const std::string& to) {
    std::string text =
        "name: x\nsummary: y\nobject: { api: a.example/v1, kind: Route, name: r }\n"
        "weight: { canary: 'spec.to[name=c].weight', stable: 'spec.to[name=s].weight' }\n";
    EXPECT_EQ(mistakes(text), "");
    text.replace(text.find(from), from.size(), to);
    return mistakes(text);
  };
  EXPECT_TRUE(contains(told("to[name=c]", "to[[name=c]"), "weight.canary: "));
  EXPECT_TRUE(contains(told("a.example/v1", "'a b/v1'"), "object.api: must be VERSION or"));
  EXPECT_TRUE(contains(told("kind: Route", "kind: A/B"), "object.kind: "));
  EXPECT_TRUE(contains(told("[name=s]", "[name=c]"), "weight.stable: is the canary's path"));
}

TEST(RecipeLibrary, AFileOfTheUsersWinsAndATypoNamesTheNearest) {
  const auto typo = find_router("ingres-nginx", "");
  ASSERT_FALSE(typo);
  EXPECT_EQ(typo.error().code, Code::not_found);
  EXPECT_TRUE(contains(typo.error().message, "did you mean 'ingress-nginx'?"));
  EXPECT_FALSE(find_router("../x", "/tmp"));
  const std::string folder = testing::TempDir() + "linnet-recipes";
  std::filesystem::create_directories(folder + "/routers");
  std::string text = built_in_routers().at("smi");
  text.replace(text.find("summary: "), 9, "summary: My ");
  std::ofstream(folder + "/routers/smi.yaml") << text;
  EXPECT_TRUE(find_router("smi", folder)->summary().starts_with("My "));
  EXPECT_FALSE(find_router("smi", "")->summary().starts_with("My "));
  EXPECT_TRUE(find_metric("ingress-nginx", folder));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace linnet::recipes
