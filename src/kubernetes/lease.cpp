#include "kubernetes/lease.h"

#include <algorithm>
#include <boost/json.hpp>

#include "kubernetes/requests.h"
#include "runtime/with_deadline.h"
#include "wire/json.h"

namespace linnet::kubernetes {
namespace {

namespace js = boost::json;

LeaseHolder holder_of(const Json& object) {
  return {text_at(object, {"spec", "holderIdentity"}), text_at(object, {"spec", "acquireTime"}),
          text_at(object, {"spec", "renewTime"})};
}

/// The holder's own promise of how long its record lives; at least ours.
Duration lease_of(const Json& object, Duration ours) {
  const Json* seconds = find_at(object, {"spec", "leaseDurationSeconds"});
  if (seconds == nullptr || !seconds->is_int64()) return ours;
  const std::int64_t bounded = std::clamp<std::int64_t>(seconds->get_int64(), 0, 3600);
  return std::max<Duration>(ours, std::chrono::seconds(bounded));
}

constexpr Duration turn_pause = 2ms;
constexpr Duration shortest_pause = 50ms;  // between tries to renew

/// MicroTime: "2026-11-23T21:02:07.123456Z".
std::string micro_time(WallTime at) {
  std::string text = at.text();
  return text.insert(text.size() - 1, "000");
}

/// By the clocks of both, which may differ either way.
bool looks_renewed(const LeaseHolder& holder, WallTime now, Duration within) {
  const auto renewed = wire::parse_wall_time(holder.renewed.substr(0, 19) + "Z");
  return renewed && std::abs(now.ms - renewed->ms) < within.count();
}

std::string holder_text(const LeaseHolder& holder) {
  return fmt::format("{} since {}", holder.identity, holder.since.empty() ? "?" : holder.since);
}

}  // namespace

struct Lease::State {
  Client& client;
  Clock& clock;
  Resource leases;
  std::string name;
  std::string identity;
  LeaseTimes times;

  bool ours = false;
  bool renewing = false;
  MonoTime renewed;
  Json object;  // as last written by us
  // Another's record as left_by() has seen it, and since when.
  std::string seen_version;
  MonoTime seen_since;

  State(Client& c, Clock& k, std::string name_space, std::string n, std::string i, LeaseTimes t)
      : client(c),
        clock(k),
        leases{"coordination.k8s.io/v1", "leases", std::move(name_space)},
        name(std::move(n)),
        identity(std::move(i)),
        times(t) {}

  [[nodiscard]] bool held() const {
    return ours && clock.now().mono - renewed < times.renew_deadline;
  }
  [[nodiscard]] Json record(const Json& before, bool taken) const;
  static Task<Result<void>> put(std::shared_ptr<State> self, Json before, Json wanted,
                                Deadline deadline);
  static Task<Result<std::optional<LeaseHolder>>> acquire(
      std::shared_ptr<State> self, Deadline deadline,
      std::function<void(const LeaseHolder&)> waiting);
  static Task<Result<std::optional<LeaseHolder>>> left_by(std::shared_ptr<State> self,
                                                          Deadline deadline);
  static Task<Error> keep(std::shared_ptr<State> self);
  static Task<Result<void>> renew(std::shared_ptr<State> self, Deadline deadline);
  static Task<Result<void>> release(std::shared_ptr<State> self, Deadline deadline);
};

/// `before` as ours; `taken`: now, not only renewed.
Json Lease::State::record(const Json& before, bool taken) const {
  Json out = before;
  if (!out.is_object()) {
    const js::object labels{{"app.kubernetes.io/managed-by", "linnet"}};
    out = js::object{
        {"apiVersion", leases.api_version},
        {"kind", "Lease"},
        {"metadata", {{"name", name}, {"namespace", leases.name_space}, {"labels", labels}}}};
  }
  js::object& object_out = out.get_object();
  if (!object_out["spec"].is_object()) object_out["spec"] = js::object();
  js::object& spec = object_out["spec"].get_object();
  const std::string now = micro_time(clock.now().wall);
  const auto seconds =
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(times.lease).count());
  spec["holderIdentity"] = identity;
  spec["leaseDurationSeconds"] = seconds;
  spec["renewTime"] = now;
  if (taken) {
    const js::value* changes = spec.if_contains("leaseTransitions");
    const std::int64_t before_us =
        changes != nullptr && changes->is_int64() ? changes->get_int64() : 0;
    spec["acquireTime"] = now;
    spec["leaseTransitions"] = before.is_object() ? before_us + 1 : 0;
  }
  return out;
}

/// Writes `wanted` over `before`, and looks what became of it when the answer is lost.
Task<Result<void>> Lease::State::put(std::shared_ptr<State> self, Json before, Json wanted,
                                     Deadline deadline) {
  const MonoTime began = self->clock.now().mono;  // others count from when they see it, later
  Task<Result<Json>> request = before.is_object()
                                   ? self->client.replace(self->leases, wanted, deadline)
                                   : self->client.create(self->leases, wanted, deadline);
  auto written = co_await std::move(request);
  if (!written && written.error().code == Code::unknown_outcome) {
    const Error lost = written.error();
    written = co_await self->client.get(self->leases, self->name, deadline);
    if (!written) co_return fail(lost);
    const bool came_through = holder_of(*written).identity == self->identity &&
                              holder_of(*written).renewed == holder_of(wanted).renewed;
    if (!came_through) co_return fail(lost);
  }
  if (!written) co_return fail(written.error());
  self->object = std::move(*written);
  self->renewed = began;
  co_return Result<void>();
}

Task<Result<std::optional<LeaseHolder>>> Lease::State::acquire(
    std::shared_ptr<State> self, Deadline deadline,
    std::function<void(const LeaseHolder&)> waiting) {
  std::optional<LeaseHolder> seen;  // the other's record as first seen, and when
  std::string seen_version;
  MonoTime seen_at;
  for (;;) {
    auto got = co_await self->client.get(self->leases, self->name, deadline);
    if (!got && got.error().code != Code::not_found) co_return fail(got.error());
    const Json found = got ? std::move(*got) : Json();
    const LeaseHolder holder = holder_of(found);
    const bool own = holder.identity == self->identity;  // not renewed in time, and not taken
    const std::string version = text_at(found, {"metadata", "resourceVersion"});
    const MonoTime now = self->clock.now().mono;
    if (!holder.identity.empty() && !own && seen && version != seen_version)
      co_return fail(Code::conflict, "{} drives it (it renewed its lease {} just now)",
                     holder_text(holder), self->name);
    const bool dead = seen && now - seen_at >= lease_of(found, self->times.lease);
    if (holder.identity.empty() || own || dead) {
      Json wanted = self->record(found, true);
      auto taken = co_await put(self, found, std::move(wanted), deadline);
      if (taken) {
        self->ours = true;
        co_return holder.identity.empty() || own ? std::nullopt : seen;
      }
      if (taken.error().code != Code::conflict && taken.error().code != Code::unknown_outcome)
        co_return fail(taken.error());
      // Another was first: whom it belongs to now is seen next.
      seen.reset();
      if (self->clock.now().mono >= deadline) co_return fail(taken.error());
      continue;
    }
    if (!seen) {
      seen = holder;
      seen_version = version;
      seen_at = now;
      if (waiting) waiting(holder);
    }
    const Duration pause = std::min(self->times.retry, deadline - now);
    if (pause <= 0ms)
      co_return fail(Code::timed_out, "{} held it until the time was over (lease {})",
                     holder_text(holder), self->name);
    co_await runtime::sleep_for(pause);
  }
}

Task<Result<std::optional<LeaseHolder>>> Lease::State::left_by(std::shared_ptr<State> self,
                                                               Deadline deadline) {
  const Duration patience = self->times.retry + self->times.retry / 2;
  for (;;) {
    auto got = co_await self->client.get(self->leases, self->name, deadline);
    if (!got && got.error().code != Code::not_found) co_return fail(got.error());
    const Json found = got ? std::move(*got) : Json();
    LeaseHolder holder = holder_of(found);
    if (holder.identity.empty()) co_return std::move(holder);
    const Now now = self->clock.now();
    std::string version = text_at(found, {"metadata", "resourceVersion"});
    const bool changed = version != self->seen_version;
    const bool again = !self->seen_version.empty();
    if (changed) {
      self->seen_version = std::move(version);
      self->seen_since = now.mono;
    }
    if (changed && again) co_return std::nullopt;
    if (looks_renewed(holder, now.wall, lease_of(found, self->times.lease))) co_return std::nullopt;
    if (now.mono - self->seen_since >= patience) co_return std::move(holder);
    co_await runtime::sleep_for(self->times.retry / 2);
  }
}

Task<Result<void>> Lease::State::renew(std::shared_ptr<State> self, Deadline deadline) {
  struct Renewing {
    State& state;
    explicit Renewing(State& s) : state(s) { state.renewing = true; }
    ~Renewing() { state.renewing = false; }
    Renewing(const Renewing&) = delete;
    Renewing& operator=(const Renewing&) = delete;
  } renewing_now(*self);
  Json wanted = self->record(self->object, false);
  Json before = self->object;
  auto done = co_await put(self, std::move(before), std::move(wanted), deadline);
  if (done) co_return done;
  const Code code = done.error().code;
  if (code != Code::conflict && code != Code::not_found) co_return done;
  // Somebody wrote the object; as long as it names us it is ours.
  auto got = co_await self->client.get(self->leases, self->name, deadline);
  if (!got && got.error().code == Code::not_found) {
    Json anew = self->record(Json(), true);
    co_return co_await put(self, Json(), std::move(anew), deadline);
  }
  if (!got) co_return fail(got.error());
  const LeaseHolder holder = holder_of(*got);
  if (holder.identity != self->identity) {
    self->ours = false;
    co_return fail(
        Code::conflict, "the lease {} was taken: {}", self->name,
        holder.identity.empty() ? "it was given back by another hand" : holder_text(holder));
  }
  Json again = self->record(*got, false);
  before = std::move(*got);
  co_return co_await put(self, std::move(before), std::move(again), deadline);
}

Task<Error> Lease::State::keep(std::shared_ptr<State> self) {
  Error last{Code::unavailable, "it was never held"};
  bool answered = false;
  Duration pause = self->times.retry;
  while (self->ours) {
    co_await runtime::sleep_for(pause);
    const MonoTime end = self->renewed + self->times.renew_deadline;
    const MonoTime now = self->clock.now().mono;
    if (!self->ours) break;
    if (now >= end) {
      self->ours = false;
      co_return Error{Code::unavailable,
                      fmt::format("the lease {} could not be renewed for {}: {}", self->name,
                                  duration_text(self->times.renew_deadline), last.message)};
    }
    // One hanging try must not eat the time of all: it gets half of what is left, and the pause
    // after it is short.
    const Deadline deadline = now + (end - now) / 2;
    auto renewed = co_await renew(self, deadline);
    pause = self->times.retry;
    if (renewed) {
      answered = false;
      continue;
    }
    // Tries get shorter and shorter: that one of them had no answer is no news after one that had.
    const Code code = renewed.error().code;
    const bool silent = code == Code::timed_out || code == Code::unknown_outcome;
    if (!silent || !answered) last = renewed.error();
    answered = answered || !silent;
    const Duration left = end - self->clock.now().mono;
    pause = std::min(pause, std::max(left / 4, shortest_pause));
  }
  co_return last;
}

Task<Result<void>> Lease::State::release(std::shared_ptr<State> self, Deadline deadline) {
  if (!self->ours) co_return Result<void>();
  self->ours = false;  // keep() ends
  while (self->renewing && self->clock.now().mono < deadline)
    co_await runtime::sleep_for(turn_pause);
  Json before = self->object;
  for (;;) {
    Json wanted = before;
    js::object& spec = wanted.get_object()["spec"].get_object();
    spec["holderIdentity"] = "";
    spec["leaseDurationSeconds"] = 1;
    spec["renewTime"] = micro_time(self->clock.now().wall);
    auto done = co_await self->client.replace(self->leases, std::move(wanted), deadline);
    if (done || done.error().code == Code::not_found) co_return Result<void>();
    if (done.error().code != Code::conflict) co_return fail(done.error());
    auto got = co_await self->client.get(self->leases, self->name, deadline);
    if (!got && got.error().code != Code::not_found) co_return fail(got.error());
    if (!got || holder_of(*got).identity != self->identity) co_return Result<void>();
    before = std::move(*got);
  }
}

Lease::Lease(Client& client, Clock& clock, std::string name_space, std::string name,
             std::string identity, LeaseTimes times)
    : state_(std::make_shared<State>(client, clock, std::move(name_space), std::move(name),
                                     std::move(identity), times)) {}
Lease::~Lease() = default;

Task<Result<std::optional<LeaseHolder>>> Lease::acquire(
    Deadline deadline, std::function<void(const LeaseHolder&)> waiting) {
  return State::acquire(state_, deadline, std::move(waiting));
}
Task<Result<std::optional<LeaseHolder>>> Lease::left_by(Deadline deadline) {
  return State::left_by(state_, deadline);
}
Task<Error> Lease::keep() { return State::keep(state_); }
bool Lease::held() const { return state_->held(); }
bool Lease::respected() const {
  const MonoTime now = state_->clock.now().mono;
  return state_->object.is_object() && now - state_->renewed < state_->times.lease;
}
Task<Result<void>> Lease::release(Deadline deadline) { return State::release(state_, deadline); }

}  // namespace linnet::kubernetes
