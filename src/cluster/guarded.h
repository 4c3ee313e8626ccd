// Thin layers around the ports of a release on a cluster: nothing but lowering the weight is done
// without the Lease, what is saved is told as Events, and what was counted is summed up.
#pragma once

#include <array>
#include <functional>
#include <optional>

#include "api/backend.h"
#include "kubernetes/events.h"
#include "kubernetes/lease.h"
#include "ports/ports.h"

namespace linnet::cluster {

/// A Lease is no fence: it is asked before each write.
class LeasedRouter final : public TrafficRouter {
 public:
  LeasedRouter(TrafficRouter& router, const kubernetes::Lease& lease, Clock& clock)
      : router_(router), lease_(lease), clock_(clock) {}
  Task<Result<core::TrafficSeen>> read(Deadline deadline) override;
  /// Weight 0 is passed on without the Lease, too, as long as nobody else can have taken it: an
  /// engine that slept for longer (a laptop that was closed) knows nothing of what others released
  /// since. A write that is not answered in time gets more of it: an API server gives up what
  /// nobody waits for, and its admission may take 30 s.
  Task<Result<void>> set(core::SetWeight level, Deadline deadline) override;

 private:
  TrafficRouter& router_;
  const kubernetes::Lease& lease_;
  Clock& clock_;
  Duration patience_{};  // at least for the next write
};

/// A level that was there and is not any more was changed by another hand: it is told before it is
/// set again. So is a stable that has nobody left to answer.
class LeasedWorkload final : public Workload {
 public:
  using Tell = std::function<void(const std::string&)>;
  LeasedWorkload(Workload& workload, const kubernetes::Lease& lease, Tell tell)
      : workload_(workload), lease_(lease), tell_(std::move(tell)) {}
  Task<Result<core::WorkloadSeen>> observe(Deadline deadline) override;
  Task<Result<void>> set(core::SetTrack level, Deadline deadline) override;

 private:
  struct OneTrack {
    std::optional<core::SetTrack> level;  // as last set
    bool arrived = false;                 // and seen so
    int wanted = 0;                       // as last seen
    std::string version;
    [[nodiscard]] bool as_set() const;
  };
  /// Nothing that linnet does on a cluster takes the last of stable's instances away.
  void tell_lost(const core::TrackSeen& stable);
  [[nodiscard]] OneTrack& of(core::Track track) { return all_[static_cast<std::size_t>(track)]; }

  Workload& workload_;
  const kubernetes::Lease& lease_;
  Tell tell_;
  std::array<OneTrack, 2> all_;
  bool stable_ready_ = false;
};

/// Tells each saved entry as an Event, and that something was saved.
class ToldStore final : public Store {
 public:
  ToldStore(Store& store, kubernetes::EventPoster& events, std::function<void()> saved)
      : store_(store), events_(events), saved_(std::move(saved)) {}
  Task<Result<Record>> load(std::string release) override;
  Task<Result<std::int64_t>> save(std::string release, std::int64_t version,
                                  Saving saving) override;
  Task<Result<std::vector<core::Intent>>> intents(std::string release, std::int64_t after) override;

 private:
  Store& store_;
  kubernetes::EventPoster& events_;
  std::function<void()> saved_;
};

/// Sums up what a source has counted since this process began, each request once: a cursor that is
/// asked again, as after a save that failed, brings the same requests again.
class SummedSource final : public MetricSource {
 public:
  explicit SummedSource(MetricSource& source) : source_(source) {}
  Task<Result<core::Sample>> since(std::string cursor, Deadline deadline) override;
  /// Counts without an engine, for who only looks.
  Task<Result<void>> look(Deadline deadline);

  [[nodiscard]] const core::Counts& stable() const { return sums_.stable; }
  [[nodiscard]] const core::Counts& canary() const { return sums_.canary; }
  [[nodiscard]] std::int64_t lost() const { return sums_.lost; }

 private:
  struct Sums {
    core::Counts stable, canary;
    std::int64_t lost = 0;
  };
  MetricSource& source_;
  std::optional<std::string> asked_;  // the cursor that was answered last
  std::string cursor_;                // what came with the answer
  bool ours_ = false;                 // so did asked_, with the answer before
  Sums before_;                       // without what came since asked_
  Sums sums_;
};

}  // namespace linnet::cluster
