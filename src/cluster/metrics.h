// The metric source that the spec asks for: Prometheus, pages read directly, or a store that
// answers JSON.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kubernetes/client.h"
#include "kubernetes/deployments_workload.h"
#include "kubernetes/names.h"
#include "net/curl.h"
#include "ports/ports.h"
#include "prometheus/prometheus_source.h"
#include "runtime/task_group.h"

namespace linnet::cluster {

/// What a source needs beside the release; outlives it.
struct MetricNeeds {
  Clock& clock;
  net::Curl& curl;
  kubernetes::Client& client;
  const kubernetes::DeploymentsWorkload& workload;
  const kubernetes::Names& names;
  prometheus::Tell tell;
  std::string recipe_folder;  // of the user; may be absent
};

/// `source` beside the watch that it needs, if any.
class ReleaseMetrics {
 public:
  /// Code::invalid: no such recipe, or parameters are missing; Code::not_found: a file is named
  /// that does not exist.
  static Result<std::unique_ptr<ReleaseMetrics>> make(MetricNeeds needs,
                                                      const core::Release& release);
  void watch(runtime::TaskGroup& tasks);
  /// The pods whose pages are read are known.
  [[nodiscard]] bool is_listed() const { return !pods_ || pods_->fresh(); }
  [[nodiscard]] MetricSource& source() { return *source_; }
  /// Where the numbers come from, for doctor and messages.
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  std::unique_ptr<kubernetes::Cache> pods_;  // of the pages that are read directly
  std::unique_ptr<MetricSource> source_;
  std::string where_;
};

/// Secrets and certificates of the spec that cannot be read here, a sentence each that names the
/// variable or file: found before users are on the canary, and without asking anybody.
std::vector<std::string> metrics_obstacles(const core::Metrics& metrics);

/// Parameters of a metrics recipe: the router's, the spec's own, and the names of the release.
recipes::Parameters metric_parameters(const core::Release& release, const kubernetes::Names& names);

}  // namespace linnet::cluster
