// The ports of one simulated engine: each asks the world how this call goes (late, lost, failing),
// stands still in virtual time, and then does what the world can do. No rule about releases lives
// here.
#pragma once

#include "ports/ports.h"
#include "sim/world.h"

namespace linnet::sim {

struct SimPart {
  SimPart(World& in_world, int of_engine) : world(in_world), engine(of_engine) {}
  World& world;
  int engine;
};

class SimClock final : public Clock, SimPart {
 public:
  using SimPart::SimPart;
  Now now() override;
};

class SimDoorbell final : public Doorbell, SimPart {
 public:
  using SimPart::SimPart;
  Task<void> wait(std::string release, Duration pause) override;
  void ring(const std::string& release) override;
};

class SimStore final : public Store, SimPart {
 public:
  using SimPart::SimPart;
  Task<Result<Record>> load(std::string release) override;
  Task<Result<std::int64_t>> save(std::string release, std::int64_t version,
                                  Saving saving) override;
  Task<Result<std::vector<core::Intent>>> intents(std::string release, std::int64_t after) override;
};

class SimJournal final : public Journal, SimPart {
 public:
  using SimPart::SimPart;
  void note(const std::string& release, const core::Entry& entry) override;
};

class SimWorkload final : public Workload, SimPart {
 public:
  using SimPart::SimPart;
  Task<Result<core::WorkloadSeen>> observe(Deadline deadline) override;
  Task<Result<void>> set(core::SetTrack level, Deadline deadline) override;
};

class SimRouter final : public TrafficRouter, SimPart {
 public:
  using SimPart::SimPart;
  Task<Result<core::TrafficSeen>> read(Deadline deadline) override;
  Task<Result<void>> set(core::SetWeight level, Deadline deadline) override;
};

class SimMetrics final : public MetricSource, SimPart {
 public:
  using SimPart::SimPart;
  Task<Result<core::Sample>> since(std::string cursor, Deadline deadline) override;
};

class SimNotifier final : public Notifier, SimPart {
 public:
  using SimPart::SimPart;
  void send(const core::Notice& notice) override;
  std::vector<std::int64_t> delivered() override;
};

class SimCalendar final : public Calendar, SimPart {
 public:
  using SimPart::SimPart;
  std::string closed(const core::Release& release, WallTime at) override;
};

/// All of one engine.
struct SimPorts {
  SimPorts(World& world, int engine);
  [[nodiscard]] Ports ports();

  SimClock clock;
  SimDoorbell doorbell;
  SimStore store;
  SimJournal journal;
  SimWorkload workload;
  SimRouter router;
  SimMetrics metrics;
  SimNotifier notifier;
  SimCalendar calendar;
};

}  // namespace linnet::sim
