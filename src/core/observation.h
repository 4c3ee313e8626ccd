// What the world looked like at the start of one turn: the only thing, besides spec, status and the
// clock, that decide() sees. Each part may be an error of its own: not knowing is an observation
// too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace linnet::core {

enum class Track { stable, canary };
constexpr std::string_view track_name(Track track) {
  return track == Track::stable ? "stable" : "canary";
}

/// One running copy of the service (a process, a pod).
struct Instance {
  enum class State {
    starting,  // not ready yet
    ready,     // answers its health path; may get requests
    unready,   // was ready, fails its health path now
    backoff,   // died; waits to be started again
    stopping,  // asked to stop
  };
  std::string id;       // stable over its life: "canary-0", a pod's name
  std::string version;  // what it runs
  State state = State::starting;
  int restarts = 0;         // since it was created
  bool crash_loop = false;  // dies again and again: waiting will not help
  std::string trouble;      // plain words when something is wrong: "exited with status 1, 3 times"
  std::int64_t rss_bytes = -1;  // resident memory; -1: not known
  std::int64_t cpu_ms = -1;     // CPU time since it was started, user and system; -1: not known

  friend bool operator==(const Instance&, const Instance&) = default;
};

struct TrackSeen {
  std::vector<Instance> instances;
  /// What the platform has been told, where it keeps that itself (a Deployment): the replicas,
  /// which for stable are its owner's or its autoscaler's business, and the version.
  std::optional<int> wanted;
  std::string wanted_version;
  /// The platform has begun to do what it was told last: what is seen is not of before that.
  bool observed = true;
  /// Told another version, it may stop all that is ready before one of the new is: a Deployment
  /// whose strategy is Recreate, or lets that many be missing.
  bool replaced_at_once = false;
  std::string trouble;  // of the track as a whole, when no instance can tell: "exceeded quota ..."

  [[nodiscard]] int ready() const;
  [[nodiscard]] int ready_of(std::string_view version) const;
  /// The platform, where it keeps a version, has this one.
  [[nodiscard]] bool is_told(std::string_view version) const {
    return !wanted || wanted_version == version;
  }
  /// Instances that exist in any state, stopping ones included.
  [[nodiscard]] int count() const { return static_cast<int>(instances.size()); }
  /// It stops where a platform sees to that: it is no endpoint any more and never comes back, but
  /// may stay for minutes (its grace period) or for ever (a node that is gone, a finalizer).
  [[nodiscard]] bool is_leaving(const Instance& instance) const;
  /// Instances without those that are leaving.
  [[nodiscard]] int staying() const;
  /// Of those that stay: one that is leaving may be of the rollout before.
  [[nodiscard]] int restarts() const;
  friend bool operator==(const TrackSeen&, const TrackSeen&) = default;
};

struct WorkloadSeen {
  TrackSeen stable;
  TrackSeen canary;

  [[nodiscard]] const TrackSeen& of(Track track) const {
    return track == Track::stable ? stable : canary;
  }
  friend bool operator==(const WorkloadSeen&, const WorkloadSeen&) = default;
};

/// The split as read back from the router, not as it was asked for.
struct TrafficSeen {
  Percent weight;
  /// Weight 0 written as a rollback (by linnet or its guardian): never a weight to raise again.
  bool taken_back = false;
  std::string by;  // who, when it is known to be someone else: "guardian", a field manager
  /// In words, when the weight stands in several objects that differ: then none is in force, and
  /// `weight` is the one that someone else wrote, or the highest when all are linnet's.
  std::string differ{};

  [[nodiscard]] bool is(Percent wanted) const { return differ.empty() && weight == wanted; }
  /// No more than this goes to the canary. Where objects differ some of it does.
  [[nodiscard]] Percent most() const { return differ.empty() ? weight : Percent::whole(100); }
  friend bool operator==(const TrafficSeen&, const TrafficSeen&) = default;
};

/// Counts of one track within one window: increments, not totals.
struct Counts {
  std::int64_t requests = 0;
  std::int64_t bad = 0;  // HTTP 5xx of the first attempt
  /// Requests per latency bucket: latency_boundaries(release).size() + 1 entries, the last is +Inf.
  /// Empty: no latencies known in this window.
  std::vector<std::int64_t> latency;

  Counts& operator+=(const Counts& more);
  friend bool operator==(const Counts&, const Counts&) = default;
};

/// What one instance of a track answered within one window.
struct InstanceCounts {
  std::string id;  // as Instance::id
  Counts counts;

  friend bool operator==(const InstanceCounts&, const InstanceCounts&) = default;
};

/// What came in since `cursor` was last handed out.
struct Sample {
  Counts stable;
  Counts canary;
  /// Stable's counts by instance, those without requests left out; empty when the source cannot
  /// tell instances apart. Their sum may be below `stable`: a proxy answers some requests itself.
  std::vector<InstanceCounts> stable_instances;
  /// Opaque to core; saved with the evidence, handed back to the metric source after a restart.
  std::string cursor;
  std::int64_t lost = 0;  // requests that the source knows it did not count
  /// How long before this turn its oldest requests may have come: a server tells at its next scrape
  /// what came since the one before. 0: they came since the turn before, or there are none.
  Duration reach{};

  friend bool operator==(const Sample&, const Sample&) = default;
};

/// A wish of a person or another program, durable before anything happens.
struct Intent {
  enum class Kind { init, deploy, traffic, promote, rollback, pause, resume, cleanup, interrupt };
  std::int64_t id = 0;  // grows; each is answered once
  Kind kind = Kind::deploy;
  std::string by;           // "anna@build-7"
  std::string version;      // init, deploy; interrupt: that deploy's, "" is any
  Percent weight;           // traffic
  bool promote = false;     // deploy: promote without asking
  bool supersede = false;   // deploy: takes a running rollout back first
  bool hold = false;        // deploy: an interrupted terminal or daemon leaves the rollout as it is
  bool skip_steps = false;  // promote: although steps are missing; the report says so
  bool force = false;       // deploy: outside a window or in a freeze; the report says so
  std::string why;

  friend bool operator==(const Intent&, const Intent&) = default;
};

std::string_view intent_name(Intent::Kind kind);

struct Observation {
  Result<WorkloadSeen> workload;
  Result<TrafficSeen> traffic;
  /// Code::not_found: nothing can be known yet (no source set up); other codes: could not be read.
  Result<Sample> sample;
  std::vector<Intent> intents;          // not answered yet, oldest first
  std::vector<std::int64_t> delivered;  // notices that the notifier has delivered or given up
  /// Why no release may start at this time (window, freeze), as spec::closed() says it; empty:
  /// open.
  std::string closed;
};

}  // namespace linnet::core
