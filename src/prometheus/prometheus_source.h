// MetricSource that asks Prometheus, or what speaks its query API. It asks for the raw counters of
// all series of a release in one query, and counts their growth itself: rate() and increase()
// extrapolate, and say nothing where there were no errors.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ports/ports.h"
#include "prometheus/query_answer.h"
#include "prometheus/series_counter.h"
#include "prometheus/store_client.h"
#include "recipes/metric.h"

namespace linnet::prometheus {

/// Told each remark once until it has not been true for a while: "trouble" lines of the journal.
using Tell = std::function<void(const core::Entry&)>;

/// Says the same thing only once.
class Remarks {
 public:
  explicit Remarks(Tell tell) : tell_(std::move(tell)) {}
  void say(const std::string& text);
  void say_all(const std::vector<std::string>& texts);
  /// What was said so far, for doctor.
  [[nodiscard]] const std::set<std::string>& said() const { return said_; }

 private:
  Tell tell_;
  std::set<std::string> said_;
};

struct PrometheusOptions {
  recipes::MetricRecipe recipe;
  recipes::Parameters with;           // of router and metrics, namespace, release, deployments
  std::vector<double> boundaries_ms;  // core::latency_boundaries(release)
  std::vector<double> limits_ms;      // of the latency checks
  Duration every = 1s;                // asked no more often: the answer before stands
};

/// Pages of Prometheus are its targets: job and instance.
class PrometheusSource final : public MetricSource {
 public:
  /// Code::invalid: parameters are missing. `clock` outlives it.
  static Result<std::unique_ptr<PrometheusSource>> make(Clock& clock, PrometheusOptions options,
                                                        StoreClient client, Tell tell);

  /// Cursor: Baseline::text(); one that is none of ours starts anew, and Sample::lost is 1.
  /// No series at all is a sample without requests. Code::unavailable: no answer or partial data.
  Task<Result<core::Sample>> since(std::string cursor, Deadline deadline) override;

  [[nodiscard]] const Remarks& remarks() const { return remarks_; }
  /// The whole query, for doctor and for people who try it themselves.
  [[nodiscard]] const std::string& query() const { return query_; }

 private:
  PrometheusSource(Clock& clock, PrometheusOptions options, StoreClient client, Tell tell,
                   recipes::Roles roles, std::string query);
  Task<Result<std::vector<Page>>> ask(WallTime at, Deadline deadline);

  Clock& clock_;
  PrometheusOptions options_;
  StoreClient client_;
  Remarks remarks_;
  recipes::Roles roles_;
  std::string query_;
  SeriesCounter counter_;
  std::vector<Page> last_;
  std::optional<MonoTime> asked_;
  WallTime asked_for_;
};

/// An answer's series by target, and when that was scraped.
std::vector<Page> pages_of(const recipes::Roles& roles, const QueryAnswer& answer);
/// The cursor's baseline, or a fresh one with `lost` set for a text that is none.
Baseline baseline_of(const std::string& cursor, bool& lost);
/// What every source ends with: counts, the cursor, remarks.
Result<core::Sample> finished(Result<Counted> counted, bool lost,
                              const std::vector<double>& limits_ms, Remarks& remarks);

}  // namespace linnet::prometheus
