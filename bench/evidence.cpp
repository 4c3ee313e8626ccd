// bench_evidence: how fast, how safe, how cheap and how small the evidence is, each figure beside
// its reference, and a closing table of them. Fixed seeds; only the times of one update differ from
// run to run. Exit 1 when a figure is out of reach. `--quick` runs a tenth of the simulations.
#include <chrono>
#include <string_view>

#include "bench/simulated.h"
#include "stats/latency.h"
#include "stats/threshold.h"
#include "stats/two_sample.h"

namespace linnet::bench {
namespace {

double sink = 0;  // keeps the optimiser from removing what is measured

// The best of many short batches: on a busy machine some still run undisturbed.
template <class Work>
double microseconds(int times, Work work) {
  double best = 1e9;
  times = std::max(1, times / 200);
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < times; ++i) sink += work();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / times * 1e6);
  }
  return best;
}

// A plain loop of the same kind of work, so that figures of different machines can be compared.
double reference_loop() {
  double sum = 0;
  for (int i = 1; i <= 100; ++i) sum += std::exp(-1.0 / (i + sink * 1e-300)) / i;
  return sum;
}

void line(Reach& reach, const std::string& name, double figure, double reference, double goal) {
  fmt::print("  {:52} {:7.3f} us {:7.2f} x the loop   goal {:.1f} us{}\n", name, figure,
             figure / reference, goal, reach.at_most(figure, goal));
}

void cost(Reach& reach, int scale) {
  const int times = 200'000 / scale;
  const double reference = microseconds(times, reference_loop);
  fmt::print(
      "Cost of one update; the reference loop (100 exponentials and divisions): {:.3f} us.\n",
      reference);
  auto threshold = *stats::Threshold::make(.05, 4);
  reach.row("one update of one check, 10^4 requests, us");
  line(reach, "threshold, add and evidence",
       microseconds(times,
                    [&] {
                      if (!threshold.add(10'000, 400)) std::abort();
                      return threshold.log_fail();
                    }),
       reference, 2);
  const auto comparisons = [&](stats::Exact exact, const char* name, int count, double goal) {
    for (const double bad : {10.0, 50.0, 500.0, 2000.0}) {
      const double canary_bad = std::floor(bad / 20);
      const stats::PairedCounts window{500, canary_bad, 9500, bad - canary_bad};
      auto state = *stats::TwoSample::make(4, 1, exact);
      line(reach, fmt::format("comparison, 10^4 requests, {:g} bad, {}", bad, name),
           microseconds(count,
                        [&] {
                          if (!state.add(window)) std::abort();
                          return state.log_copies[0];
                        }),
           reference, goal);
    }
  };
  comparisons(stats::Exact::automatic, "exact", times / 4, 2);
  reach.row("the same with the bound F7, us");
  comparisons(stats::Exact::never, "bound F7", times, .3);
}

void memory(Reach& reach) {
  const auto checks = 2 * sizeof(stats::Threshold), errors = sizeof(stats::TwoSample);
  const auto latency = sizeof(stats::LatencyComparison);
  const auto all = checks + errors + latency;
  reach.row("memory of one rollout's evidence, bytes");
  fmt::print(
      "Bytes of one rollout's evidence, any number of stages up to {}: two checks {}, comparison "
      "of\n"
      "errors {}, of latency at 32 boundaries {}; together {} (goal 4096){}\n",
      stats::max_stages, checks, errors, latency, all,
      reach.at_most(static_cast<double>(all), 4096));
}

}  // namespace
}  // namespace linnet::bench

int main(int argc, char** argv) {
  using namespace linnet::bench;
  int scale = 1;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--quick") {
      scale = 10;
    } else {
      fmt::print(stderr, "usage: bench_evidence [--quick]\n");
      return 2;
    }
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  Reach reach;
  detection_times(reach);
  false_alarms(reach, scale);
  complete_rule_table(reach, scale);
  compared_rules(scale);
  compared_relative_rules(scale);
  cost(reach, scale);
  memory(reach);
  accuracy(reach);
  reach.print();
  fmt::print("{}\n", reach.missed() == 0 ? "All figures within reach."
                                         : fmt::format("{} figures out of reach.", reach.missed()));
  return reach.missed() == 0 ? 0 : 1;
}
