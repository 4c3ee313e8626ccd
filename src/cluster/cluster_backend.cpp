#include "cluster/cluster_backend.h"

#include <unistd.h>

#include <algorithm>

#include "api/plan.h"
#include "runtime/with_deadline.h"
#include "spec/read.h"
#include "spec/write.h"

namespace linnet::cluster {
namespace {

constexpr Duration first_look = 10s;    // for the caches to be filled
constexpr Duration one_call = 10s;      // to the API server
constexpr Duration lease_retry = 2s;
constexpr Duration look_again = 20ms;

}  // namespace

ClusterBackend::ClusterBackend(std::unique_ptr<Parts> parts, api::Changes& changes,
                               std::string version)
    : parts_(std::move(parts)),
      changes_(changes),
      version_(std::move(version)),
      started_(parts_->clock.now().wall),
      watches_(parts_->io.get_executor(),
               [this](const std::string& task, const std::string& what) {
                 parts_->log.error("{} ended: {}", task, what);
               }),
      engine_(parts_->io.get_executor(), [this](const std::string& task, const std::string& what) {
        parts_->log.error("{} ended: {}", task, what);
      }) {}

ClusterBackend::~ClusterBackend() = default;

void ClusterBackend::start() {
  parts_->spawn_watches(watches_);
}

Task<void> ClusterBackend::wind_down() {
  engine_.cancel();
  co_await engine_.join();
  const Deadline deadline = parts_->clock.now().mono + one_call;
  const Result<void> flushed = co_await parts_->store->flush(deadline);
  if (!flushed) parts_->log.error("the last lines of the journal are lost: {}",
                                  flushed.error().message);
  if (driving_) co_await parts_->lease->release(deadline);
  watches_.cancel();
  co_await watches_.join();
}

Result<void> ClusterBackend::is_ours(const std::string& release) const {
  if (release == parts_->release.name) return {};
  return fail(Code::not_found, "this engine drives {}, not '{}'", parts_->release.name, release);
}

Task<void> ClusterBackend::drive() {
  std::string told;
  for (;;) {
    const Result<kubernetes::Acquired> held = co_await parts_->lease->acquire();
    if (held) {
      told.clear();
      if (!held->taken_from.empty())
        parts_->note("takeover", fmt::format("takes over from {}, which was last heard of {} ago",
                                             held->taken_from, duration_text(held->silent)));
      co_await run_loop();
      continue;
    }
    const std::string& why = held.error().message;
    if (why != told) parts_->note("lease", why);
    told = why;
    co_await runtime::sleep_for(lease_retry);
  }
}

Task<void> ClusterBackend::run_loop() {
  using namespace boost::asio::experimental::awaitable_operators;
  co_await (parts_->loop->run() || parts_->lease->keep());
  parts_->note("lease", "the Lease was lost: another engine may drive this release now");
}

api::DaemonInfo ClusterBackend::info() { return {version_, ::getpid(), started_}; }

Task<Result<api::PutSpec>> ClusterBackend::put_spec(std::string release, std::string yaml,
                                                    std::string file) {
  CO_TRY_VOID(is_ours(release));
  const spec::ReadSpecs read = spec::read_specs(yaml, file);
  api::PutSpec answer;
  answer.mistakes = read.mistakes;
  if (!answer.mistakes.empty()) co_return answer;
  const Deadline deadline = parts_->clock.now().mono + one_call;
  CO_TRY_VOID(co_await parts_->ready(deadline));
  CO_TRY(kept, co_await parts_->store->spec());
  const std::string wanted = spec::to_yaml(parts_->release);
  if (kept == wanted) co_return answer;
  CO_TRY(record, co_await parts_->store->load(release));
  if (!kept.empty() && core::is_running(record.status.phase))
    co_return fail(Code::conflict,
                   "the spec differs from the one that rollout {} runs with; finish or roll it "
                   "back first",
                   record.status.rollout ? record.status.rollout->id : std::string());
  CO_TRY_VOID(co_await parts_->store->put_spec(wanted, deadline));
  answer.changed = true;
  co_return answer;
}
