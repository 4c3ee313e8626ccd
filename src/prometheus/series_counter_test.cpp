#include "prometheus/series_counter.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "prometheus/testing.h"

namespace linnet::prometheus {
namespace {

using core::Track;
using recipes::Role;

constexpr double inf = std::numeric_limits<double>::infinity();

Reading counter(SeriesKey key, double value, Track track = Track::canary, bool bad = false) {
  return {key,
          {track, bad ? Role::Counts::bad_requests : Role::Counts::requests, 0,
           track == Track::stable ? "pod-" + std::to_string(key) : ""},
          value};
}
Reading bucket(SeriesKey key, double le_ms, double value) {
  return {key, {Track::canary, Role::Counts::latency_bucket, le_ms, ""}, value};
}

/// Counts turn by turn, with a restart of linnet before each: the cursor's text is all that is
/// kept.
struct Counting {
  core::Sample turn(std::vector<Page> pages) {
    at.ms += 1000;
    const auto before = cursor.empty() ? Baseline{} : Baseline::parse(cursor).value();
    auto counted = SeriesCounter(options).count(before, pages, at);
    EXPECT_TRUE(counted) << counted.error().message;
    cursor = counted->next.text();
    EXPECT_EQ(Baseline::parse(cursor).value(), counted->next);
    remarks = counted->remarks;
    return counted->sample;
  }
  CounterOptions options{.boundaries_ms = testing::boundaries};
  std::string cursor;
  WallTime at{1'760'000'000'000};
  std::vector<std::string> remarks;
};

Page page(std::vector<Reading> readings, std::string id = "p") {
  return {std::move(id), {}, std::move(readings)};
}
/// As another server has read it, `late` before or after `of`.
Page sampled(std::vector<Reading> readings, const Counting& of, Duration late) {
  Page one = page(std::move(readings));
  one.sampled = WallTime{of.at.ms + late.count()};
  return one;
}

TEST(SeriesCounter, TheFirstReadingIsOnlyABaseline) {
  Counting counting;
  EXPECT_EQ(counting.turn({page({counter(1, 500)})}).canary.requests, 0);
  const auto sample = counting.turn({page({counter(1, 507)})});
  EXPECT_EQ(sample.canary.requests, 7);
  EXPECT_EQ(sample.canary.bad, 0);
  EXPECT_EQ(sample.canary.latency.size(), testing::boundaries.size() + 1);
}

TEST(SeriesCounter, ABadRequestIsARequestToo) {
  Counting counting;
  counting.turn({page({})});
  const auto sample = counting.turn({page({counter(1, 7), counter(2, 3, Track::canary, true)})});
  EXPECT_EQ(sample.canary.requests, 10);
  EXPECT_EQ(sample.canary.bad, 3);
}

TEST(SeriesCounter, ANewSeriesOfAKnownPageCountsFromZero) {
  Counting counting;
  counting.turn({page({counter(1, 500)})});
  EXPECT_EQ(counting.turn({page({counter(1, 500), counter(2, 4)})}).canary.requests, 4);
}

TEST(SeriesCounter, ANewPageIsABaselineUnlessItsProcessIsNew) {
  Counting counting;
  counting.turn({page({})});
  Page old = page({counter(1, 90)}, "old");
  old.started_s = 1'750'000'000;
  Page young = page({counter(1, 9)}, "young");
  young.started_s = static_cast<double>(counting.at.ms) / 1000 + 0.5;
  EXPECT_EQ(counting.turn({old, young}).canary.requests, 9);
  EXPECT_EQ(counting.turn({old, young}).canary.requests, 0);
}

TEST(SeriesCounter, ASeriesThatFellBeganAtZero) {
  Counting counting;
  counting.turn({page({counter(1, 500), counter(2, 8)})});
  const auto sample = counting.turn({page({counter(1, 3), counter(2, 9)})});
  EXPECT_EQ(sample.canary.requests, 3 + 1);
}

TEST(SeriesCounter, AProcessThatBeganAnewIsKnownByItsStart) {
  Counting counting;
  Page one = page({counter(1, 5), counter(2, 100)});
  one.started_s = 1'750'000'000;
  counting.turn({one});
  one.readings[0].value = 6;  // has grown, but from 0
  one.readings[1].value = 1;
  one.started_s = 1'750'000'100;
  EXPECT_EQ(counting.turn({one}).canary.requests, 7);
  one.started_s = 1'750'000'101;  // computed anew, not exactly
  EXPECT_EQ(counting.turn({one}).canary.requests, 0);
}

TEST(SeriesCounter, TheStartOfAnotherProcessOnThePageIsNoRestart) {
  // Istio's page has the application's metrics and the sidecar's counters.
  Counting counting;
  Page one = page({counter(1, 1'000'000)});
  one.started_s = 1'750'000'000;
  counting.turn({one});
  one.readings[0].value += 3;
  one.started_s = 1'750'000'100;  // the application was started again
  EXPECT_EQ(counting.turn({one}).canary.requests, 3);
}

TEST(SeriesCounter, AVanishedReplicaIsNoResetOfTheOthersAndComesBackWhereItWas) {
  Counting counting;
  counting.turn({page({counter(1, 100)}, "a"), page({counter(1, 900)}, "b")});
  EXPECT_EQ(counting.turn({page({counter(1, 101)}, "a")}).canary.requests, 1);
  EXPECT_EQ(
      counting.turn({page({counter(1, 101)}, "a"), page({counter(1, 905)}, "b")}).canary.requests,
      5);
}

TEST(SeriesCounter, APageGoneForLongIsForgotten) {
  Counting counting;
  counting.turn({page({counter(1, 100)}, "a"), page({counter(1, 900)}, "b")});
  counting.at.ms += Duration(20min).count();
  counting.turn({page({counter(1, 100)}, "a")});
  EXPECT_EQ(counting.cursor.find("\"b\""), std::string::npos);
  EXPECT_EQ(counting.turn({page({counter(1, 905)}, "b")}).canary.requests, 0);
}

TEST(SeriesCounter, NumbersThatNoCounterHasAreIgnored) {
  Counting counting;
  counting.turn({page({counter(1, 100)})});
  for (const double value : {std::nan(""), inf, -inf, -5.0, 1e300}) {
    EXPECT_EQ(counting.turn({page({counter(1, value)})}).canary.requests, 0) << value;
    EXPECT_EQ(counting.remarks.size(), 1U);
  }
  EXPECT_EQ(counting.turn({page({counter(1, 104)})}).canary.requests, 4);
}

TEST(SeriesCounter, ASeriesUnusableAtFirstIsABaselineLater) {
  Counting counting;
  counting.turn({page({counter(1, std::nan("")), bucket(2, inf, -1)})});
  const auto sample = counting.turn({page({counter(1, 5000), bucket(2, inf, 5000)})});
  EXPECT_EQ(sample.canary.requests, 0);
  EXPECT_EQ(sample.canary.latency.back(), 0);
  EXPECT_EQ(counting.turn({page({counter(1, 5001)})}).canary.requests, 1);
}

TEST(SeriesCounter, OfTwoEqualSeriesTheFirstCounts) {
  Counting counting;
  counting.turn({page({counter(1, 100)})});
  const auto sample = counting.turn({page({counter(1, 101), counter(1, 999)})});
  EXPECT_EQ(sample.canary.requests, 1);
  EXPECT_EQ(counting.remarks.size(), 1U);
  EXPECT_EQ(counting.turn({page({counter(1, 101)}), page({counter(1, 500)})}).canary.requests, 0);
}

TEST(SeriesCounter, ARequestIsInABucketThatItsHistogramProves) {
  Counting counting;
  counting.options.boundaries_ms = {100, 300, 1000};
  counting.turn({page({})});
  // 4 below 100 ms, 2 in (100, 250], 1 in (250, 500], 3 beyond.
  const auto sample = counting.turn(
      {page({bucket(1, 100, 4), bucket(1, 250, 6), bucket(1, 500, 7), bucket(1, inf, 10)})});
  EXPECT_EQ(sample.canary.latency, (std::vector<std::int64_t>{4, 2, 1, 3}));
  const auto baseline = Baseline::parse(counting.cursor).value();
  EXPECT_EQ(inexact_limits(baseline, {250}), "");
  EXPECT_EQ(inexact_limits(baseline, {300}),
            "the metrics have no bucket that ends at 300 ms: requests slower than 250 ms count as "
            "above the limit");
}

TEST(SeriesCounter, ABucketAheadOfTheNextIsNotToldTwice) {
  Counting counting;
  counting.options.boundaries_ms = {100, 1000};
  counting.turn({page({bucket(1, 100, 0), bucket(1, 1000, 0), bucket(1, inf, 0)})});
  auto sample = counting.turn({page({bucket(1, 100, 5), bucket(1, 1000, 3), bucket(1, inf, 6)})});
  EXPECT_EQ(sample.canary.latency, (std::vector<std::int64_t>{5, 0, 1}));
}

TEST(SeriesCounter, AHistogramThatLacksABucketWaits) {
  Counting counting;
  counting.options.boundaries_ms = {100, 1000};
  counting.turn({page({bucket(1, 100, 5), bucket(1, 1000, 5), bucket(1, inf, 5)})});
  EXPECT_EQ(counting.turn({page({bucket(1, 100, 7), bucket(1, inf, 7)})}).canary.latency[0], 0);
  EXPECT_EQ(counting.turn({page({bucket(1, 100, 7), bucket(1, 1000, 7)})}).canary.latency[0], 0);
  EXPECT_EQ(counting.turn({page({bucket(1, 100, 8), bucket(1, 1000, 8), bucket(1, inf, 8)})})
                .canary.latency[0],
            3);
}

TEST(SeriesCounter, OtherBucketsCountAnew) {
  Counting counting;
  counting.options.boundaries_ms = {100, 1000};
  counting.turn({page({bucket(1, 100, 5), bucket(1, inf, 5)})});
  EXPECT_EQ(counting.turn({page({bucket(1, 50, 7), bucket(1, inf, 9)})}).canary.latency[2], 0);
  EXPECT_EQ(counting.turn({page({bucket(1, 50, 8), bucket(1, inf, 10)})}).canary.latency[0], 1);
}

TEST(SeriesCounter, StableIsToldByInstance) {
  Counting counting;
  counting.turn({page({})});
  const auto sample = counting.turn(
      {page({counter(1, 2, Track::stable), counter(2, 3, Track::stable, true), counter(3, 9)})});
  EXPECT_EQ(sample.stable.requests, 5);
  ASSERT_EQ(sample.stable_instances.size(), 2U);
  EXPECT_EQ(sample.stable_instances[1].id, "pod-2");
  EXPECT_EQ(sample.stable_instances[1].counts.bad, 3);
}

TEST(SeriesCounter, APageSampledBeforeTheOneThatWasCountedWaits) {
  Counting counting;
  counting.turn({sampled({counter(1, 1000), counter(2, 50)}, counting, 0s)});
  // The canary's counter of before it began anew, as that server still has it.
  const auto older =
      counting.turn({sampled({counter(1, 990), counter(2, 400), counter(3, 7)}, counting, -9s)});
  EXPECT_EQ(older.canary.requests, 0);
  EXPECT_EQ(counting.remarks.size(), 1U);
  const auto newer = counting.turn({sampled({counter(1, 1005), counter(2, 51)}, counting, 0s)});
  EXPECT_EQ(newer.canary.requests, 6);
}

TEST(SeriesCounter, ASeriesThatFellBesidesOneThatGrewBeganAnewThoughTheirSumHardlyFell) {
  Counting counting;
  const auto stable = [](double value) { return counter(1, value, Track::stable); };
  counting.turn({sampled({stable(100'000), counter(2, 500)}, counting, 0s)});
  const auto sample = counting.turn({sampled({stable(100'002), counter(2, 12)}, counting, 0s)});
  EXPECT_EQ(sample.stable.requests, 2);
  EXPECT_EQ(sample.canary.requests, 12);
  EXPECT_TRUE(counting.remarks.empty()) << counting.remarks[0];
}

// Clocks of two servers differ a little, and a page is older or younger than its time says.
TEST(SeriesCounter, APageHardlyLaterInWhichAllFellWaitsAndOneThatIsLaterBeganAnew) {
  Counting counting;
  const std::vector<Reading> first{counter(1, 1000), bucket(2, 100, 50), bucket(2, inf, 50)};
  const std::vector<Reading> fallen{counter(1, 998), bucket(2, 100, 49), bucket(2, inf, 49)};
  counting.turn({sampled(first, counting, 0s)});
  auto sample = counting.turn({sampled(fallen, counting, -950ms)});
  EXPECT_EQ(sample.canary.requests + sample.canary.latency[5], 0);
  sample = counting.turn({sampled({counter(1, 1001)}, counting, 0s)});
  EXPECT_EQ(sample.canary.requests, 1);
  for (int turn = 0; turn < 4; ++turn) {
    sample = counting.turn({sampled({counter(1, 999 + turn / 4.0)}, counting, 0s)});
    EXPECT_EQ(sample.canary.requests, 0) << turn;
  }
  counting.at.ms += 1000;
  sample = counting.turn({sampled({counter(1, 1000)}, counting, 0s)});
  EXPECT_EQ(sample.canary.requests, 1000);
  EXPECT_EQ(counting.remarks.size(), 1U);
}

TEST(SeriesCounter, ASampleReachesBackToTheScrapeBeforeOfWhatGrew) {
  Counting counting;
  const auto turn = [&](double value, Duration late, double other) {
    return counting.turn(
        {sampled({counter(1, value)}, counting, late), page({counter(2, other)}, "q")});
  };
  EXPECT_EQ(turn(10, -9s, 5).reach, 0ms);  // a baseline: nothing is counted yet
  EXPECT_EQ(turn(10, -10s, 7).reach, 1s);  // of the first page nothing new is known
  EXPECT_EQ(turn(30, 0s, 7).reach, 12s);
  EXPECT_EQ(turn(30, 0s, 8).reach, 1s);
  EXPECT_EQ(turn(30, 0s, 8).reach, 0ms);
  counting.at.ms += 60'000;
  EXPECT_EQ(counting.turn({page({counter(2, 9)}, "q")}).reach, 61s);
}

TEST(SeriesCounter, ATimeInTheFutureHoldsNothingUp) {
  Counting counting;
  counting.turn({sampled({counter(1, 10)}, counting, 24h)});
  EXPECT_EQ(counting.turn({sampled({counter(1, 13)}, counting, 1s)}).canary.requests, 3);
}

TEST(SeriesCounter, WhatBeganAnewIsNamedForPeopleAndOnlyWhereSomethingIsMissing) {
  Counting counting;
  Page one = page({counter(1, 500), counter(2, 8)}, "7f65b788-0c0e");
  one.name = "pod web-1";
  counting.turn({one});
  one.readings = {counter(1, 501), counter(2, 1)};
  counting.turn({one});
  EXPECT_TRUE(counting.remarks.empty());
  one.readings = {counter(1, 3), counter(2, 0)};
  counting.turn({one});
  EXPECT_EQ(counting.remarks,
            (std::vector<std::string>{
                "pod web-1 began anew: what it counted shortly before is not known"}));
}

TEST(SeriesCounter, MoreSeriesThanACursorHoldsAreAnError) {
  std::vector<Reading> many;
  for (SeriesKey key = 0; key < Baseline::max_values + 1; ++key) many.push_back(counter(key, 1));
  const std::vector<Page> pages{page(many)};
  const auto counted = SeriesCounter(CounterOptions{}).count({}, pages, {1});
  ASSERT_FALSE(counted);
  EXPECT_EQ(counted.error().code, Code::invalid);
}

TEST(SeriesCounter, SumsOfTheLargestNumbersDoNotOverflow) {
  std::vector<Reading> none, most;
  for (SeriesKey key = 0; key < 12'000; ++key) {
    none.push_back(counter(key, 0, Track::canary, true));
    most.push_back(counter(key, 1e15, Track::canary, true));
  }
  Counting counting;
  counting.turn({page(none)});
  const core::Counts counts = counting.turn({page(most)}).canary;
  EXPECT_EQ(counts.requests, 1'000'000'000'000'000'000);
  EXPECT_EQ(counts.bad, counts.requests);
}

TEST(Baseline, RefusesWhatIsNotOurs) {
  for (const char* text :
       {"", "x", "{}", "[]", R"({"v":2,"at":1,"le":[],"p":{}})",
        R"({"v":1,"at":1,"le":[[]],"p":{}})", R"({"v":1,"at":1,"le":[["5"]],"p":{}})",
        R"({"v":1,"at":1,"le":[["+Inf","5"]],"p":{}})",
        R"({"v":1,"at":1,"le":[],"p":{"a":{"at":1,"s":0,"c":{"zz":1},"h":{}}}})",
        R"({"v":1,"at":1,"le":[],"p":{"a":{"at":1,"s":0,"c":{"1":-7},"h":{}}}})",
        R"({"v":1,"at":1,"le":[],"p":{"a":{"at":1,"s":0,"c":{},"h":{"1":[0,1]}}}})",
        R"({"v":1,"at":1,"le":[["+Inf"]],"p":{"a":{"at":1,"s":0,"c":{},"h":{"1":[0,1,2]}}}})",
        R"({"v":1,"at":1,"le":[["-Inf"]],"p":{}})", R"({"v":1,"at":-1,"le":[],"p":{}})",
        R"({"v":1,"at":1,"le":[],"p":{"a":{"at":-9223372036854775808,"s":0,"c":{},"h":{}}}})",
        R"({"v":1,"at":1,"le":[],"p":{"a":{"at":1,"s":9223372036854775807,"c":{},"h":{}}}})"})
    EXPECT_FALSE(Baseline::parse(text)) << text;
}

// A page may say le="-1e308", which is -Inf in milliseconds.
TEST(Baseline, KeepsABoundBelowAllNumbers) {
  Baseline baseline;
  baseline.at.ms = 1;
  baseline.pages["a"].histograms[1] = {{-inf, 5, inf}, {0, 1, 2}};
  EXPECT_EQ(Baseline::parse(baseline.text()).value(), baseline);
}

TEST(SeriesKey, DoesNotDependOnTheOrderOfLabels) {
  const std::vector<recipes::LabelView> one{{"a", "b"}, {"c", "d"}}, other{{"c", "d"}, {"a", "b"}};
  const std::vector<recipes::LabelView> swapped{{"a", "d"}, {"c", "b"}};
  const std::vector<recipes::LabelView> with_le{{"a", "b"}, {"c", "d"}, {"le", "5"}};
  EXPECT_EQ(key_of("m", one), key_of("m", other));
  EXPECT_EQ(key_of("m", one), key_of("m", with_le));
  EXPECT_NE(key_of("m", one), key_of("m", swapped));
  EXPECT_NE(key_of("m", one), key_of("n", one));
}

// Saved cursors lag: a crash goes back to the last one saved. Totals do not depend on it.
TEST(SeriesCounter, AnyInterleavingOfRestartsGivesTheSameTotals) {
  rc::check([] {
    const auto steps = *rc::gen::container<std::vector<std::vector<int>>>(
        rc::gen::container<std::vector<int>>(4, rc::gen::inRange(0, 50)));
    const auto saves =
        *rc::gen::container<std::vector<bool>>(steps.size(), rc::gen::arbitrary<bool>());
    const auto crashes =
        *rc::gen::container<std::vector<bool>>(steps.size(), rc::gen::arbitrary<bool>());
    Counting counting;
    std::vector<double> values(4, 100);
    const auto pages = [&] {
      return std::vector<Page>{
          page({counter(1, values[0]), counter(2, values[1], Track::canary, true)}, "a"),
          page({counter(1, values[2]), counter(3, values[3], Track::stable)}, "b")};
    };
    counting.turn(pages());
    struct Total {
      std::int64_t canary = 0, bad = 0, stable = 0;
    } now, saved;
    std::string saved_cursor = counting.cursor;
    Total expected;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      for (std::size_t k = 0; k < 4; ++k) values[k] += steps[i][k];
      expected.canary += steps[i][0] + steps[i][1] + steps[i][2];
      expected.bad += steps[i][1];
      expected.stable += steps[i][3];
      const auto sample = counting.turn(pages());
      now.canary += sample.canary.requests;
      now.bad += sample.canary.bad;
      now.stable += sample.stable.requests;
      if (saves[i]) saved = now, saved_cursor = counting.cursor;
      if (crashes[i]) now = saved, counting.cursor = saved_cursor;
    }
    const auto rest = counting.turn(pages());
    RC_ASSERT(now.canary + rest.canary.requests == expected.canary);
    RC_ASSERT(now.bad + rest.canary.bad == expected.bad);
    RC_ASSERT(now.stable + rest.stable.requests == expected.stable);
  });
}

// Whatever pages say, the counts can be true: nothing negative, and bad requests are requests.
TEST(SeriesCounter, CountsAreSaneWhateverPagesSay) {
  rc::check([] {
    Counting counting;
    const int turns = *rc::gen::inRange(1, 8);
    for (int turn = 0; turn < turns; ++turn) {
      std::vector<Page> pages;
      for (int p = *rc::gen::inRange(0, 3); p > 0; --p) {
        std::vector<Reading> readings;
        for (int r = *rc::gen::inRange(0, 12); r > 0; --r) {
          const double value = *rc::gen::element(0.0, 1.0, 2.5, 7.0, 1e6, -1.0, 1e18, inf,
                                                 std::numeric_limits<double>::quiet_NaN());
          const auto key = *rc::gen::inRange<SeriesKey>(1, 4);
          if (*rc::gen::arbitrary<bool>())
            readings.push_back(counter(key, value, *rc::gen::element(Track::stable, Track::canary),
                                       *rc::gen::arbitrary<bool>()));
          else
            readings.push_back(bucket(key, *rc::gen::element(-1.0, 5.0, 7.0, 1000.0, inf), value));
        }
        pages.push_back(page(readings, *rc::gen::element<std::string>("a", "b")));
        if (*rc::gen::arbitrary<bool>())
          pages.back().sampled = WallTime{counting.at.ms + *rc::gen::inRange(-20'000, 20'000)};
      }
      const auto sample = counting.turn(pages);
      for (const core::Counts* counts : {&sample.stable, &sample.canary}) {
        RC_ASSERT(counts->requests >= 0);
        RC_ASSERT(counts->bad >= 0);
        RC_ASSERT(counts->bad <= counts->requests);
        for (const std::int64_t one : counts->latency) RC_ASSERT(one >= 0);
      }
    }
  });
}

}  // namespace
}  // namespace linnet::prometheus
