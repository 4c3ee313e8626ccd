// `linnet serve`: the daemon of one machine. Owns every release, answers the API, and ends in
// order.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "api/backend.h"
#include "api/changes.h"
#include "daemon/served_release.h"
#include "runtime/paths.h"

namespace linnet::daemon {

struct ServeOptions {
  runtime::Paths paths;
  std::string search_path;     // PATH
  std::string program;         // this very binary, for the guardian
  std::string metrics_listen;  // "127.0.0.1:9478"; empty: only over the socket
  Duration guardian_limit = 10s;
  bool hold = false;  // at the end, a running rollout stays as it is
};

/// Runs until SIGTERM, SIGINT or a shutdown request. Returns the exit code; troubles go to the log.
int serve(const ServeOptions& options);

/// The releases and what is asked of them.
class Daemon final : public api::Backend {
 public:
  Daemon(Shared shared, api::Changes& changes, std::string version);
  ~Daemon() override;

  /// Takes up every release of the store. One that cannot be is reported in the log; others go on.
  Task<void> take_up();
  /// Takes running rollouts back (unless `hold`), waits for that, then stops all loops.
  Task<void> wind_down(bool hold);
  /// Completed by shutdown().
  Task<bool> shutdown_asked();

  api::DaemonInfo info() override;
  Task<Result<api::PutSpec>> put_spec(std::string release, std::string yaml,
                                      std::string file) override;
  Task<Result<std::vector<api::StatusView>>> releases() override;
  Task<Result<api::StatusView>> status(std::string release) override;
  Task<Result<std::string>> spec(std::string release) override;
  Task<Result<std::int64_t>> add_intent(std::string release, core::Intent intent) override;
  Task<Result<std::optional<core::Answer>>> intent_state(std::string release,
                                                         std::int64_t id) override;
  Task<Result<std::int64_t>> journal_end(std::string release) override;
  Task<Result<std::vector<wire::JournalLine>>> journal(std::string release, std::int64_t after,
                                                       int limit) override;
  Task<Result<std::vector<core::RolloutRecord>>> history(std::string release, int limit) override;
  Task<Result<api::CountsView>> counts(std::string release) override;
  Task<Result<std::vector<api::InstanceView>>> instances(std::string release) override;
  Task<Result<std::vector<api::Finding>>> doctor(std::string release) override;
  Task<Result<api::Plan>> plan(std::string release, std::string version) override;
  Task<Result<api::MetricsView>> metrics() override;
  void shutdown(bool hold) override;

 private:
  Result<ServedRelease*> find(const std::string& release);
  Result<void> serve_release(core::Release release);
  api::StatusView view(const ServedRelease& served) const;
  api::CountsView counts_of(const ServedRelease& served) const;

  Shared shared_;
  api::Changes& changes_;
  std::string version_;
  WallTime started_;
  std::map<std::string, std::unique_ptr<ServedRelease>> releases_;
  runtime::AsioDoorbell shutdown_bell_;
  bool shutdown_ = false;
  bool shutdown_hold_ = false;
  bool ending_ = false;
};

}  // namespace linnet::daemon
