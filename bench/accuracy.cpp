// The evidence against an independent computation with 100 digits (stats/oracle.h, the tests'
// oracle): the largest relative error over a sweep from no requests to a billion.
#include "bench/simulated.h"
#include "stats/oracle.h"
#include "stats/threshold.h"
#include "stats/two_sample.h"

namespace linnet::bench {
namespace {

namespace oracle = stats::oracle;

double worst_of_thresholds() {
  double worst = 0;
  for (const double limit : {.001, .01, .05, .3})
    for (std::int64_t n = 0; n <= 1'000'000'000; n = n < 8 ? n + 1 : n * 5)
      for (const double share : {0.0, .5 * limit, limit, 1.05 * limit, .5, 1.0}) {
        const auto x = std::min(n, static_cast<std::int64_t>(std::llround(share * double(n))));
        auto state = *stats::Threshold::make(limit);
        if (!state.add(double(n), double(x))) std::abort();
        for (const double error :
             {oracle::error_of_log(state.log_fail(),
                                   oracle::log_mixture(oracle::r8(), limit, n, x)),
              oracle::error_of_log(state.log_pass(),
                                   oracle::log_mixture(oracle::p5(), limit, n, x))})
          worst = std::max(worst, error);
      }
  return worst;
}

// ln of the mixture of psi^x / G(psi) over one window.
oracle::Real comparison(const stats::PairedCounts& window) {
  const oracle::Prior prior = oracle::r8();
  const auto log_g =
      oracle::log_g(std::int64_t(window.canary_requests), std::int64_t(window.stable_requests),
                    std::int64_t(window.canary_bad + window.stable_bad), prior.psi);
  std::vector<oracle::Real> logs;
  for (std::size_t k = 0; k < prior.psi.size(); ++k)
    logs.push_back(oracle::Real(window.canary_bad) * log(prior.psi[k]) - log_g[k]);
  return oracle::log_sum(prior, logs);
}

double worst_of_comparisons() {
  double worst = 0;
  for (const double requests : {1.0, 5.0, 500.0, 1e6, 1e9})
    for (const double times : {1.0, 19.0})
      for (const double bad : {0.0, 1.0, 3.0, 40.0, 700.0})
        for (const double stable_bad : {0.0, 1.0, 60.0, 2000.0}) {
          const stats::PairedCounts window{requests, std::min(bad, requests), times * requests,
                                           std::min(stable_bad, times * requests)};
          auto state = *stats::TwoSample::make();
          if (!state.add(window)) std::abort();
          const double error = oracle::error_of_log(state.log_worse(), comparison(window));
          worst = std::max(worst, error);
        }
  return worst;
}

}  // namespace

void accuracy(Reach& reach) {
  reach.row("relative error against 100-digit arithmetic, 0 to 10^9");
  fmt::print("Relative error against 100-digit arithmetic, 0 to 10^9 requests.\n");
  const double threshold = worst_of_thresholds(), compared = worst_of_comparisons();
  fmt::print("  threshold {:.1e}, comparison {:.1e} (goal 1e-9){}\n", threshold, compared,
             reach.at_most(std::max(threshold, compared), 1e-9));
}

}  // namespace linnet::bench
