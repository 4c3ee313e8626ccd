// The state of one release: everything that must survive a crash, and nothing else. Only decide()
// changes it; the store keeps it; `linnet status` prints it.
//
// Legal transitions (the simulation holds every save against this table):
//
//   Idle, Succeeded, RolledBack, Failed --deploy--> Preparing
//   Preparing ---- canary ready ----------------------> Stepping{0}
//   Stepping{i} -- held its time and passed ----------> Stepping{i+1} | AwaitingPromotion |
//                                                       Promoting
//   Preparing, Stepping, AwaitingPromotion -- pause, own weight, someone else's weight,
//                  failure or no data with hold ------> Holding
//   Holding ------ resume ----------------------------> Stepping{i} | AwaitingPromotion | Preparing
//   Holding, AwaitingPromotion -- promote ------------> Promoting
//   Preparing, Stepping, Holding, AwaitingPromotion, Promoting
//          ------- failed check, trouble, rollback ---> RollingBack
//   Promoting ---- stable rolled, weight 0, drained --> Succeeded
//   RollingBack -- weight 0, drained, canary stopped -> RolledBack (Failed, when stable does not
//                  get ready on its version)
//   Idle --init--> Idle (Failed, when stable never gets ready)
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/observation.h"
#include "core/release.h"
#include "stats/dispersion.h"
#include "stats/gauge.h"
#include "stats/latency.h"
#include "stats/placebo.h"
#include "stats/threshold.h"
#include "stats/two_sample.h"

namespace linnet::core {

/// Why something ended or waits: a stable word for programs and a sentence with numbers for people.
struct Cause {
  // "error_rate", "latency_p95", "health", "not_ready", "no_data", "operator", "superseded",
  // "interrupted", "taken_back", "not_in_force", "foreign_weight", "paused", "manual_weight",
  // "promotion"
  std::string kind;
  std::string text;

  friend bool operator==(const Cause&, const Cause&) = default;
};

struct Idle {
  Duration waited{};   // for stable to become ready after init
  bool ready = false;  // stable has been ready since init
  friend bool operator==(const Idle&, const Idle&) = default;
};
/// The canary is being started; no traffic yet.
struct Preparing {
  Duration waited{};
  Duration barred{};  // the canary was ready, and the router not at a clean 0 %
  friend bool operator==(const Preparing&, const Preparing&) = default;
};
/// A weight is held and watched. The clock runs only while the weight is in force.
struct Stepping {
  int index = 0;
  bool in_force = false;  // read back, and seen in the canary's own request count
  Duration waited{};      // for the weight to be read back
  Duration held{};        // time in force so far, with data
  Duration silent{};      // since data was last seen
  Duration uncounted{};   // since a request of either track was last counted
  friend bool operator==(const Stepping&, const Stepping&) = default;
};
/// Stands still until a person decides. Checks go on and still roll back.
struct Holding {
  enum class From { preparing, stepping, awaiting };
  Cause cause;
  From from = From::stepping;
  int index = 0;       // the step, when from == stepping
  Duration held{};     // of that step, so that a pause does not start it anew
  Duration watched{};  // since the checks last had a full period
  Duration silent{};
  std::optional<Percent> weight;  // set by hand; none: as it was
  friend bool operator==(const Holding&, const Holding&) = default;
};
struct AwaitingPromotion {
  Duration watched{};  // since the checks last had a full period
  Duration silent{};
  friend bool operator==(const AwaitingPromotion&, const AwaitingPromotion&) = default;
};
/// The canary carries all traffic while stable is restarted on the new version.
struct Promoting {
  enum class Part { canary_takes_all, stable_rolls, stable_takes_all, canary_drains, canary_stops };
  Part part = Part::canary_takes_all;
  Duration waited{};   // in this part
  Duration watched{};  // since the checks last had a full period
  friend bool operator==(const Promoting&, const Promoting&) = default;
};
/// `stable_returns`: a promotion left stable without a ready instance, or its return does; the
/// canary keeps its traffic.
struct RollingBack {
  enum class Part { stable_returns, weight_down, canary_drains, canary_stops };
  Cause cause;
  Part part = Part::weight_down;
  Duration waited{};  // in this part
  friend bool operator==(const RollingBack&, const RollingBack&) = default;
};
struct Succeeded {
  friend bool operator==(const Succeeded&, const Succeeded&) = default;
};
struct RolledBack {
  Cause cause;
  friend bool operator==(const RolledBack&, const RolledBack&) = default;
};
struct Failed {
  Cause cause;
  friend bool operator==(const Failed&, const Failed&) = default;
};

using Phase = std::variant<Idle, Preparing, Stepping, Holding, AwaitingPromotion, Promoting,
                           RollingBack, Succeeded, RolledBack, Failed>;

/// "idle", "rolling_back": the words of the JSON.
std::string_view phase_name(const Phase& phase);
/// True while a rollout runs: a second deploy is refused.
bool is_running(const Phase& phase);
/// linnet has all of stable replaced, or waits until it is back: whoever cannot see the instances
/// cannot know that anybody on stable would answer.
bool is_stable_replaced(const Phase& phase);

enum class Verdict { pass, fail, inconclusive, no_data, error };
std::string_view verdict_name(Verdict verdict);

/// One check as last judged, with the numbers that explain it.
struct CheckReport {
  std::string name;
  Verdict verdict = Verdict::no_data;
  double value = 0;  // percent, or milliseconds
  double limit = 0;  // in the unit of value
  std::string unit;  // "%" or "ms"; empty for health
  std::int64_t requests = 0;
  std::int64_t bad = 0;     // requests that count against the limit
  double log_evidence = 0;  // natural log of the evidence that the limit is passed
  double interval_low = 0;  // of the true share of bad requests, in percent
  double interval_high = 0;
  std::string text;  // one sentence for people

  friend bool operator==(const CheckReport&, const CheckReport&) = default;
};

/// How one step went; kept for the history.
struct StepResult {
  int index = 0;
  Percent weight;
  Duration held{};
  std::string outcome;  // "passed", "failed", "skipped", "left"
  Counts canary;
  std::vector<CheckReport> checks;

  friend bool operator==(const StepResult&, const StepResult&) = default;
};

struct Rollout {
  std::string id;  // "shop-7"
  std::string from;
  std::string to;
  std::string by;
  WallTime started;
  bool promote = false;  // without asking
  bool hold = false;     // an interruption leaves it as it is
  std::vector<StepResult> steps;

  friend bool operator==(const Rollout&, const Rollout&) = default;
};

/// A finished rollout, for `linnet history`.
struct RolloutRecord {
  Rollout rollout;
  WallTime ended;
  std::string outcome;  // "succeeded", "rolled_back", "failed"
  Cause cause;

  friend bool operator==(const RolloutRecord&, const RolloutRecord&) = default;
};

/// A message that must reach people; stays until the notifier reports it delivered or given up.
struct Notice {
  std::int64_t id = 0;
  std::string event;  // "started", "step", "waiting", "paused", "promoted", "rolled_back", "failed"
  std::string text;
  std::string rollout;  // its id
  WallTime at;

  friend bool operator==(const Notice&, const Notice&) = default;
};

/// Where counting begins. A window that may hold requests of before it is left out whole.
struct Counting {
  Duration age{};      // of the engine's turns since
  bool begun = false;  // a window began after it, and so do all that follow

  friend bool operator==(const Counting&, const Counting&) = default;
};

/// How far back the last two samples with requests reached: the interval of a metrics server that
/// tells at each of its looks what came since the one before; 0 where requests are read as they
/// come.
struct TellingInterval {
  Duration last{};
  Duration before{};

  /// The shorter: an outage makes one of them long.
  [[nodiscard]] Duration length() const { return before > 0ms ? std::min(last, before) : last; }
  friend bool operator==(const TellingInterval&, const TellingInterval&) = default;
};

/// Counts since the step's weight is there, both tracks; the base of the plain rule.
struct Stage {
  Counting counting;
  Counts stable;
  Counts canary;
  std::int64_t lost = 0;
  /// The canary's last 30 to 60 s, in two halves: a late change must not drown in a long good step.
  /// Of the steps before too, where the metrics tell late.
  Counts recent;
  Counts recent_before;
  Duration recent_age{};

  friend bool operator==(const Stage&, const Stage&) = default;
};

/// Evidence about one limit ("error rate 5 %", "P95 1000 ms"): of the canary, and how much stable's
/// own bad requests come in clumps, measured in windows of 10 s, rollouts or not.
struct LimitEvidence {
  stats::Threshold threshold;
  stats::FrozenDispersion clumping;  // frozen when a step starts
  std::vector<stats::Cell> window;   // being filled, one cell for each of Evidence::instances

  friend bool operator==(const LimitEvidence&, const LimitEvidence&) = default;
};

/// CPU time of one instance as last seen.
struct CpuSeen {
  std::string id;
  std::int64_t cpu_ms = 0;
  friend bool operator==(const CpuSeen&, const CpuSeen&) = default;
};

/// A gauge of the canary beside stable's. A batch is filled for 30 s; its means then count once,
/// because neighbouring samples resemble each other. Memory: MiB of one instance, by time; CPU:
/// milliseconds by requests.
struct GaugeEvidence {
  struct Side {
    double sum = 0;
    double weight = 0;  // seconds, or requests
    double last = 0;    // mean of the last batch
    friend bool operator==(const Side&, const Side&) = default;
  };
  stats::GaugeComparison difference;
  Side stable;
  Side canary;
  Duration age{};            // of the batch
  std::vector<CpuSeen> cpu;  // what the next growth is measured from

  friend bool operator==(const GaugeEvidence&, const GaugeEvidence&) = default;
};

struct Evidence {
  Counting counting;                      // since the rollout began
  std::vector<LimitEvidence> limits;      // one per error_rate and latency check, in their order
  std::optional<stats::TwoSample> worse;  // canary against stable: errors
  std::optional<stats::LatencyComparison> slower;  // canary against stable: latency
  Duration window_age{};                           // of LimitEvidence::window
  std::vector<std::string> instances;  // of stable in that window; the first, "", is none of them
  stats::Placebo placebo;              // judges stable's instances as if each were a canary
  std::vector<GaugeEvidence> gauges;   // one per gauge check, in their order
  bool placebo_broken = false;         // it does so wrongly: comparisons are advisory

  friend bool operator==(const Evidence&, const Evidence&) = default;
};

struct Status {
  std::string stable_version;  // what stable shall run; empty before init
  int stable_size = 0;         // its instances, where the platform decides that; else 0
  int stable_most = 0;         // the most of them since the rollout began
  Phase phase = Idle{};
  WallTime since;                  // when the phase was entered
  std::string reason;              // what it waits for, or how it ended, in one sentence
  std::optional<Rollout> rollout;  // the running or the last one
  std::int64_t rollouts = 0;       // numbers given so far; the next id is one more
  Percent weight;                  // the canary's share as wanted
  Percent weight_before;           // the share wanted before; either may be seen after a crash
  Percent weight_seen;             // as last read back
  int canary_replicas = 0;         // as wanted
  Duration unready{};              // how long fewer canary instances are ready than wanted
  std::optional<Intent> queued;    // a deploy that supersedes: starts once the running one is back
  Stage stage;
  Evidence evidence;
  std::vector<CheckReport> checks;  // interval and text stay empty here: see core/explain.h
  std::string cursor;  // of the metric source, saved together with the counts it belongs to
  TellingInterval told_each;
  std::int64_t last_intent = 0;
  std::vector<Notice> outbox;
  std::int64_t notices = 0;  // ids handed out
  /// When the last turn was: comparable only within one run of the engine, so never saved.
  std::optional<MonoTime> last_turn;
  /// When the evidence was last saved; as above.
  std::optional<MonoTime> last_saved;

  friend bool operator==(const Status&, const Status&) = default;
};

}  // namespace linnet::core
