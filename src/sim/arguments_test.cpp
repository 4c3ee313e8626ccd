// What linnet_sim is asked for: a mistake is said, and never becomes a run of nothing that
// succeeds.
#include "sim/arguments.h"

#include <gtest/gtest.h>

namespace linnet::sim {
namespace {

using Do = Arguments::Do;
constexpr std::uint64_t now_us = 1'764'000'000'000'000;

Arguments read(const std::vector<std::string>& words) {
  const auto arguments = read_arguments(words, now_us);
  EXPECT_TRUE(arguments) << arguments.error().message;
  return arguments.value_or(Arguments{});
}

std::string mistake(const std::vector<std::string>& words) {
  const auto arguments = read_arguments(words, now_us);
  EXPECT_FALSE(arguments);
  return arguments ? "" : arguments.error().message;
}

TEST(Arguments, WithoutAnyTheSeedsAreAlwaysTheSame) {
  EXPECT_EQ(read({}).what, Do::swarm);
  EXPECT_EQ(read({}).from, 1U);
  EXPECT_EQ(read({"--seeds", "500"}).from, 1U);
}

TEST(Arguments, MinutesBeginAtASeedThatNoEarlierNightHad) {
  EXPECT_EQ(read({"--minutes", "30"}).from, now_us);
  EXPECT_EQ(read({"--minutes", "30"}).minutes, 30U);
  EXPECT_EQ(read({"--minutes", "30", "--from", "7"}).from, 7U);
  EXPECT_EQ(read({"--from", "0", "--minutes", "30"}).from, 0U);
}

TEST(Arguments, ASeedAloneIsReplayed) {
  EXPECT_EQ(read({"12723"}).what, Do::replay);
  EXPECT_EQ(read({"12723"}).seed, 12723U);
  EXPECT_EQ(read({"--shrink", "9"}).seed, 9U);
}

TEST(Arguments, ACountIsAWholeNumberAboveZero) {
  for (const char* word : {"--minutes", "--seeds", "--rollouts"})
    for (const char* bad : {"0", "-1", "x", "1.5", "", "5x", "99999999999999999999", "--from"})
      EXPECT_EQ(mistake({word, bad}),
                fmt::format("{} needs a whole number above 0, not '{}'", word, bad));
  EXPECT_EQ(mistake({"--minutes"}), "--minutes needs a whole number above 0, not ''");
  EXPECT_EQ(mistake({"--from", "-3"}), "--from needs a seed, a whole number, not '-3'");
  EXPECT_EQ(mistake({"--shrink", "all"}), "--shrink needs a seed, a whole number, not 'all'");
}

TEST(Arguments, AGuardThatIsNotThereIsAMistakeThatNamesThemAll) {
  EXPECT_EQ(read({"--mutants"}).guard, "");
  EXPECT_EQ(read({"--mutants", "silence_waits"}).guard, "silence_waits");
  const std::string said = mistake({"--mutants", "typo"});
  EXPECT_NE(said.find("no guard 'typo'; there are: preparing_needs_ready "), std::string::npos);
  EXPECT_NE(said.find(" silence_waits "), std::string::npos);
  EXPECT_NE(mistake({"--mutants", "none"}).find("no guard 'none'"), std::string::npos);
}

TEST(Arguments, WhatDoesNotGoTogetherIsRefused) {
  EXPECT_EQ(mistake({"--seeds", "5", "--minutes", "5"}), "--seeds or --minutes, not both");
  EXPECT_EQ(mistake({"7", "8"}), "7 or 8, not both");
  EXPECT_EQ(mistake({"7", "--seeds", "5"}), "7 takes no --seeds");
  EXPECT_EQ(mistake({"--report", "--from", "5"}), "--report takes no --from");
  EXPECT_EQ(mistake({"--invariant"}), "'--invariant' is not understood");
  EXPECT_EQ(read({"--report", "--rollouts", "1000"}).rollouts, 1000U);
}

}  // namespace
}  // namespace linnet::sim
