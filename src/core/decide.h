// The heart: given what a release should do, where it stands and what was seen, what is next. Pure:
// the same four values always give the same decision, so every rule here is tested without a world.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "core/observation.h"
#include "core/release.h"
#include "core/status.h"

namespace linnet::core {

/// The canary's weight shall be this. Lowering it is safe at any time and waits for nothing.
struct SetWeight {
  Percent weight;
  bool taken_back = false;  // marks the 0 of a rollback, so that a crash right after cannot undo it
  friend bool operator==(const SetWeight&, const SetWeight&) = default;
};
/// The track shall run `replicas` instances of `version`, replaced one by one, each ready before an
/// old one stops. 0 replicas: all of it stops gracefully.
struct SetTrack {
  Track track = Track::canary;
  std::string version;
  int replicas = 0;
  friend bool operator==(const SetTrack&, const SetTrack&) = default;
};
struct SendNotice {
  Notice notice;
  friend bool operator==(const SendNotice&, const SendNotice&) = default;
};
/// A level the world shall have, never a change: performing it twice is harmless.
using Effect = std::variant<SetWeight, SetTrack, SendNotice>;

/// True for effects that are performed before the status is saved: lowering the weight.
bool is_urgent(const Effect& effect, const Result<TrafficSeen>& seen);
std::string effect_text(const Effect& effect);

/// The answer to an intent, kept by the store for whoever asked.
struct Answer {
  std::int64_t intent = 0;
  bool accepted = false;
  Code code = Code::invalid;  // meaningful when refused: conflict = busy
  std::string text;
  std::string rollout;  // the id of the rollout it started or acted on
  friend bool operator==(const Answer&, const Answer&) = default;
};

/// One line of the record of every decision.
struct Entry {
  std::string kind;  // "phase", "weight", "intent", "verdict", "warning", "trouble", "notice"
  std::string text;  // with the reason and its numbers; never empty
  friend bool operator==(const Entry&, const Entry&) = default;
};

struct Decision {
  Status next;
  std::vector<Effect> effects;
  std::vector<Answer> answers;
  std::vector<Entry> entries;
  std::optional<RolloutRecord> finished;
  bool save = false;      // next must be durable before the effects (the urgent ones excepted)
  Duration wake_after{};  // the next turn is due then, or when the doorbell rings
};

Decision decide(const Release& release, const Status& status, const Observation& seen, Now now);

/// The status as it is taken up by a new run of the engine: what was measured against the old run's
/// monotonic clock is forgotten. A rollout beyond the last step of the release is in that step.
Status resumed(Status status, const Release& release);

/// The status after a switch to 0 whose own turn could not be saved: since when the canary's
/// requests finish is not in it, so they are let finish anew from `now`.
Status drained_anew(Status status, MonoTime now);

/// Upper bounds of the latency buckets in ms, ascending, the limits of the checks among them; the
/// bucket beyond the last is +Inf. A bound is inclusive, as Prometheus' `le`.
std::vector<double> latency_boundaries(const Release& release);

/// Canary instances for a weight: enough that each carries no more than one of stable's would at
/// full traffic, at least one.
int canary_replicas_for(Percent weight, int stable_replicas);
/// `replicas` of stable in the spec; 1 where the platform decides.
int stable_replicas(const Release& release);
/// How many instances stable has: the spec's, or what the platform was last seen to want.
int stable_size(const Release& release, const Status& status);
/// By how many the canary is sized: the most that stable had since the rollout began. An autoscaler
/// makes stable smaller as the canary takes its load, and that load stays what it was.
int stable_load(const Release& release, const Status& status);

}  // namespace linnet::core
