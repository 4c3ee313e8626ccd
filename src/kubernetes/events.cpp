#include "kubernetes/events.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <deque>

#include "kubernetes/objects.h"
#include "runtime/with_deadline.h"

namespace linnet::kubernetes {
namespace {

namespace asio = boost::asio;

constexpr std::size_t longest_note = 1000;  // the API allows 1024 bytes
constexpr std::size_t most_queued = 64;
constexpr std::size_t most_remembered = 32;
constexpr Duration series_ends = 6min;
constexpr Duration one_post = 5s;
constexpr std::string_view controller = "linnet.dev/linnet";

// Kubernetes' MicroTime wants six digits.
std::string micro_time(WallTime time) {
  std::string text = time.text();
  return text.insert(text.size() - 1, "000");
}

// "rolled_back" -> "RolledBack".
std::string camel(std::string_view word) {
  std::string out;
  bool upper = true;
  for (const char c : word) {
    if (c == '_') {
      upper = true;
      continue;
    }
    out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return out;
}

bool is_warning(std::string_view phase) {
  constexpr std::array<std::string_view, 4> bad{"rolling_back", "rolled_back", "failed", "holding"};
  return std::find(bad.begin(), bad.end(), phase) != bad.end();
}

}  // namespace

std::optional<EventText> event_of(const core::Entry& entry) {
  EventText text;
  text.note = shortened(entry.text, longest_note);
  if (entry.kind == "weight") {
    text.reason = "TrafficWeight";
    return text;
  }
  if (entry.kind == "verdict") {
    text.reason = "CheckFailed";
    text.warning = true;
    return text;
  }
  // "stepping: step 1 of 4 ..."
  const std::size_t colon = entry.text.find(": ");
  if (entry.kind != "phase" || colon == std::string::npos) return std::nullopt;
  const std::string phase = entry.text.substr(0, colon);
  text.reason = camel(phase);
  text.warning = is_warning(phase);
  text.note = shortened(entry.text.substr(colon + 2), longest_note);
  return text;
}

boost::json::object event_object(const EventSource& source, const EventText& text, WallTime now,
                                 std::int64_t serial) {
  boost::json::object about{{"apiVersion", "apps/v1"},
                            {"kind", "Deployment"},
                            {"name", source.deployment},
                            {"namespace", source.name_space}};
  if (const std::string uid = source.uid ? source.uid() : ""; !uid.empty()) about["uid"] = uid;
  boost::json::object metadata{
      {"name", fmt::format("{}.{:x}{:04x}", source.deployment, now.ms, serial & 0xffff)},
      {"namespace", source.name_space}};
  return {{"apiVersion", "events.k8s.io/v1"},
          {"kind", "Event"},
          {"metadata", metadata},
          {"eventTime", micro_time(now)},
          {"reportingController", controller},
          {"reportingInstance", shortened(source.instance, 120)},
          {"action", "Release"},
          {"reason", text.reason},
          {"regarding", about},
          {"note", text.note},
          {"type", text.warning ? "Warning" : "Normal"}};
}

boost::json::object series_patch(std::int64_t count, WallTime now) {
  return {{"series", boost::json::object{{"count", count}, {"lastObservedTime", micro_time(now)}}}};
}

struct EventPoster::State {
  struct Queued {
    EventText text;
    WallTime at;
  };
  struct Told {
    EventText text;
    std::string name;  // of the Event
    WallTime last;
    std::int64_t count = 1;
  };

  State(asio::any_io_executor executor, Client& client_in, Clock& clock_in, EventSource source_in,
        std::function<void(std::string)> say_in, EventTimes times_in)
      : client(client_in),
        clock(clock_in),
        source(std::move(source_in)),
        say(std::move(say_in)),
        times(times_in),
        more(std::move(executor)) {
    more.expires_at(asio::steady_timer::time_point::max());
  }

  [[nodiscard]] Resource events() const {
    return {"events.k8s.io/v1", "events", source.name_space};
  }
  Told* told_before(const EventText& text, WallTime at);
  static Task<Result<void>> post(std::shared_ptr<State> self, Queued one);
  static Task<void> run(std::shared_ptr<State> self);

  Client& client;
  Clock& clock;
  EventSource source;
  std::function<void(std::string)> say;
  EventTimes times;
  asio::steady_timer more;
  std::deque<Queued> queue;
  std::deque<Told> told;
  std::int64_t serial = 0;
  bool refused = false;
};

EventPoster::State::Told* EventPoster::State::told_before(const EventText& text, WallTime at) {
  for (Told& one : told)
    if (one.text == text && at.ms - one.last.ms < series_ends.count()) return &one;
  return nullptr;
}

Task<Result<void>> EventPoster::State::post(std::shared_ptr<State> self, Queued one) {
  const Deadline deadline = self->clock.now().mono + one_post;
  const Resource events = self->events();
  if (Told* before = self->told_before(one.text, one.at)) {
    const std::string name = before->name;
    Json patch = series_patch(before->count + 1, one.at);
    PatchOptions options;
    auto done = co_await self->client.patch(events, name, PatchKind::merge, std::move(patch),
                                            options, deadline);
    if (!done) co_return fail(std::move(done).error());
    before->count += 1;
    before->last = one.at;
    co_return Result<void>();
  }
  Json object = event_object(self->source, one.text, one.at, ++self->serial);
  const std::string name = name_of(object);
  auto done = co_await self->client.create(events, std::move(object), deadline);
  if (!done) co_return fail(std::move(done).error());
  self->told.push_front({one.text, name, one.at, 1});
  if (self->told.size() > most_remembered) self->told.pop_back();
  co_return Result<void>();
}

Task<void> EventPoster::State::run(std::shared_ptr<State> self) {
  std::optional<MonoTime> denied_since;
  while (!self->refused) {
    while (!self->queue.empty()) {
      Queued one = self->queue.front();
      self->queue.pop_front();
      auto done = co_await post(self, one);
      if (done || done.error().code != Code::denied) {  // what is lost is only told
        denied_since.reset();
        continue;
      }
      const MonoTime now = self->clock.now().mono;
      if (!denied_since) denied_since = now;
      if (now - *denied_since < self->times.believed) {
        if (self->queue.size() < most_queued) self->queue.push_front(std::move(one));
        co_await runtime::sleep_for(self->times.pause);
        continue;
      }
      self->refused = true;
      self->queue.clear();
      if (self->say)
        self->say(fmt::format("no events are written: {} (`linnet rbac` has the rule)",
                              done.error().message));
      co_return;
    }
    co_await self->more.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

EventPoster::EventPoster(asio::any_io_executor executor, Client& client, Clock& clock,
                         EventSource source, std::function<void(std::string)> say, EventTimes times)
    : state_(std::make_shared<State>(std::move(executor), client, clock, std::move(source),
                                     std::move(say), times)) {}

EventPoster::~EventPoster() {
  state_->say = {};
  state_->more.cancel();
}

void EventPoster::tell(const core::Entry& entry) {
  auto text = event_of(entry);
  if (!text || state_->refused) return;
  if (state_->queue.size() >= most_queued) state_->queue.pop_front();
  state_->queue.push_back({std::move(*text), state_->clock.now().wall});
  state_->more.cancel();
}

Task<void> EventPoster::run() { return State::run(state_); }

}  // namespace linnet::kubernetes
