#include "local/access_log_parser.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "local/access_log_counters.h"

namespace linnet::local {
namespace {

using core::Track;

const PortSet canary_ports(std::vector<std::uint16_t>{7101, 7102});

LogLine read(std::string_view line) {
  LogLine seen;
  EXPECT_EQ(parse_log_line(line, canary_ports, seen), LineKind::request) << line;
  return seen;
}

TEST(AccessLogParser, ReadsAnOrdinaryRequest) {
  const auto stable = read("stable|200|127.0.0.1:7001|200|0.000|0.012");
  EXPECT_EQ(stable.track, Track::stable);
  EXPECT_EQ(stable.status, 200);
  EXPECT_EQ(stable.latency_ms, 12);
  EXPECT_FALSE(stable.bad);
  const auto canary = read("canary|503|127.0.0.1:7102|503|0.001|1.500");
  EXPECT_EQ(canary.track, Track::canary);
  EXPECT_TRUE(canary.bad);
  EXPECT_EQ(canary.latency_ms, 1500);
}

TEST(AccessLogParser, SkipsAttemptsThatReachedNoInstance) {
  const auto seen =
      read("canary|200|127.0.0.1:7101, 127.0.0.1:7102|502, 200|-, 0.001|0.000, 0.007");
  EXPECT_EQ(seen.track, Track::canary);
  EXPECT_FALSE(seen.bad);
  EXPECT_EQ(seen.latency_ms, 7);
}

TEST(AccessLogParser, CountsTheFirstAttemptThatReachedAnInstanceNotTheRetryThatHidIt) {
  const auto seen = read(
      "canary|200|127.0.0.1:7101, 127.0.0.1:7102, 127.0.0.1:7001|502, 502, 200|-, 0.000, 0.000|"
      "0.000, 0.030, 0.002");
  EXPECT_EQ(seen.track, Track::canary);
  EXPECT_TRUE(seen.bad);
  EXPECT_EQ(seen.status, 502);
  EXPECT_EQ(seen.latency_ms, 30);
}

TEST(AccessLogParser, GivesStableWhatStableAnsweredForAnUnreachableCanary) {
  const auto seen =
      read("canary|200|127.0.0.1:7101, 127.0.0.1:7001|502, 200|-, 0.000|0.000, 0.002");
  EXPECT_EQ(seen.track, Track::stable);
  EXPECT_TRUE(seen.fell_back);
  EXPECT_FALSE(seen.bad);
}

TEST(AccessLogParser, TakesTheFinalStatusWhenNothingWasReached) {
  const auto seen =
      read("canary|502|127.0.0.1:7101, linnet_shop_canary|502, 502|-, -|0.000, 0.000");
  EXPECT_EQ(seen.track, Track::canary);
  EXPECT_TRUE(seen.bad);
  EXPECT_EQ(seen.latency_ms, -1);
}

TEST(AccessLogParser, CountsAClientThatLeftAsARequestThatDidNotFail) {
  const auto seen = read("canary|499|127.0.0.1:7101|-|0.000|2.001");
  EXPECT_FALSE(seen.bad);
  EXPECT_EQ(seen.status, 499);
  EXPECT_EQ(seen.latency_ms, 2001);
}

TEST(AccessLogParser, UnderstandsInternalRedirects) {
  const auto seen =
      read("stable|200|127.0.0.1:7001 : 127.0.0.1:7002|500 : 200|0.000 : 0.000|0.004 : 0.001");
  EXPECT_TRUE(seen.bad);
  EXPECT_EQ(seen.latency_ms, 4);
}

TEST(AccessLogParser, KeepsWebSocketsOutOfTheLatencies) {
  const auto seen = read("stable|101|127.0.0.1:7001|101|0.000|3600.250");
  EXPECT_EQ(seen.latency_ms, -1);
  EXPECT_FALSE(seen.bad);
}

TEST(AccessLogParser, TellsLinesThatNginxAnsweredItselfFromGarbage) {
  LogLine seen;
  for (const auto* line : {"|400||||", "-|408|-|-|-|-"})
    EXPECT_EQ(parse_log_line(line, canary_ports, seen), LineKind::unrouted) << line;
  for (const auto* line :
       {"", "|", "stable", "stable|", "stable|200", "stable|200|||", "stable|20|a|b|c|d",
        "stable|2000|127.0.0.1:7001|200|0.000|0.001", "stable|200|127.0.0.1:7001|200|x|0.001",
        "stable|200|127.0.0.1:7001|200|0.000|0.001|more", "canary|200|a, b|200|0.000|0.001",
        "stable|200|127.0.0.1:7001|abc|0.000|0.001", "GET / HTTP/1.1", "canaryx|200||||"})
    EXPECT_EQ(parse_log_line(line, canary_ports, seen), LineKind::garbage) << line;
}

RC_GTEST_PROP(AccessLogParser, SurvivesAnyBytes, (std::string noise)) {
  LogLine seen;
  parse_log_line(noise, canary_ports, seen);
  parse_log_line("canary|" + noise, canary_ports, seen);
  parse_log_line("stable|200|" + noise, canary_ports, seen);
}

RC_GTEST_PROP(AccessLogCounter, CountsTheSameHoweverTheBytesAreCut, ()) {
  const auto picks = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 5));
  const char* const lines[] = {"stable|200|127.0.0.1:7001|200|0.000|0.012\n", "junk\n",
                               "canary|500|127.0.0.1:7101|500|0.000|0.999\n", "|400||||\n",
                               ("canary|200|127.0.0.1:7101, 127.0.0.1:7001|502, 200|-, 0.000|"
                                "0.000, 6.002\n")};
  std::string text;
  for (const int pick : picks) text += lines[pick];
  AccessLogCounter whole({5, 50, 1000}, canary_ports);
  EXPECT_EQ(whole.consume(text), text.size());
  AccessLogCounter cut({5, 50, 1000}, canary_ports);
  std::string pending;
  for (std::size_t at = 0; at < text.size();) {
    const auto size = *rc::gen::inRange<std::size_t>(1, 60);
    pending += text.substr(at, size);
    at += size;
    pending.erase(0, cut.consume(pending));
  }
  RC_ASSERT(pending.empty());
  RC_ASSERT(whole.totals().stable == cut.totals().stable);
  RC_ASSERT(whole.totals().canary == cut.totals().canary);
  RC_ASSERT(whole.totals().garbage == cut.totals().garbage);
  RC_ASSERT(whole.totals().lines == static_cast<std::int64_t>(picks.size()));
}

TEST(AccessLogCounter, PutsALatencyEqualToALimitBelowIt) {
  AccessLogCounter counter({10, 1000, 30000}, canary_ports);
  for (const auto* time : {"0.010", "0.011", "1.000", "1.001", "30.000", "30.001"})
    counter.consume(fmt::format("stable|200|127.0.0.1:7001|200|0.000|{}\n", time));
  EXPECT_EQ(counter.totals().stable.latency, (std::vector<std::int64_t>{1, 2, 2, 1}));
}

TEST(AccessLogCounter, TellsStablesSlotsApartByTheirPorts) {
  AccessLogCounter counter({10}, canary_ports, {7001, 7003});
  counter.consume("stable|200|127.0.0.1:7001|200|0.000|0.001\n");
  const Counters before = counter.totals();
  counter.consume(
      "stable|500|127.0.0.1:7003|500|0.000|0.020\n"
      "stable|200|127.0.0.1:7002|200|0.000|0.001\n"  // of no slot
      "stable|502|127.0.0.1:7001|502|-|-\n"          // reached nobody
      "canary|200|127.0.0.1:7101|200|0.000|0.001\n");
  EXPECT_EQ(counter.totals().stable.requests, 4);
  const Counters window = counter.totals().minus(before);
  ASSERT_EQ(window.stable_slots.size(), 2U);
  EXPECT_EQ(window.stable_slots[0].requests, 0);
  EXPECT_EQ(window.stable_slots[1], (core::Counts{1, 1, {0, 1}}));
}

TEST(AccessLogCounter, CountsAnEndlessLineOnceAsGarbage) {
  AccessLogCounter counter({10}, canary_ports);
  const std::string noise(10'000, 'x');
  for (int i = 0; i < 5; ++i) EXPECT_EQ(counter.consume(noise), noise.size());
  counter.consume("x\nstable|200|127.0.0.1:7001|200|0.000|0.001\n");
  EXPECT_EQ(counter.totals().garbage, 1);
  EXPECT_EQ(counter.totals().stable.requests, 1);
}

TEST(AccessLogCounter, RemembersThatTheCanaryFailedUntilAsked) {
  AccessLogCounter counter({10}, canary_ports);
  counter.consume("stable|500|127.0.0.1:7001|500|0.000|0.001\n");
  EXPECT_FALSE(counter.take_canary_failed());
  counter.consume("canary|500|127.0.0.1:7101|500|0.000|0.001\n");
  EXPECT_TRUE(counter.take_canary_failed());
  EXPECT_FALSE(counter.take_canary_failed());
}

}  // namespace
}  // namespace linnet::local
