// tests/scenarios: a script in, the journal of linnet's own lines out. LINNET_REWRITE=1 in the
// environment writes the journals anew; the difference is then reviewed like code.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "sim/script.h"
#include "sim/world.h"

namespace linnet::sim {
namespace {

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> scenario_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(LINNET_SCENARIOS))
    if (entry.path().extension() == ".script") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

class Scenario : public testing::TestWithParam<std::string> {};

TEST_P(Scenario, GoesAsWrittenDownAndKeepsEveryPromise) {
  const std::filesystem::path folder = LINNET_SCENARIOS;
  const auto story = read_script(contents(folder / (GetParam() + ".script")));
  ASSERT_TRUE(story) << story.error().message;
  const RunResult result = run_case(*story, true);
  std::string journal;
  for (const std::string& line : result.journal) journal += line + "\n";
  journal += "the end: " + result.phase + "\n";
  EXPECT_FALSE(result.violation) << result.violation->invariant << ": " << result.violation->text
                                 << "\n"
                                 << journal;
  const std::filesystem::path golden = folder / (GetParam() + ".journal");
  if (std::getenv("LINNET_REWRITE") != nullptr) std::ofstream(golden) << journal;
  EXPECT_EQ(journal, contents(golden));
}

INSTANTIATE_TEST_SUITE_P(All, Scenario, testing::ValuesIn(scenario_names()), [](const auto& one) {
  std::string name = one.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
});

TEST(Script, NamesTheLineThatItDoesNotUnderstand) {
  for (const char* bad :
       {"steps 5%/10s\nfoo 3", "steps 5%", "steps 5%/1s\nat x: anna asks deploy v2",
        "steps 5%/1s\nat 1s: anna asks dance", "", "steps 5%/1s\nrequests many"}) {
    const auto story = read_script(bad);
    ASSERT_FALSE(story) << bad;
    EXPECT_EQ(story.error().code, Code::invalid);
  }
}

}  // namespace
}  // namespace linnet::sim
