// What a step length buys: how many requests the evidence needs to decide at a given true rate.
// Exact, by propagating the distribution of the bad count, not by simulation.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace linnet::stats {

/// Of the number of requests until the evidence reaches its threshold, looking after every request.
struct Detection {
  double expected = 0;  // mean over the runs decided within the horizon, the others at the horizon
  double median = 0;
  double p95 = 0;          // infinite when fewer than 95 % are decided within the horizon
  double decided = 0;      // probability of a decision within the horizon
  double lower_bound = 0;  // F1: no test with these error probabilities is faster on average
  bool exact = true;       // false: estimated from the mean path because the horizon is too long
};

struct Plan {
  double limit = 0.05;     // p0
  double true_rate = 0.1;  // of the canary
  double alpha = 0.01;     // of fail; for pass evidence use beta here
  double weight = 1;       // of the copies that can decide: 1 / (checks * stages) in a rollout
  double phi = 1;
  std::int64_t horizon = 0;  // requests; 0: until nearly all runs are decided
};

/// Requests until log_fail() of a Threshold with this weight reaches ln(1/alpha); infinite when the
/// true rate is nearer to the limit than the prior's weakest point can tell. Code::invalid for
/// rates or probabilities out of range, or a true rate that is not above the limit without a
/// horizon.
Result<Detection> expected_to_fail(const Plan& plan);
/// Requests until log_pass() reaches ln(1/alpha).
Result<Detection> expected_to_pass(const Plan& plan);

/// The least bad count among n requests at which the fail evidence of one copy with weight 1
/// reaches log_target; n + 1 when none does.
double least_bad_to_fail(double limit, double n, double log_target, double phi = 1);
/// The greatest bad count at which the pass evidence reaches log_target; -1 when none does.
double most_bad_to_pass(double limit, double n, double log_target, double phi = 1);

}  // namespace linnet::stats
