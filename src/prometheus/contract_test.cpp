// What the engine relies on of every MetricSource, of those that keep counters.
#include "contract/metric_contract.h"
#include "prometheus/testing_pods.h"
#include "prometheus/testing_query.h"

namespace linnet::prometheus {
namespace {

using contract::MetricContract;
using core::Track;

class ScrapeUnderTest final : public contract::MetricUnderTest {
 public:
  MetricSource& source() override { return *world_.source; }
  Deadline soon() override { return world_.clock.soon(); }
  void serve(Track track, int good, int bad, int slow) override {
    testing::Pod& pod =
        world_.pods[track == Track::stable ? testing::PodWorld::stable : testing::PodWorld::canary];
    pod.good += good;
    pod.bad += bad;
    pod.slow += slow;
    world_.clock.pass(1s);
  }
  void reopen() override { world_.open(); }
  std::size_t boundaries() const override { return testing::boundaries.size(); }

 private:
  testing::PodWorld world_;
};

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
  std::size_t boundaries() const override { return testing::boundaries.size(); }

 private:
  testing::QueryWorld world_{context};
};

INSTANTIATE_TEST_SUITE_P(Prometheus, MetricContract,
                         ::testing::Values([] { return std::make_unique<PrometheusUnderTest>(); }));

}  // namespace
}  // namespace linnet::prometheus
