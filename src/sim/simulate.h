// What would happen to this release with this traffic? The product's own engine is run many times
// in the simulated world, once for each kind of canary: the feature behind `linnet simulate`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/release.h"

namespace linnet::sim {

struct SimulateOptions {
  /// Of the canary's requests; none given for both: a good canary and several bad ones.
  std::optional<Percent> canary_error_rate;
  std::optional<Percent> canary_slow_share;  // answered above the latency limit
  Percent stable_error_rate = Percent::from_ppm(1000);
  double requests_per_second = 40;  // both tracks together; 0 < rps <= 1,000,000
  std::uint64_t seed = 1;
  int runs = 200;  // per kind of canary, 1..1,000,000
};

/// Median, 95th percentile, mean and largest of one number over all runs.
struct Spread {
  double median = 0;
  double p95 = 0;
  double mean = 0;
  double most = 0;
};

/// One kind of canary and what became of it.
struct KindOfCanary {
  std::string name;  // "10 % errors"
  double error_share = 0;
  double slow_share = 0;
  Duration bad_after{};  // good before, since its first request
  Percent bad_from;      // good below this weight
  int runs = 0;
  int passed = 0;  // promoted, or waiting for `promote`
  int rolled_back = 0;
  int held = 0;                       // stands still for a person: on_failure or no_data says hold
  int undecided = 0;                  // within the longest time a rollout may take
  std::map<std::string, int> causes;  // of rollbacks and holds
  Spread decided_after_s;             // from the deploy
  Spread harmed;                      // canary requests that failed, plus those that were too slow
};

/// One run, second by second, for the picture.
struct RunPoint {
  double at_s = 0;
  double weight = 0;          // percent in force
  double error_rate = 0;      // percent of the step's canary requests
  double slow_share = 0;      // percent
  double log10_evidence = 0;  // the strongest
};

struct Simulation {
  core::Release release;
  SimulateOptions options;
  std::vector<KindOfCanary> kinds;
  std::string pictured;  // the kind of the pictured run
  std::vector<RunPoint> run;
};

struct SimulateReport {
  std::string text;
  std::string json;
  std::string svg;
};

/// Code::invalid for options out of range or a release without steps.
Result<Simulation> simulate(const core::Release& release, const SimulateOptions& options);
SimulateReport report(const Simulation& simulation);
/// The picture alone (src/sim/picture.cpp).
std::string picture(const Simulation& simulation);

}  // namespace linnet::sim
