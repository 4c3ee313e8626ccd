// What is written about the commands is what they do: docs/commands.md and the completion scripts
// are made from the table of commands.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/testing.h"

namespace linnet::cli {
namespace {

TEST(Docs, CommandsPageIsWhatTheProgramSays) {
  const std::string file = std::string(LINNET_SOURCE_DIR) + "/docs/commands.md";
  if (std::getenv("LINNET_UPDATE_DOCS") != nullptr) std::ofstream(file) << commands_markdown();
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  EXPECT_EQ(text.str(), commands_markdown()) << "write it anew with LINNET_UPDATE_DOCS=1 cli_test";
}

TEST(Docs, EveryCommandHasHelpWithExamples) {
  for (const Command* command : commands()) {
    EXPECT_FALSE(command->summary.empty()) << command->name;
    EXPECT_FALSE(command->description.empty()) << command->name;
    EXPECT_TRUE(command->examples.ends_with('\n')) << command->name;
    EXPECT_NE(command->examples.find("linnet"), std::string_view::npos) << command->name;
    EXPECT_NE(command->run, nullptr) << command->name;
  }
}

TEST(Docs, NoLineOfHelpIsWiderThanAPage) {
  for (const Command* command : commands()) {
    std::istringstream text(help_text(*command));
    for (std::string line; std::getline(text, line);)
      EXPECT_TRUE(line.starts_with("Usage:") || line.size() <= 100) << line;
  }
}

TEST(Completion, NamesEveryCommandAndOptionAndIsValidForItsShell) {
  const testing::Scratch scratch;
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = completion_script(shell);
    for (const Command* command : commands()) {
      EXPECT_NE(script.find(command->name), std::string::npos) << shell;
      for (const Option& option : command->options)
        EXPECT_NE(script.find(option.name.substr(2)), std::string::npos) << shell << option.name;
    }
    const std::string file = scratch.write(shell, script);
    const std::string there = "command -v " + std::string(shell) + " >/dev/null";
    if (std::system(there.c_str()) != 0) continue;  // nobody here to read it
    EXPECT_EQ(std::system((std::string(shell) + " -n " + file).c_str()), 0) << shell;
  }
}

TEST(Completion, BashCompletesCommandsOptionsAndWords) {
  const testing::Scratch scratch;
  const std::string file = scratch.write("linnet.bash", completion_script("bash"));
  const std::string runner = scratch.write(
      "run.bash", "source " + file +
                      "\nCOMP_WORDS=(\"${@:2}\"); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _linnet\n"
                      "[[ \" ${COMPREPLY[*]} \" == *\" $1 \"* ]]\n");
  const auto offers = [&](const std::string& expected, const std::string& line) {
    return std::system(("bash " + runner + " " + expected + " " + line).c_str()) == 0;
  };
  EXPECT_TRUE(offers("deploy", "linnet dep"));
  EXPECT_TRUE(offers("--supersede", "linnet deploy v1 --s"));
  EXPECT_TRUE(offers("--no-start", "linnet deploy --n"));
  EXPECT_TRUE(offers("json", "linnet status --output j"));
  EXPECT_TRUE(offers("zsh", "linnet completion z"));
  EXPECT_FALSE(offers("--supersede", "linnet status --s"));
}

}  // namespace
}  // namespace linnet::cli
