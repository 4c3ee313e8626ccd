// What ClusterBackend does with a wish: the checks before it, the switch back that waits for none
// of them, and the withdrawal of what was interrupted.
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "cluster/changes.h"
#include "cluster/cluster_backend.h"
#include "kubernetes/canary_adoption.h"
#include "kubernetes/cluster_view.h"
#include "kubernetes/instances.h"
#include "kubernetes/objects.h"
#include "runtime/with_deadline.h"

namespace linnet::cluster {
namespace {

constexpr Duration withdrawn_look = 20ms;
constexpr Duration controller_is_behind = 3s;  // at most, with its word on what was just changed
constexpr Duration ask_again = 250ms;

}  // namespace

Task<Result<void>> ClusterBackend::check_rights(std::vector<recipes::Write> writes) {
  std::vector<kubernetes::Right> needed = kubernetes::rights_of(parts_->rules());
  std::erase_if(needed, [](const kubernetes::Right& right) { return right.optional; });
  for (const recipes::Write& write : writes) needed.push_back(kubernetes::right_to(write));
  std::string remedy = "`linnet rbac` prints the role that is needed";
  co_return co_await check_these(std::move(needed), std::move(remedy));
}

Task<Result<void>> ClusterBackend::check_these(std::vector<kubernetes::Right> needed,
                                               std::string remedy) {
  const Result<std::vector<kubernetes::Right>> missing = co_await kubernetes::missing_rights(
      *parts_->client, parts_->names.name_space, std::move(needed), within(some_calls));
  if (!missing || missing->empty()) co_return Result<void>();  // who cannot ask finds out later
  std::string text;
  for (const kubernetes::Right& right : *missing) text += "\n  " + right.text();
  co_return fail(Code::denied, "nothing was begun: in namespace {} the API server refuses{}\n{}",
                 parts_->names.name_space, text, remedy);
}

Task<Result<void>> ClusterBackend::check_ground(std::string version) {
  CO_TRY(now, co_await status_now());
  if (core::is_running(now.phase) && now.rollout && now.rollout->to == version)
    co_return Result<void>();
  if (const Result<void>& usable = parts_->metrics->usable(); !usable)
    co_return fail(Code::invalid, "nothing was begun: {}", usable.error().message);
  const Deadline deadline = within(some_calls);
  CO_TRY(found, co_await kubernetes::find_tracks(*parts_->client, parts_->names, deadline));
  std::string text;
  for (const kubernetes::Finding& one : kubernetes::deploy_obstacles(parts_->names, found))
    text += fmt::format("\n  {}: {}", one.cause, one.remedy);
  for (const std::string& trouble : metrics_obstacles(parts_->release.metrics))
    text += "\n  " + trouble;
  if (text.empty()) {
    const Result<std::string> splits = co_await ask_router(deadline);
    if (!splits && splits.error().code != Code::not_found) co_return fail(splits.error());
    if (!splits) text = "\n  " + splits.error().message;
    if (splits && !splits->empty())
      text = fmt::format("\n  {}: {}", *splits, router_remedy(parts_->router->carriers(), splits));
  }
  if (text.empty()) co_return Result<void>();
  co_return fail(Code::invalid, "nothing was begun:{}", text);
}

Task<Result<std::string>> ClusterBackend::ask_router(Deadline deadline) {
  const Deadline patience = within(controller_is_behind);
  for (;;) {
    Result<std::string> splits =
        co_await parts_->router->could_split(all_weights(parts_->release), deadline);
    const bool objects = splits && !splits->empty();
    if (!objects || parts_->ground.clock.now().mono >= patience) co_return splits;
    co_await runtime::sleep_for(ask_again);
  }
}

Task<Result<void>> ClusterBackend::check_deploy(std::string version) {
  using namespace boost::asio::experimental::awaitable_operators;
  const auto checks = [this, &version]() -> Task<Result<void>> {
    CO_TRY_VOID(co_await check_rights({}));
    co_return co_await check_ground(version);
  };
  const auto until_withdrawn = [this]() -> Task<void> {
    while (!withdrawn_) co_await runtime::sleep_for(withdrawn_look);
  };
  auto first = co_await (runtime::as_result(checks()) || until_withdrawn());
  if (Result<void>* checked = std::get_if<Result<void>>(&first); checked != nullptr && !withdrawn_)
    co_return std::move(*checked);
  co_return fail(Code::cancelled, "nothing was begun: the deploy of {} was interrupted", version);
}

Task<void> ClusterBackend::withdraw() {
  withdrawn_ = true;
  while (being_written_ > 0) co_await runtime::sleep_for(look_again);
}

Task<Result<void>> ClusterBackend::prepare_init(core::Intent& intent) {
  CO_TRY_VOID(parts_->metrics->usable());
  const Deadline deadline = within(some_calls);
  CO_TRY(found, co_await kubernetes::find_objects(*parts_->client, parts_->names, deadline));
  const std::string wanted = intent.version.empty() ? parts_->release.version : intent.version;
  const kubernetes::InitPlan plan = kubernetes::plan_init(parts_->names, wanted, found);
  if (!plan.obstacles.empty()) {
    std::string text = "init cannot begin:";
    for (const std::string& obstacle : plan.obstacles) text += "\n  " + obstacle;
    co_return fail(Code::invalid, "{}", text);
  }
  CO_TRY_VOID(kubernetes::check_adopted_version(parts_->names, intent.version, found));
  CO_TRY(now, co_await status_now());
  CO_TRY(adoption, co_await find_adoption(*parts_, found.canary, now.phase, deadline));
  std::vector<recipes::Write> writes;
  for (const kubernetes::PlannedWrite& planned : plan.writes) writes.push_back(planned.write);
  std::vector<recipes::Write> all = writes;
  CO_TRY(router, co_await parts_->router->plan_create(writes, deadline));
  for (recipes::Write& write : router) all.push_back(std::move(write));
  CO_TRY_VOID(co_await check_rights(std::move(all)));
  CO_TRY_VOID(co_await kubernetes::write_all(*parts_->client, std::move(writes), deadline));
  for (const kubernetes::PlannedWrite& planned : plan.writes) parts_->note("init", planned.text);
  for (const std::string& text : plan.notes) parts_->note("warning", text);
  if (!adoption.text.empty()) parts_->note("init", adoption.text);
  CO_TRY(made, co_await parts_->router->create(deadline));
  for (const recipes::Write& write : made) parts_->note("init", kubernetes::creation_text(write));
  if (adoption.takes_weight && adoption.stops_pods) CO_TRY_VOID(co_await relieve_canary());
  // What runs is adopted: the spec's first version is only for a Deployment that was made just now.
  const std::string runs = kubernetes::running_version(parts_->names.workload, found.stable);
  if (intent.version.empty()) intent.version = runs.empty() ? wanted : runs;
  co_return Result<void>();
}

// At rest the engine stops a canary at once, since nothing of its own can have traffic then.
Task<Result<void>> ClusterBackend::relieve_canary() {
  const std::string& canary = parts_->names.workload.canary;
  if (const std::string why = co_await why_stable_cannot(); !why.empty())
    co_return fail(
        Code::invalid,
        "init cannot begin: {} serves a share of the traffic, and nobody on stable could "
        "take it: {}",
        canary, why);
  CO_TRY_VOID(co_await parts_->router->set(core::SetWeight{Percent(), false}, within(one_call)));
  const Duration drain = core::drain_time(parts_->loop->release());
  parts_->note("weight", fmt::format("0 % is written: the pods of {} have {} for what they began",
                                     canary, duration_text(drain)));
  co_await runtime::sleep_for(drain);
  co_return Result<void>();
}

// A promotion may be replacing stable's last pod while the canary carries all, or has replaced
// stable already by what cannot be taken back without stopping all of it. Empty: stable can.
Task<std::string> ClusterBackend::why_stable_cannot() {
  const auto now = co_await status_now();
  const auto* back = now ? std::get_if<core::RollingBack>(&now->phase) : nullptr;
  if (back != nullptr && back->part == core::RollingBack::Part::stable_returns)
    co_return "stable is being brought back: the canary keeps its traffic until then";
  const auto of = [&](core::Track track) -> Task<Result<kubernetes::Json>> {
    const auto name = kubernetes::deployment_name(parts_->names, track);
    co_return co_await parts_->client->get(kubernetes::collection(name), name.name,
                                           within(one_call));
  };
  const auto stable = co_await of(core::Track::stable);
  if (!stable) co_return "";
  const std::int64_t replicas = kubernetes::number_at(*stable, {"spec", "replicas"}, 1);
  if (replicas == 0) co_return "";  // its owner's wish
  if (kubernetes::number_at(*stable, {"status", "readyReplicas"}, 0) == 0)
    co_return "stable has no ready pod: the canary keeps its traffic until it has";
  if (kubernetes::most_missing(*stable) < replicas) co_return "";
  const auto canary = co_await of(core::Track::canary);
  const auto runs = [&](const kubernetes::Json& deployment) {
    return kubernetes::running_version(parts_->names.workload, deployment);
  };
  if (!canary || runs(*stable) != runs(*canary)) co_return "";
  co_return "all pods of stable stop as it returns to its version: the canary keeps its traffic "
            "until they are back";
}

Task<void> ClusterBackend::take_back() {
  const Result<core::TrafficSeen> seen = co_await parts_->router->read(within(one_call));
  if (seen && seen->is(Percent())) co_return;
  if (!seen || seen->is(Percent::whole(100))) {
    const std::string why = co_await why_stable_cannot();
    if (!why.empty()) co_return parts_->note("weight", why);
  }
  const Result<void> back =
      co_await parts_->router->set(core::SetWeight{Percent(), true}, within(one_call));
  if (back)
    parts_->note("weight", "0 % is written: the canary gets no new requests");
  else
    parts_->note("trouble", "taking the weight back: " + back.error().message);
}

Task<Result<std::int64_t>> ClusterBackend::add_intent(std::string release, core::Intent intent) {
  CO_TRY_VOID(is_ours(release));
  if (intent.kind == core::Intent::Kind::rollback) co_await take_back();
  if (intent.kind == core::Intent::Kind::init) CO_TRY_VOID(co_await prepare_init(intent));
  // A promotion is judged to its end; without numbers it would pass unseen.
  if (const Result<void>& usable = parts_->metrics->usable();
      intent.kind == core::Intent::Kind::promote && !usable)
    co_return fail(Code::invalid, "nothing is promoted that cannot be judged: {}",
                   usable.error().message);
  // Whoever interrupts takes back what was asked for, that which is still on its way included.
  if (intent.kind == core::Intent::Kind::interrupt) co_await withdraw();
  if (intent.kind == core::Intent::Kind::deploy) CO_TRY_VOID(co_await check_deploy(intent.version));
  const bool back = intent.kind == core::Intent::Kind::rollback;
  if (withdrawn_ && !back && intent.kind != core::Intent::Kind::interrupt)
    co_return fail(Code::cancelled, "nothing was begun: the command was interrupted");
  Result<std::int64_t> id = co_await write_down(std::move(intent));
  if (!id && back)
    co_return fail(std::move(id).error().while_doing(
        "the rollback could not be written down, whatever became of the weight"));
  if (!id) co_return id;
  engage();
  parts_->doorbell.ring(release);
  co_return id;
}

}  // namespace linnet::cluster
