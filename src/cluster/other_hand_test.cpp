// What `status` says about what is in force and linnet did not write.
#include "cluster/other_hand.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace linnet::cluster {
namespace {

using core::Track;

core::Status a_status(int weight) {
  core::Status status;
  status.stable_version = "v1";
  status.weight = Percent::whole(weight);
  status.canary_replicas = 1;
  status.rollout = core::Rollout();
  status.rollout->to = "v2";
  status.phase = core::AwaitingPromotion();
  return status;
}

std::vector<api::OtherHand> of(int wanted, const core::TrafficSeen& seen) {
  return other_weight(a_status(wanted), seen, "2026-01-01T00:00:09Z");
}

core::TrafficSeen written_by(const std::string& manager, int weight) {
  return {Percent::whole(weight), false, manager, ""};
}

TEST(OtherHand, ThatMovedTheWeightIsNamedWithWhatLinnetWrote) {
  const auto found = of(25, written_by("kubectl-patch", 0));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].what, "weight");
  EXPECT_EQ(found[0].by, "kubectl-patch");
  EXPECT_EQ(found[0].at, "2026-01-01T00:00:09Z");
  EXPECT_EQ(found[0].text, "the weight is 0 %, set by kubectl-patch; linnet left it at 25 %");
}

TEST(OtherHand, ThatWroteTheSameOrIsNotKnownIsNotNamed) {
  EXPECT_TRUE(of(25, written_by("kubectl-patch", 25)).empty());
  EXPECT_TRUE(of(25, written_by("", 5)).empty()) << "a write of linnet's that was left half done";
  EXPECT_TRUE(other_weight(core::Status(), written_by("kubectl-apply", 10), "").empty())
      << "`init` has not looked yet";
}

TEST(OtherHand, AtOneOfSeveralObjectsIsToldWithWhatEachCarries) {
  core::TrafficSeen seen = written_by("helm", 25);
  seen.differ = "Ingress a carries 25 %, Ingress b 0 %";
  const auto found = of(25, seen);
  ASSERT_EQ(found.size(), 1U) << "25 % is not in force";
  EXPECT_NE(found[0].text.find("(Ingress a carries 25 %, Ingress b 0 %)"), std::string::npos);
}

// Replicas written by one, the image by another.
boost::json::value deployment(const std::string& scaled_by, int replicas, const std::string& set_by,
                              const std::string& version) {
  const auto entry = [](const std::string& manager, const char* fields) {
    return boost::json::object{{"manager", manager},
                               {"time", "2026-01-01T00:00:01Z"},
                               {"fieldsV1", boost::json::parse(fields)}};
  };
  auto object = boost::json::parse(fmt::format(
      R"({{"metadata":{{}},"spec":{{"replicas":{},"template":{{"spec":{{"containers":[
             {{"name":"web","image":"shop/web:{}"}}]}}}}}}}})",
      replicas, version));
  object.at("metadata").as_object()["managedFields"] =
      boost::json::array{entry(scaled_by, R"({"f:spec":{"f:replicas":{}}})"),
                         entry(set_by, R"({"f:spec":{"f:template":{"f:spec":{"f:containers":{
                         "k:{\"name\":\"web\"}":{"f:image":{}}}}}}})")};
  return object;
}

std::vector<std::string> told(const core::Status& status, Track track,
                              const boost::json::value& object) {
  core::DeploymentsWorkload spec;
  spec.container = "web";
  spec.image = "shop/web:{{version}}";
  std::vector<std::string> texts;
  for (const api::OtherHand& each : other_levels(spec, status, track, &object)) {
    EXPECT_TRUE(each.what.starts_with(core::track_name(track))) << each.what;
    texts.push_back(each.text);
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(OtherHand, ThatScaledTheCanaryOrGaveItAnotherImageIsNamed) {
  const core::Status status = a_status(25);
  EXPECT_EQ(told(status, Track::canary, deployment("kubectl", 3, "kubectl-set", "v9")),
            (Texts{"the canary has 3 replicas, set by kubectl; linnet left it at 1",
                   "the canary runs v9, set by kubectl-set; linnet left it at v2"}));
  EXPECT_EQ(told(status, Track::canary, deployment("linnet", 3, "linnet", "v1")), Texts())
      << "a write of its own that is under way";
  EXPECT_EQ(told(status, Track::canary, deployment("kubectl", 1, "kubectl-set", "v2")), Texts());
}

TEST(OtherHand, AtStableIsNamedForItsVersionAndNotForItsSize) {
  EXPECT_EQ(told(a_status(0), Track::stable, deployment("kubectl", 7, "helm", "v3")),
            (Texts{"stable runs v3, set by helm; linnet left it at v1"}));
}

TEST(OtherHand, MayGiveACanaryThatRestsAnyImage) {
  core::Status status = a_status(0);
  status.phase = core::RolledBack();
  status.canary_replicas = 0;
  EXPECT_EQ(told(status, Track::canary, deployment("linnet", 0, "helm", "v3")), Texts());
}

}  // namespace
}  // namespace linnet::cluster
