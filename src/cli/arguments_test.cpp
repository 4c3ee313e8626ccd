// The command line: what is accepted, and what is said about mistakes.
#include "cli/arguments.h"

#include <gtest/gtest.h>

#include "cli/commands.h"

namespace linnet::cli {
namespace {

std::string mistake(std::vector<std::string> words) {
  auto parsed = parse_arguments(std::move(words));
  if (parsed) return "(accepted)";
  EXPECT_EQ(parsed.error().code, Code::invalid);
  return parsed.error().message;
}

Arguments accepted(std::vector<std::string> words) {
  auto parsed = parse_arguments(std::move(words));
  if (!parsed) ADD_FAILURE() << parsed.error().message;
  return parsed ? parsed->arguments : Arguments();
}

TEST(Arguments, ReadsValuesFlagsAndPositionals) {
  const Arguments read = accepted({"deploy", "v1.2.0", "--promote", "--why", "a reason"});
  EXPECT_EQ(read.text("VERSION"), "v1.2.0");
  EXPECT_TRUE(read.has("--promote"));
  EXPECT_FALSE(read.has("--hold"));
  EXPECT_EQ(read.text("--why"), "a reason");
}

TEST(Arguments, TakesTheOptionsOfEveryCommandBeforeAndAfterItsName) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"-f", "a.yaml", "status", "-o", "json"},
        {"status", "--spec=a.yaml", "--output", "json"},
        {"--output", "json", "--spec", "a.yaml", "status"}}) {
    const Arguments read = accepted(words);
    EXPECT_EQ(read.text("--spec"), "a.yaml");
    EXPECT_EQ(read.text("--output"), "json");
    EXPECT_FALSE(read.has("--follow"));
  }
}

TEST(Arguments, AnOptionsValueMayBeACommandsName) {
  auto parsed = parse_arguments({"--release", "status", "history"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->command, &history_command);
  EXPECT_EQ(parsed->arguments.text("--release"), "status");
}

TEST(Arguments, ANegativeNumberIsAValueAndNoOption) {
  EXPECT_EQ(accepted({"traffic", "-1"}).text("PERCENT"), "-1");
}

TEST(Arguments, SeveralFilesAreTaken) {
  EXPECT_EQ(accepted({"validate", "a", "b"}).texts("FILE"), (std::vector<std::string>{"a", "b"}));
}

TEST(Arguments, NameTheNearestCommandAndOption) {
  EXPECT_EQ(mistake({"deplyo", "v1"}),
            "there is no command 'deplyo'; did you mean deploy? See `linnet --help`");
  EXPECT_EQ(mistake({"deploy", "v1", "--promot"}),
            "linnet deploy has no option --promot; did you mean --promote? See `linnet deploy "
            "--help`");
  EXPECT_EQ(mistake({"xyzzyplugh"}), "there is no command 'xyzzyplugh'; see `linnet --help`");
}

TEST(Arguments, SayWhatIsMissingOrTooMuch) {
  EXPECT_EQ(mistake({"deploy"}), "linnet deploy needs VERSION: what to release, such as v1.2.0");
  EXPECT_EQ(mistake({"traffic", "5", "6"}),
            "linnet traffic does not take '6'; see `linnet traffic --help`");
  EXPECT_EQ(mistake({"status", "--output"}), "--output needs a value after it");
  EXPECT_EQ(mistake({"status", "--output", "xml"}),
            "--output is 'xml', but must be one of: text json");
  EXPECT_EQ(mistake({"completion", "tcsh"}), "SHELL is 'tcsh', but must be one of: bash zsh fish");
  EXPECT_NE(mistake({"status", "--follow=perhaps"}), "(accepted)");
}

TEST(Arguments, HelpIsGivenThoughSomethingIsMissing) {
  EXPECT_TRUE(accepted({"deploy", "--help"}).has("--help"));
  EXPECT_TRUE(accepted({"--help"}).has("--help"));
}

TEST(Arguments, NumbersAreWithinTheirBounds) {
  Arguments arguments;
  arguments.set("--lines", {"20"});
  EXPECT_EQ(arguments.number("--lines", 0, 100)->value(), 20);
  EXPECT_FALSE(arguments.number("--other", 0, 100)->has_value());
  for (const char* text : {"", "x", "-1", "101", "1e9", "nan", "inf", "5 "}) {
    arguments.set("--lines", {text});
    EXPECT_FALSE(arguments.number("--lines", 0, 100)) << text;
  }
}

}  // namespace
}  // namespace linnet::cli
