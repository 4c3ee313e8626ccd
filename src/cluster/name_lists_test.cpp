// What a shell is offered, from what an API server and a store hold.
#include "cluster/name_lists.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace linnet::cluster {
namespace {

using Names = std::vector<std::string>;

TEST(NameLists, AreTheNamesOfTheItems) {
  EXPECT_EQ(names_in(boost::json::parse(
                R"({"items":[{"metadata":{"name":"web"}},{"metadata":{}},{"spec":1},
                             {"metadata":{"name":"web-canary"}}]})")),
            (Names{"web", "web-canary"}));
  EXPECT_EQ(names_in(boost::json::parse(R"({"kind":"Status","code":403})")), Names{});
  EXPECT_EQ(names_in(boost::json::parse(R"({"items":"none"})")), Names{});
}

TEST(NameLists, VersionsAreToldOnceNewestFirst) {
  const auto rollout = [](const std::string& from, const std::string& to) {
    core::RolloutRecord record;
    record.rollout.from = from;
    record.rollout.to = to;
    return record;
  };
  EXPECT_EQ(versions_in({rollout("v2", "v3"), rollout("v1", "v2"), rollout("", "v1")}),
            (Names{"v3", "v2", "v1"}));
  EXPECT_EQ(versions_in({}), Names{});
}

TEST(NameLists, WithoutAKubeconfigSayWhereWasLooked) {
  NameQuestion question;
  question.cluster.kubeconfig_flag = "/nowhere/kubeconfig";
  const auto names = list_names(question, 1s);
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().code, Code::not_found);
  EXPECT_NE(names.error().message.find("/nowhere/kubeconfig"), std::string::npos);
}

}  // namespace
}  // namespace linnet::cluster
