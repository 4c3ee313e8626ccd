#include "daemon/daemon.h"

#include <unistd.h>

#include <algorithm>

#include "api/plan.h"
#include "core/stable_watch.h"
#include "daemon/doctor.h"
#include "runtime/with_deadline.h"
#include "spec/read.h"
#include "spec/write.h"

namespace linnet::daemon {
namespace {

// Beyond the longest drain and kill, so that a rollback is finished before the daemon goes.
constexpr Duration wind_down_margin = 10s;

Duration longest_stop(const core::Release& release) {
  const auto* process = std::get_if<core::ProcessWorkload>(&release.workload);
  return process == nullptr ? 0ms : process->stop.drain + process->stop.kill_after;
}

}  // namespace

Daemon::Daemon(Shared shared, api::Changes& changes, std::string version)
    : shared_(std::move(shared)),
      changes_(changes),
      version_(std::move(version)),
      started_(shared_.clock.now().wall),
      shutdown_bell_(shared_.io.get_executor()) {}

Daemon::~Daemon() = default;

Task<void> Daemon::take_up() {
  Result<std::vector<local::StoredRelease>> stored = shared_.store.releases();
  if (!stored) {
    shared_.log.error("reading the releases: {}", stored.error().message);
    co_return;
  }
  for (const local::StoredRelease& row : *stored) {
    spec::ReadSpecs read = spec::read_specs(row.spec_yaml, "the store, release " + row.name);
    if (!read.mistakes.empty() || read.releases.size() != 1) {
      shared_.log.error("release {} is left alone: its stored spec cannot be read: {}", row.name,
                        read.mistakes.empty() ? "no release" : read.mistakes[0].text());
      continue;
    }
    if (auto ok = serve_release(std::move(read.releases[0])); !ok)
      shared_.log.error("release {} is left alone: {}", row.name, ok.error().message);
  }
}

Result<void> Daemon::serve_release(core::Release release) {
  const std::string name = release.name;
  TRY(served,
      ServedRelease::make(shared_, std::move(release), [this, name] { changes_.ring(name); }));
  served->start();
  releases_[name] = std::move(served);
  return {};
}

Result<ServedRelease*> Daemon::find(const std::string& release) {
  const auto found = releases_.find(release);
  if (found == releases_.end())
    return fail(Code::not_found,
                "there is no release '{}' on this machine; `linnet init` creates it", release);
  return found->second.get();
}

Task<void> Daemon::wind_down(bool hold) {
  ending_ = true;
  Duration limit = 0ms;
  for (auto& [name, served] : releases_) {
    const auto& record = served->loop().record();
    if (!record || !core::is_running(record->status.phase)) continue;
    core::Intent intent;
    intent.kind = core::Intent::Kind::interrupt;
    intent.by = "linnet serve";
    intent.why = "the daemon was told to stop";
    intent.hold = hold;
    if (auto added = shared_.store.add_intent(name, intent); !added)
      shared_.log.error("{}: cannot be taken back: {}", name, added.error().message);
    shared_.doorbell.ring(name);
    const bool held = hold || (record->status.rollout && record->status.rollout->hold);
    if (!held) limit = std::max(limit, longest_stop(served->release()) + wind_down_margin);
  }
  const MonoTime end = shared_.clock.now().mono + limit;
  const auto busy = [this] {
    return std::any_of(releases_.begin(), releases_.end(), [](const auto& item) {
      const auto& record = item.second->loop().record();
      return record && core::is_running(record->status.phase);
    });
  };
  while (limit > 0ms && busy() && shared_.clock.now().mono < end) co_await runtime::sleep_for(20ms);
  for (auto& [name, served] : releases_) co_await served->stop();
}

void Daemon::shutdown(bool hold) {
  shutdown_ = true;
  shutdown_hold_ = hold;
  shutdown_bell_.ring("shutdown");
}

Task<bool> Daemon::shutdown_asked() {
  while (!shutdown_) co_await shutdown_bell_.wait("shutdown", 1h);
  co_return shutdown_hold_;
}

api::DaemonInfo Daemon::info() { return {version_, getpid(), started_}; }

Task<Result<api::PutSpec>> Daemon::put_spec(std::string release, std::string yaml,
                                            std::string file) {
  if (ending_) co_return fail(Code::unavailable, "the daemon is ending");
  const spec::ReadSpecs read = spec::read_specs(yaml, file);
  api::PutSpec answer;
  answer.mistakes = read.mistakes;
  if (!answer.mistakes.empty()) co_return answer;
  const auto wanted = std::find_if(read.releases.begin(), read.releases.end(),
                                   [&](const core::Release& r) { return r.name == release; });
  if (wanted == read.releases.end())
    co_return fail(Code::invalid, "{} holds no release '{}'", file, release);
  const auto found = releases_.find(release);
  const bool is_new = found == releases_.end();
  if (!is_new && found->second->release() == *wanted) co_return answer;
  if (!is_new) {
    const auto& record = found->second->loop().record();
    if (record && core::is_running(record->status.phase))
      co_return fail(Code::conflict,
                     "the spec differs from the one that rollout {} runs with; finish or roll it "
                     "back first",
                     record->status.rollout ? record->status.rollout->id : std::string());
  }
  CO_TRY_VOID(shared_.store.put_release(release, spec::to_yaml(*wanted)));
  if (!is_new) {
    co_await found->second->stop();
    releases_.erase(release);
  }
  CO_TRY_VOID(serve_release(*wanted));
  answer.changed = true;
  co_return answer;
}

api::StatusView Daemon::view(const ServedRelease& served) const {
  api::StatusView view;
  view.release = served.release();
  if (served.loop().record()) view.status = served.loop().record()->status;
  view.seen = served.loop().workload();
  if (!served.nginx_trouble().empty() && view.status.reason.empty())
    view.status.reason = served.nginx_trouble();
  return view;
}

Task<Result<std::vector<api::StatusView>>> Daemon::releases() {
  std::vector<api::StatusView> all;
  for (const auto& [name, served] : releases_) all.push_back(view(*served));
  co_return all;
}

Task<Result<api::StatusView>> Daemon::status(std::string release) {
  CO_TRY(served, find(release));
  co_return view(*served);
}

Task<Result<std::string>> Daemon::spec(std::string release) {
  CO_TRY(served, find(release));
  co_return spec::to_yaml(served->release());
}

Task<Result<std::int64_t>> Daemon::add_intent(std::string release, core::Intent intent) {
  CO_TRY_VOID(find(release));
  if (ending_) co_return fail(Code::unavailable, "the daemon is ending");
  CO_TRY(id, shared_.store.add_intent(release, intent));
  shared_.doorbell.ring(release);
  co_return id;
}

Task<Result<std::optional<core::Answer>>> Daemon::intent_state(std::string release,
                                                               std::int64_t id) {
  CO_TRY(state, shared_.store.intent_state(id));
  if (state.release != release)
    co_return fail(Code::not_found, "release {} has no intent {}", release, id);
  co_return state.answer;
}

Task<Result<std::vector<wire::JournalLine>>> Daemon::journal(std::string release,
                                                             std::int64_t after, int limit) {
  co_return shared_.store.journal(release, after, limit);
}

Task<Result<std::int64_t>> Daemon::journal_end(std::string release) {
  CO_TRY_VOID(find(release));
  CO_TRY(newest, shared_.store.journal_tail(release, 1));
  co_return newest.empty() ? 0 : newest.back().seq;
}

Task<Result<std::vector<core::RolloutRecord>>> Daemon::history(std::string release, int limit) {
  co_return shared_.store.history(release, limit);
}

api::CountsView Daemon::counts_of(const ServedRelease& served) const {
  const local::Counters& totals = served.log_source().totals();
  return {core::latency_boundaries(served.release()), totals.stable, totals.canary, totals.lost,
          shared_.clock.now().wall};
}

Task<Result<api::CountsView>> Daemon::counts(std::string release) {
  CO_TRY(served, find(release));
  co_return counts_of(*served);
}

Task<Result<std::vector<api::InstanceView>>> Daemon::instances(std::string release) {
  CO_TRY(served, find(release));
  std::vector<api::InstanceView> out;
  for (const local::ProcessView& view : served->workload().processes())
    out.push_back({view.track, view.instance, view.pid, view.port, view.log});
  co_return out;
}

Task<Result<std::vector<api::Finding>>> Daemon::doctor(std::string release) {
  CO_TRY(served, find(release));
  co_return examine(*served, shared_);
}

Task<Result<api::Plan>> Daemon::plan(std::string release, std::string version) {
  CO_TRY(served, find(release));
  const core::Status status =
      served->loop().record() ? served->loop().record()->status : core::Status{};
  api::Plan plan;
  plan.steps = api::plan_of(served->release(), status, version);
  co_return plan;
}

Task<Result<api::MetricsView>> Daemon::metrics() {
  api::MetricsView out;
  out.started = started_;
  out.version = version_;
  for (const auto& [name, served] : releases_) {
    api::ReleaseMetrics m;
    m.release = name;
    if (served->loop().record()) {
      const core::Status& status = served->loop().record()->status;
      m.phase = status.phase;
      m.weight_wanted = status.weight;
      m.weight_in_force = status.weight_seen;
      m.placebo = core::placebo_verdict(served->release(), status.evidence).highest;
      m.placebo_broken = status.evidence.placebo_broken;
    }
    m.counts = counts_of(*served);
    const engine::TurnStats& stats = served->loop().stats();
    m.turns = stats.turns;
    m.turn_seconds = static_cast<double>(stats.busy_ms) / 1000.0;
    m.failed_turns = stats.failed;
    out.releases.push_back(std::move(m));
  }
  co_return out;
}

}  // namespace linnet::daemon
