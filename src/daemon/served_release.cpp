#include "daemon/served_release.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "local/nginx_config.h"
#include "runtime/with_deadline.h"

namespace linnet::daemon {
namespace {

constexpr Duration nginx_deadline = 15s;
constexpr Duration nginx_retry = 2s;

const core::ProcessWorkload& process_of(const core::Release& release) {
  return std::get<core::ProcessWorkload>(release.workload);
}

const core::NginxTraffic& nginx_of(const core::Release& release) {
  return std::get<core::NginxTraffic>(release.traffic);
}

std::string directory_of(const Shared& shared, const std::string& name) {
  return shared.state_dir + "/releases/" + name;
}

}  // namespace

Task<Result<core::TrafficSeen>> ServedRelease::Router::read(Deadline deadline) {
  if (!up) co_return fail(Code::unavailable, "{}", trouble);
  co_return co_await file.read(deadline);
}

Task<Result<void>> ServedRelease::Router::set(core::SetWeight level, Deadline deadline) {
  co_return co_await file.set(level, deadline);
}

Result<std::unique_ptr<ServedRelease>> ServedRelease::make(Shared& shared, core::Release release,
                                                           std::function<void()> changed) {
  if (!std::holds_alternative<core::ProcessWorkload>(release.workload) ||
      !std::holds_alternative<core::NginxTraffic>(release.traffic))
    return fail(Code::invalid,
                "release {} is for a cluster: the daemon serves spec.workload.process behind "
                "spec.traffic.nginx",
                release.name);
  const std::string directory = directory_of(shared, release.name);
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed) return fail(Code::unavailable, "creating {}: {}", directory, failed.message());
  if (geteuid() == 0) chmod(directory.c_str(), 0711);  // NGINX's workers pass; see serve.cpp
  TRY(chosen, local::choose_slots(directory, process_of(release)));
  if (chosen.grown)
    shared.log.info(
        "{}: slots were added; NGINX needs a reload, which closes idle keepalive connections",
        release.name);
  auto served = std::unique_ptr<ServedRelease>(
      new ServedRelease(shared, std::move(release), chosen.slots, std::move(changed)));
  TRY_VOID(served->switch_.prepare());
  return served;
}

ServedRelease::ServedRelease(Shared& shared, core::Release release, local::Slots slots,
                             std::function<void()> changed)
    : shared_(shared),
      name_(release.name),
      directory_(directory_of(shared, release.name)),
      access_log_(directory_ + "/access.log"),
      slots_(std::move(slots)),
      switch_(shared.state_dir + "/switches/" + name_),
      router_(switch_),
      metrics_(shared.io, shared.clock,
               local::AccessLogOptions{access_log_,
                                       core::latency_boundaries(release),
                                       slots_.canary,
                                       slots_.stable,
                                       [this]() -> Result<void> {
                                         return nginx_ ? nginx_->reopen_logs() : Result<void>();
                                       },
                                       {},
                                       nullptr}),
      workload_(
          shared.io.get_executor(), name_, process_of(release), slots_, directory_,
          [this] { shared_.doorbell.ring(name_); }, shared.clock),
      notifier_(
          shared.io.get_executor(), shared.curl, name_, release.notify,
          [this](const core::Entry& entry) { shared_.journal.note(name_, entry); },
          [this] { shared_.doorbell.ring(name_); }),
      loop_(std::move(release),
            Ports{shared.clock, shared.doorbell, shared.store, shared.journal, workload_, router_,
                  metrics_, notifier_, shared.calendar},
            std::move(changed)),
      tasks_(shared.io.get_executor(), [this](const std::string& task, const std::string& what) {
        shared_.log.error("{}: {} ended: {}", name_, task, what);
      }) {}

void ServedRelease::start() {
  workload_.start();
  tasks_.spawn("nginx", run_nginx());
  tasks_.spawn("loop", loop_.run());
}

Task<void> ServedRelease::stop() {
  tasks_.cancel();
  workload_.stop();
  co_await tasks_.join();
}

std::string ServedRelease::include_file() const { return nginx_of(release()).include; }

void ServedRelease::say(const std::string& text) { shared_.journal.note(name_, {"trouble", text}); }

Result<void> ServedRelease::write_include() {
  const local::NginxRelease wanted{name_,  nginx_of(release()).listen, nginx_of(release()).sticky,
                                   slots_, switch_.directory(),        access_log_};
  TRY(text, local::include_config(wanted));
  const std::string file = include_file();
  std::ofstream out(file + ".new", std::ios::trunc);
  out << text.http;
  out.close();
  if (!out) return fail(Code::unavailable, "writing {}.new: is its directory writable?", file);
  std::error_code failed;
  std::filesystem::rename(file + ".new", file, failed);
  if (failed) return fail(Code::unavailable, "renaming {}.new: {}", file, failed.message());
  return {};
}

// Starts NGINX, or finds the one that runs, and starts it again whenever it dies.
Task<void> ServedRelease::run_nginx() {
  for (;;) {
    Error problem;
    if (!include_file().empty()) {
      const Result<void> written = write_include();
      if (written) {
        router_.up = true;
        router_.trouble.clear();
        shared_.doorbell.ring(name_);
        co_return;
      }
      problem = written.error();
    } else {
      const Result<std::string> binary = local::find_nginx(shared_.search_path);
      const Result<local::WorkerUser> user = local::nginx_worker_user();
      if (!binary)
        problem = binary.error();
      else if (!user)
        problem = user.error();
      else {
        nginx_ = std::make_unique<local::NginxInstance>(
            shared_.io, shared_.clock, local::NginxInstanceOptions{*binary, directory_ + "/nginx"});
        local::NginxOwn own;
        own.prefix = directory_ + "/nginx";
        own.worker_user = user->name;
        own.releases = {{name_, nginx_of(release()).listen, nginx_of(release()).sticky, slots_,
                         switch_.directory(), access_log_}};
        const Deadline deadline = shared_.clock.now().mono + nginx_deadline;
        Result<local::Applied> applied = co_await nginx_->apply(std::move(own), deadline);
        if (applied) {
          shared_.journal.note(name_, {"nginx", applied->text});
          break;
        }
        problem = applied.error();
      }
    }
    if (router_.trouble != problem.message) say(problem.message);
    router_.trouble = problem.message;
    co_await runtime::sleep_for(nginx_retry);
  }
  if (!loss_)
    loss_ = std::make_unique<local::LossMeter>(shared_.io, shared_.clock, directory_ + "/nginx",
                                               [this] { return metrics_.totals().lines; });
  metrics_.set_loss(loss_.get());
  router_.up = true;
  router_.trouble.clear();
  shared_.doorbell.ring(name_);
  std::function<void(std::string)> tell = [this](std::string text) { say(text); };
  co_await nginx_->keep_running(std::move(tell));
}

}  // namespace linnet::daemon
