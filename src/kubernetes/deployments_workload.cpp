#include "kubernetes/deployments_workload.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include "kubernetes/deployment_patch.h"
#include "kubernetes/instances.h"
#include "kubernetes/objects.h"
#include "kubernetes/pod_trouble.h"
#include "runtime/task_group.h"

namespace linnet::kubernetes {

namespace asio = boost::asio;
using core::Track;

namespace {

constexpr std::array<Track, 2> tracks{Track::stable, Track::canary};

std::string slices_selector(const Names& names) {
  std::string services;
  for (const std::string& service : {names.stable_service, names.canary_service})
    if (!service.empty()) services += (services.empty() ? "" : ",") + service;
  return fmt::format("kubernetes.io/service-name in ({})", services);
}

}  // namespace

struct DeploymentsWorkload::State : std::enable_shared_from_this<State> {
  /// One Deployment and its pods. The pods' selector is known once the Deployment is.
  struct OneTrack {
    recipes::ObjectName name;
    std::string service;
    std::unique_ptr<Cache> deployments;  // by its name: at most one
    std::unique_ptr<Cache> pods;
    std::string selector;  // of `pods`
    Json written;          // the answer to our last write, until the watch has caught up
    std::map<std::string, MonoTime> lacking;  // pods without an image, as first seen
    std::map<std::string, Duration> lacking_for(MonoTime now);
  };

  State(asio::any_io_executor executor_in, Client& client_in, Clock& clock_in, Names names_in,
        std::function<void()> changed_in, CacheTimes times_in)
      : executor(executor_in),
        client(client_in),
        clock(clock_in),
        names(std::move(names_in)),
        changed(std::move(changed_in)),
        times(times_in),
        poke(executor_in) {
    poke.expires_at(asio::steady_timer::time_point::max());
  }

  void make_caches();
  [[nodiscard]] OneTrack& of(Track track) { return all[static_cast<std::size_t>(track)]; }
  [[nodiscard]] const Json* deployment(Track track);
  [[nodiscard]] std::string wanted_selector(Track track);
  [[nodiscard]] std::function<void()> on_change();
  [[nodiscard]] Result<void> fresh(const Cache* cache, std::string_view what) const;
  Result<core::TrackSeen> seen(Track track);

  static Task<void> run(std::shared_ptr<State> self);
  static Task<void> watch_pods(std::shared_ptr<State> self, Track track);
  static Task<Result<Json>> stable_now(std::shared_ptr<State> self, Deadline deadline);
  static Task<Result<void>> set(std::shared_ptr<State> self, core::SetTrack level,
                                Deadline deadline);

  asio::any_io_executor executor;
  Client& client;
  Clock& clock;
  Names names;
  std::function<void()> changed;
  CacheTimes times;
  std::array<OneTrack, 2> all;
  std::unique_ptr<Cache> slices;  // null: no Service is named
  asio::steady_timer poke;        // cancelled at each change: wakes who waits for a selector
};

std::function<void()> DeploymentsWorkload::State::on_change() {
  return [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->poke.cancel();
    if (self->changed) self->changed();
  };
}

void DeploymentsWorkload::State::make_caches() {
  for (const Track track : tracks) {
    OneTrack& one = of(track);
    one.name = deployment_name(names, track);
    one.service = track == Track::stable ? names.stable_service : names.canary_service;
    one.deployments = std::make_unique<Cache>(client, collection(one.name), "", on_change(),
                                              "metadata.name=" + one.name.name, times);
  }
  if (names.stable_service.empty() && names.canary_service.empty()) return;
  const recipes::ObjectName name = object_name("EndpointSlice", names.name_space, "");
  slices = std::make_unique<Cache>(client, collection(name), slices_selector(names), on_change(),
                                   "", times);
}

const Json* DeploymentsWorkload::State::deployment(Track track) {
  OneTrack& one = of(track);
  const auto& objects = one.deployments->objects();
  const auto found = objects.find(one.name.name);
  if (found == objects.end()) return nullptr;
  const bool same =
      text_at(one.written, {"metadata", "uid"}) == text_at(found->second, {"metadata", "uid"});
  const bool newer = number_at(one.written, {"metadata", "generation"}, 0) >
                     number_at(found->second, {"metadata", "generation"}, 0);
  if (same && newer) return &one.written;
  one.written = Json();
  return &found->second;
}

std::string DeploymentsWorkload::State::wanted_selector(Track track) {
  const Json* found = deployment(track);
  const Json* selector = found == nullptr ? nullptr : find_at(*found, {"spec", "selector"});
  return selector == nullptr ? "" : selector_text(*selector);
}

Result<void> DeploymentsWorkload::State::fresh(const Cache* cache, std::string_view what) const {
  if (cache == nullptr) return fail(Code::unavailable, "{} are not listed yet", what);
  if (cache->fresh()) return {};
  return fail(Code::unavailable, "{} cannot be seen: {}", what, cache->trouble().message);
}

/// Of those that are there now. One that got its image after all is forgotten.
std::map<std::string, Duration> DeploymentsWorkload::State::OneTrack::lacking_for(MonoTime now) {
  std::map<std::string, MonoTime> still;
  std::map<std::string, Duration> out;
  for (const auto& [pod_name, pod] : pods->objects()) {
    if (!lacks_image(pod)) continue;
    const auto before = lacking.find(pod_name);
    const MonoTime since = before == lacking.end() ? now : before->second;
    still[pod_name] = since;
    out[pod_name] = now - since;
  }
  lacking = std::move(still);
  return out;
}

Result<core::TrackSeen> DeploymentsWorkload::State::seen(Track track) {
  OneTrack& one = of(track);
  TRY_VOID(fresh(one.deployments.get(), fmt::format("the Deployment {}", one.name.name)));
  TrackObjects objects{one.name.name, deployment(track), {}, one.service, {}, {}};
  if (objects.deployment != nullptr) {
    const bool current = one.pods && one.selector == wanted_selector(track);
    TRY_VOID(
        fresh(current ? one.pods.get() : nullptr, fmt::format("the pods of {}", one.name.name)));
    for (const auto& [name, pod] : one.pods->objects()) objects.pods.push_back(&pod);
    objects.lacking = one.lacking_for(clock.now().mono);
  }
  if (!one.service.empty()) {
    TRY_VOID(fresh(slices.get(), "the EndpointSlices"));
    for (const auto& [name, slice] : slices->objects())
      if (text_at(slice, {"metadata", "labels", "kubernetes.io/service-name"}) == one.service)
        objects.slices.push_back(&slice);
  }
  return track_seen(names.workload, objects, clock.now().wall);
}

// The selector of a Deployment cannot be changed, but the Deployment can be made anew. Watches that
// are of no use any more are cancelled at once and joined at the end, so that this coroutine waits
// in one place only and its own cancellation is seen there.
Task<void> DeploymentsWorkload::State::watch_pods(std::shared_ptr<State> self, Track track) {
  OneTrack& one = self->of(track);
  const Resource pods = collection(object_name("Pod", self->names.name_space, ""));
  std::vector<std::unique_ptr<runtime::TaskGroup>> groups;
  std::vector<std::unique_ptr<Cache>> outdated;
  co_await asio::this_coro::throw_if_cancelled(false);
  for (;;) {
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) break;
    std::string wanted = self->wanted_selector(track);
    if (wanted != one.selector) {
      if (one.pods) groups.back()->cancel();
      if (one.pods) outdated.push_back(std::move(one.pods));
      one.selector = std::move(wanted);
      if (one.selector.empty()) continue;
      one.pods = std::make_unique<Cache>(self->client, pods, one.selector, self->on_change(), "",
                                         self->times);
      groups.push_back(std::make_unique<runtime::TaskGroup>(self->executor));
      groups.back()->spawn("pods", one.pods->run());
    }
    co_await self->poke.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_await asio::this_coro::reset_cancellation_state();
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i]->cancel();
    co_await groups[i]->join();
  }
  one.pods.reset();
  one.selector.clear();
}

Task<void> DeploymentsWorkload::State::run(std::shared_ptr<State> self) {
  runtime::TaskGroup group(self->executor);
  for (const Track track : tracks) {
    group.spawn("deployment", self->of(track).deployments->run());
    group.spawn("pods", watch_pods(self, track));
  }
  if (self->slices) group.spawn("endpoint slices", self->slices->run());
  co_await group.join();
}

// Null: there is none.
Task<Result<Json>> DeploymentsWorkload::State::stable_now(std::shared_ptr<State> self,
                                                          Deadline deadline) {
  OneTrack& one = self->of(Track::stable);
  const Json* known = self->deployment(Track::stable);
  if (one.deployments->fresh()) co_return known == nullptr ? Json() : *known;
  auto got = co_await self->client.get(collection(one.name), one.name.name, deadline);
  if (!got && got.error().code == Code::not_found) co_return Json();
  co_return got;
}

Task<Result<void>> DeploymentsWorkload::State::set(std::shared_ptr<State> self,
                                                   core::SetTrack level, Deadline deadline) {
  OneTrack& one = self->of(level.track);
  const Resource resource = collection(one.name);
  Json now;
  bool read = false;
  if (const Json* known = self->deployment(level.track);
      known != nullptr && one.deployments->fresh())
    now = *known;
  // Once from what the watch has; when the server finds it outdated, once from a fresh read.
  for (;;) {
    if (now.is_null()) {
      auto got = co_await self->client.get(resource, one.name.name, deadline);
      if (!got) {
        if (got.error().code == Code::not_found)
          co_return fail(Code::not_found, "the Deployment {} does not exist: `linnet init`",
                         one.name.name);
        co_return fail(std::move(got).error());
      }
      now = std::move(*got);
      read = true;
    }
    Json stable;
    if (starts_canary(now, level)) {
      auto known = co_await stable_now(self, deadline);
      if (!known) co_return fail(std::move(known).error().while_doing("looking at stable"));
      stable = std::move(*known);
    }
    auto patch = deployment_patch(self->names.workload, now, level, stable);
    if (!patch) co_return fail(std::move(patch).error());
    if (patch->empty()) co_return Result<void>();
    Json body(std::move(*patch));
    PatchOptions options;
    auto done = co_await self->client.patch(resource, one.name.name, PatchKind::json,
                                            std::move(body), options, deadline);
    if (done) {
      one.written = std::move(*done);
      co_return Result<void>();
    }
    // A failed `test` of a JSON patch is answered with 422.
    const bool outdated = done.error().code == Code::invalid || done.error().code == Code::conflict;
    if (read || !outdated)
      co_return fail(std::move(done).error().while_doing("changing " + one.name.name));
    now = Json();
  }
}

DeploymentsWorkload::DeploymentsWorkload(asio::any_io_executor executor, Client& client,
                                         Clock& clock, Names names, std::function<void()> changed,
                                         CacheTimes times)
    : state_(std::make_shared<State>(std::move(executor), client, clock, std::move(names),
                                     std::move(changed), times)) {
  state_->make_caches();
}

DeploymentsWorkload::~DeploymentsWorkload() { state_->changed = {}; }

Task<void> DeploymentsWorkload::run() { return State::run(state_); }

Task<Result<core::WorkloadSeen>> DeploymentsWorkload::observe(Deadline) {
  const std::shared_ptr<State> state = state_;
  core::WorkloadSeen seen;
  CO_TRY(stable, state->seen(Track::stable));
  CO_TRY(canary, state->seen(Track::canary));
  seen.stable = std::move(stable);
  seen.canary = std::move(canary);
  co_return seen;
}

Task<Result<void>> DeploymentsWorkload::set(core::SetTrack level, Deadline deadline) {
  return State::set(state_, std::move(level), deadline);
}

const Json* DeploymentsWorkload::deployment(Track track) const { return state_->deployment(track); }

}  // namespace linnet::kubernetes
