// What is written about the commands is what they do: docs/commands.md and the completion scripts
// are made from the table of commands.
#include <gtest/gtest.h>

#include <cstdio>
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

// What bash offers for a line, one a line, as it splits the line into words.
struct Bash {
  Bash() {
    scratch.write("linnet.bash", completion_script("bash"));
    // `linnet names` is what stands before each test's lines; what it was asked goes to a file.
    scratch.write("run.bash", R"sh(
      linnet() { printf '<%s>' "$@" >>asked; echo >>asked; cat offered 2>/dev/null; }
      source ./linnet.bash
      COMP_WORDBREAKS=$' \t\n"\'><=;|&(:@' COMP_LINE="$1" COMP_WORDS=("${@:2}")
      COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
      _linnet
      printf '%s\n' "${COMPREPLY[@]}")sh");
  }
  std::string completes(const std::string& line, const std::vector<std::string>& words) const {
    std::string command = "cd " + scratch.path() + " && bash run.bash " + quoted(line);
    for (const std::string& word : words) command += " " + quoted(word);
    return output_of(command);
  }
  // A line without anything that bash would take apart.
  std::string completes(const std::string& line) const {
    std::vector<std::string> words;
    std::istringstream text(line);
    for (std::string word; text >> word;) words.push_back(word);
    if (line.ends_with(' ')) words.emplace_back();
    return completes(line, words);
  }
  bool offers(const std::string& expected, const std::string& line) const {
    return ("\n" + completes(line)).find("\n" + expected + "\n") != std::string::npos;
  }
  std::string asked() const {
    return output_of("cd " + scratch.path() + " && cat asked 2>/dev/null; rm -f asked");
  }
  static std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
  }
  static std::string output_of(const std::string& command) {
    std::FILE* pipe = ::popen(command.c_str(), "r");
    std::string text;
    char buffer[4096];
    while (pipe != nullptr && std::fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
    if (pipe != nullptr) ::pclose(pipe);
    return text;
  }
  testing::Scratch scratch;
};

TEST(Completion, BashCompletesCommandsOptionsAndWords) {
  const Bash bash;
  EXPECT_TRUE(bash.offers("deploy", "linnet dep"));
  EXPECT_TRUE(bash.offers("--supersede", "linnet deploy v1 --s"));
  EXPECT_TRUE(bash.offers("--no-start", "linnet deploy --n"));
  EXPECT_TRUE(bash.offers("json", "linnet status --output j"));
  EXPECT_TRUE(bash.offers("json", "linnet status -o j"));
  EXPECT_TRUE(bash.offers("zsh", "linnet completion z"));
  EXPECT_TRUE(bash.offers("--follow", "linnet status "));
  EXPECT_TRUE(bash.offers("linnet.bash", "linnet validate lin"));
  EXPECT_TRUE(bash.offers("linnet.bash", "linnet status --spec lin"));
  EXPECT_FALSE(bash.offers("--supersede", "linnet status --s"));
  EXPECT_FALSE(bash.offers("names", "linnet na"));
  EXPECT_EQ(bash.completes("linnet deploy v1 --why "), "\n") << "a text of one's own";
  EXPECT_EQ(bash.asked(), "") << "no name stands in any of these places";
}

TEST(Completion, BashOffersTheNamesThatTheProgramKnows) {
  const Bash bash;
  bash.scratch.write("offered", "staging\nstable-eu\nother\n");
  const struct {
    const char* line;
    const char* asked;
  } cases[] = {
      {"linnet status --context st", "<names><contexts>\n"},
      {"linnet --namespace st", "<names><namespaces>\n"},
      {"linnet status --context dev -n st", "<names><namespaces><--context><dev>\n"},
      {"linnet -f my.yaml status --release st", "<names><releases><-f><my.yaml>\n"},
      {"linnet monitor --duration 5 -n shop --kubeconfig ~/eu --deployment st",
       "<names><deployments><-n><shop><--kubeconfig><HOME/eu>\n"},
      {"linnet deploy --why status -n shop st", "<names><versions><-n><shop>\n"},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(bash.completes(each.line), "staging\nstable-eu\n") << each.line;
    std::string asked = bash.asked();
    const std::string home = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
    if (const std::size_t at = asked.find("<" + home + "/"); at != std::string::npos)
      asked.replace(at + 1, home.size(), "HOME");
    EXPECT_EQ(asked, each.asked) << each.line;
  }
  EXPECT_EQ(
      bash.completes("linnet status --context=st", {"linnet", "status", "--context", "=", "st"}),
      "staging\nstable-eu\n");
  EXPECT_TRUE(bash.offers("--promote", "linnet deploy v1 --pro"));
}

TEST(Completion, BashNeverEvaluatesANameOrAWord) {
  const Bash bash;
  bash.scratch.write("offered", "$(touch ran)\n`touch ran`\na b;touch ran\n*\n");
  EXPECT_EQ(bash.completes("linnet status --context "),
            "\\$\\(touch\\ ran\\)\n\\`touch\\ ran\\`\na\\ b\\;touch\\ ran\n\\*\n");
  bash.completes("linnet status --kubeconfig $(touch ran) --context ",
                 {"linnet", "status", "--kubeconfig", "$(touch ran)", "--context", ""});
  EXPECT_EQ(Bash::output_of("ls " + bash.scratch.path() + "/ran 2>/dev/null"), "");
}

// Names of contexts such as those of clouds hold what bash splits words at.
TEST(Completion, BashPutsNamesTogetherThatItTookApart) {
  const Bash bash;
  bash.scratch.write("offered", "arn:aws:eks:eu:1:cluster/shop\nkind@local\n");
  EXPECT_EQ(bash.completes("linnet status --context arn:aws:e",
                           {"linnet", "status", "--context", "arn", ":", "aws", ":", "e"}),
            "eks:eu:1:cluster/shop\n");
  EXPECT_EQ(bash.completes("linnet status --context=kind@",
                           {"linnet", "status", "--context", "=", "kind", "@", ""}),
            "local\n");
  bash.asked();
  bash.completes("linnet status --context arn:aws:x -n ",
                 {"linnet", "status", "--context", "arn", ":", "aws", ":", "x", "-n", ""});
  EXPECT_EQ(bash.asked(), "<names><namespaces><--context><arn:aws:x>\n");
}

}  // namespace
}  // namespace linnet::cli
