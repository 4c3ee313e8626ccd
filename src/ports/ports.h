// The roles that the engine needs from the outside world. Adapters implement them (src/local for
// one machine, src/kubernetes for clusters, sim for tests); tests/contract holds all stores,
// routers, workloads and sources to one behaviour. An object serves one release unless it says so.
#pragma once

#include <string>
#include <vector>

#include "async/task.h"
#include "core/decide.h"

namespace linnet {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Now now() = 0;
};

/// Wakes a waiting loop: somebody has written an intent, or an adapter saw something change.
class Doorbell {
 public:
  virtual ~Doorbell() = default;
  /// Returns after `pause`, or at once when it rang since the last wait of this release.
  virtual Task<void> wait(std::string release, Duration pause) = 0;
  virtual void ring(const std::string& release) = 0;
};

class Workload {
 public:
  virtual ~Workload() = default;
  /// All instances of both tracks. Code::unavailable when it cannot be known.
  virtual Task<Result<core::WorkloadSeen>> observe(Deadline deadline) = 0;
  /// Starts to bring the track to this level and returns; repeating it is harmless.
  virtual Task<Result<void>> set(core::SetTrack level, Deadline deadline) = 0;
};

class TrafficRouter {
 public:
  virtual ~TrafficRouter() = default;
  /// The weight in force, read back.
  virtual Task<Result<core::TrafficSeen>> read(Deadline deadline) = 0;
  /// Code::unknown_outcome: it may or may not have taken effect; read again.
  virtual Task<Result<void>> set(core::SetWeight level, Deadline deadline) = 0;
};

class MetricSource {
 public:
  virtual ~MetricSource() = default;
  /// The counts since `cursor`; an empty cursor starts counting now. The answer's cursor is for the
  /// next call. Asking again with the same cursor gives the same requests again, and later ones.
  virtual Task<Result<core::Sample>> since(std::string cursor, Deadline deadline) = 0;
};

/// Delivers notices; keeps trying with back-off, and drops none silently.
class Notifier {
 public:
  virtual ~Notifier() = default;
  /// Starts delivery of a notice unless it is under way. Returns at once.
  virtual void send(const core::Notice& notice) = 0;
  /// Ids that were delivered or given up since the last call.
  virtual std::vector<std::int64_t> delivered() = 0;
};

/// What one turn leaves behind; all of it durable or none.
struct Saving {
  core::Status status;
  std::vector<core::Answer> answers;
  std::vector<core::Entry> entries;
  std::optional<core::RolloutRecord> finished;
  WallTime at;
};

struct Record {
  core::Status status;
  std::int64_t version = 0;  // of the record; a save names the version it was decided on
};

/// Keeps the releases of one daemon or cluster namespace.
class Store {
 public:
  virtual ~Store() = default;
  virtual Task<Result<Record>> load(std::string release) = 0;
  /// Code::conflict when the record is not at `version` any more; Code::unknown_outcome when the
  /// answer was lost. Returns the new version.
  virtual Task<Result<std::int64_t>> save(std::string release, std::int64_t version,
                                          Saving saving) = 0;
  /// Intents with an id above `after`, oldest first.
  virtual Task<Result<std::vector<core::Intent>>> intents(std::string release,
                                                          std::int64_t after) = 0;
};

/// Knows windows and freezes; time zones are files, so this is a port.
class Calendar {
 public:
  virtual ~Calendar() = default;
  /// Why no release may start at this time, in words; empty: one may.
  virtual std::string closed(const core::Release& release, WallTime at) = 0;
};

/// Lines that are worth reading but need not be durable: effects performed, turns that failed.
class Journal {
 public:
  virtual ~Journal() = default;
  virtual void note(const std::string& release, const core::Entry& entry) = 0;
};

/// Everything one release's loop may touch. Wiring owns the parts and outlives every loop.
struct Ports {
  Clock& clock;
  Doorbell& doorbell;
  Store& store;
  Journal& journal;
  Workload& workload;
  TrafficRouter& router;
  MetricSource& metrics;
  Notifier& notifier;
  Calendar& calendar;
};

}  // namespace linnet
