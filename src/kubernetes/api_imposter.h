// An API server in memory for tests: objects with versions, optimistic locks, pages and watches as
// kube-apiserver has them, and the faults that a network has. Not a model of any resource: it keeps
// whatever it is given.
#pragma once

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kubernetes/client.h"
#include "kubernetes/requests.h"
#include "net/stream_imposter.h"
#include "recipes/patch.h"
#include "runtime/with_deadline.h"

namespace linnet::kubernetes {

class ApiImposter {
 public:
  explicit ApiImposter(boost::asio::io_context& io)
      : state_(std::make_shared<State>(io)), server_(io, handler(state_)) {}

  [[nodiscard]] Config config() const {
    Config out;
    out.server = server_.url("");
    out.name_space = "shop";
    out.proxy = "";
    return out;
  }

  // -- Another hand --
  /// Creates or changes an object, as kubectl would.
  void put(const Resource& resource, Json object) {
    const std::string path = path_of(resource, text_at(object, {"metadata", "name"}));
    state_->store(path, std::move(object));
  }
  void erase(const Resource& resource, const std::string& name) {
    state_->erase(path_of(resource, name));
  }
  [[nodiscard]] const Json* find(const Resource& resource, const std::string& name) const {
    const auto found = state_->objects.find(path_of(resource, name));
    return found == state_->objects.end() ? nullptr : &found->second;
  }

  // -- Faults --
  /// Answers in place of the server when it gives something.
  std::function<std::optional<net::ServerResponse>(const net::ServerRequest&)>& instead() {
    return state_->instead;
  }
  /// The request is performed, its answer is lost.
  std::function<bool(const net::ServerRequest&)>& loses() { return state_->loses; }
  /// The connection stays open and nothing comes, neither answers nor events.
  void hang(bool on) {
    state_->hangs = on;
    state_->wake();
  }
  /// All watches that run get these bytes.
  void say(const std::string& bytes) {
    state_->said += bytes;
    state_->wake();
  }
  /// All watches that run end: as after their timeout, or broken.
  void end_watches(bool broken = false) {
    ++state_->epoch;
    state_->breaks = broken;
    state_->wake();
  }
  /// What was is forgotten: older versions are answered with 410.
  void compact() {
    state_->events.clear();
    state_->oldest = state_->version;
  }
  void stop() { server_.stop(); }

  // -- What was asked --
  [[nodiscard]] std::vector<net::ServerRequest>& asked() { return state_->asked; }
  [[nodiscard]] int count(const std::string& method, const std::string& part = "") const {
    return static_cast<int>(std::count_if(
        state_->asked.begin(), state_->asked.end(), [&](const net::ServerRequest& one) {
          return one.method == method && one.target.find(part) != std::string::npos;
        }));
  }
  [[nodiscard]] int watches() const { return state_->watches; }
  std::size_t page = 250;  // the largest that it gives
  static net::ServerResponse status(int code, const std::string& reason,
                                    const std::string& message) {
    net::ServerResponse out;
    out.status = code;
    out.body = boost::json::serialize(boost::json::object{{"kind", "Status"},
                                                          {"status", "Failure"},
                                                          {"reason", reason},
                                                          {"message", message},
                                                          {"code", code}});
    return out;
  }

 private:
  struct Event {
    std::int64_t version;
    std::string collection, type;
    Json object;
  };
  struct Call {
    std::string method, collection, name;
    std::map<std::string, std::string> query;
    std::string body;
  };

  struct State {
    explicit State(boost::asio::io_context& io) : executor(io.get_executor()) {}
    boost::asio::any_io_executor executor;
    std::map<std::string, Json> objects;  // by path
    std::int64_t version = 100;
    std::int64_t oldest = 100;
    std::int64_t uids = 0;
    std::vector<Event> events;
    std::vector<net::ServerRequest> asked;
    std::function<std::optional<net::ServerResponse>(const net::ServerRequest&)> instead;
    std::function<bool(const net::ServerRequest&)> loses;
    bool hangs = false;
    bool breaks = false;
    int epoch = 0;
    int watches = 0;
    std::string said;
    std::set<boost::asio::steady_timer*> bells;

    void wake() {
      for (boost::asio::steady_timer* bell : bells) bell->cancel();
    }
    static std::string collection_of(const std::string& path) {
      return path.substr(0, path.rfind('/'));
    }
    Json& store(const std::string& path, Json object) {
      const bool is_new = !objects.contains(path);
      Json& metadata = object.as_object()["metadata"];
      metadata.as_object()["resourceVersion"] = std::to_string(++version);
      if (is_new)
        metadata.as_object()["uid"] = fmt::format("uid-{}", ++uids);
      else
        metadata.as_object()["uid"] = text_at(objects[path], {"metadata", "uid"});
      objects[path] = std::move(object);
      events.push_back(
          {version, collection_of(path), is_new ? "ADDED" : "MODIFIED", objects[path]});
      wake();
      return objects[path];
    }
    void erase(const std::string& path) {
      Json object = std::move(objects[path]);
      objects.erase(path);
      object.as_object()["metadata"].as_object()["resourceVersion"] = std::to_string(++version);
      events.push_back({version, collection_of(path), "DELETED", std::move(object)});
      wake();
    }
  };

  static net::StreamImposter::Handler handler(std::shared_ptr<State> state) {
    return [state](std::shared_ptr<net::Exchange> exchange) { return serve(state, exchange); };
  }

  static Call call_of(const net::ServerRequest& request) {
    Call call;
    call.method = request.method;
    call.body = request.body;
    const std::size_t question = request.target.find('?');
    std::string path = request.target.substr(0, question);
    const auto target = net::parse_target(request.target);
    if (target)
      for (const auto& [name, value] : target->query) call.query[name] = value;
    const std::size_t spaces = path.find("/namespaces/");
    const std::size_t from = spaces == std::string::npos ? 1 : spaces + 12;
    const auto slashes =
        std::count(path.begin() + static_cast<std::ptrdiff_t>(from), path.end(), '/');
    const bool core = path.starts_with("/api/");
    const auto collection = spaces != std::string::npos ? 1 : core ? 2 : 3;
    if (slashes > collection) {
      call.name = path.substr(path.rfind('/') + 1);
      path.resize(path.rfind('/'));
    }
    call.collection = path;
    return call;
  }

  static bool matches(const Call& call, const Json& object) {
    const auto field = call.query.find("fieldSelector");
    if (field != call.query.end() &&
        field->second != "metadata.name=" + text_at(object, {"metadata", "name"}))
      return false;
    const auto labels = call.query.find("labelSelector");
    return labels == call.query.end() || selects(labels->second, object);
  }

  /// "a=b,c in (d,e)"
  static bool selects(std::string selector, const Json& object) {
    while (!selector.empty()) {
      const bool set = selector.find(" in (") < selector.find(',');
      const std::size_t end = set ? selector.find(')') + 1 : selector.find(',');
      const std::string one = selector.substr(0, end);
      selector = end >= selector.size() ? "" : selector.substr(end + 1);
      const std::size_t cut = set ? one.find(" in (") : one.find('=');
      const std::string value = text_at(object, {"metadata", "labels", one.substr(0, cut)});
      const std::string wanted = set ? "," + one.substr(cut + 5, one.size() - cut - 6) + ","
                                     : "," + one.substr(cut + 1) + ",";
      if (wanted.find("," + value + ",") == std::string::npos) return false;
    }
    return true;
  }

  static net::ServerResponse good(const Json& json, int code = 200) {
    net::ServerResponse out;
    out.status = code;
    out.body = boost::json::serialize(json);
    return out;
  }

  static void merge(Json& into, const Json& patch) {
    if (!patch.is_object()) {
      into = patch;
      return;
    }
    if (!into.is_object()) into = boost::json::object();
    for (const auto& [key, value] : patch.get_object()) {
      if (value.is_null())
        into.get_object().erase(key);
      else
        merge(into.get_object()[key], value);
    }
  }

  static net::ServerResponse list(State& state, const Call& call) {
    std::vector<const Json*> found;
    for (const auto& [path, object] : state.objects)
      if (State::collection_of(path) == call.collection && matches(call, object))
        found.push_back(&object);
    const auto limit = call.query.find("limit");
    const std::size_t page = limit == call.query.end() ? found.size() : std::stoul(limit->second);
    const auto token = call.query.find("continue");
    const std::size_t from = token == call.query.end() ? 0 : std::stoul(token->second);
    boost::json::array items;
    std::size_t i = from;
    for (; i < found.size() && items.size() < page; ++i) items.push_back(*found[i]);
    boost::json::object metadata{{"resourceVersion", std::to_string(state.version)}};
    if (i < found.size()) metadata["continue"] = std::to_string(i);
    return good(boost::json::object{
        {"kind", "ThingList"}, {"apiVersion", "v1"}, {"metadata", metadata}, {"items", items}});
  }

  static net::ServerResponse perform(State& state, const Call& call) {
    std::string name = call.name;
    Json body;
    if (!call.body.empty()) body = boost::json::parse(call.body);
    if (call.method == "POST") name = text_at(body, {"metadata", "name"});
    if (call.method == "GET" && name.empty()) return list(state, call);
    const std::string path = call.collection + "/" + name;
    const auto found = state.objects.find(path);
    if (call.method == "POST") {
      if (found != state.objects.end())
        return status(409, "AlreadyExists", name + " already exists");
      return good(state.store(path, std::move(body)), 201);
    }
    if (found == state.objects.end()) return status(404, "NotFound", name + " not found");
    if (call.method == "GET") return good(found->second);
    if (call.method == "DELETE") {
      state.erase(path);
      return status(200, "", "");
    }
    if (call.method == "PATCH") {
      Json changed = found->second;
      if (body.is_array()) {
        auto patched = recipes::apply({recipes::Write::Kind::json_patch, {}, body}, changed);
        if (!patched) return status(422, "Invalid", patched.error().message);
        changed = *std::move(patched);
      } else {
        merge(changed, body);
      }
      if (const Json* spec = find_at(changed, {"spec"});
          spec != nullptr && *spec != found->second.at("spec")) {
        Json& generation = changed.at("metadata").as_object()["generation"];
        generation = generation.is_int64() ? generation.get_int64() + 1 : 2;
      }
      body = std::move(changed);
    }
    const std::string lock = text_at(body, {"metadata", "resourceVersion"});
    if (!lock.empty() && lock != text_at(found->second, {"metadata", "resourceVersion"}))
      return status(409, "Conflict", "the object has been modified");
    return good(state.store(path, std::move(body)));
  }

  static Task<void> watch(std::shared_ptr<State> state, std::shared_ptr<net::Exchange> exchange,
                          Call call) {
    std::int64_t seen = std::stoll(call.query["resourceVersion"]);
    if (seen < state->oldest) {
      net::ServerResponse gone = status(410, "Expired", "too old resource version");
      co_await exchange->answer(std::move(gone));
      co_return;
    }
    co_await exchange->begin_chunks();
    boost::asio::steady_timer bell(state->executor);
    struct Ringing {
      State& state;
      boost::asio::steady_timer* bell;
      Ringing(State& s, boost::asio::steady_timer* b) : state(s), bell(b) {
        state.bells.insert(bell);
        ++state.watches;
      }
      ~Ringing() {
        state.bells.erase(bell);
        --state.watches;
      }
      Ringing(const Ringing&) = delete;
      Ringing& operator=(const Ringing&) = delete;
    } ringing(*state, &bell);
    const int epoch = state->epoch;
    std::size_t said = state->said.size();
    for (;;) {
      std::string out = state->said.substr(said);
      for (const Event& event : state->events) {
        if (event.version <= seen) continue;
        seen = event.version;
        if (event.collection == call.collection && matches(call, event.object))
          out += boost::json::serialize(
                     boost::json::object{{"type", event.type}, {"object", event.object}}) +
                 "\n";
      }
      said = state->said.size();
      if (!out.empty() && !state->hangs) {
        const bool there = co_await exchange->chunk(std::move(out));
        if (!there) break;
        continue;
      }
      if (state->epoch != epoch) break;
      bell.expires_after(std::chrono::hours(1));
      co_await bell.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
      auto cancellation = co_await boost::asio::this_coro::cancellation_state;
      if (cancellation.cancelled() != boost::asio::cancellation_type::none) break;
    }
    exchange->close = true;
    if (!state->breaks) co_await exchange->end_chunks();
  }

  static Task<void> serve(std::shared_ptr<State> state, std::shared_ptr<net::Exchange> exchange) {
    const net::ServerRequest request = exchange->request;
    state->asked.push_back(request);
    if (state->hangs) co_await runtime::sleep_for(1h);
    std::optional<net::ServerResponse> response;
    if (state->instead) response = state->instead(request);
    if (!response) {
      Call call = call_of(request);
      if (call.query.contains("watch")) {
        co_await watch(state, exchange, std::move(call));
        co_return;
      }
      response = request.target == "/version" ? good(boost::json::object{{"major", "1"}})
                                              : perform(*state, call);
    }
    if (state->loses && state->loses(request)) {
      exchange->close = true;
      co_return;
    }
    co_await exchange->answer(std::move(*response));
  }

  std::shared_ptr<State> state_;
  net::StreamImposter server_;
};

/// An object with nothing but names.
inline Json named(const std::string& name, boost::json::object more = {}) {
  more["metadata"].emplace_object()["name"] = name;
  return Json(std::move(more));
}

}  // namespace linnet::kubernetes
