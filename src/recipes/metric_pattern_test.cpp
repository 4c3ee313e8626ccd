#include "recipes/metric_pattern.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <regex>

namespace linnet::recipes {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  const auto compiled = Pattern::compile(pattern);
  EXPECT_TRUE(compiled) << pattern << ": " << compiled.error().message;
  return compiled && compiled->matches(text);
}

TEST(MetricPattern, MatchesTheWholeText) {
  EXPECT_TRUE(matches("5..", "503"));
  EXPECT_TRUE(matches("5..", "5xx"));
  EXPECT_FALSE(matches("5..", "1503"));
  EXPECT_FALSE(matches("5..", "50"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_TRUE(matches("|a", ""));
  EXPECT_FALSE(matches("a", ""));
}

TEST(MetricPattern, KnowsClassesGroupsAndRepeats) {
  EXPECT_TRUE(matches("web-[0-9a-z]+-[0-9a-z]+", "web-7d9f8-x2x4z"));
  EXPECT_FALSE(matches("web-[0-9a-z]+-[0-9a-z]+", "web-canary-7d9f8-x2x4z"));
  EXPECT_TRUE(matches("(ab|c)*d?", "abcabd"));
  EXPECT_TRUE(matches("[^-]+", "a.b"));
  EXPECT_FALSE(matches("[^-]+", "a-b"));
  EXPECT_TRUE(matches(R"(a\.b)", "a.b"));
  EXPECT_FALSE(matches(R"(a\.b)", "axb"));
  EXPECT_TRUE(matches("[]a]+", "]a"));
}

TEST(MetricPattern, RefusesWhatItDoesNotUnderstand) {
  for (const char* pattern : {"(", ")", "a)", "[a", "[z-a]", "*", "a{2}", "^a", "a$", "\\", "\\d",
                              "[[:alpha:]]", "(?i)a", "a**"})
    EXPECT_FALSE(Pattern::compile(pattern)) << pattern;
  EXPECT_FALSE(Pattern::compile(std::string(9000, 'a')));
  EXPECT_FALSE(Pattern::compile(std::string(4000, '(') + std::string(4000, ')')));
}

TEST(MetricPattern, TakesNoLongerForHostilePatterns) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "(a*)*";
  EXPECT_FALSE(matches(pattern + "b", std::string(2000, 'a')));
}

TEST(MetricPattern, QuotedMatchesItself) {
  rc::check([](const std::string& text) {
    if (text.size() < 1000) RC_ASSERT(matches(Pattern::quoted(text), text));
  });
}

TEST(MetricPattern, AgreesWithTheStandardLibrary) {
  rc::check([] {
    const auto atom =
        rc::gen::element<std::string>("a", "b", ".", "[ab]", "[^a]", "(a|b)", "(ab)*");
    const auto repeat = rc::gen::element<std::string>("", "", "*", "+", "?");
    std::string pattern;
    const int parts = *rc::gen::inRange(0, 6);
    for (int i = 0; i < parts; ++i) {
      const std::string one = *atom;
      pattern += one.back() == '*' ? one : one + *repeat;
      if (*rc::gen::inRange(0, 5) == 0) pattern += "|";
    }
    const auto text = *rc::gen::container<std::string>(rc::gen::element('a', 'b', 'c'));
    if (text.size() > 30) return;
    RC_ASSERT(matches(pattern, text) == std::regex_match(text, std::regex(pattern)));
  });
}

}  // namespace
}  // namespace linnet::recipes
