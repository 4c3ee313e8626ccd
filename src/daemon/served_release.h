// One release as the daemon serves it: its adapters, its loop, and the coroutines that keep them
// alive. Made anew when the spec changes; processes and NGINX live on and are taken over again.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/backend.h"
#include "engine/release_loop.h"
#include "local/access_log_source.h"
#include "local/nginx_file_router.h"
#include "local/nginx_instance.h"
#include "local/nginx_status.h"
#include "local/process_workload.h"
#include "local/sqlite_store.h"
#include "notify/webhook_notifier.h"
#include "runtime/doorbell.h"
#include "runtime/log.h"
#include "runtime/task_group.h"

namespace boost::asio {
class io_context;
}

namespace linnet::daemon {

/// What all releases share; outlives them.
struct Shared {
  boost::asio::io_context& io;
  Clock& clock;
  runtime::Log& log;
  runtime::AsioDoorbell& doorbell;
  local::SqliteStore& store;
  Journal& journal;
  Calendar& calendar;
  notify::WebhookNotifier::GetClient curl;
  std::string state_dir;
  std::string search_path;  // PATH, to find nginx
};

class ServedRelease {
 public:
  /// Sets the directories and slots up; starts nothing. Code::invalid: the spec is for a cluster.
  static Result<std::unique_ptr<ServedRelease>> make(Shared& shared, core::Release release,
                                                     std::function<void()> changed);
  ServedRelease(const ServedRelease&) = delete;
  ServedRelease& operator=(const ServedRelease&) = delete;

  void start();
  /// Ends the coroutines. Instances and NGINX go on.
  Task<void> stop();

  [[nodiscard]] const core::Release& release() const { return loop_.release(); }
  [[nodiscard]] const engine::ReleaseLoop& loop() const { return loop_; }
  [[nodiscard]] const local::AccessLogSource& log_source() const { return metrics_; }
  [[nodiscard]] const local::ProcessWorkload& workload() const { return workload_; }
  [[nodiscard]] const local::NginxInstance* nginx() const { return nginx_.get(); }
  [[nodiscard]] const local::WeightSwitch& weight_switch() const { return switch_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const std::string& access_log() const { return access_log_; }
  /// Why NGINX does not run; empty when it does.
  [[nodiscard]] const std::string& nginx_trouble() const { return router_.trouble; }

  /// The file of an existing NGINX: where it is written, empty with an NGINX of our own.
  [[nodiscard]] std::string include_file() const;

 private:
  // Reads nothing before NGINX has run once, so that `init` reports a port that is taken.
  struct Router final : TrafficRouter {
    explicit Router(const local::WeightSwitch& weight_switch) : file(weight_switch) {}
    Task<Result<core::TrafficSeen>> read(Deadline deadline) override;
    Task<Result<void>> set(core::SetWeight level, Deadline deadline) override;
    local::NginxFileRouter file;
    bool up = false;
    std::string trouble = "NGINX is being started";
  };

  ServedRelease(Shared& shared, core::Release release, local::Slots slots,
                std::function<void()> changed);
  Task<void> run_nginx();
  Result<void> write_include();
  void say(const std::string& text);

  Shared& shared_;
  std::string name_;
  std::string directory_;
  std::string access_log_;
  local::Slots slots_;
  local::WeightSwitch switch_;
  Router router_;
  std::unique_ptr<local::NginxInstance> nginx_;
  std::unique_ptr<local::LossMeter> loss_;
  local::AccessLogSource metrics_;
  local::ProcessWorkload workload_;
  notify::WebhookNotifier notifier_;
  engine::ReleaseLoop loop_;
  runtime::TaskGroup tasks_;
};

}  // namespace linnet::daemon
