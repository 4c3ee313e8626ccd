// managedFields as a real API server (1.36) gives them.
#include "recipes/last_writer.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace linnet::recipes {
namespace {

const std::vector<std::string> replicas{"spec", "replicas"};
const std::vector<std::string> image{
    "spec", "template", "spec", "containers", R"(k:{"name":"web"})", "image"};

Json deployment() {
  return boost::json::parse(R"({"metadata":{"managedFields":[
    {"manager":"linnet","operation":"Update","time":"2026-01-01T00:00:01Z","fieldsV1":{"f:spec":{
      "f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"side\"}":{"f:image":{}},
                                              "k:{\"name\":\"web\"}":{".":{},"f:image":{}}}}}}}},
    {"manager":"kubectl","operation":"Update","subresource":"scale","time":"2026-01-01T00:00:09Z",
     "fieldsV1":{"f:spec":{"f:replicas":{}}}}]}})");
}

TEST(LastWriter, IsNamedForEachFieldOnItsOwn) {
  EXPECT_EQ(last_writer(deployment(), replicas).by, "kubectl");
  EXPECT_EQ(last_writer(deployment(), replicas).when, "2026-01-01T00:00:09Z");
  EXPECT_EQ(last_writer(deployment(), image).by, "linnet") << "of this container";
  EXPECT_EQ(last_writer(deployment(), {"spec", "paused"}).by, "");
}

TEST(LastWriter, IsTheLaterOneOfTwoAndNobodyWhereNothingIsTold) {
  Json object = deployment();
  boost::json::array& managers = object.at("metadata").at("managedFields").as_array();
  managers.insert(managers.begin(), managers[1]);
  managers[0].as_object()["manager"] = "helm";
  managers[0].as_object()["time"] = "2026-01-01T00:00:05Z";
  EXPECT_EQ(last_writer(object, replicas).by, "kubectl");
  EXPECT_EQ(last_writer(boost::json::object(), replicas).by, "");
}

}  // namespace
}  // namespace linnet::recipes
