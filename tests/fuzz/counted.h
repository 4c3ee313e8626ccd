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
                                   const std::vector<prometheus::Page>& pages, WallTime at,
                                   bool older_readings) {
  const std::vector<double> boundaries{5, 10, 25, 50, 100, 250, 1000, 2500};
  const prometheus::SeriesCounter counter(
      {.boundaries_ms = boundaries, .older_readings = older_readings});
  auto counted = counter.count(before, pages, at);
  CHECK(counted.has_value());
  for (const core::Counts* counts : {&counted->sample.stable, &counted->sample.canary})
    check_counts(*counts, boundaries.size() + 1);
  std::int64_t sum = 0;
  for (const core::InstanceCounts& one : counted->sample.stable_instances) {
    check_counts(one.counts, boundaries.size() + 1);
    sum += one.counts.requests;
  }
  CHECK(sum <= counted->sample.stable.requests);
  CHECK(prometheus::Baseline::parse(counted->next.text()).value() == counted->next);
  (void)prometheus::inexact_limits(counted->next, {100, 300});
  return *std::move(counted);
}

}  // namespace linnet::fuzz
