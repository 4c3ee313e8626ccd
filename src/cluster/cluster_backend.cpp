#include "cluster/cluster_backend.h"

#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "api/plan.h"
#include "cluster/abandoned.h"
#include "cluster/changes.h"
#include "cluster/other_hand.h"
#include "kubernetes/cluster_view.h"
#include "kubernetes/objects.h"
#include "runtime/with_deadline.h"
#include "spec/read.h"
#include "spec/write.h"

namespace linnet::cluster {
namespace {

constexpr Duration first_look = 15s;    // for the watches to see the cluster once
constexpr Duration last_notices = 10s;  // for what receives them, as the command ends

api::Plan with_changes(api::Plan plan, Result<std::vector<api::ObjectChange>> changes) {
  if (changes)
    plan.changes = *std::move(changes);
  else
    plan.unknown = changes.error().message;
  return plan;
}

std::vector<api::PlanStep> removal_steps(const std::vector<recipes::Write>& writes) {
  std::vector<api::PlanStep> steps;
  for (const recipes::Write& write : writes) {
    const bool whole = write.kind == recipes::Write::Kind::remove;
    steps.push_back({fmt::format("{} {} {}", whole ? "delete" : "take the canary out of",
                                 write.object.kind, write.object.name),
                     ""});
  }
  return steps;
}

}  // namespace

ClusterBackend::ClusterBackend(std::unique_ptr<Parts> parts, api::Changes& changes,
                               std::string version, const std::string& socket)
    : parts_(std::move(parts)),
      logs_(*parts_, socket + "-"),
      follower_(*parts_),
      changes_(changes),
      version_(std::move(version)),
      started_(parts_->ground.clock.now().wall),
      watches_(parts_->ground.io.get_executor(), failure_teller()),
      engine_(parts_->ground.io.get_executor(), [this](const auto& task, const auto& what) {
        failure_teller()(task, what);
        ::_exit(4);  // nobody would drive: the command sees it, and starts another
      }) {}

ClusterBackend::~ClusterBackend() = default;

runtime::TaskGroup::OnFailure ClusterBackend::failure_teller() {
  return [this](const std::string& task, const std::string& what) {
    parts_->ground.log.error("{} ended: {}", task, what);
  };
}

Deadline ClusterBackend::within(Duration limit) const {
  return parts_->ground.clock.now().mono + limit;
}

void ClusterBackend::start() { parts_->watch(watches_); }

Task<void> ClusterBackend::wind_down() {
  co_await withdraw();
  engine_.cancel();
  co_await engine_.join();
  if (const Result<void> withdrawn = co_await parts_->store->withdraw(name()); !withdrawn)
    parts_->ground.log.error(
        "what was asked for and not answered may be done with the next command, `linnet rollback` "
        "takes it back: {}",
        withdrawn.error().message);
  const Result<void> flushed = co_await parts_->store->flush(name());
  if (!flushed && driving_)
    parts_->ground.log.error("the last lines of the journal are lost: {}", flushed.error().message);
  const Result<void> released = co_await parts_->lease->release(within(one_call));
  if (!released)
    parts_->ground.log.error("the Lease is left to run out: {}", released.error().message);
  co_await follower_.end();
  watches_.cancel();
  co_await watches_.join();
}

const std::string& ClusterBackend::name() const { return parts_->release.name; }

Result<void> ClusterBackend::is_ours(const std::string& release) const {
  if (release == name()) return {};
  return fail(Code::not_found, "this engine drives {}, not '{}'", name(), release);
}

// ---- the last notices ---------------------------------------------------------------------------

Task<void> ClusterBackend::deliver_last() {
  const Deadline deadline = within(last_notices);
  for (;;) {
    const std::uint64_t seen = changes_.count(name());
    const Duration left = deadline - parts_->ground.clock.now().mono;
    // A record that is read anew at this moment may have some.
    const bool known = !driving_ || !parts_->lease->held() || parts_->loop->record();
    if ((known && undelivered().empty()) || left <= 0ms) co_return;
    co_await changes_.wait(name(), seen, left);
  }
}

std::string ClusterBackend::undelivered() const {
  const auto& record = parts_->loop->record();
  if (!driving_ || !parts_->lease->held() || !record || record->status.outbox.empty()) return {};
  const core::Notice& last = record->status.outbox.back();
  const std::string& trouble = parts_->notifier->trouble();
  return fmt::format(
      "the notice {} of {} was not delivered: {}; the next command that acts on {} sends it again",
      last.event, last.rollout, trouble.empty() ? "no answer came so far" : trouble, name());
}

// ---- the engine ---------------------------------------------------------------------------------

void ClusterBackend::engage() {
  if (std::exchange(driving_, true)) return;
  engine_.spawn("engine", drive());
}

Task<void> ClusterBackend::drive() {
  std::string told;
  const auto waiting = [this](const kubernetes::LeaseHolder& holder) {
    waits_for_ = fmt::format("{} holds the release since {}: waiting whether it still lives",
                             holder.identity, holder.since);
    changes_.ring(name());
  };
  for (;;) {
    const Deadline deadline = within(some_calls);
    const Result<std::optional<kubernetes::LeaseHolder>> held =
        co_await parts_->lease->acquire(deadline, waiting);
    if (held) {
      refused_.reset();
      told.clear();
      waits_for_.clear();
      if (held->has_value())
        parts_->note("lease", fmt::format("taken over from {}, which held it since {} and is gone",
                                          (*held)->identity, (*held)->since));
      if (auto fits = co_await check_spec(); !fits && fits.error().code == Code::conflict)
        throw std::runtime_error(fits.error().message);
      co_await run_loop();
      continue;
    }
    take_refusal(held.error());
    const Error& error = held.error();
    const bool is_held = error.code == Code::conflict || error.code == Code::timed_out;
    if (!is_held && error.message != told) parts_->note("lease", error.message);
    told = error.message;
    co_await runtime::sleep_for(1s);
  }
}

Task<void> ClusterBackend::run_loop() {
  using namespace boost::asio::experimental::awaitable_operators;
  constexpr auto keep = [](kubernetes::Lease& lease) -> Task<Result<void>> {
    co_return fail(co_await lease.keep());
  };
  // || waits for the first success: after a bare exception one of them would go on for nothing.
  auto first = co_await (runtime::as_result(parts_->loop->run()) ||
                         runtime::as_result<void>(keep(*parts_->lease)));
  const bool lost = first.index() == 1;
  const Error why = lost ? std::get<1>(first).error() : std::get<0>(first).error();
  if (why.code == Code::cancelled) co_return;  // as the next wait will tell
  if (!lost) throw std::runtime_error(why.message);
  parts_->note("lease", fmt::format("the Lease was lost: {}", why.message));
}

void ClusterBackend::take_refusal(const Error& error) {
  if (error.code != Code::denied)
    refused_.reset();
  else if (!refused_)
    refused_ = Refused{parts_->ground.clock.now(), error.message};
}

template <class T>
Result<T> ClusterBackend::believed(Result<T> answer) {
  if (answer || answer.error().code != Code::denied || !driving_) {
    denied_since_.reset();
    return answer;
  }
  const MonoTime now = parts_->ground.clock.now().mono;
  if (!denied_since_) denied_since_ = now;
  if (now - *denied_since_ < kubernetes::longest_refusal) answer.error().code = Code::unavailable;
  return answer;
}

Task<Result<core::Status>> ClusterBackend::status_now() {
  if (refused_ &&
      parts_->ground.clock.now().mono - refused_->since.mono >= kubernetes::longest_refusal)
    co_return fail(Code::denied,
                   "nobody drives {} since {}, its traffic stays as it is: {}. Once the rights are "
                   "back, any of `linnet deploy`, `promote` or `rollback` goes on",
                   name(), refused_->since.wall.text(), refused_->why);
  const auto& record = parts_->loop->record();
  if (driving_ && parts_->lease->held() && record) co_return record->status;
  Result<core::Status> stored = believed(co_await parts_->store->status(name()));
  // A release that has never begun: or is the place a wrong one?
  if (stored && !stored->rollout && std::holds_alternative<core::Idle>(stored->phase))
    CO_TRY_VOID(co_await check_place());
  if (stored) co_return stored;
  // The server is away for a while: what was known last, the journal tells the rest.
  const Code code = stored.error().code;
  const bool away = code == Code::unavailable || code == Code::timed_out;
  if (driving_ && away && record) co_return record->status;
  co_return fail(std::move(stored).error());
}

Task<Result<void>> ClusterBackend::check_place() {
  if (std::exchange(placed_, true)) co_return Result<void>();
  const Result<void> there = co_await kubernetes::check_namespace(
      *parts_->client, parts_->names.name_space, within(one_call));
  placed_ = there.has_value();
  co_return there;
}

// ---- the API ------------------------------------------------------------------------------------

kubernetes::ConfigMapStore::StoredSpec ClusterBackend::own_spec() const {
  return {spec::to_yaml(parts_->release), parts_->own};
}

api::DaemonInfo ClusterBackend::info() { return {version_, ::getpid(), started_}; }

Task<Result<api::PutSpec>> ClusterBackend::put_spec(std::string release, std::string yaml,
                                                    std::string file) {
  CO_TRY_VOID(is_ours(release));
  const spec::ReadSpecs read = spec::read_specs(yaml, file);
  api::PutSpec answer;
  answer.mistakes = read.mistakes;
  if (!answer.mistakes.empty()) co_return answer;
  const kubernetes::ConfigMapStore::StoredSpec wanted = own_spec();
  const auto kept = co_await parts_->store->spec(release);
  if (!kept && kept.error().code != Code::not_found) co_return fail(kept.error());
  const Result<void>& usable = parts_->metrics->usable();
  // A recipe that is not at hand here must not stop what takes traffic back, nor erase the one that
  // is kept.
  if (kept && (*kept == wanted || (kept->yaml == wanted.yaml && !usable))) co_return answer;
  if (!kept) CO_TRY_VOID(co_await check_place());
  // Recipes that were not kept yet, or were mended, are of use to a rollout that runs.
  CO_TRY_VOID(co_await check_spec());
  CO_TRY_VOID(usable);  // or it would stand there for all who come later
  answer.changed = true;
  co_return answer;
}

Task<Result<std::vector<api::StatusView>>> ClusterBackend::releases() {
  CO_TRY(view, co_await status(name()));
  std::vector<api::StatusView> all;
  all.push_back(std::move(view));
  co_return all;
}

Task<Result<api::StatusView>> ClusterBackend::status(std::string release) {
  CO_TRY_VOID(is_ours(release));
  CO_TRY(now, co_await status_now());
  const Deadline deadline = within(first_look);
  const Result<void> looked = co_await parts_->first_look(deadline);
  api::StatusView view;
  view.release = parts_->release;
  view.status = std::move(now);
  view.seen = co_await parts_->workload->observe(deadline);
  if (!looked) view.seen = fail(looked.error());
  // What is read back now, whoever wrote it.
  const Result<core::TrafficSeen> traffic = co_await parts_->router->read(deadline);
  if (traffic) {
    view.status.weight_seen = traffic->weight;
    view.other_hands = other_weight(view.status, *traffic, parts_->router->written_when());
  }
  for (const core::Track track : {core::Track::stable, core::Track::canary})
    for (api::OtherHand& hand : other_levels(parts_->names.workload, view.status, track,
                                             parts_->workload->deployment(track)))
      view.other_hands.push_back(std::move(hand));
  if (view.seen && view.seen->stable.wanted)
    view.status.stable_size = std::max(*view.seen->stable.wanted, 1);
  view.drives = driving_ && parts_->lease->held();
  if (driving_) co_return view;  // or waits for the Lease, to go on with it
  const auto abandoned = co_await find_abandoned(*parts_, view.status, deadline);
  if (abandoned) view.abandoned = *abandoned;
  co_return view;
}

Task<Result<std::string>> ClusterBackend::spec(std::string release) {
  CO_TRY_VOID(is_ours(release));
  CO_TRY(kept, co_await parts_->store->spec(release));
  co_return std::move(kept.yaml);
}

bool ClusterBackend::is_own(const std::string& yaml) const {
  const spec::ReadSpecs read = spec::read_specs(yaml, "");
  // One that this version cannot read helps nobody.
  return read.releases.size() != 1 || read.releases.front() == parts_->release;
}

Task<Result<void>> ClusterBackend::check_spec() {
  const auto kept = believed(co_await parts_->store->spec(name()));
  if (!kept && kept.error().code == Code::not_found) co_return Result<void>();
  if (!kept) co_return fail(kept.error());
  if (is_own(kept->yaml)) co_return Result<void>();
  CO_TRY(status, believed(co_await parts_->store->status(name())));
  if (!core::is_running(status.phase)) co_return Result<void>();
  co_return fail(Code::conflict,
                 "the spec differs from the one that rollout {} runs with; finish or roll it back "
                 "first",
                 status.rollout ? status.rollout->id : std::string());
}

Task<Result<void>> ClusterBackend::keep_spec(core::Intent::Kind kind) {
  using Kind = core::Intent::Kind;
  // What takes traffic back waits for nothing; recipes that are not at hand would be erased.
  if (kind == Kind::rollback || kind == Kind::interrupt || !parts_->metrics->usable())
    co_return Result<void>();
  kubernetes::ConfigMapStore::StoredSpec wanted = own_spec();
  const auto kept = believed(co_await parts_->store->spec(name()));
  if (!kept && kept.error().code != Code::not_found) co_return fail(kept.error());
  const bool begins = kind == Kind::deploy || kind == Kind::init;
  // Others bring recipes that were mended, and `cleanup` a place for what it tells.
  const bool fits = begins || (kept ? kept->yaml == wanted.yaml : kind == Kind::cleanup);
  if (!fits || (kept && *kept == wanted)) co_return Result<void>();
  auto saved = believed(co_await parts_->store->put_spec(name(), std::move(wanted)));
  if (!saved) co_return fail(std::move(saved).error().while_doing("saving the spec"));
  co_return saved;
}

Task<Result<std::int64_t>> ClusterBackend::write_down(core::Intent intent) {
  struct Counted {
    int& count;
    explicit Counted(int& c) : count(c) { ++count; }
    ~Counted() { --count; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
  } counted(being_written_);
  CO_TRY_VOID(co_await check_spec());
  CO_TRY_VOID(co_await keep_spec(intent.kind));
  co_return believed(co_await parts_->store->add_intent(name(), std::move(intent)));
}

Task<Result<std::optional<core::Answer>>> ClusterBackend::intent_state(std::string release,
                                                                       std::int64_t id) {
  CO_TRY_VOID(is_ours(release));
  co_return believed(co_await parts_->store->intent_state(release, id));
}

Task<Result<std::vector<wire::JournalLine>>> ClusterBackend::journal(std::string release,
                                                                     std::int64_t after,
                                                                     int limit) {
  CO_TRY_VOID(is_ours(release));
  co_return believed(co_await parts_->store->journal(release, after, limit));
}

Task<Result<std::int64_t>> ClusterBackend::journal_end(std::string release) {
  CO_TRY_VOID(is_ours(release));
  co_return believed(co_await parts_->store->journal_end(release));
}

Task<Result<std::vector<core::RolloutRecord>>> ClusterBackend::history(std::string release,
                                                                       int limit) {
  CO_TRY_VOID(is_ours(release));
  co_return believed(co_await parts_->store->history(release, limit));
}

Task<Result<api::CountsView>> ClusterBackend::counts(std::string release) {
  CO_TRY_VOID(is_ours(release));
  if (!driving_ || !parts_->lease->held()) {
    const Deadline deadline = within(first_look);
    CO_TRY_VOID(co_await parts_->first_look(deadline));
    while (!parts_->metrics->is_listed() && parts_->ground.clock.now().mono < deadline)
      co_await runtime::sleep_for(look_again);
    CO_TRY_VOID(co_await parts_->counts->look(within(one_call)));
  }
  co_return api::CountsView{core::latency_boundaries(parts_->release), parts_->counts->stable(),
                            parts_->counts->canary(), parts_->counts->lost(),
                            parts_->ground.clock.now().wall};
}

Task<Result<std::vector<api::InstanceView>>> ClusterBackend::instances(std::string release) {
  CO_TRY_VOID(is_ours(release));
  CO_TRY_VOID(co_await parts_->first_look(within(first_look)));
  CO_TRY(seen, co_await parts_->workload->observe(within(one_call)));
  std::vector<api::InstanceView> out;
  for (const core::Track track : {core::Track::stable, core::Track::canary})
    for (const core::Instance& instance : seen.of(track).instances) {
      CO_TRY(log, co_await logs_.fetch(instance.id, within(one_call)));
      out.push_back({track, instance, 0, 0, log});
    }
  co_return out;
}

Task<Result<api::LogsView>> ClusterBackend::logs(std::string release, api::LogsWish wish,
                                                 std::int64_t after) {
  CO_TRY_VOID(is_ours(release));
  if (!follower_.begun()) CO_TRY_VOID(co_await parts_->first_look(within(first_look)));
  co_return follower_.lines(wish, after);
}

Task<Result<std::vector<api::Finding>>> ClusterBackend::doctor(std::string release) {
  CO_TRY_VOID(is_ours(release));
  CO_TRY_VOID(co_await check_place());
  co_return co_await examine(*parts_, within(some_calls));
}

Task<Result<api::Plan>> ClusterBackend::plan(std::string release, std::string version) {
  CO_TRY(view, co_await status(release));
  api::Plan plan;
  const Deadline deadline = within(some_calls);
  CO_TRY(found, co_await kubernetes::find_tracks(*parts_->client, parts_->names, deadline));
  const kubernetes::Finding owned = kubernetes::ownership_finding(parts_->names, found);
  if (!owned.ok) plan.steps.push_back({"obstacle", owned.cause + ": " + owned.remedy});
  for (api::PlanStep& step : api::plan_of(view.release, view.status, version))
    plan.steps.push_back(std::move(step));
  auto changes = co_await changes_of_deploy(*parts_, std::move(view.status), version);
  co_return with_changes(std::move(plan), std::move(changes));
}

Task<Result<api::Plan>> ClusterBackend::plan_init(std::string release, std::string version) {
  CO_TRY_VOID(is_ours(release));
  CO_TRY_VOID(co_await check_place());
  const Deadline deadline = within(some_calls);
  CO_TRY(found, co_await kubernetes::find_objects(*parts_->client, parts_->names, deadline));
  const std::string wanted = version.empty() ? parts_->release.version : version;
  const kubernetes::InitPlan plan = kubernetes::plan_init(parts_->names, wanted, found);
  api::Plan out;
  std::vector<api::PlanStep>& steps = out.steps;
  for (const std::string& obstacle : plan.obstacles) steps.push_back({"obstacle", obstacle});
  const auto adopted = kubernetes::check_adopted_version(parts_->names, version, found);
  if (!adopted) steps.push_back({"obstacle", adopted.error().message});
  std::vector<recipes::Write> writes;
  for (const kubernetes::PlannedWrite& planned : plan.writes) {
    steps.push_back({planned.text, ""});
    writes.push_back(planned.write);
  }
  auto router = co_await parts_->router->plan_create(writes, deadline);
  if (router)
    for (recipes::Write& write : *router) {
      steps.push_back({kubernetes::creation_text(write), ""});
      writes.push_back(std::move(write));
    }
  else if (plan.obstacles.empty())  // else it misses what those name already
    steps.push_back({"obstacle", router.error().message});
  CO_TRY(now, co_await status_now());
  auto adoption = co_await find_adoption(*parts_, found.canary, now.phase, deadline);
  if (!adoption)
    steps.push_back({"obstacle", adoption.error().message});
  else if (plan.obstacles.empty() && !adoption->text.empty())
    steps.push_back({adoption->text, ""});
  for (const std::string& text : plan.notes) steps.push_back({"note", text});
  auto changes = co_await changes_of_init(*parts_, std::move(writes),
                                          adoption.value_or(kubernetes::Adoption()), deadline);
  co_return with_changes(std::move(out), std::move(changes));
}

Task<Result<std::vector<api::PlanStep>>> ClusterBackend::plan_removal(std::string release) {
  CO_TRY_VOID(is_ours(release));
  const Deadline deadline = within(some_calls);
  CO_TRY(found, co_await kubernetes::find_objects(*parts_->client, parts_->names, deadline));
  CO_TRY(writes, co_await parts_->router->plan_remove(deadline));
  std::vector<recipes::Write> own = kubernetes::plan_removal(parts_->names, found);
  writes.insert(writes.end(), own.begin(), own.end());
  // Half of it gone is worse than nothing: who may not delete the last object deletes none.
  std::vector<kubernetes::Right> needed;
  for (const recipes::Write& write : writes) needed.push_back(kubernetes::right_to(write));
  std::string remedy = "the Role that `linnet rbac` prints without --no-init allows it";
  CO_TRY_VOID(co_await check_these(std::move(needed), std::move(remedy)));
  co_return removal_steps(writes);
}

Task<Result<std::vector<api::PlanStep>>> ClusterBackend::remove_canary(std::string release) {
  CO_TRY_VOID(is_ours(release));
  CO_TRY(now, co_await status_now());
  if (core::is_running(now.phase))
    co_return fail(Code::conflict, "a rollout of {} runs: `linnet rollback` comes first", release);
  CO_TRY_VOID(co_await plan_removal(release));  // the rights to all of it, whoever asks
  const Deadline deadline = within(some_calls);
  CO_TRY(found, co_await kubernetes::find_objects(*parts_->client, parts_->names, deadline));
  // The router's side goes first: nothing may be sent to a Service that is not there.
  CO_TRY(writes, co_await parts_->router->remove(deadline));
  std::vector<recipes::Write> own = kubernetes::plan_removal(parts_->names, found);
  CO_TRY_VOID(co_await kubernetes::write_all(*parts_->client, own, deadline));
  writes.insert(writes.end(), own.begin(), own.end());
  co_return removal_steps(writes);
}

Task<Result<api::MetricsView>> ClusterBackend::metrics() {
  CO_TRY(view, co_await status(name()));
  api::ReleaseMetrics m;
  m.release = name();
  m.phase = view.status.phase;
  m.weight_wanted = view.status.weight;
  m.weight_in_force = view.status.weight_seen;
  CO_TRY(counted, co_await counts(name()));
  m.counts = std::move(counted);
  api::MetricsView out;
  out.started = started_;
  out.version = version_;
  out.releases.push_back(std::move(m));
  co_return out;
}

void ClusterBackend::shutdown(bool) {}

}  // namespace linnet::cluster
