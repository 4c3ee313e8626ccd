// Every recipe of recipes/routers is tried on the objects beside it; `linnet recipes check` does
// the same for users' own.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "recipes/cases.h"

namespace linnet::recipes {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

class BuiltInRouter : public testing::TestWithParam<std::string> {};

TEST_P(BuiltInRouter, IsARecipeOfItsNameAndHoldsAllItsCases) {
  const auto recipe = RouterRecipe::read(built_in_routers().at(GetParam()), GetParam());
  ASSERT_TRUE(recipe) << recipe.error().message;
  EXPECT_EQ(recipe->name(), GetParam());
  const fs::path folder = fs::path(LINNET_SOURCE_DIR) / "recipes/routers/testdata" / GetParam();
  int cases = 0;
  ASSERT_TRUE(fs::is_directory(folder)) << "a recipe needs cases: " << folder;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string file = entry.path().filename();
    const auto results = run_cases(*recipe, text_of(entry.path()), file);
    ASSERT_TRUE(results) << results.error().message;
    for (const CaseResult& result : *results) {
      ++cases;
      for (const std::string& failure : result.failures)
        ADD_FAILURE() << file << ": " << result.name << ": " << failure;
    }
  }
  EXPECT_GT(cases, 1);
}

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& [name, text] : built_in_routers()) out.push_back(name);
  return out;
}

std::string named(const testing::TestParamInfo<std::string>& router) {
  std::string name = router.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Routers, BuiltInRouter, testing::ValuesIn(names()), named);

TEST(Cases, AWrongExpectationIsAFailure) {
  const auto recipe = RouterRecipe::read(built_in_routers().at("smi"), "smi");
  const auto results = run_cases(*recipe, R"(
with: { traffic_split: web, stable_service: web, canary_service: web-canary }
given:
  - { apiVersion: split.smi-spec.io/v1alpha2, kind: TrafficSplit, metadata: { name: web },
      spec: { backends: [ { service: web, weight: 90 }, { service: web-canary, weight: 10 } ] } }
cases:
  - { case: reads wrongly, reads: 11% }
  - { case: writes wrongly, set: 20%, writes: [] }
  - { case: is not refused, set: 20%, refused: nonsense }
  - { case: holds, reads: 10%, set: 20% }
)",
                                 "x.yaml");
  ASSERT_TRUE(results) << results.error().message;
  ASSERT_EQ(results->size(), 4U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*results)[i].failures.size(), 1U) << i;
  EXPECT_TRUE((*results)[3].failures.empty());
}

}  // namespace
}  // namespace linnet::recipes
