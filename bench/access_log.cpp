// Access-log lines into histograms on one core. Reference: the same bytes searched for newlines
// only.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

#include "local/access_log_counters.h"

namespace {

using linnet::local::AccessLogCounter;
using linnet::local::PortSet;

const std::vector<double> boundaries = {1,   2,   5,    10,   20,   50,    100,   200,
                                        300, 500, 1000, 2000, 5000, 10000, 30000, 60000};

/// One megabyte of lines; one in `retried` was tried twice (0: none).
std::string lines(int retried) {
  std::string text;
  for (int i = 0; text.size() < (1u << 20); ++i) {
    const bool canary = i % 20 == 0;
    const std::string track = canary ? "canary" : "stable";
    const std::string port = canary ? "17101" : "17001";
    const std::string time = "0." + std::to_string(100 + i % 900);
    if (retried > 0 && i % retried == 0)
      text += track + "|200|127.0.0.1:17103, 127.0.0.1:" + port + "|502, 200|-, 0.000|0.000, " +
              time + "\n";
    else
      text += track + "|200|127.0.0.1:" + port + "|200|0.000|" + time + "\n";
  }
  return text;
}

void count_lines(benchmark::State& state) {
  const std::string text = lines(static_cast<int>(state.range(0)));
  AccessLogCounter counter(boundaries, PortSet({17101, 17103}));
  for (auto _ : state) benchmark::DoNotOptimize(counter.consume(text));
  state.counters["lines/s"] =
      benchmark::Counter(static_cast<double>(counter.totals().lines), benchmark::Counter::kIsRate);
  if (counter.totals().garbage != 0) state.SkipWithError("lines were not understood");
}
BENCHMARK(count_lines)->Arg(0)->Arg(10)->Arg(1)->ArgName("one_retried_in");

void only_newlines(benchmark::State& state) {
  const std::string text = lines(0);
  double total = 0;
  for (auto _ : state) {
    const char* at = text.data();
    const char* const end = at + text.size();
    while (const void* found = std::memchr(at, '\n', static_cast<std::size_t>(end - at))) {
      at = static_cast<const char*>(found) + 1;
      ++total;
    }
    benchmark::DoNotOptimize(at);
  }
  state.counters["lines/s"] = benchmark::Counter(total, benchmark::Counter::kIsRate);
}
BENCHMARK(only_newlines);

}  // namespace

BENCHMARK_MAIN();
