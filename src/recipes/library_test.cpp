// Where recipes are found: beside the spec, kept with it, in the program.
#include "recipes/library.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace linnet::recipes {
namespace {

class OwnRecipesTest : public ::testing::Test {
 protected:
  OwnRecipesTest() {
    char made[] = "/tmp/linnet-recipes-XXXXXX";
    folder = ::mkdtemp(made);
  }
  ~OwnRecipesTest() override { std::filesystem::remove_all(folder); }
  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = std::filesystem::path(folder) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::string folder;
};

TEST_F(OwnRecipesTest, AreKeptAsTextAndReadWhereTheFilesAreNot) {
  const std::string text = built_in_routers().at("smi");
  write("routers/mine.yaml", text);
  const auto own = own_recipes("mine", "application", folder);
  ASSERT_TRUE(own) << own.error().message;
  EXPECT_EQ(*own, (OwnRecipes{text, ""})) << "the program's own is not kept";
  EXPECT_TRUE(router_of("mine", own->router));
  EXPECT_TRUE(metric_of("application", own->metric));
}

TEST_F(OwnRecipesTest, WithoutATextAnUnknownNameSaysWhereOneOfOnesOwnBelongs) {
  const auto missing = metric_of("mycompany", "");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
  EXPECT_NE(missing.error().message.find("recipes/metrics/mycompany.yaml beside the spec"),
            std::string::npos)
      << missing.error().message;
}

TEST_F(OwnRecipesTest, OneThatIsTooLargeToBeKeptIsRefused) {
  write("metrics/mine.yaml", std::string(65 << 10, '#'));
  const auto own = own_recipes("smi", "mine", folder);
  ASSERT_FALSE(own);
  EXPECT_EQ(own.error().code, Code::invalid);
}

}  // namespace
}  // namespace linnet::recipes
