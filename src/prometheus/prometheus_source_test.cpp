#include "prometheus/prometheus_source.h"

#include <gtest/gtest.h>

#include "contract/run_task.h"
#include "prometheus/testing_query.h"

namespace linnet::prometheus {
namespace {

using testing::built_in;

struct PrometheusTest : ::testing::Test {
  Result<core::Sample> since(const std::string& cursor) {
    world.clock.pass(1s);
    return contract::run(io, world.source->since(cursor, world.clock.soon()));
  }
  boost::asio::io_context io;
  testing::QueryWorld world{io};
};

TEST_F(PrometheusTest, AsksOneQueryAtOnePinnedInstant) {
  (void)since("");
  ASSERT_EQ(world.imposter.asked.size(), 1U);
  const net::ServerRequest& asked = world.imposter.asked[0];
  EXPECT_EQ(asked.method, "POST");
  EXPECT_EQ(asked.target, "/prometheus/api/v1/query");
  EXPECT_NE(asked.body.find("&time=1760000001.000&timeout="), std::string::npos) << asked.body;
  EXPECT_NE(asked.body.find(net::percent_encode(R"(canary="shop-web-canary-80"} or )")),
            std::string::npos)
      << asked.body;
}

TEST_F(PrometheusTest, NeverAsksForAnEarlierInstant) {
  const std::string cursor = since("")->cursor;
  world.clock.pass(Duration(-3600'000));
  (void)since(cursor);
  world.open();
  (void)since(cursor);
  EXPECT_NE(world.imposter.asked.back().body.find("&time=1760000001.000"), std::string::npos)
      << world.imposter.asked.back().body;
}

TEST_F(PrometheusTest, IsAskedNoMoreOftenThanUseful) {
  const std::string cursor = since("")->cursor;
  world.canary.good += 3;
  world.clock.pass(100ms);
  const auto soon = contract::run(io, world.source->since(cursor, world.clock.soon()));
  EXPECT_EQ(soon->canary.requests, 0);
  EXPECT_EQ(world.imposter.asked.size(), 1U);
  EXPECT_EQ(since(soon->cursor)->canary.requests, 3);
  EXPECT_EQ(world.imposter.asked.size(), 2U);
}

TEST_F(PrometheusTest, AnEmptyAnswerIsASampleWithoutRequests) {
  const std::string cursor = since("")->cursor;
  world.body = R"({"status":"success","data":{"resultType":"vector","result":[]}})";
  const auto sample = since(cursor);
  ASSERT_TRUE(sample) << sample.error().message;
  EXPECT_EQ(sample->canary.requests, 0);
  EXPECT_EQ(sample->stable.requests, 0);
  world.body.clear();
  world.canary.good += 2;
  EXPECT_EQ(since(sample->cursor)->canary.requests, 2);
}

// As Traefik's after each release: stable's large counter must not hide that.
TEST_F(PrometheusTest, ACanaryWhoseSeriesBeginAnewIsCountedAtOnce) {
  world.stable.good = 100'000;
  world.canary = {480, 20, 0};
  std::string cursor = since("")->cursor;
  world.stable.good += 30;
  world.canary = {6, 4, 0};
  auto sample = since(cursor);
  EXPECT_EQ(sample->canary.requests, 10);
  EXPECT_EQ(sample->canary.bad, 4);
  EXPECT_EQ(sample->stable.requests, 30);
  EXPECT_TRUE(world.told.empty()) << world.told[0];
  world.canary.bad += 5;
  sample = since(sample->cursor);
  EXPECT_EQ(sample->canary.requests, 5);
  EXPECT_EQ(sample->canary.bad, 5);
}

// Two servers scrape one page, each at its own times, and a load balancer chooses.
TEST_F(PrometheusTest, AServerThatIsBehindDoublesNothing) {
  world.stable.good = 40;
  world.canary.good = 10;
  std::string cursor = since("")->cursor;
  world.stable.good = 12;  // small counters: less than half is no restart either
  world.canary.good = 2;
  world.behind_s = 15;
  auto sample = since(cursor);
  EXPECT_EQ(sample->stable.requests + sample->canary.requests, 0);
  world.stable.good = 70;
  world.canary.good = 13;
  world.behind_s = 0.2;
  sample = since(sample->cursor);
  EXPECT_EQ(sample->stable.requests, 30);
  EXPECT_EQ(sample->canary.requests, 3);
}

TEST_F(PrometheusTest, PartialDataAndErrorsAreNoCounts) {
  world.body =
      R"({"status":"success","data":{"resultType":"vector","result":[]},"warnings":["x"]})";
  EXPECT_EQ(since("").error().code, Code::unavailable);
  world.body = "gone";
  world.status = 503;
  const auto sample = since("");
  EXPECT_EQ(sample.error().code, Code::unavailable);
  EXPECT_NE(sample.error().message.find("asking Prometheus at http://127.0.0.1"), std::string::npos)
      << sample.error().message;
  world.imposter.stop();
}

TEST_F(PrometheusTest, MissingParametersAreToldBeforeAnythingIsAsked) {
  PrometheusOptions options{built_in("ingress-nginx"), {}, testing::boundaries, {}, 1s};
  StoreClient client([]() -> Result<net::Curl*> { return fail(Code::internal, "x"); }, world.clock,
                     {}, "", read_secret_file);
  const auto made = PrometheusSource::make(world.clock, options, std::move(client), {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::invalid);
}

}  // namespace
}  // namespace linnet::prometheus
