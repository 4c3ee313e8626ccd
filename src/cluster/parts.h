// The adapters of one release on a cluster and what holds them together: reads as the wiring
// diagram.
#pragma once

#include <memory>
#include <string>

#include "api/changes.h"
#include "cluster/drive.h"
#include "cluster/guarded.h"
#include "cluster/metrics.h"
#include "engine/release_loop.h"
#include "kubernetes/config_map_store.h"
#include "kubernetes/rbac.h"
#include "kubernetes/recipe_router.h"
#include "notify/webhook_notifier.h"
#include "runtime/doorbell.h"
#include "runtime/log.h"
#include "runtime/zone_calendar.h"

namespace boost::asio {
class io_context;
}

namespace linnet::cluster {

class Parts {
 public:
  /// What all of it lives on; outlives it.
  struct Ground {
    boost::asio::io_context& io;
    Clock& clock;
    runtime::Log& log;
    api::Changes& changes;
  };
  /// Reads the kubeconfig and the recipes; asks nobody yet. Code::invalid, Code::not_found.
  static Result<std::unique_ptr<Parts>> make(Ground ground, const DriveOptions& options);
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  /// Everything that keeps its copy of the cluster fresh.
  void watch(runtime::TaskGroup& tasks);
  /// Waits until the watches have seen the cluster once; the error says what cannot be seen.
  Task<Result<void>> first_look(Deadline deadline);
  /// The rights that a release needs once `init` has made its objects.
  [[nodiscard]] std::vector<kubernetes::Rule> rules() const;
  /// Something was seen to change: the engine and those who follow look again.
  void wake();
  /// A line for the journal.
  void note(const std::string& kind, const std::string& text);

  Ground ground;
  core::Release release;
  recipes::OwnRecipes own;  // from beside the spec, or as the cluster keeps them with it
  bool looks_once = false;  // see DriveOptions
  kubernetes::Names names;
  runtime::AsioDoorbell doorbell;
  runtime::ZoneCalendar calendar;

  // In the order in which they depend on each other.
  std::unique_ptr<net::Curl> curl;
  std::unique_ptr<kubernetes::Client> client;
  std::unique_ptr<kubernetes::ConfigMapStore> store;
  std::unique_ptr<kubernetes::Lease> lease;
  std::unique_ptr<kubernetes::EventPoster> events;
  std::unique_ptr<kubernetes::DeploymentsWorkload> workload;
  std::unique_ptr<kubernetes::RecipeRouter> router;
  std::unique_ptr<ReleaseMetrics> metrics;
  std::unique_ptr<SummedSource> counts;
  std::unique_ptr<LeasedRouter> leased_router;
  std::unique_ptr<LeasedWorkload> leased_workload;
  std::unique_ptr<ToldStore> told_store;
  std::unique_ptr<notify::WebhookNotifier> notifier;
  std::unique_ptr<engine::ReleaseLoop> loop;

 private:
  Parts(Ground ground, const DriveOptions& options);
  Result<void> connect(const DriveOptions& options);
  Result<void> connect_ports(const core::RecipeTraffic& traffic);
};

}  // namespace linnet::cluster
