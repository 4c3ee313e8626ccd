// The source over the pages of pods as the contract of all sources asks for it. The contract's
// tests come along: in one file of a program only.
#pragma once

#include "contract/metric_contract.h"
#include "prometheus/testing_pods.h"

namespace linnet::prometheus {

class ScrapeUnderTest : public contract::MetricUnderTest {
 public:
  MetricSource& source() override { return *world_.source; }
  Deadline soon() override { return world_.clock.soon(); }
  void serve(core::Track track, int good, int bad, int slow) override {
    testing::Pod& pod = world_.pods[track == core::Track::stable ? testing::PodWorld::stable
                                                                 : testing::PodWorld::canary];
    pod.good += good;
    pod.bad += bad;
    pod.slow += slow;
    world_.clock.pass(1s);
  }
  void reopen() override { world_.open(); }
  std::optional<std::size_t> boundaries() const override { return testing::boundaries.size(); }

 private:
  testing::PodWorld world_;
};

}  // namespace linnet::prometheus
