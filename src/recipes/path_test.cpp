#include "recipes/path.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace linnet::recipes {
namespace {

std::vector<std::string> found(const std::string& text, const std::string& json,
                               const Values& values = {}) {
  const auto path = parse_path(text);
  EXPECT_TRUE(path) << text;
  const Json object = boost::json::parse(json);
  std::vector<std::string> out;
  if (path)
    for (const Spot& spot : follow(bound(*path, values, 0), root(object)))
      out.push_back(pointer(spot.at) + (spot.value == nullptr ? " absent" : ""));
  return out;
}

using Found = std::vector<std::string>;

TEST(Path, GoesThroughMembersQuotedKeysAndLists) {
  EXPECT_EQ(found("a.b", R"({"a":{"b":1}})"), Found{"/a/b"});
  EXPECT_EQ(found(R"(a["x.y/z"])", R"({"a":{"x.y/z":1}})"), Found{"/a/x.y~1z"});
  EXPECT_EQ(found("a[*].b", R"({"a":[{"b":1},{"b":2}]})"), (Found{"/a/0/b", "/a/1/b"}));
  EXPECT_EQ(found("a[n=y].b", R"({"a":[{"n":"x"},{"n":"y"}]})"), Found{"/a/1/b absent"});
  EXPECT_EQ(found("a[n.m=y,k=z]", R"({"a":[{"n":{"m":"y"},"k":"z"},{"n":{"m":"y"}}]})"),
            Found{"/a/0"});
}

TEST(Path, WhatIsMissingIsAPlaceAllTheSameButAListWithoutElementsIsNone) {
  EXPECT_EQ(found("a.b.c", "{}"), Found{"/a/b/c absent"});
  EXPECT_TRUE(found("a[*].b", "{}").empty());
}

TEST(Path, AConditionOnAMappingAsksThatMapping) {
  EXPECT_EQ(found("to[name=x].weight", R"({"to":{"name":"x","weight":1}})"), Found{"/to/weight"});
  EXPECT_TRUE(found("to[name=y].weight", R"({"to":{"name":"x","weight":1}})").empty());
}

TEST(Path, AConditionOnAParameterThatIsNotGivenAsksNothing) {
  const std::string json = R"({"a":[{"n":"x"},{"n":"y"},{"n":"z"}]})";
  EXPECT_EQ(found("a[n={{p}}]", json), (Found{"/a/0", "/a/1", "/a/2"}));
  EXPECT_EQ(found("a[n={{p}}]", json, {{"p", {"x", "z"}}}), (Found{"/a/0", "/a/2"}));
}

TEST(Path, LooksInsideATextThatIsJson) {
  EXPECT_EQ(found("t.(json).a[n=x].w", R"({"t":"{\"a\":[{\"n\":\"x\",\"w\":5}]}"})"),
            Found{"/t/a/0/w"});
  EXPECT_TRUE(found("t.(json).a", R"({"t":"{broken"})").empty());
}

TEST(Path, SaysWhereItIsWrong) {
  for (const auto& [text, words] : {std::pair{"", "a path like"},
                                    {"[*]", "needs a name"},
                                    {"a[b", "without ']'"},
                                    {"a[b]", "must be [*]"},
                                    {"a..b", "a name is missing"},
                                    {"a.(json).b.(json)", "(json) can stand once"},
                                    {"a[*]b", "'.' or '['"}}) {
    const auto path = parse_path(text);
    ASSERT_FALSE(path) << text;
    EXPECT_NE(path.error().message.find(words), std::string::npos) << path.error().message;
  }
}

}  // namespace
}  // namespace linnet::recipes
