// The whole decision as a rollout makes it: two checks, four stages of 60 s, evidence each second
// and the plain rule at each stage's end. A small model of the rule, for the table of its error
// rates and delays; the rule that linnet runs lives in src/core.
#include <array>
#include <optional>

#include "bench/simulated.h"
#include "stats/dispersion.h"
#include "stats/threshold.h"

namespace linnet::bench {
namespace {

constexpr int stages = 4, stage_seconds = 60, checks = 2;
constexpr double limit = .05, requests_per_second = 5;
constexpr std::array alphas{.01, .001};

/// What happens to the canary's requests.
struct Scenario {
  double errors = .005, slow = .01;  // from `from` on
  int from = 0;                      // second of the change; before it the canary is healthy
  double burst = 0;                  // probability a second in which 60 % of the requests fail
};

struct Outcome {
  std::array<std::optional<int>, 2> early;  // first second with enough evidence, per alpha
  std::optional<int> plain;                 // first stage end above a limit
};

int errors_of(Random& random, const Scenario& scenario, double rate, int requests) {
  const bool bursting = scenario.burst > 0 && random.chance(scenario.burst);
  return random.binomial(requests, bursting ? .6 : rate);
}

// phi of 2b from 19 stable instances in 30 windows of 10 s before the rollout.
double measured_phi(Random& random, const Poisson& arrivals, const Scenario& scenario) {
  if (scenario.burst == 0) return 1;
  stats::PooledDispersion dispersion;
  for (int cell = 0; cell < 19 * 30; ++cell) {
    stats::Cell sum;
    for (int second = 0; second < 10; ++second) {
      const int requests = arrivals(random);
      sum.requests += requests;
      sum.bad += errors_of(random, scenario, .005, requests);
    }
    if (!dispersion.add(sum)) std::abort();
  }
  return stats::phi_used(dispersion.phi());
}

struct Check {
  stats::Threshold evidence = *stats::Threshold::make(limit, stages);
  std::array<int, stages * stage_seconds + 1> requests{}, bad{};  // running totals
  double phi = 1;

  void add(int second, int n, int x) {
    const auto i = static_cast<std::size_t>(second);
    requests[i] = requests[i - 1] + n;
    bad[i] = bad[i - 1] + x;
    if (!evidence.add(n, x, phi)) std::abort();
  }
  [[nodiscard]] double rate(int from, int to) const {
    const auto a = static_cast<std::size_t>(std::max(0, from)), b = static_cast<std::size_t>(to);
    const int n = requests[b] - requests[a];
    return n > 0 ? static_cast<double>(bad[b] - bad[a]) / n : 0;
  }
};

// Enough evidence over both checks, and a check that carries it is measured above its limit (2g).
// One answer per alpha.
std::array<bool, alphas.size()> early_fail(const std::array<Check, checks>& all, int stage_start,
                                           int second) {
  std::array<double, checks> log_e;
  for (std::size_t m = 0; m < checks; ++m) log_e[m] = all[m].evidence.log_fail() - std::log(checks);
  const double sum = stats::log_add_exp(log_e[0], log_e[1]);
  std::array<bool, alphas.size()> fails{};
  for (std::size_t a = 0; a < alphas.size(); ++a) {
    const double needed = -std::log(alphas[a]);
    for (std::size_t m = 0; sum >= needed && m < checks; ++m) {
      const bool carries = log_e[m] >= needed || log_e[m] >= std::max(log_e[0], log_e[1]);
      const double measured =
          std::max(all[m].rate(stage_start, second), all[m].rate(second - 60, second));
      fails[a] = fails[a] || (carries && measured > limit);
    }
  }
  return fails;
}

Outcome complete_rule(Random& random, const Poisson& arrivals, const Scenario& scenario) {
  Outcome outcome;
  std::array<Check, checks> all;
  all[0].phi = measured_phi(random, arrivals, scenario);
  for (int second = 1; second <= stages * stage_seconds; ++second) {
    const int stage_start = (second - 1) / stage_seconds * stage_seconds;
    const bool changed = second > scenario.from;
    const int n = arrivals(random);
    const int errors = errors_of(random, scenario, changed ? scenario.errors : .005, n);
    all[0].add(second, n, errors);
    all[1].add(second, n, random.binomial(n, changed ? scenario.slow : .01));
    const auto fails = early_fail(all, stage_start, second);
    for (std::size_t a = 0; a < alphas.size(); ++a)
      if (!outcome.early[a] && fails[a]) outcome.early[a] = second;
    if (second % stage_seconds != 0) continue;
    for (Check& check : all) {
      if (!outcome.plain && check.rate(stage_start, second) > limit) outcome.plain = second;
      check.evidence.next_stage();
    }
  }
  return outcome;
}

struct Row {
  const char* name;
  Scenario scenario;
  bool good;           // probabilities; else mean delays
  double early, both;  // references: P or seconds at alpha .01
  const char* reference;
  int more_runs =
      1;  // the edge is compared to 3 sigma of the reference: its own noise must be small
};

// q such that q 0.6 + (1 - q) .005 is the mean.
constexpr double burst_for(double mean) { return (mean - .005) / (.6 - .005); }

const Row rows[] = {
    {"healthy .5 % errors, 1 % slow", {}, true, 0, 0, ".0000 [.0000] | .0000 | .0000"},
    {"2 % errors, 2 % slow", {.02, .02}, true, 0, .0055, ".0000 [.0000] | .0055 | .0055"},
    {"3 % errors", {.03, .01}, true, 0, .1055, ".0000 [.0000] | .1055 | .1055"},
    {"5 % errors (the limit)", {.05, .01}, true, .0012, .9240, ".0012 [.0003] | .9240 | .9240", 10},
    {"bursts, mean 2.5 %",
     {.005, .01, 0, burst_for(.025)},
     true,
     .0002,
     .2844,
     ".0002 [0] | .2844 | .2844"},
    {"bursts, mean 5 %",
     {.005, .01, 0, burst_for(.05)},
     true,
     .0008,
     .9133,
     ".0008 [0] | .9133 | .9133"},
    {"10 % errors", {.10, .01}, false, 80, 52, "P .996, 80 s [102] | 52 s [57] | 60 s"},
    {"20 % errors", {.20, .01}, false, 12.5, 12.5, "12.5 s [16] | 12.5 s [16] | 60 s"},
    {"50 % errors", {.50, .01}, false, 2.7, 2.7, "2.7 s [3.2] | 2.7 s [3.2] | 60 s"},
    {"100 % errors", {1, .01}, false, 1.3, 1.3, "1.3 s [1.3] | 1.3 s [1.3] | 60 s"},
    {"all slow", {.005, 1}, false, 1.3, 1.3, "1.3 s [1.3] | 1.3 s [1.3] | 60 s"},
    {"10 % slow", {.005, .10}, false, 80, 52, "80 s [102] | 52 s | 60 s"},
    {"30 % slow", {.005, .30}, false, 5.7, 5.7, "5.7 s [7.2] | 5.7 s | 60 s"},
    {"20 % errors from mid-stage 3", {.20, .01, 150}, false, 34, 28, "34 s [38] | 28 s | 30 s"},
    {"50 % errors from mid-stage 3", {.50, .01, 150}, false, 10, 10, "10 s [11] | 10 s | 30 s"},
    {"100 % errors from mid-stage 3", {1, .01, 150}, false, 4.9, 4.9, "4.9 s [5.4] | 4.9 s | 30 s"},
    {"50 % errors from stage 3", {.50, .01, 120}, false, 2.7, 2.7, "2.7 s [3.2] | 2.7 s | 60 s"}};

std::string figure(const Times& times, bool good) {
  if (good) return fmt::format("{:.4f}", times.share());
  if (times.share() < .9995) return fmt::format("P {:.3f}, {:.1f} s", times.share(), times.mean());
  return fmt::format("{:.1f} s", times.mean());
}

double three_sigma(double share, double runs) { return 3 * std::sqrt((share + .5 / runs) / runs); }

// Decisions before the change are counted as false alarms of the change's rows too.
void count(Times& times, std::optional<int> at, int from) {
  at ? times.at(*at - from) : times.none();
}

}  // namespace

void complete_rule_table(Reach& reach, int scale) {
  reach.row("complete rule: probabilities and delays, table 3.5");
  const int runs = 10'000 / scale;
  fmt::print(
      "The complete rule: two checks, four stages of 60 s, 5 canary requests per second, alpha "
      ".01\n"
      "[.001], {} runs. early evidence alone | with the plain rule | plain rule alone; then the "
      "reference.\n",
      runs);
  const Poisson arrivals(requests_per_second);
  std::uint64_t seed = 4000;
  for (const Row& row : rows) {
    Random random(++seed);
    std::array<Times, 2> early, both;
    Times plain;
    for (int run = 0; run < runs * row.more_runs; ++run) {
      const Outcome outcome = complete_rule(random, arrivals, row.scenario);
      for (std::size_t a = 0; a < alphas.size(); ++a) {
        count(early[a], outcome.early[a], row.scenario.from);
        auto first = outcome.plain;
        if (outcome.early[a] && (!first || *outcome.early[a] < *first)) first = outcome.early[a];
        count(both[a], first, row.scenario.from);
      }
      count(plain, outcome.plain, row.scenario.from);
    }
    std::string marks;
    if (row.good) {
      marks += reach.at_most(early[0].share(), row.early + three_sigma(row.early, runs));
      marks += reach.at_most(both[0].share(), row.both + three_sigma(row.both, runs));
    } else {
      marks += reach.at_most(early[0].mean(), row.early * 1.1 + .2);
      marks += reach.at_most(both[0].mean(), row.both * 1.1 + .2);
    }
    fmt::print("  {:30} {} [{}] | {} [{}] | {}\n  {:>30} {}{}\n", row.name,
               figure(early[0], row.good), figure(early[1], row.good), figure(both[0], row.good),
               figure(both[1], row.good), figure(plain, row.good), "reference", row.reference,
               marks);
  }
}

}  // namespace linnet::bench
