// List, then watch from the list's version; again from the start when the server has forgotten that
// version. (client-go tools/cache/reflector.go)
#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json.hpp>

#include "kubernetes/client_state.h"
#include "kubernetes/objects.h"
#include "runtime/with_deadline.h"

namespace linnet::kubernetes {
namespace {

constexpr int shortest_watch_s = 300;   // asked of the server; at random up to twice that
constexpr Duration healthy_after = 5s;  // a watch that lasted so long ended for a reason of its own
constexpr Duration very_short = 1s;     // as client-go's: a watch that brought nothing by then
constexpr int most_doublings = 10;

bool is_expired(int status, const Json& json) {
  const std::string reason = text_at(json, {"reason"});
  return status == 410 || reason == "Expired" || reason == "Gone";
}

int status_code(const Json& json) {
  const Json* code = find_at(json, {"code"});
  return code != nullptr && code->is_int64() ? static_cast<int>(code->get_int64()) : 500;
}

}  // namespace

struct Cache::State {
  std::shared_ptr<Client::State> client;
  Resource resource;
  std::string labels, fields;
  std::function<void()> changed;
  CacheTimes times;

  std::map<std::string, Json> objects;
  std::string version;  // resourceVersion to go on from; empty: list first
  bool listed = false;
  bool connected = false;  // the watch's head is there
  MonoTime heard;          // of this list or watch
  Error trouble{Code::unavailable, "not listed yet"};
  int failures = 0;
  std::optional<Duration> pause;  // that the last failure asked for
  LineFramer framer;
  std::optional<Error> event_trouble;
  bool brought = false;  // the watch, anything

  [[nodiscard]] Asked asked(std::string verb) const { return {std::move(verb), resource, "", ""}; }
  [[nodiscard]] MonoTime now() const { return client->clock.now().mono; }
  [[nodiscard]] MonoTime last_sign() const {
    return connected ? std::max(heard, client->heard) : heard;
  }
  [[nodiscard]] std::string key_of(const Json& object) const;
  void take_list(Json list);
  bool take_piece(std::string_view piece);
  bool take_event(const std::string& line);
  Duration backoff();
  static Task<void> run(std::shared_ptr<State> self);
  static Task<Result<void>> list(std::shared_ptr<State> self);
  static Task<Result<void>> watch(std::shared_ptr<State> self);
  static Task<Result<net::Response>> stream(std::shared_ptr<State> self);
  static Task<void> silence(std::shared_ptr<State> self);
  static Task<void> ask_whether_alive(std::shared_ptr<State> self, Duration limit);
};

std::string Cache::State::key_of(const Json& object) const {
  std::string name = text_at(object, {"metadata", "name"});
  if (name.empty() || !resource.name_space.empty()) return name;
  const std::string name_space = text_at(object, {"metadata", "namespace"});
  return name_space.empty() ? name : name_space + "/" + name;
}

void Cache::State::take_list(Json list) {
  std::map<std::string, Json> found;
  if (Json* items = list.get_object().if_contains("items"); items != nullptr && items->is_array()) {
    for (Json& item : items->get_array()) {
      std::string key = key_of(item);
      if (!key.empty()) found.insert_or_assign(std::move(key), std::move(item));
    }
  }
  objects = std::move(found);
  version = text_at(list, {"metadata", "resourceVersion"});
  listed = true;
  heard = now();
}

bool Cache::State::take_event(const std::string& line) {
  Result<Json> event = parse_json(line);
  if (!event) {
    event_trouble = std::move(event).error().while_doing("an event of the watch");
    version.clear();
    return false;
  }
  const std::string type = text_at(*event, {"type"});
  Json* object = event->is_object() ? event->get_object().if_contains("object") : nullptr;
  if (object == nullptr || !object->is_object()) return true;
  brought = true;
  if (type == "ERROR") {
    const int status = status_code(*object);
    event_trouble =
        error_of(asked("watch"), status, boost::json::serialize(*object), client->who());
    if (is_expired(status, *object)) version.clear();
    if (const auto seconds = number_at(*object, {"details", "retryAfterSeconds"}, 0); seconds > 0)
      pause = std::chrono::seconds(std::min<std::int64_t>(seconds, 3600));
    return false;
  }
  if (std::string newer = text_at(*object, {"metadata", "resourceVersion"}); !newer.empty())
    version = std::move(newer);
  if (type == "BOOKMARK") return true;
  std::string key = key_of(*object);
  if (key.empty()) return true;
  if (type == "DELETED")
    objects.erase(key);
  else if (type == "ADDED" || type == "MODIFIED")
    objects.insert_or_assign(std::move(key), std::move(*object));
  if (changed) changed();
  return true;
}

bool Cache::State::take_piece(std::string_view piece) {
  connected = true;
  heard = now();
  client->heard = std::max(client->heard, heard);
  auto lines = framer.take(piece);
  if (!lines) {
    event_trouble = lines.error();
    version.clear();
    return false;
  }
  return std::all_of(lines->begin(), lines->end(),
                     [this](const std::string& line) { return take_event(line); });
}

/// Doubled with each failure in a row, and up to twice that, so that many do not come at once.
Duration Cache::State::backoff() {
  const int doublings = std::clamp(failures - 1, 0, most_doublings);
  const auto base = std::min(times.first_backoff * (1 << doublings), times.longest_backoff);
  const double jittered = static_cast<double>(base.count()) * (1 + client->random_share());
  return std::min(Duration(static_cast<std::int64_t>(jittered)), times.longest_backoff);
}

Task<Result<void>> Cache::State::list(std::shared_ptr<State> self) {
  const Deadline deadline = self->now() + self->times.list;
  auto got = co_await Client::State::list(self->client, self->resource, self->labels, self->fields,
                                          deadline, &self->pause);
  if (!got) co_return fail(got.error());
  self->take_list(std::move(*got));
  if (self->changed) self->changed();
  co_return Result<void>();
}

Task<Result<net::Response>> Cache::State::stream(std::shared_ptr<State> self) {
  const int timeout =
      shortest_watch_s + static_cast<int>(self->client->random_share() * shortest_watch_s);
  ApiRequest request =
      watch_request(self->resource, self->labels, self->fields, self->version, timeout);
  std::function<bool(std::string_view)> take = [state = self.get()](std::string_view piece) {
    return state->take_piece(piece);
  };
  auto ended = co_await Client::State::stream(self->client, std::move(request), first_answer,
                                              self->times.stall, std::move(take));
  co_return ended;
}

/// Any answer is a sign of life, a refusal too. Shared: one asks for all caches of the client.
Task<void> Cache::State::ask_whether_alive(std::shared_ptr<State> self, Duration limit) {
  struct Asking {
    Client::State& client;
    explicit Asking(Client::State& c) : client(c) { client.asking = true; }
    ~Asking() { client.asking = false; }
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;
  } asking(*self->client);
  ApiRequest request;
  request.target = "/version";
  const Deadline deadline = self->now() + limit;
  auto answer = co_await Client::State::send(self->client, std::move(request), deadline);
  if (!answer) self->trouble = answer.error();
}

/// Returns when nothing was heard of the server for too long. A server that hangs keeps its
/// connections open, and bookmarks come once a minute: so it is asked, when all is quiet.
Task<void> Cache::State::silence(std::shared_ptr<State> self) {
  const CacheTimes& times = self->times;
  const MonoTime began = self->now();
  for (;;) {
    const Duration quiet = self->now() - std::max({began, self->heard, self->client->heard});
    if (quiet >= times.limit) co_return;
    Duration pause = std::max(times.ask_after - quiet, times.ask_after / 10);
    if (quiet >= times.ask_after && !self->client->asking) {
      co_await ask_whether_alive(self, times.limit - quiet);
      pause = times.ask_after / 10;
    }
    co_await runtime::sleep_for(std::max<Duration>(pause, 1ms));
  }
}

Task<Result<void>> Cache::State::watch(std::shared_ptr<State> self) {
  using namespace boost::asio::experimental::awaitable_operators;
  struct Disconnects {
    State& state;
    explicit Disconnects(State& s) : state(s) {}
    ~Disconnects() { state.connected = false; }
    Disconnects(const Disconnects&) = delete;
    Disconnects& operator=(const Disconnects&) = delete;
  } disconnects(*self);
  self->framer = LineFramer();
  self->event_trouble.reset();
  self->brought = false;
  const MonoTime began = self->now();
  Task<Result<net::Response>> work = stream(self);
  Task<Result<net::Response>> safe = runtime::as_result(std::move(work));
  Task<void> limit = silence(self);
  auto first = co_await (std::move(safe) || std::move(limit));
  if (self->event_trouble) co_return fail(*self->event_trouble);
  if (first.index() == 1)
    co_return fail(Code::unavailable,
                   "{}: the API server says nothing for {}: it hangs, or the "
                   "way to it is cut",
                   self->asked("watch").text(), duration_text(self->times.limit));
  auto& ended = std::get<0>(first);
  if (!ended) co_return fail(std::move(ended).error().while_doing(self->asked("watch").text()));
  if (ended->status >= 200 && ended->status <= 299) {
    self->heard = self->now();  // up to here nothing was missed
    if (self->brought || self->now() - began >= very_short) co_return Result<void>();
    co_return fail(Code::unavailable,
                   "{}: it ended at once without an event: does a proxy on the way to the API "
                   "server hold answers back?",
                   self->asked("watch").text());
  }
  if (ended->status == 410) self->version.clear();
  self->pause = asked_pause(ended->status, ended->headers);
  co_return fail(error_of(self->asked("watch"), ended->status, ended->body, self->client->who()));
}

Task<void> Cache::State::run(std::shared_ptr<State> self) {
  for (;;) {
    const MonoTime began = self->now();
    self->pause.reset();
    Result<void> done;
    if (self->version.empty()) {
      done = co_await list(self);
    } else {
      done = co_await watch(self);
      if (self->now() - began >= healthy_after) self->failures = 0;
    }
    if (done && self->version.empty()) done = fail(Code::unavailable, "a list without a version");
    if (done) {
      self->failures = 0;
      if (self->client->looks_once) co_return;
      continue;
    }
    self->trouble = done.error();
    // The first failure after a good time may be the server's restart, or a version forgotten.
    const Duration own = ++self->failures == 1 ? Duration() : self->backoff();
    const Duration asked = std::min(self->pause.value_or(own), self->times.longest_asked);
    const Duration pause = std::max(own, asked);
    if (pause > 0ms) co_await runtime::sleep_for(pause);
  }
}

Cache::Cache(Client& client, Resource resource, std::string label_selector,
             std::function<void()> changed, std::string field_selector, CacheTimes times)
    : state_(std::make_shared<State>()) {
  state_->client = client.state_;
  state_->resource = std::move(resource);
  state_->labels = std::move(label_selector);
  state_->fields = std::move(field_selector);
  state_->changed = std::move(changed);
  state_->times = times;
}

Cache::~Cache() { state_->changed = {}; }

Task<void> Cache::run() { return State::run(state_); }

bool Cache::fresh() const {
  return state_->listed && state_->now() - state_->last_sign() < state_->times.limit;
}

const Error& Cache::trouble() const { return state_->trouble; }
const std::map<std::string, Json>& Cache::objects() const { return state_->objects; }

}  // namespace linnet::kubernetes
