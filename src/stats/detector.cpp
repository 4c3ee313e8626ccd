#include "stats/detector.h"

#include <cmath>

namespace linnet::stats {

Result<Detector> Detector::make(double limit, double horizon) {
  if (!(limit >= 1e-9 && limit <= 1 - 1e-9))
    return fail(Code::invalid, "limit {}: must be between 1e-9 and 1 - 1e-9", limit);
  if (!(horizon >= 1 && horizon <= 1e9))
    return fail(Code::invalid, "horizon of {} windows: must be between 1 and 1e9", horizon);
  Detector made;
  made.limit = limit;
  made.horizon = horizon;
  return made;
}

Result<void> Detector::add(double requests, double bad, double phi) {
  TRY_VOID(check_counts(requests, bad));
  TRY_VOID(check_phi(phi));
  const bool inside = windows < horizon;
  const double log_share = -std::log(horizon);
  for (std::size_t k = 0; k < fail_points; ++k) {
    double before = windows > 0 ? log_sums[k] : log_share;
    if (windows > 0 && inside) before = log_add_exp(before, log_share);
    log_sums[k] = before + log_likelihood_ratio(limit, fail_psi[k], requests / phi, bad / phi);
  }
  if (inside) windows += 1;
  return {};
}

double Detector::log_fail() const {
  if (windows == 0) return 0;
  const double mixed =
      log_mix(log_sums, prior_logs().fail_weight, [](double log_sum) { return log_sum; });
  const double rest = (horizon - windows) / horizon;
  return rest > 0 ? log_add_exp(mixed, std::log(rest)) : mixed;
}

}  // namespace linnet::stats
