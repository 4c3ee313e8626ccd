// Verdicts: what the counts of a step say about each check. The plain rule speaks at the end of a
// step and keeps its plain meaning; evidence may speak earlier (facts: docs/how-linnet-decides.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/observation.h"
#include "core/release.h"
#include "core/status.h"

namespace linnet::core {

struct Judgement {
  std::vector<CheckReport> checks;
  /// Set when a check fails now: by evidence at any time, by trouble, or by the plain rule when the
  /// period is complete.
  std::optional<Cause> failed;
  bool enough = false;      // every check has its minimum of requests
  std::string missing;      // what is missing for `enough`, in words
  bool early_pass = false;  // evidence allows to pass before the period is over
  bool held_back = false;   // decision: evidence, and it does not suffice to pass yet
};

/// Forgets the counts and evidence of the rollout before.
void start_evidence(const Release& release, Status& status);
/// A new step: counts start at 0, evidence goes on beside its earlier copies.
void start_stage(const Release& release, Status& status, bool first);
/// Counts of both tracks start at 0; the last half minutes go on.
void start_counts(Stage& stage);
/// Adds one window of `elapsed` to the step's counts and to the evidence, each unless it may reach
/// back to before. Code::invalid for counts that cannot be true (negative, more bad than requests);
/// the status then stays as it was.
Result<void> take_window(const Release& release, Status& status, const Sample& sample,
                         Duration elapsed);
/// Judges what the status holds. `complete`: the step's time is over, the plain rule speaks.
/// `held`: the step's time so far, for early_pass.
Judgement judge(const Release& release, const Status& status, const Result<WorkloadSeen>& workload,
                bool complete, Duration held);

/// `quantile` (0..1) in ms by linear interpolation inside its bucket; the highest finite bound when
/// it lies beyond. 0 when there are no counts.
double latency_quantile(const std::vector<std::int64_t>& buckets,
                        const std::vector<double>& boundaries, double quantile);

}  // namespace linnet::core
