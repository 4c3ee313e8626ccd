// What the engine may rely on of every MetricSource: counts per track, each request told once per
// cursor. Each adapter's test includes this once and instantiates MetricContract.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <string>

#include "contract/run_task.h"
#include "ports/ports.h"

namespace linnet::contract {

/// A source that has not been asked yet, and users beside it.
class MetricUnderTest {
 public:
  virtual ~MetricUnderTest() = default;
  virtual MetricSource& source() = 0;
  /// By the clock that the source uses.
  virtual Deadline soon() = 0;
  /// Requests are answered; returns when the source can know of them. Slow ones pass every limit.
  virtual void serve(core::Track track, int good, int bad, int slow) = 0;
  /// Lets go of the source and takes it up anew, as a restart of linnet does.
  virtual void reopen() = 0;
  /// core::latency_boundaries(release).size(); none: it never knows how long requests took.
  virtual std::optional<std::size_t> boundaries() const = 0;

  boost::asio::io_context context;
};

using MakeMetric = std::function<std::unique_ptr<MetricUnderTest>()>;

class MetricContract : public testing::TestWithParam<MakeMetric> {
 protected:
  core::Sample since(const std::string& cursor) {
    auto sample = run(under_test->context, under_test->source().since(cursor, under_test->soon()));
    EXPECT_TRUE(sample) << sample.error().message;
    return sample.value_or(core::Sample{});
  }
  static std::int64_t in_buckets(const core::Counts& counts) {
    return std::accumulate(counts.latency.begin(), counts.latency.end(), std::int64_t{0});
  }

  std::unique_ptr<MetricUnderTest> under_test = GetParam()();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MetricContract);

TEST_P(MetricContract, AnEmptyCursorStartsCountingNow) {
  under_test->serve(core::Track::stable, 5, 0, 0);
  const core::Sample first = since("");
  EXPECT_EQ(first.stable.requests, 0);
  EXPECT_FALSE(first.cursor.empty());
}

TEST_P(MetricContract, CountsEachRequestOnceAndTheTracksApart) {
  const std::string start = since("").cursor;
  under_test->serve(core::Track::stable, 7, 2, 0);
  under_test->serve(core::Track::canary, 3, 1, 1);
  const core::Sample sample = since(start);
  EXPECT_EQ(sample.stable.requests, 9);
  EXPECT_EQ(sample.stable.bad, 2);
  EXPECT_EQ(sample.canary.requests, 5);
  EXPECT_EQ(sample.canary.bad, 1);
  EXPECT_EQ(sample.lost, 0);
  const core::Sample after = since(sample.cursor);
  EXPECT_EQ(after.stable.requests, 0);
  EXPECT_EQ(after.canary.requests, 0);
}

TEST_P(MetricContract, TheSameCursorGivesTheSameRequestsAgainAndLaterOnes) {
  const std::string start = since("").cursor;
  under_test->serve(core::Track::canary, 4, 1, 0);
  EXPECT_EQ(since(start).canary.requests, 5);
  EXPECT_EQ(since(start).canary.requests, 5);
  under_test->serve(core::Track::canary, 2, 0, 0);
  EXPECT_EQ(since(start).canary.requests, 7);
  EXPECT_EQ(since(start).canary.bad, 1);
}

TEST_P(MetricContract, EachRequestIsInOneBucketWhereLatenciesAreKnown) {
  const std::string start = since("").cursor;
  under_test->serve(core::Track::canary, 6, 0, 3);
  const core::Counts counts = since(start).canary;
  EXPECT_EQ(counts.requests, 9);
  const std::optional<std::size_t> boundaries = under_test->boundaries();
  ASSERT_EQ(counts.latency.size(), boundaries ? *boundaries + 1 : 0);
  EXPECT_EQ(in_buckets(counts), boundaries ? counts.requests : 0);
}

TEST_P(MetricContract, ARestartGoesOnFromTheCursor) {
  const std::string start = since("").cursor;
  under_test->serve(core::Track::canary, 4, 0, 0);
  under_test->reopen();
  under_test->serve(core::Track::canary, 3, 1, 0);
  const core::Sample sample = since(start);
  EXPECT_EQ(sample.canary.requests, 8);
  EXPECT_EQ(sample.canary.bad, 1);
  EXPECT_EQ(since(sample.cursor).canary.requests, 0);
}

// Damaged or from another source: an error or a fresh start, but never counts that did not happen.
TEST_P(MetricContract, AnUnknownCursorBringsNoCounts) {
  under_test->serve(core::Track::canary, 4, 0, 0);
  (void)since("");
  for (const char* cursor :
       {"garbage", "0", "-1:-1:-1", "999999999999999999999", "\xff\x01", "c9999"}) {
    const auto sample =
        run(under_test->context, under_test->source().since(cursor, under_test->soon()));
    if (!sample) continue;
    EXPECT_EQ(sample->canary.requests, 0) << cursor;
    EXPECT_EQ(sample->stable.requests, 0) << cursor;
  }
}

}  // namespace linnet::contract
