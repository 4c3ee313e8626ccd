// The program shows its recipes and judges those of users.
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/testing.h"

namespace linnet::cli::testing {
namespace {

const std::string folder = std::string(LINNET_SOURCE_DIR) + "/recipes/routers/";

TEST(RecipesCommand, ListsRoutersAndMetrics) {
  const Scratch scratch;
  const Ran ran = Program(scratch).run({"recipes"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("router  ingress-nginx"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("metric  istio"), std::string::npos) << ran.out;
  const Ran json = Program(scratch).run({"recipes", "list", "-o", "json"});
  EXPECT_TRUE(json.out.starts_with(R"({"recipes":[{"kind":"router")")) << json.out;
}

TEST(RecipesCommand, ShowsOneAndNamesTheNearestOfATypo) {
  const Scratch scratch;
  const Ran ran = Program(scratch).run({"recipes", "show", "router/ingress-nginx"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("name: ingress-nginx"), std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find("\n---\n"), std::string::npos) << ran.out;
  const Ran typo = Program(scratch).run({"recipes", "show", "gateway-apy"});
  EXPECT_EQ(typo.code, 2);
  EXPECT_NE(typo.err.find("did you mean 'gateway-api'?"), std::string::npos) << typo.err;
}

TEST(RecipesCommand, ChecksAFileAndRunsTheCasesBesideIt) {
  const Scratch scratch;
  const Ran good = Program(scratch).run({"recipes", "check", folder + "smi.yaml"});
  EXPECT_EQ(good.code, 0) << good.out << good.err;
  EXPECT_NE(good.out.find("valid router smi, 4 cases hold"), std::string::npos) << good.out;
  const std::string file = scratch.write("mine.yaml", "name: mine\nsumary: x\nweight: {}\n");
  const Ran bad = Program(scratch).run({"recipes", "check", file, "-o", "json"});
  EXPECT_EQ(bad.code, 2);
  EXPECT_NE(bad.out.find("did you mean 'summary'?"), std::string::npos) << bad.out;
  EXPECT_EQ(Program(scratch).run({"recipes", "check"}).code, 2);
  EXPECT_EQ(bad.out.find("\\n"), std::string::npos) << "each mistake is an item of the list";
  const Ran more = Program(scratch).run({"recipes", "list", "foo"});
  EXPECT_EQ(more.code, 2);
  EXPECT_NE(more.err.find("linnet recipes show foo"), std::string::npos) << more.err;
}

TEST(RecipesCommand, ListsAndShowsTheUsersOwnThatStandBesideTheSpec) {
  const Scratch scratch;
  const std::string spec = scratch.write("linnet.yaml", "");
  const std::filesystem::path own = std::filesystem::path(spec).parent_path() / "recipes/metrics";
  std::filesystem::create_directories(own);
  const auto sources = std::filesystem::path(LINNET_SOURCE_DIR) / "recipes/metrics";
  std::filesystem::copy_file(sources / "istio.yaml", own / "my-own.yaml");
  const Ran list = Program(scratch).run({"recipes", "list", "--spec", spec});
  EXPECT_EQ(list.code, 0) << list.err;
  EXPECT_NE(list.out.find("metric  my-own"), std::string::npos) << list.out;
  EXPECT_NE(list.out.find("(your own: "), std::string::npos) << list.out;
  EXPECT_NE(list.out.find("metric  istio"), std::string::npos) << list.out;
  const Ran show = Program(scratch).run({"recipes", "show", "my-own", "--spec", spec});
  EXPECT_EQ(show.code, 0) << show.err;
  EXPECT_NE(show.out.find("requests:"), std::string::npos) << show.out;
}

TEST(RecipesCommand, ARouterThatDoesNotSayWhatItWasTriedAgainstIsTold) {
  const Scratch scratch;
  const std::string file = scratch.write(
      "mine.yaml",
      "name: mine\nsummary: x\nobject: { api: v1, kind: Route, name: r }\n"
      "weight: { canary: 'spec.to[name=c].weight', stable: 'spec.to[name=s].weight' }\n");
  const Ran ran = Program(scratch).run({"recipes", "check", file});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.out.find("tried: is missing"), std::string::npos) << ran.out;
}

TEST(Validate, NamesEachMistakeOfTheUsersRecipeInALineOfItsOwn) {
  const Scratch scratch;
  const std::string file =
      scratch.write("linnet.yaml",
                    "metadata: { name: shop }\n"
                    "spec:\n"
                    "  workload: { deployments: { image: 'shop:{{version}}' } }\n"
                    "  metrics: { source: prometheus, recipe: mine }\n");
  std::filesystem::create_directories(std::filesystem::path(file).parent_path() /
                                      "recipes/metrics");
  scratch.write("recipes/metrics/mine.yaml", "name: mine\nsummary: x\nrequests: {}\n");
  const Ran ran = Program(scratch).run({"validate", file});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.out.find("\\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("tried: is missing"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("requests.metric: is missing"), std::string::npos) << ran.out;
}

TEST(Validate, ForAClusterItAlsoNamesWhatDoesNotFitTheRecipesWithItsPlace) {
  const Scratch scratch;
  const std::string file =
      scratch.write("linnet.yaml",
                    "metadata: { name: shop }\n"
                    "spec:\n"
                    "  workload: { deployments: { image: 'shop:{{version}}' } }\n"
                    "  traffic:\n"
                    "    router: gateway-apy\n"
                    "  metrics: { recipe: application }\n");
  const Ran ran = Program(scratch).run({"validate", file});
  EXPECT_EQ(ran.code, 2);
  EXPECT_TRUE(ran.out.starts_with(file + ":5:13: spec.traffic.router: ")) << ran.out;
  EXPECT_NE(ran.out.find("did you mean 'gateway-api'?"), std::string::npos) << ran.out;
}

}  // namespace
}  // namespace linnet::cli::testing
