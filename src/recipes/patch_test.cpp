#include "recipes/patch.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace linnet::recipes {
namespace {

const ObjectName name{"v1", "Thing", "things", "shop", "x"};

Write change(const Json& object, const std::string& path, std::optional<Json> value,
             bool locked = false) {
  std::vector<Edit> edits;
  for (Spot& spot : follow(*parse_path(path), root(object)))
    edits.push_back({std::move(spot), value});
  return patch(name, object, edits, locked);
}

TEST(Patch, OfMappingsIsAMergePatchThatNamesTheVersionOnlyWhenLocked) {
  const Json object = boost::json::parse(R"({"metadata":{"resourceVersion":"7"},"a":{}})");
  const Write write = change(object, "a.b", 1);
  EXPECT_EQ(write.kind, Write::Kind::merge_patch);
  EXPECT_EQ(write.body, boost::json::parse(R"({"a":{"b":1}})"));
  EXPECT_EQ(change(object, "a.b", 1, true).body,
            boost::json::parse(R"({"a":{"b":1},"metadata":{"resourceVersion":"7"}})"));
}

TEST(Patch, OfAnElementTestsWhatThePathAskedOfIt) {
  const Json object = boost::json::parse(R"({"l":[{"n":"a","w":1},{"n":"b","w":2}]})");
  const Write write = change(object, "l[n=b].w", 5);
  EXPECT_EQ(write.kind, Write::Kind::json_patch);
  EXPECT_EQ(write.body, boost::json::parse(R"([
      {"op":"test","path":"/l/1/n","value":"b"},{"op":"add","path":"/l/1/w","value":5}])"));
  const Json moved = boost::json::parse(R"({"l":[{"n":"b","w":2},{"n":"a","w":1}]})");
  const auto refused = apply(write, moved);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::conflict);
  EXPECT_EQ(*apply(write, object),
            boost::json::parse(R"({"l":[{"n":"a","w":1},{"n":"b","w":5}]})"));
}

TEST(Patch, ThatIsLockedFailsWhenTheValueIsAnotherOneByThen) {
  const Json object = boost::json::parse(R"({"l":[{"n":"b","w":2}]})");
  const Json other = boost::json::parse(R"({"l":[{"n":"b","w":0}]})");
  EXPECT_TRUE(apply(change(object, "l[n=b].w", 5), other));
  EXPECT_FALSE(apply(change(object, "l[n=b].w", 5, true), other));
}

TEST(Patch, MakesAMissingMappingOnlyWhileTheObjectIsWhatWasRead) {
  const Json object =
      boost::json::parse(R"({"metadata":{"resourceVersion":"7"},"l":[{"n":"b","w":2}]})");
  std::vector<Edit> edits;
  for (const char* path : {"l[n=b].w", "metadata.annotations.x", "metadata.annotations.y"})
    for (Spot& spot : follow(*parse_path(path), root(object)))
      edits.push_back({std::move(spot), Json("v")});
  const Write write = patch(name, object, edits, false);
  const auto after = apply(write, object);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(*look(*after, {"metadata", "annotations"}), boost::json::parse(R"({"x":"v","y":"v"})"));
  const Json later = boost::json::parse(
      R"({"metadata":{"resourceVersion":"8","annotations":{"z":"1"}},"l":[{"n":"b","w":2}]})");
  EXPECT_FALSE(apply(write, later));
}

TEST(Patch, InsideATextThatIsJsonWritesTheTextAnewIfItIsStillTheSame) {
  const Json object = boost::json::parse(R"({"t":"{\"z\":1,\"l\":[{\"n\":\"b\",\"w\":2}]}"})");
  const Write write = change(object, "t.(json).l[n=b].w", 5);
  const auto after = apply(write, object);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(text_at(*after, {"t"}), R"({"z":1,"l":[{"n":"b","w":5}]})");
  EXPECT_FALSE(apply(write, boost::json::parse(R"({"t":"{}"})")));
}

TEST(Patch, InsideATextThatIsAListReplacesItByTheMappingThatThePathNeeds) {
  const Json object = boost::json::parse(R"({"t":"[1]"})");
  const auto after = apply(change(object, "t.(json).a.w", 5), object);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(text_at(*after, {"t"}), R"({"a":{"w":5}})");
}

TEST(Patch, AppliesAppendsAndRemovals) {
  const Json object = boost::json::parse(R"({"l":[1,2],"m":{"a":1}})");
  const Json body = boost::json::parse(R"([{"op":"add","path":"/l/-","value":3},
      {"op":"remove","path":"/l/0"},{"op":"remove","path":"/m/a"}])");
  EXPECT_EQ(*apply({Write::Kind::json_patch, name, body}, object),
            boost::json::parse(R"({"l":[2,3],"m":{}})"));
  const Json nowhere = boost::json::parse(R"([{"op":"remove","path":"/l/9"}])");
  EXPECT_FALSE(apply({Write::Kind::json_patch, name, nowhere}, object));
}

}  // namespace
}  // namespace linnet::recipes
