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
  std::string own_recipe;  // the user's; empty: the program's
};

/// `source` beside the watch that it needs, if any.
class ReleaseMetrics {
 public:
  /// Always makes one: without its recipe a release cannot be judged, but it must still be possible
  /// to take it back. What is missing is told whenever it is asked for numbers.
  static std::unique_ptr<ReleaseMetrics> make(MetricNeeds needs, const core::Release& release);
  void watch(runtime::TaskGroup& tasks);
  /// The pods whose pages are read are known.
  [[nodiscard]] bool is_listed() const { return !pods_ || pods_->fresh(); }
  [[nodiscard]] MetricSource& source() { return *source_; }
  /// Code::invalid: no such recipe, or parameters are missing; Code::not_found: a file is named
  /// that does not exist. No rollout may begin so.
  [[nodiscard]] const Result<void>& usable() const { return usable_; }
  /// Where the numbers come from, for doctor and messages.
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  Result<void> connect(MetricNeeds needs, const core::Release& release);

  Result<void> usable_;
  std::unique_ptr<kubernetes::Cache> pods_;  // of the pages that are read directly
  std::unique_ptr<MetricSource> source_;
  std::string where_;
};

/// Secrets and certificates of the spec that cannot be read here, a sentence each that names the
/// variable or file: found before users are on the canary, and without asking anybody.
std::vector<std::string> metrics_obstacles(const core::Metrics& metrics);

/// The URL of a metrics page of a pod with this address, of either family.
std::string page_url(const std::string& address, const std::string& port, const std::string& path);

/// Which recipe says how the release's numbers are read.
const std::string& metric_recipe(const core::Release& release);
/// Parameters of a metrics recipe: the router's, the spec's own, and the names of the release.
recipes::Parameters metric_parameters(const core::Release& release, const kubernetes::Names& names);

}  // namespace linnet::cluster
