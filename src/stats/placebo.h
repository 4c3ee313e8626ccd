// Watches the watcher: runs the canary's comparison for every stable instance against the other
// ones, where it should find nothing. When it often does, the model is broken for this service. 2e
// (3).
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "stats/mixture.h"

namespace linnet::stats {

inline constexpr std::size_t max_placebo_instances = 64;

/// Counts of one stable instance in one window.
struct InstanceCounts {
  std::string_view id;  // at most 128 bytes
  double requests = 0;
  double bad = 0;
};

/// One run is one rollout that never was: about an hour of windows, after which next_run() starts
/// anew. Regular value; every field may be saved. Instances beyond 64 are not watched themselves
/// but count among "the others".
struct Placebo {
  struct Instance {
    std::string id;
    std::array<double, fail_points> log_copies{};
    double highest = 0;  // the largest ln E so far
    friend bool operator==(const Instance&, const Instance&) = default;
  };
  std::vector<Instance> instances;
  double windows = 0;      // of this run
  double past_runs = 0;    // instances times runs before this one; older ones count less
  double past_alarms = 0;  // of them with evidence >= 1/alpha

  /// Adds a window with whole counts. Code::invalid for input that is not sane or an id that is
  /// given twice; the state then stays as it was. phi as for TwoSample.
  Result<void> add(std::span<const InstanceCounts> window, double phi = 1);

  /// Forgets the evidence of this run and keeps its outcome.
  void next_run(double alpha);

  struct Verdict {
    double watched = 0;      // instances, those of earlier runs included
    double alarms = 0;       // of them with evidence >= 1/alpha at some time
    double highest = 0;      // largest ln E of all
    std::string_view worst;  // that instance; points into this object
    /// More alarms than alpha allows by more than chance: the comparison cannot be trusted here.
    /// A single alarm counts only with evidence of 1/alpha^2, so that the placebo itself is wrong
    /// less than once in a hundred days.
    bool broken = false;
  };
  [[nodiscard]] Verdict verdict(double alpha) const;

  friend bool operator==(const Placebo&, const Placebo&) = default;
};

}  // namespace linnet::stats
