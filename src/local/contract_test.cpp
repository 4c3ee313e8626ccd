// The adapters of one machine against the contracts that the simulated ports pass as well; the
// store's is in sqlite_store_test.cpp.
#include <gtest/gtest.h>

#include <cstdio>

#include "contract/metric_contract.h"
#include "contract/router_contract.h"
#include "contract/workload_contract.h"
#include "local/access_log_source.h"
#include "local/nginx_file_router.h"
#include "local/process_testing.h"
#include "local/testing/world.h"

namespace linnet::local {
namespace {

class FileRouterUnderTest final : public contract::RouterUnderTest {
 public:
  FileRouterUnderTest() { CHECK(WeightSwitch(directory_).prepare()); }
  TrafficRouter& router() override { return *router_; }
  Deadline soon() override { return clock_.now().mono + 10s; }
  void another_hand_sets(Percent weight) override {
    CHECK(WeightSwitch(directory_).set(weight, false));
  }
  void reopen() override { router_ = made(); }

 private:
  [[nodiscard]] std::unique_ptr<NginxFileRouter> made() const {
    return std::make_unique<NginxFileRouter>(WeightSwitch(directory_));
  }
  testing::ScratchFolder folder_;
  testing::SteadyClock clock_;
  std::string directory_ = folder_.path() + "/switch";
  std::unique_ptr<NginxFileRouter> router_ = made();
};

class ProcessesUnderTest final : public contract::WorkloadUnderTest {
 public:
  ProcessesUnderTest() { workload_.start(); }
  ~ProcessesUnderTest() override { workload_.stop(); }
  Workload& workload() override { return workload_; }
  Deadline soon() override { return clock_.now().mono + 10s; }
  void wait_a_little() override {
    context.restart();
    context.run_for(std::chrono::milliseconds(20));
  }

 private:
  // The version "broken" finds a file that tells it to exit.
  static core::ProcessWorkload spec_in(const testing::Directory& directory) {
    testing::write_text(directory.file("broken.exits"), "");
    return testing::fixture_spec({"--exit-while-file", directory.file("{{version}}.exits")});
  }
  testing::Directory directory_;
  testing::RealClock clock_;
  core::ProcessWorkload spec_ = spec_in(directory_);
  Slots slots_ = choose_slots(directory_.path(), spec_).value().slots;
  ProcessWorkload workload_{context.get_executor(), "shop", spec_,  slots_,
                            directory_.path(),      [] {},  clock_, testing::quick_options()};
};

class AccessLogUnderTest final : public contract::MetricUnderTest {
 public:
  AccessLogUnderTest() {
    options_.path = folder_.path() + "/shop.access.log";
    options_.boundaries_ms = {5, 100, 1000};
    options_.canary_ports = {7101};
    options_.stable_ports = {7000};
    file_ = std::fopen(options_.path.c_str(), "ae");
    CHECK(file_ != nullptr);
    reopen();
  }
  ~AccessLogUnderTest() override { std::fclose(file_); }
  MetricSource& source() override { return *source_; }
  Deadline soon() override { return clock_.now().mono + 10s; }
  void serve(core::Track track, int good, int bad, int slow) override {
    write(track, "200", "0.003", good);
    write(track, "500", "0.003", bad);
    write(track, "200", "9.999", slow);
    std::fflush(file_);
  }
  void reopen() override {
    source_.reset();
    source_ = std::make_unique<AccessLogSource>(context, clock_, options_);
  }
  std::optional<std::size_t> boundaries() const override { return options_.boundaries_ms.size(); }

 private:
  void write(core::Track track, const char* status, const char* seconds, int times) {
    const bool canary = track == core::Track::canary;
    for (int i = 0; i < times; ++i)
      fmt::print(file_, "{}|{}|127.0.0.1:{}|{}|0.000|{}\n", canary ? "canary" : "stable", status,
                 canary ? 7101 : 7000, status, seconds);
  }
  testing::ScratchFolder folder_;
  testing::SteadyClock clock_;
  AccessLogOptions options_;
  std::FILE* file_ = nullptr;
  std::unique_ptr<AccessLogSource> source_;
};

}  // namespace
}  // namespace linnet::local

namespace linnet::contract {

INSTANTIATE_TEST_SUITE_P(Local, RouterContract,
                         testing::Values([]() -> std::unique_ptr<RouterUnderTest> {
                           return std::make_unique<local::FileRouterUnderTest>();
                         }));
INSTANTIATE_TEST_SUITE_P(Local, WorkloadContract,
                         testing::Values([]() -> std::unique_ptr<WorkloadUnderTest> {
                           return std::make_unique<local::ProcessesUnderTest>();
                         }));
INSTANTIATE_TEST_SUITE_P(Local, MetricContract,
                         testing::Values([]() -> std::unique_ptr<MetricUnderTest> {
                           return std::make_unique<local::AccessLogUnderTest>();
                         }));

}  // namespace linnet::contract
