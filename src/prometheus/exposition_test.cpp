#include "prometheus/exposition.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "prometheus/testing.h"

namespace linnet::prometheus {
namespace {

struct Read {
  Result<void> result;
  std::vector<recipes::Series> series;
};

Read read(std::string_view text, std::string_view metric = "a_total") {
  Read out{{}, {}};
  out.result = read_exposition(
      text, [&](std::string_view name) { return name == metric; },
      [&](const Line& line) {
        recipes::Series series{std::string(line.metric), {}, line.value};
        for (const auto& [name, value] : line.labels)
          series.labels[std::string(name)] = std::string(value);
        out.series.push_back(series);
      });
  return out;
}

TEST(Exposition, ReadsLinesOfTheTextFormat) {
  const Read page = read(
      "# HELP a_total Requests\n# TYPE a_total counter\n\n"
      "a_total 3\n"
      "a_total{code=\"200\",} 1027 1395066363000\n"
      "a_total{ code = \"5xx\" , path=\"/a b\"}\t1.5e3\n"
      "other{broken 1\n");
  ASSERT_TRUE(page.result) << page.result.error().message;
  ASSERT_EQ(page.series.size(), 3U);
  EXPECT_EQ(page.series[0].value, 3);
  EXPECT_EQ(page.series[1].labels, (recipes::Labels{{"code", "200"}}));
  EXPECT_EQ(page.series[1].value, 1027);
  EXPECT_EQ(page.series[2].labels, (recipes::Labels{{"code", "5xx"}, {"path", "/a b"}}));
  EXPECT_EQ(page.series[2].value, 1500);
}

TEST(Exposition, ReadsWhatOpenMetricsAdds) {
  const Read page = read(
      "# TYPE a counter\n# UNIT a requests\n"
      "a_total{le=\"0.1\"} 8 # {trace_id=\"KOO5S4vxi0o\"} 0.67\n"
      "a_total 17.0 1520879607.789 # {id=\"x\"} 9.8 1520879607.789\n"
      "{\"a.name\",x=\"y\"} 1\n"
      "a_created 1520430000.123\n"
      "# EOF\n");
  ASSERT_TRUE(page.result) << page.result.error().message;
  ASSERT_EQ(page.series.size(), 2U);
  EXPECT_EQ(page.series[0].value, 8);
  EXPECT_EQ(page.series[1].value, 17);
  EXPECT_TRUE(read("a_total 1\n# EOF").result);
  EXPECT_FALSE(read("a_total 1\n# EOF\na_total 2\n").result);
}

TEST(Exposition, ReadsEscapesInLabels) {
  const Read page =
      read("a_total{a=\"C:\\\\DIR\\\\\",b=\"say \\\"x\\\"\",c=\"1\\n2\",d=\"}\"} 1\n");
  ASSERT_EQ(page.series.size(), 1U);
  EXPECT_EQ(page.series[0].labels,
            (recipes::Labels{{"a", "C:\\DIR\\"}, {"b", "say \"x\""}, {"c", "1\n2"}, {"d", "}"}}));
}

TEST(Exposition, ReadsNumbersThatAreNone) {
  const Read page = read("a_total NaN\na_total +Inf\na_total -Inf\na_total -1\na_total 1e999\n");
  ASSERT_EQ(page.series.size(), 5U);
  EXPECT_TRUE(std::isnan(page.series[0].value));
  EXPECT_TRUE(std::isinf(page.series[1].value) && page.series[1].value > 0);
  EXPECT_TRUE(std::isinf(page.series[2].value) && page.series[2].value < 0);
  EXPECT_EQ(page.series[3].value, -1);
  for (const char* text : {"", "x", "1x", "0x", "--1", "+-1", "1 2"})
    EXPECT_FALSE(parse_number(text)) << text;
}

// A number that is cut looks like a counter that fell.
TEST(Exposition, RefusesAPageThatIsCut) {
  const std::string whole = "a_total{b=\"c\"} 10047\na_total 5\n";
  for (std::size_t size = 1; size < whole.size(); ++size)
    if (whole[size - 1] != '\n') {
      EXPECT_FALSE(read(whole.substr(0, size)).result) << size;
    }
}

TEST(Exposition, RefusesLinesThatAreNone) {
  for (const char* line : {"a_total", "a_total{", "a_total{b=\"c} 1", "a_total{b=c} 1",
                           "a_total{b=\"c\"", "a_total{b=\"c\"} ", "a_total x", "a_total 1 x",
                           "a_total 1 2 3", "a_total{b=\"c\" d=\"e\"} 1", "a_total{=\"c\"} 1"})
    EXPECT_FALSE(read(std::string(line) + "\n").result) << line;
  EXPECT_FALSE(read("a_total{b=\"" + std::string(100'000, 'x') + "\"} 1\n").result);
}

// Whatever a page holds, reading ends, and within the page.
TEST(Exposition, SurvivesDamagedPages) {
  const std::string page =
      testing::read_file("recipes/metrics/testdata/ingress-nginx/partly-t7.txt");
  ASSERT_GT(page.size(), 5000U);
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = page.substr(random() % page.size(), 1 + random() % 3000);
    for (int i = 0; i < 8; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    (void)read(damaged, "nginx_ingress_controller_request_duration_seconds_bucket");
  }
}

}  // namespace
}  // namespace linnet::prometheus
