// MetricSource over a store that answers JSON: counts of whole windows of the past, from where the
// cursor ends to where the store is known to be complete.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ports/ports.h"
#include "prometheus/prometheus_source.h"
#include "prometheus/store_client.h"
#include "recipes/metric_json.h"

namespace linnet::prometheus {

struct JsonHttpOptions {
  recipes::MetricRecipe recipe;  // of the JSON kind
  recipes::Parameters with;
};

class JsonHttpSource final : public MetricSource {
 public:
  /// Code::invalid: parameters are missing, or the recipe is of another kind. `clock` outlives it.
  static Result<std::unique_ptr<JsonHttpSource>> make(Clock& clock, JsonHttpOptions options,
                                                      StoreClient client, Tell tell);

  /// Cursor: "t" and the end of the last window in ms. One that is none of these starts anew.
  /// Latencies are not asked for: Counts::latency is empty.
  Task<Result<core::Sample>> since(std::string cursor, Deadline deadline) override;

 private:
  JsonHttpSource(Clock& clock, JsonHttpOptions options, StoreClient client, Tell tell);
  Task<Result<std::int64_t>> ask(recipes::JsonDialect::Query query, recipes::JsonWindow window,
                                 Deadline deadline);
  Task<void> ask_into(recipes::JsonDialect::Query query, recipes::JsonWindow window,
                      Deadline deadline, Result<std::int64_t>* to);

  Clock& clock_;
  JsonHttpOptions options_;
  StoreClient client_;
  Remarks remarks_;
};

/// The number in an answer, scaled and rounded. Nothing: no value is there. Code::unavailable: the
/// answer names an error; Code::invalid: no JSON, or what stands there is no count.
Result<std::optional<std::int64_t>> number_of(const recipes::JsonDialect& dialect,
                                              std::string_view body);

}  // namespace linnet::prometheus
