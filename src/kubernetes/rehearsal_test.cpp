#include "kubernetes/rehearsal.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "core/course.h"

namespace linnet::kubernetes {
namespace {

using How = ObjectChange::How;

Names names() {
  Names names;
  names.release = "web";
  names.name_space = "shop";
  names.workload = {"web-stable", "web-canary", "web", "shop/web:{{version}}"};
  return names;
}

Json deployment(const std::string& name, int replicas, const std::string& image) {
  return boost::json::parse(fmt::format(
      R"({{"metadata": {{"name": "{}", "generation": 3, "resourceVersion": "77"}},
           "spec": {{"replicas": {}, "template": {{"spec": {{"containers": [
             {{"name": "side", "image": "proxy:1"}},
             {{"name": "web", "image": "{}",
               "env": [{{"name": "TOKEN", "value": "s3cret"}}]}}]}}}}}},
           "status": {{"replicas": 9}}}})",
      name, replicas, image));
}

std::string text(const ObjectChange& change) {
  std::string out = fmt::format("{} {} {}", static_cast<int>(change.how), change.kind, change.name);
  for (const FieldChange& field : change.fields) {
    out += "\n" + field.path;
    for (const Json& value : field.values) out += " " + boost::json::serialize(value);
  }
  return out;
}

recipes::RouterRecipe ingress_nginx() {
  auto recipe =
      recipes::RouterRecipe::read(recipes::built_in_routers().at("ingress-nginx"), "built in");
  EXPECT_TRUE(recipe) << recipe.error().message;
  return *recipe;
}

TEST(Rehearsal, TellsAWholeRolloutFieldByField) {
  core::Release release;
  release.workload = names().workload;
  release.steps = {{Percent::whole(5), 60s}, {Percent::whole(50), 60s}};
  core::Status status;
  status.stable_version = "v1";
  status.stable_size = 3;
  Rehearsal rehearsal;
  const auto stable = deployment_name(names(), core::Track::stable);
  const auto canary = deployment_name(names(), core::Track::canary);
  rehearsal.begin_with(stable, deployment("web-stable", 3, "shop/web:v1"));
  rehearsal.begin_with(canary, deployment("web-canary", 0, "shop/web:v1"));
  const recipes::RouterRecipe recipe = ingress_nginx();
  const recipes::Parameters with{{"namespace", {"shop"}},
                                 {"release", {"web"}},
                                 {"ingress", {"web"}},
                                 {"stable_service", {"web"}},
                                 {"canary_service", {"web-canary"}}};
  const auto carriers = recipe.carriers(with);
  ASSERT_TRUE(carriers) << carriers.error().message;
  rehearsal.begin_with(carriers->front(), boost::json::parse(R"({"metadata": {"annotations": {
      "nginx.ingress.kubernetes.io/canary": "true",
      "nginx.ingress.kubernetes.io/canary-weight": "0"}}})"));
  for (const core::Effect& effect : core::course_of(release, status, "v2")) {
    Result<void> done;
    if (const auto* track = std::get_if<core::SetTrack>(&effect))
      done = rehearsal.set(names(), *track);
    else
      done = rehearsal.set(recipe, with, *carriers, std::get<core::SetWeight>(effect));
    ASSERT_TRUE(done) << done.error().message;
  }
  const std::vector<ObjectChange> changes = rehearsal.changes();
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(text(changes[0]),
            "1 Deployment web-canary\nspec.replicas 0 1 2 3 0\n"
            "spec.template.spec.containers[web].image \"shop/web:v1\" \"shop/web:v2\"");
  EXPECT_EQ(changes[1].kind, "Ingress");
  EXPECT_NE(text(changes[1])
                .find("metadata.annotations[nginx.ingress.kubernetes.io/canary-weight] "
                      "\"0\" \"5\" \"50\" \"100\" \"0\""),
            std::string::npos)
      << text(changes[1]);
  EXPECT_EQ(text(changes[2]),
            "1 Deployment web-stable\n"
            "spec.template.spec.containers[web].image \"shop/web:v1\" \"shop/web:v2\"");
}

TEST(Rehearsal, OfWhatIsCreatedItTellsWhatMattersAndOfWhatGoesThatItGoes) {
  Rehearsal rehearsal;
  const auto canary = deployment_name(names(), core::Track::canary);
  ASSERT_TRUE(rehearsal.write(
      {recipes::Write::Kind::create, canary, deployment("web-canary", 0, "shop/web:v1")}));
  EXPECT_FALSE(rehearsal.write({recipes::Write::Kind::create, canary, Json()})) << "it is there";
  const auto service = object_name("Service", "shop", "old");
  rehearsal.begin_with(service, boost::json::parse(R"({"spec": {"type": "ClusterIP"}})"));
  ASSERT_TRUE(rehearsal.write({recipes::Write::Kind::remove, service, Json()}));
  const auto changes = rehearsal.changes();
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(text(changes[0]),
            "0 Deployment web-canary\nspec.replicas null 0\n"
            "spec.template.spec.containers[side].image null \"proxy:1\"\n"
            "spec.template.spec.containers[web].image null \"shop/web:v1\"");
  EXPECT_EQ(text(changes[1]), "2 Service old");
}

TEST(Rehearsal, HidesValuesOfTheEnvironmentAndNotThatTheyChange) {
  Rehearsal rehearsal;
  const auto name = deployment_name(names(), core::Track::canary);
  rehearsal.begin_with(name, deployment("web-canary", 0, "shop/web:v1"));
  const Json patch = boost::json::parse(
      R"([{"op": "replace", "path": "/spec/template/spec/containers/1/env/0/value", "value": "n3w"}])");
  ASSERT_TRUE(rehearsal.write({recipes::Write::Kind::json_patch, name, patch}));
  EXPECT_EQ(text(rehearsal.changes().at(0)),
            "1 Deployment web-canary\nspec.template.spec.containers[web].env[TOKEN].value "
            "\"(not shown)\" \"(not shown)\"");
}

TEST(Rehearsal, FailsWhereTheRealWriteWould) {
  Rehearsal rehearsal;
  const auto missing = rehearsal.set(names(), {core::Track::canary, "v2", 1});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "the Deployment web-canary does not exist: `linnet init`");
  rehearsal.begin_with(deployment_name(names(), core::Track::canary),
                       boost::json::parse(R"({"metadata": {"name": "web-canary"}})"));
  EXPECT_FALSE(rehearsal.set(names(), {core::Track::canary, "v2", 1})) << "it has no container";
}

}  // namespace
}  // namespace linnet::kubernetes
