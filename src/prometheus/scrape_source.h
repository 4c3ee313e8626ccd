// MetricSource that reads metrics pages itself, each turn: an ingress controller's or the pods'.
// Verdicts then wait for no scrape interval. How a page is reached (directly, or through the API
// server's proxy) is passed in.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/ports.h"
#include "prometheus/prometheus_source.h"
#include "prometheus/series_counter.h"
#include "recipes/metric.h"

namespace linnet::prometheus {

struct ScrapeTarget {
  std::string id;        // of the process: a pod's name or uid; a baseline belongs to it
  std::string location;  // for Fetch: a URL or a path
  /// What a page does not say of itself, as Prometheus' target labels: pod, namespace. They yield
  /// to labels of the page.
  recipes::Labels labels;

  friend bool operator==(const ScrapeTarget&, const ScrapeTarget&) = default;
};

/// The pages that exist now. Code::unavailable: cannot be known.
using Targets = std::function<Result<std::vector<ScrapeTarget>>()>;
/// A page's text. Must tolerate cancellation.
using Fetch = std::function<Task<Result<std::string>>(ScrapeTarget target, Deadline deadline)>;

struct ScrapeOptions {
  recipes::MetricRecipe recipe;
  recipes::Parameters with;
  std::vector<double> boundaries_ms;  // core::latency_boundaries(release)
  std::vector<double> limits_ms;      // of the latency checks
  std::size_t most_targets = 200;
  Duration page_limit = 1500ms;  // a page that takes longer has failed: others do not wait for it
};

class ScrapeSource final : public MetricSource {
 public:
  /// Code::invalid: parameters are missing. `clock` outlives it.
  static Result<std::unique_ptr<ScrapeSource>> make(Clock& clock, ScrapeOptions options,
                                                    Targets targets, Fetch fetch, Tell tell);

  /// A page that fails keeps its baseline: its requests come with a later call. Code::unavailable:
  /// there is no page, or all failed.
  Task<Result<core::Sample>> since(std::string cursor, Deadline deadline) override;

  struct PageState {
    std::string id;
    std::optional<MonoTime> read;  // last
    std::string trouble;           // of the last attempt; empty: it went well
  };
  /// How fresh each page is, for doctor and metrics of linnet's own.
  [[nodiscard]] const std::vector<PageState>& pages() const { return states_; }
  [[nodiscard]] const Remarks& remarks() const { return remarks_; }

 private:
  ScrapeSource(Clock& clock, ScrapeOptions options, Targets targets, Fetch fetch, Tell tell,
               recipes::Roles roles);
  void note(const std::string& id, const Result<Page>& page);
  void drop_states(const std::vector<ScrapeTarget>& targets);

  Clock& clock_;
  ScrapeOptions options_;
  Targets targets_;
  Fetch fetch_;
  Remarks remarks_;
  recipes::Roles roles_;
  SeriesCounter counter_;
  std::vector<PageState> states_;
};

/// One page's readings. Code::invalid as read_exposition.
Result<Page> read_page(const recipes::Roles& roles, const ScrapeTarget& target,
                       std::string_view text);

}  // namespace linnet::prometheus
