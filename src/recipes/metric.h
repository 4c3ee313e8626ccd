// A metrics' dialect as data: recipes/metrics/NAME.yaml says which series count the requests of
// each track, which of them are bad, and where latencies stand. One recipe serves both ways of
// reading: by query from Prometheus, and by scraping the exposition text. A second kind asks any
// store that answers JSON over HTTP (metric_json.h). Pure.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/observation.h"
#include "recipes/router.h"

namespace linnet::recipes {

using Labels = std::map<std::string, std::string>;
using LabelView = std::pair<std::string_view, std::string_view>;

/// One number of a metrics page or of a query's answer.
struct Series {
  std::string metric;  // "traefik_service_requests_total"
  Labels labels;       // "le" among them for histogram buckets; "instance" of the page it came from
  double value = 0;
};

/// What a series counts for a release.
struct Role {
  core::Track track = core::Track::stable;
  /// A bad request is a request too: `requests` are the others.
  enum class Counts { requests, bad_requests, latency_bucket } counts = Counts::requests;
  double le_ms = 0;      // latency_bucket: its upper bound, +Inf included
  std::string instance;  // of the track (a pod), when the dialect tells instances apart

  friend bool operator==(const Role&, const Role&) = default;
};

/// A recipe with its parameters filled in: tells what each series counts. Cheap to ask; copies
/// share.
class Roles {
 public:
  /// False for metrics that count nothing here, whatever their labels.
  [[nodiscard]] bool wants(std::string_view metric) const;
  /// Nothing: not a series of this release. Of two tracks that match it is stable's.
  [[nodiscard]] std::optional<Role> of(std::string_view metric,
                                       std::span<const LabelView> labels) const;

 private:
  friend class MetricRecipe;
  struct Tables;
  std::shared_ptr<const Tables> tables_;
};

/// Where the pages stand that hold these series.
struct ScrapePlace {
  bool workload = false;   // the release's own pods, both tracks; else the pods of `selector`
  std::string name_space;  // not of workload pods
  std::string selector;    // label selector: "app.kubernetes.io/component=controller"
  std::string port;        // a number
  std::string path;        // "/metrics"

  friend bool operator==(const ScrapePlace&, const ScrapePlace&) = default;
};

struct MetricParameter {
  std::string name;
  std::string help;
  std::optional<std::vector<std::string>> fallback;  // nothing: required

  friend bool operator==(const MetricParameter&, const MetricParameter&) = default;
};

struct JsonDialect;

class MetricRecipe {
 public:
  /// Code::invalid with all mistakes: file, line, key, the nearest known key.
  static Result<MetricRecipe> read(std::string_view yaml, const std::string& file);

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] const std::string& summary() const;
  /// What it was run against, in words; starts with "not run" when it never was.
  [[nodiscard]] const std::string& tried() const;
  [[nodiscard]] const std::vector<MetricParameter>& parameters() const;

  /// `with` of the router plus `metrics.with`. Code::invalid names what is missing.
  Result<void> check(const Parameters& with) const;
  /// Code::invalid also for a recipe of the JSON kind.
  Result<Roles> roles(const Parameters& with) const;
  /// As roles(with)->of(series), for a single one.
  [[nodiscard]] std::optional<Role> role(const Parameters& with, const Series& series) const;
  /// PromQL selectors whose instant vectors hold every series that role() may know: raw counters,
  /// never rates, so that increments are counted here and not extrapolated.
  Result<std::vector<std::string>> selectors(const Parameters& with) const;
  /// Code::not_found: pages of this dialect are not scraped, only queried.
  Result<ScrapePlace> scrape(const Parameters& with) const;
  /// Null for recipes that name series.
  [[nodiscard]] const JsonDialect* json() const;

 private:
  struct Recipe;
  std::shared_ptr<const Recipe> recipe_;
};

const std::map<std::string, std::string>& built_in_metrics();

}  // namespace linnet::recipes
