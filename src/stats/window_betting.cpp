#include "stats/window_betting.h"

#include <cmath>

#include "stats/numeric.h"

namespace linnet::stats {

Result<WindowBetting> WindowBetting::make(double limit) {
  if (!(limit >= 1e-9 && limit <= 1 - 1e-9))
    return fail(Code::invalid, "limit {}: must be between 1e-9 and 1 - 1e-9", limit);
  WindowBetting made;
  made.limit = limit;
  return made;
}

Result<void> WindowBetting::add(double requests, double bad) {
  TRY_VOID(check_counts(requests, bad));
  if (requests == 0) return {};
  const double surplus = (bad / requests - limit) / limit;  // >= -1, so no bet loses everything
  for (std::size_t k = 0; k < bet_sizes.size(); ++k)
    log_wealth[k] += std::log1p(bet_sizes[k] * surplus);
  return {};
}

double WindowBetting::log_fail() const {
  return log_sum_exp(log_wealth) - std::log(static_cast<double>(bet_sizes.size()));
}

}  // namespace linnet::stats
