// The simulated ports against the contracts that the real adapters pass: the simulation cannot lie.
#include <gtest/gtest.h>

#include <sstream>

#include "contract/calendar_contract.h"
#include "contract/clock_contract.h"
#include "contract/doorbell_contract.h"
#include "contract/journal_contract.h"
#include "contract/metric_contract.h"
#include "contract/notifier_contract.h"
#include "contract/router_contract.h"
#include "contract/store_contract.h"
#include "contract/workload_contract.h"
#include "sim/ports.h"
#include "sim/world.h"

namespace linnet::sim {
namespace {

core::Workload two_processes() {
  core::ProcessWorkload process;
  process.replicas = 2;
  return process;
}

Case quiet_story(core::Workload workload = two_processes()) {
  Case story;
  story.release.name = "shop";
  story.release.workload = std::move(workload);
  story.release.steps = core::default_steps();
  story.release.checks = core::default_checks();
  story.demand.per_second = 0;
  for (const char* version : {"v1", "v2", "broken"}) {
    Behaviour behaviour;
    behaviour.version = version;
    behaviour.crash_loop = behaviour.version == "broken";
    story.versions.push_back(behaviour);
  }
  return story;
}

// One world that is not run, with the ports of one engine.
struct Quiet {
  explicit Quiet(const Case& story = quiet_story()) : world(story, true) {}
  World world;
  std::unique_ptr<SimPorts> ports = std::make_unique<SimPorts>(world, 0);
  Deadline soon() { return world.now_of(0).mono + 5s; }
  void reopen() { ports = std::make_unique<SimPorts>(world, 0); }
};

class SimClockUnderTest final : public contract::ClockUnderTest {
 public:
  Clock& clock() override { return quiet_.ports->clock; }
  void pass(Duration length) override { quiet_.world.pass(length); }
  bool set_calendar(Duration ahead) override {
    quiet_.world.set_calendar(ahead);
    return true;
  }

 private:
  Quiet quiet_;
};

class SimDoorbellUnderTest final : public contract::DoorbellUnderTest {
 public:
  SimDoorbellUnderTest() { start(nothing()); }  // a process that is alive hears the bell
  Doorbell& doorbell() override { return quiet_.ports->doorbell; }
  MonoTime now() override { return quiet_.world.now_of(0).mono; }
  void start(Task<void> task) override { quiet_.world.run_as_engine(std::move(task)); }
  void wait_a_little() override { quiet_.world.pass(20ms); }

 private:
  static Task<void> nothing() { co_return; }
  Quiet quiet_;
};

class SimCalendarUnderTest final : public contract::CalendarUnderTest {
 public:
  SimCalendarUnderTest() {
    quiet_.world.pass(1min);
    quiet_.world.close_calendar(2min);
  }
  Calendar& calendar() override { return quiet_.ports->calendar; }
  core::Release release() override { return quiet_.world.story().release; }
  WallTime before() override { return {closed_from_.ms - 1}; }
  WallTime within() override { return closed_from_; }
  WallTime after() override { return {closed_from_.ms + 120'000}; }

 private:
  Quiet quiet_;
  WallTime closed_from_{quiet_.world.now_of(0).wall.ms + 60'000};
};

class SimRouterUnderTest final : public contract::RouterUnderTest {
 public:
  TrafficRouter& router() override { return quiet_.ports->router; }
  Deadline soon() override { return quiet_.soon(); }
  void another_hand_sets(Percent weight) override {
    quiet_.world.another_hand_sets(weight, "kubectl");
  }
  void reopen() override { quiet_.reopen(); }

 private:
  Quiet quiet_;
};

class SimWorkloadUnderTest final : public contract::WorkloadUnderTest {
 public:
  Workload& workload() override { return quiet_.ports->workload; }
  Deadline soon() override { return quiet_.soon(); }
  void wait_a_little() override { quiet_.world.pass(20ms); }

 private:
  Quiet quiet_;
};

class SimDeploymentsUnderTest final : public contract::PlatformUnderTest {
 public:
  SimDeploymentsUnderTest() { quiet_.world.create_deployments(""); }
  Workload& workload() override { return quiet_.ports->workload; }
  Deadline soon() override { return quiet_.soon(); }
  void wait_a_little() override { quiet_.world.pass(20ms); }
  void owner_scales_stable(int replicas) override {
    quiet_.world.owner_scales(core::Track::stable, replicas);
  }
  void owner_gives_stable(const std::string& version) override {
    quiet_.world.owner_gives(core::Track::stable, version);
  }

 private:
  Quiet quiet_{
      quiet_story(core::DeploymentsWorkload{"shop", "shop-canary", "shop", "shop:{{version}}"})};
};

class SimMetricUnderTest final : public contract::MetricUnderTest {
 public:
  MetricSource& source() override { return quiet_.ports->metrics; }
  Deadline soon() override { return quiet_.soon(); }
  void serve(core::Track track, int good, int bad, int slow) override {
    quiet_.world.serve(track, good, bad, slow);
  }
  void reopen() override { quiet_.reopen(); }
  std::optional<std::size_t> boundaries() const override {
    return quiet_.world.traffic().boundaries().size();
  }

 private:
  Quiet quiet_;
};

class SimNotifierUnderTest final : public contract::NotifierUnderTest {
 public:
  Notifier& notifier() override { return quiet_.ports->notifier; }
  void wait_a_little() override { quiet_.world.pass(20ms); }

 private:
  Quiet quiet_;
};

// Two worlds behind one store: a world has one release.
class SimStoreUnderTest final : public contract::StoreUnderTest {
 public:
  Store& store() override { return both_; }
  Result<std::int64_t> add_intent(const std::string& release, const core::Intent& intent) override {
    return of(release).world.add_wish(intent);
  }
  std::optional<core::Answer> answer_of(std::int64_t intent) override {
    return shop_.world.answer_of(intent);
  }
  void reopen() override {
    shop_.reopen();
    api_.reopen();
  }

 private:
  struct Both final : Store {
    explicit Both(SimStoreUnderTest& in) : owner(in) {}
    Task<Result<Record>> load(std::string release) override {
      return owner.of(release).ports->store.load(release);
    }
    Task<Result<std::int64_t>> save(std::string release, std::int64_t version,
                                    Saving saving) override {
      return owner.of(release).ports->store.save(release, version, std::move(saving));
    }
    Task<Result<std::vector<core::Intent>>> intents(std::string release,
                                                    std::int64_t after) override {
      return owner.of(release).ports->store.intents(release, after);
    }
    SimStoreUnderTest& owner;
  };
  Quiet& of(const std::string& release) { return release == "shop" ? shop_ : api_; }

  Quiet shop_;
  Quiet api_;
  Both both_{*this};
};

class SimJournalUnderTest final : public contract::JournalUnderTest {
 public:
  Journal& journal() override { return both_; }
  Store& store() override { return shop_.ports->store; }
  std::vector<core::Entry> entries(const std::string& release) override {
    std::vector<core::Entry> found;
    for (const std::string& line : of(release).world.journal()) {
      std::istringstream words(line);
      std::string at, engine;
      core::Entry& entry = found.emplace_back();
      words >> at >> engine >> entry.kind >> std::ws;
      std::getline(words, entry.text);
    }
    return found;
  }

 private:
  struct Both final : Journal {
    explicit Both(SimJournalUnderTest& in) : owner(in) {}
    void note(const std::string& release, const core::Entry& entry) override {
      owner.of(release).ports->journal.note(release, entry);
    }
    SimJournalUnderTest& owner;
  };
  Quiet& of(const std::string& release) { return release == "shop" ? shop_ : api_; }

  Quiet shop_;
  Quiet api_;
  Both both_{*this};
};

template <class Base, class Made>
std::function<std::unique_ptr<Base>()> maker() {
  return [] { return std::make_unique<Made>(); };
}

}  // namespace
}  // namespace linnet::sim

namespace linnet::contract {

INSTANTIATE_TEST_SUITE_P(
    Sim, CalendarContract,
    testing::Values(sim::maker<CalendarUnderTest, sim::SimCalendarUnderTest>()));
INSTANTIATE_TEST_SUITE_P(Sim, JournalContract,
                         testing::Values(sim::maker<JournalUnderTest, sim::SimJournalUnderTest>()));
INSTANTIATE_TEST_SUITE_P(Sim, ClockContract,
                         testing::Values(sim::maker<ClockUnderTest, sim::SimClockUnderTest>()));
INSTANTIATE_TEST_SUITE_P(
    Sim, DoorbellContract,
    testing::Values(sim::maker<DoorbellUnderTest, sim::SimDoorbellUnderTest>()));
INSTANTIATE_TEST_SUITE_P(Sim, RouterContract,
                         testing::Values(sim::maker<RouterUnderTest, sim::SimRouterUnderTest>()));
INSTANTIATE_TEST_SUITE_P(
    Sim, WorkloadContract,
    testing::Values(sim::maker<WorkloadUnderTest, sim::SimWorkloadUnderTest>()));
INSTANTIATE_TEST_SUITE_P(
    SimDeployments, WorkloadContract,
    testing::Values(sim::maker<WorkloadUnderTest, sim::SimDeploymentsUnderTest>()));
INSTANTIATE_TEST_SUITE_P(
    SimDeployments, PlatformContract,
    testing::Values(sim::maker<WorkloadUnderTest, sim::SimDeploymentsUnderTest>()));
INSTANTIATE_TEST_SUITE_P(Sim, MetricContract,
                         testing::Values(sim::maker<MetricUnderTest, sim::SimMetricUnderTest>()));
INSTANTIATE_TEST_SUITE_P(
    Sim, NotifierContract,
    testing::Values(sim::maker<NotifierUnderTest, sim::SimNotifierUnderTest>()));
INSTANTIATE_TEST_SUITE_P(Sim, StoreContract,
                         testing::Values(sim::maker<StoreUnderTest, sim::SimStoreUnderTest>()));

}  // namespace linnet::contract
