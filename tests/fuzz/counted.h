// Counts a turn of metrics pages and checks what must hold of it, whatever the pages say.
#pragma once

#include <algorithm>
#include <vector>

#include "prometheus/series_counter.h"

namespace linnet::fuzz {

inline void check_counts(const core::Counts& counts, std::size_t buckets) {
  CHECK(counts.requests >= 0 && counts.bad >= 0 && counts.bad <= counts.requests);
  CHECK(counts.latency.size() == buckets);
  CHECK(std::all_of(counts.latency.begin(), counts.latency.end(), [](auto n) { return n >= 0; }));
}

inline prometheus::Counted counted(const prometheus::Baseline& before,
                                   const std::vector<prometheus::Page>& pages, WallTime at) {
  const std::vector<double> boundaries{5, 10, 25, 50, 100, 250, 1000, 2500};
  prometheus::CounterOptions options;
  options.boundaries_ms = boundaries;
  auto turn = prometheus::SeriesCounter(options).count(before, pages, at);
  CHECK(turn.has_value());
  for (const core::Counts* counts : {&turn->sample.stable, &turn->sample.canary})
    check_counts(*counts, boundaries.size() + 1);
  std::int64_t sum = 0;
  for (const core::InstanceCounts& one : turn->sample.stable_instances) {
    check_counts(one.counts, boundaries.size() + 1);
    sum += one.counts.requests;
  }
  CHECK(sum <= turn->sample.stable.requests);
  CHECK(prometheus::Baseline::parse(turn->next.text()).value() == turn->next);
  (void)prometheus::inexact_limits(turn->next, {100, 300});
  return *std::move(turn);
}

}  // namespace linnet::fuzz
