// A metrics' dialect as data: recipes/metrics/NAME.yaml says which series count the requests of
// each track, which of them are bad, and where latencies stand. One recipe serves both ways of
// reading: by query from Prometheus, and by scraping the exposition text. Pure.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/observation.h"
#include "recipes/router.h"

namespace linnet::recipes {

using Labels = std::map<std::string, std::string>;

/// One number of a metrics page or of a query's answer.
struct Series {
  std::string metric;  // "traefik_service_requests_total"
  Labels labels;       // "le" among them for histogram buckets; "instance" of the page it came from
  double value = 0;
};

/// What a series counts for a release.
struct Role {
  core::Track track = core::Track::stable;
  enum class Counts { requests, bad_requests, latency_bucket } counts = Counts::requests;
  double le_ms = 0;      // latency_bucket: its upper bound, +Inf included
  std::string instance;  // of the track (a pod), when the dialect tells instances apart
};

class MetricRecipe {
 public:
  static Result<MetricRecipe> read(std::string_view yaml, const std::string& file);

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] const std::string& summary() const;
  [[nodiscard]] const std::string& tried() const;

  /// `with` of the router plus `metrics.with`. Code::invalid names what is missing.
  Result<void> check(const Parameters& with) const;
  /// Nothing: not a series of this release.
  [[nodiscard]] std::optional<Role> role(const Parameters& with, const Series& series) const;
  /// PromQL selectors whose instant vectors hold every series that role() may know: raw counters,
  /// never rates, so that increments are counted here and not extrapolated.
  Result<std::vector<std::string>> selectors(const Parameters& with) const;

 private:
  struct Recipe;
  std::shared_ptr<const Recipe> recipe_;
};

const std::map<std::string, std::string>& built_in_metrics();

}  // namespace linnet::recipes
