// What the engine relies on of every MetricSource: those that keep counters, and one that asks a
// store for windows of the past.
#include <map>

#include "net/imposter.h"
#include "prometheus/json_source.h"
#include "prometheus/scrape_test_support.h"
#include "prometheus/testing_query.h"

namespace linnet::prometheus {
namespace {

using contract::MetricContract;
using core::Track;

INSTANTIATE_TEST_SUITE_P(Scrape, MetricContract,
                         ::testing::Values([] { return std::make_unique<ScrapeUnderTest>(); }));

class PrometheusUnderTest final : public contract::MetricUnderTest {
 public:
  MetricSource& source() override { return *world_.source; }
  Deadline soon() override {
    world_.clock.pass(1s);
    return world_.clock.soon();
  }
  void serve(Track track, int good, int bad, int slow) override {
    testing::Counters& counters = track == Track::stable ? world_.stable : world_.canary;
    counters.good += good;
    counters.bad += bad;
    counters.slow += slow;
  }
  void reopen() override { world_.open(); }
  std::optional<std::size_t> boundaries() const override { return testing::boundaries.size(); }

 private:
  testing::QueryWorld world_{context};
};

INSTANTIATE_TEST_SUITE_P(Prometheus, MetricContract,
                         ::testing::Values([] { return std::make_unique<PrometheusUnderTest>(); }));

/// Graphite, which counts what was served in each window of 10 s and tells it 20 s later.
class JsonHttpUnderTest final : public contract::MetricUnderTest {
 public:
  JsonHttpUnderTest() {
    graphite_.answer = [this](const net::ServerRequest& request, std::size_t) {
      return answer(request.target);
    };
    reopen();
  }
  MetricSource& source() override { return *source_; }
  Deadline soon() override { return clock_.soon(); }
  void serve(Track track, int good, int bad, int slow) override {
    clock_.pass(10s);
    const std::string name = track == Track::stable ? "stable" : "canary";
    const std::int64_t at = clock_.now().wall.ms / 1000;
    points_["requests_" + name][at] += good + bad + slow;
    points_["bad_" + name][at] += bad;
    clock_.pass(30s);
  }
  void reopen() override {
    core::Metrics metrics;
    metrics.address = graphite_.url("");
    StoreClient client([this]() -> Result<net::Curl*> { return curl_.get(); }, clock_, metrics, "",
                       read_secret_file);
    recipes::Parameters with{{"stable_requests", {"requests_stable"}},
                             {"stable_bad", {"bad_stable"}},
                             {"canary_requests", {"requests_canary"}},
                             {"canary_bad", {"bad_canary"}}};
    source_ = JsonHttpSource::make(clock_, {testing::built_in("graphite"), with}, std::move(client),
                                   [](const core::Entry&) {})
                  .value();
  }
  std::optional<std::size_t> boundaries() const override { return std::nullopt; }

 private:
  Task<net::ServerResponse> answer(std::string target) {
    const auto asked = net::parse_target(target).value();
    const auto word = [&](const char* name) {
      for (const auto& [key, value] : asked.query)
        if (key == name) return value;
      return std::string("0");
    };
    net::ServerResponse response;
    for (const auto& [at, count] : points_[word("target")])
      if (at >= std::stoll(word("from")) && at < std::stoll(word("until")))
        response.body += fmt::format("{}[{},{}]", response.body.empty() ? "" : ",", count, at);
    response.body = "[{\"target\":\"x\",\"datapoints\":[" + response.body + "]}]";
    co_return response;
  }

  net::Imposter graphite_{context};
  std::unique_ptr<net::Curl> curl_ = net::Curl::load(context.get_executor()).value();
  testing::ManualClock clock_;
  std::map<std::string, std::map<std::int64_t, std::int64_t>> points_;  // target -> second -> count
  std::unique_ptr<JsonHttpSource> source_;
};

INSTANTIATE_TEST_SUITE_P(JsonHttp, MetricContract,
                         ::testing::Values([] { return std::make_unique<JsonHttpUnderTest>(); }));

}  // namespace
}  // namespace linnet::prometheus
