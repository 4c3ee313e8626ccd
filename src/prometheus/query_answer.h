// An answer of Prometheus' query API (and of Thanos, Mimir, Cortex and VictoriaMetrics, which copy
// it): docs/querying/api.md of prometheus/prometheus.
#pragma once

#include <string_view>
#include <vector>

#include "recipes/metric.h"

namespace linnet::prometheus {

struct QueryAnswer {
  std::vector<recipes::Series> series;
  std::size_t native_histograms = 0;  // elements that have a histogram instead of a value
};

/// Of an instant query: a vector or a scalar. Code::unavailable: a warning (the data is partial),
/// or the server could not execute or had no time; Code::invalid: it does not understand the query,
/// or this is no such answer. `status` is the HTTP status.
Result<QueryAnswer> read_query_answer(int status, std::string_view body);

}  // namespace linnet::prometheus
