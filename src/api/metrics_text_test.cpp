#include "api/metrics_text.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

namespace linnet::api {
namespace {

MetricsView shop() {
  MetricsView metrics;
  metrics.version = "0.1.0";
  metrics.started = WallTime{1'795'467'727'500};
  ReleaseMetrics release;
  release.release = "shop";
  release.phase = core::Stepping{};
  release.weight_wanted = Percent::whole(25);
  release.weight_in_force = Percent::from_ppm(1000);
  release.counts.boundaries_ms = {2.5, 1000};
  release.counts.stable = {.requests = 100, .bad = 1, .latency = {60, 39, 1}};
  release.counts.canary = {.requests = 7, .bad = 0, .latency = {}};
  release.counts.lost = 3;
  release.turns = 12;
  release.turn_seconds = 0.25;
  metrics.releases.push_back(release);
  return metrics;
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(MetricsText, SaysWhatIsKnownOfARelease) {
  const std::string text = metrics_text(shop());
  for (const char* line :
       {R"(linnet_build_info{version="0.1.0"} 1)", R"(linnet_start_time_seconds 1795467727.5)",
        R"(linnet_release_phase{release="shop",phase="stepping"} 1)",
        R"(linnet_release_phase{release="shop",phase="idle"} 0)",
        R"(linnet_weight_wanted{release="shop"} 25)",
        R"(linnet_weight_in_force{release="shop"} 0.1)",
        R"(linnet_requests_total{release="shop",track="stable"} 100)",
        R"(linnet_requests_total{release="shop",track="canary"} 7)",
        R"(linnet_bad_requests_total{release="shop",track="stable"} 1)",
        R"(linnet_lost_requests_total{release="shop"} 3)",
        R"(linnet_turns_total{release="shop"} 12)",
        R"(linnet_turn_seconds_sum{release="shop"} 0.25)",
        R"(linnet_turn_seconds_count{release="shop"} 12)"})
    EXPECT_TRUE(has_line(text, line)) << line << "\nin\n" << text;
}

TEST(MetricsText, BucketsAddUpAndAreLeftOutWhereNothingIsKnown) {
  const std::string text = metrics_text(shop());
  const std::string name =
      R"(linnet_request_duration_seconds_bucket{release="shop",track="stable",)";
  EXPECT_TRUE(has_line(text, name + R"(le="0.0025"} 60)"));
  EXPECT_TRUE(has_line(text, name + R"(le="1"} 99)"));
  EXPECT_TRUE(has_line(text, name + R"(le="+Inf"} 100)"));
  EXPECT_EQ(text.find(R"(duration_seconds_bucket{release="shop",track="canary")"),
            std::string::npos);
}

TEST(MetricsText, ExactlyOnePhaseIsOneWhateverItIs) {
  for (const core::Phase& phase :
       {core::Phase(core::Idle{}), core::Phase(core::Preparing{}), core::Phase(core::Stepping{}),
        core::Phase(core::Holding{}), core::Phase(core::AwaitingPromotion{}),
        core::Phase(core::Promoting{}), core::Phase(core::RollingBack{}),
        core::Phase(core::Succeeded{}), core::Phase(core::RolledBack{}),
        core::Phase(core::Failed{})}) {
    MetricsView metrics = shop();
    metrics.releases[0].phase = phase;
    const std::string text = metrics_text(metrics);
    EXPECT_TRUE(has_line(text, fmt::format(R"(linnet_release_phase{{release="shop",phase="{}"}} 1)",
                                           core::phase_name(phase))));
    const std::regex one(R"(linnet_release_phase\{[^}]*\} 1\n)");
    EXPECT_EQ(std::distance(std::sregex_iterator(text.begin(), text.end(), one), {}), 1);
  }
}

TEST(MetricsText, ALabelCannotBreakOut) {
  MetricsView metrics = shop();
  metrics.version = "a\"} 1\nevil 1 \\";
  EXPECT_TRUE(
      has_line(metrics_text(metrics), R"(linnet_build_info{version="a\"} 1\nevil 1 \\"} 1)"));
}

TEST(MetricsText, EveryLineIsOfTheFormatAndEveryFamilyIsDeclaredOnce) {
  MetricsView metrics = shop();
  metrics.releases.push_back(metrics.releases[0]);
  metrics.releases[1].release = "mail";
  const std::regex sample(R"re(([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.eE+-]+)re");
  std::istringstream lines(metrics_text(metrics));
  std::set<std::string> declared, samples;
  std::string family;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(declared.insert(family).second) << family;
    } else if (!line.starts_with("# HELP ")) {
      std::smatch parts;
      ASSERT_TRUE(std::regex_match(line, parts, sample)) << line;
      EXPECT_TRUE(parts[1].str().starts_with(family)) << line;
      EXPECT_TRUE(samples.insert(line.substr(0, line.rfind(' '))).second) << line;
    }
  }
  EXPECT_GE(declared.size(), 12U);
}

}  // namespace
}  // namespace linnet::api
