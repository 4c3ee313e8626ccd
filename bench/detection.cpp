// How fast the evidence detects a rate, beside Wald's bound, and how often it is wrong at the
// limit.
#include <array>

#include "bench/simulated.h"
#include "stats/expected.h"
#include "stats/threshold.h"

namespace linnet::bench {
namespace {

struct Cell {
  double limit, rate;
  double reference_01, reference_001;  // simulated mean requests, alpha .01 and .001
};
constexpr Cell cells[] = {{.001, .01, 435, 611},  {.001, .02, 160, 221},  {.001, .05, 48.9, 66.8},
                          {.001, .1, 21.0, 30.2}, {.001, .5, 4.0, 6.0},   {.005, .01, 3175, 4451},
                          {.005, .02, 468, 666},  {.005, .05, 85.9, 121}, {.005, .1, 31.3, 43.4},
                          {.005, .5, 4.1, 6.0},   {.01, .02, 1575, 2208}, {.01, .05, 144, 205},
                          {.01, .1, 42.5, 59.4},  {.01, .5, 4.6, 6.3},    {.05, .1, 293, 414},
                          {.05, .5, 7.4, 10.4}};

void detection_cell(Reach& reach, const Cell& cell, double alpha, double reference) {
  const auto found =
      stats::expected_to_fail({.limit = cell.limit, .true_rate = cell.rate, .alpha = alpha});
  const double ratio = found->expected / found->lower_bound;
  // The reach of the rows whose bound exceeds 32 requests; below, whole errors rule.
  const bool bounded = alpha == .01 && found->lower_bound > 32;
  fmt::print("  {:5.1f}% {:5.1f}% {:7g} {:10.1f} {:10.1f} {:7.2f} {:10.1f} {:8.1f}{}\n",
             100 * cell.limit, 100 * cell.rate, alpha, found->lower_bound, found->expected, ratio,
             reference, found->p95, bounded ? reach.at_most(ratio, 1.43) : "");
}

}  // namespace

void detection_times(Reach& reach) {
  reach.row("expected requests to detect / Wald bound (> 32), alpha .01");
  fmt::print(
      "Requests to detect a rate above the limit, looking after every request (computed exactly).\n"
      "  limit   rate   alpha  Wald bound   expected   ratio  reference      p95\n");
  for (const Cell& cell : cells) {
    detection_cell(reach, cell, .01, cell.reference_01);
    detection_cell(reach, cell, .001, cell.reference_001);
  }
  fmt::print(
      "Requests to pass a rate below 5 %, beta .01.\n   rate  Wald bound   expected   ratio  "
      "reference\n");
  constexpr std::array<std::array<double, 2>, 6> passes{
      {{0, 108}, {.001, 114}, {.005, 145}, {.01, 198}, {.02, 422}, {.03, 1161}}};
  for (const auto& [rate, reference] : passes) {
    const auto found = stats::expected_to_pass({.limit = .05, .true_rate = rate});
    fmt::print("  {:4.1f}% {:11.1f} {:10.1f} {:7.2f} {:10}\n", 100 * rate, found->lower_bound,
               found->expected, found->expected / found->lower_bound, reference);
  }
}

namespace {

// For each bad count the last request number at which that count still fires. Evidence falls with
// each good request, so looking after every request is looking at each bad one.
std::vector<double> firing_bounds(double limit, double alpha, int most_bad) {
  std::vector<double> bounds(static_cast<std::size_t>(most_bad) + 1, 0);
  for (int bad = 1; bad <= most_bad; ++bad) {
    const auto fires = [&](double n) {
      auto state = *stats::Threshold::make(limit);
      return state.add(n, bad) && state.log_fail() >= -std::log(alpha);
    };
    if (!fires(bad)) continue;
    double low = bad, high = bad / limit + 1;  // a rate of the limit never fires
    while (high - low > 1) {
      const double middle = std::floor((low + high) / 2);
      (fires(middle) ? low : high) = middle;
    }
    bounds[static_cast<std::size_t>(bad)] = low;
  }
  return bounds;
}

}  // namespace

void false_alarms(Reach& reach, int scale) {
  reach.row("false alarms at the limit, a look at every request");
  constexpr std::array alphas{.05, .01, .001};
  const int runs = 100'000 / scale, errors = 1000;
  fmt::print(
      "False alarms at a rate of exactly the limit, looking after every request, {} runs of {}\n"
      "expected errors. Reference: .025-.029, .0050-.0056, .0005-.0006.\n  limit     alpha .05   "
      " alpha .01   alpha .001\n",
      runs, errors);
  for (const double limit : {.001, .005, .01, .05}) {
    std::array<std::vector<double>, 3> bounds;
    for (std::size_t a = 0; a < 3; ++a) bounds[a] = firing_bounds(limit, alphas[a], 1300);
    std::array<int, 3> alarms{};
    Random random(1000 + static_cast<std::uint64_t>(limit * 1e4));
    const double horizon = errors / limit;
    for (int run = 0; run < runs; ++run) {
      std::array<bool, 3> fired{};
      double n = 0;
      for (std::size_t bad = 1; bad < bounds[0].size(); ++bad) {
        n += 1 + std::floor(std::log1p(-random.uniform()) / std::log1p(-limit));
        if (n > horizon) break;
        for (std::size_t a = 0; a < 3; ++a) fired[a] = fired[a] || n <= bounds[a][bad];
      }
      for (std::size_t a = 0; a < 3; ++a) alarms[a] += fired[a];
    }
    fmt::print("  {:5.1f}%", 100 * limit);
    std::string marks;
    for (std::size_t a = 0; a < 3; ++a) {
      const double share = static_cast<double>(alarms[a]) / runs;
      fmt::print(" {:12.5f}", share);
      marks += reach.at_most(share, alphas[a]);
    }
    fmt::print("{}\n", marks);
  }
}

}  // namespace linnet::bench
