// What the routes of the API need from the daemon, in the terms of core. The wiring implements it
// over store, supervisor and adapters; the routes know nothing behind it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "core/decide.h"
#include "spec/read.h"
#include "wire/json.h"

namespace linnet::api {

struct PutSpec {
  bool changed = false;
  std::vector<spec::Mistake> mistakes;  // any: nothing was changed, answered with 422
};

/// A rollout that runs and that nobody drives.
struct Abandoned {
  std::string by;     // who drove it last; empty: not known
  std::string since;  // RFC 3339; empty: not known
  std::string text;   // all that in a sentence
  std::string next;   // the commands that go on with it
};

/// What is in force and is not as linnet left it: another hand wrote it, while nobody drove.
struct OtherHand {
  std::string what;  // "weight", "canary replicas", "canary version", "stable version"
  std::string by;    // the field manager that wrote it last
  std::string at;    // RFC 3339; empty: not known
  std::string text;  // what is in force, and how linnet left it, in a sentence
};

/// One release, its status and what was last seen of its instances.
struct StatusView {
  core::Release release;
  core::Status status;
  Result<core::WorkloadSeen> seen;  // an error: not looked at yet, or it could not be read
  bool drives = true;               // the engine that answers drives it
  std::optional<Abandoned> abandoned = {};
  std::vector<OtherHand> other_hands = {};
};

/// Counters of one release since the daemon began: totals, not increments.
struct CountsView {
  std::vector<double> boundaries_ms;
  core::Counts stable;
  core::Counts canary;
  std::int64_t lost = 0;
  WallTime at;
};

struct InstanceView {
  core::Track track = core::Track::stable;
  core::Instance instance;
  std::int64_t pid = 0;  // 0: none now
  int port = 0;
  std::string log;  // path of its log file
};

/// Of which track; none: both. How many of the last lines that there were before.
struct LogsWish {
  std::optional<core::Track> track;
  int lines = 20;
};
struct LogLine {
  std::string instance;
  std::string text;
};
struct LogsView {
  std::vector<LogLine> lines;
  std::int64_t next = 0;  // the number of the last of them
  std::int64_t lost = 0;  // lines that nobody asked for in time
  std::string trouble;    // why some instance's lines do not come now
};

struct Finding {
  std::string check;  // "nginx installed"
  bool ok = false;
  std::string cause;   // with numbers; also when ok
  std::string remedy;  // what to do; empty when ok
};

struct PlanStep {
  std::string what;   // "start 1 canary instance of v1.2.0"
  std::string needs;  // "ready within 30s"
};

/// One field of an object on a cluster, as it changes from write to write.
struct FieldChange {
  std::string path;                 // "spec.replicas"
  std::vector<std::string> values;  // as JSON texts, the present one first; null: not there
};
struct ObjectChange {
  std::string kind;  // "Deployment"
  std::string name;
  std::string change;  // "create", "change", "remove"
  std::vector<FieldChange> fields;
};

struct Plan {
  std::vector<PlanStep> steps;
  std::vector<ObjectChange> changes;  // of the cluster's objects; none on one machine
  std::string unknown;                // why changes cannot be told; empty: they are
};

/// The numbers of one release for /metrics.
struct ReleaseMetrics {
  std::string release;
  core::Phase phase;
  Percent weight_wanted;
  Percent weight_in_force;
  CountsView counts;
  double placebo = 0;  // largest ln E of stable's instances judged as canaries
  bool placebo_broken = false;
  std::int64_t turns = 0;         // of the engine
  std::int64_t failed_turns = 0;  // such that could not be saved or loaded
  double turn_seconds = 0;        // all turns together, waiting for ports included
};

struct MetricsView {
  std::vector<ReleaseMetrics> releases;
  WallTime started;
  std::string version;
};

struct DaemonInfo {
  std::string version;
  std::int64_t pid = 0;
  WallTime started;
};

/// Code::not_found: no such release; Code::unavailable: the store or an adapter does not answer.
/// Called on the one thread; a release's name has been checked for its form, not for existence.
/// What GETs call is cancelled when the client goes away (all but put_spec, add_intent, shutdown).
class Backend {
 public:
  virtual ~Backend() = default;
  virtual DaemonInfo info() = 0;
  /// Code::conflict while a rollout runs and the spec differs; Code::invalid when the spec's name
  /// is not `release`.
  virtual Task<Result<PutSpec>> put_spec(std::string release, std::string yaml,
                                         std::string file) = 0;
  virtual Task<Result<std::vector<StatusView>>> releases() = 0;
  virtual Task<Result<StatusView>> status(std::string release) = 0;
  /// The spec as YAML with all defaults.
  virtual Task<Result<std::string>> spec(std::string release) = 0;
  /// Durable when it returns; rings the doorbell. Returns the intent's id.
  virtual Task<Result<std::int64_t>> add_intent(std::string release, core::Intent intent) = 0;
  /// Why intents wait longer than usual; empty: they do not.
  virtual std::string waits_for(const std::string&) { return {}; }
  /// Its answer, or nothing while it is pending.
  virtual Task<Result<std::optional<core::Answer>>> intent_state(std::string release,
                                                                 std::int64_t id) = 0;
  /// Lines with a seq above `after`, oldest first, at most `limit`.
  virtual Task<Result<std::vector<wire::JournalLine>>> journal(std::string release,
                                                               std::int64_t after, int limit) = 0;
  /// The seq of the newest line; 0 when there is none.
  virtual Task<Result<std::int64_t>> journal_end(std::string release) = 0;
  /// Newest first.
  virtual Task<Result<std::vector<core::RolloutRecord>>> history(std::string release,
                                                                 int limit) = 0;
  virtual Task<Result<CountsView>> counts(std::string release) = 0;
  virtual Task<Result<std::vector<InstanceView>>> instances(std::string release) = 0;
  /// What instances write from now on, those that come as well: lines with a number above `after`.
  /// Rings `Changes` with each. Code::invalid where the logs are files: instances() names them.
  virtual Task<Result<LogsView>> logs(std::string, LogsWish, std::int64_t) {
    co_return fail(Code::invalid, "the logs of this release are files; its instances name them");
  }
  virtual Task<Result<std::vector<Finding>>> doctor(std::string release) = 0;
  virtual Task<Result<Plan>> plan(std::string release, std::string version) = 0;
  /// What `init` would make, and what is in its way. Code::invalid where init makes no objects.
  virtual Task<Result<Plan>> plan_init(std::string, std::string) {
    co_return fail(Code::invalid,
                   "on one machine `init` makes nothing but what the spec says: processes, and "
                   "NGINX before them");
  }
  /// What remove_canary() would delete. Code::denied: a right to it is missing.
  virtual Task<Result<std::vector<PlanStep>>> plan_removal(std::string) {
    co_return fail(Code::invalid, "on one machine a canary that is stopped leaves nothing behind");
  }
  /// Deletes what `init` made for the canary and says which. Code::conflict while a rollout runs;
  /// Code::invalid where a canary leaves no objects.
  virtual Task<Result<std::vector<PlanStep>>> remove_canary(std::string) {
    co_return fail(Code::invalid, "on one machine a canary that is stopped leaves nothing behind");
  }
  virtual Task<Result<MetricsView>> metrics() = 0;
  /// As SIGTERM; returns at once. `hold`: running rollouts stay as they are.
  virtual void shutdown(bool hold) = 0;
};

}  // namespace linnet::api
