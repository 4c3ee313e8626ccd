// Talks to one API server: requests as plain values, answers as JSON, no generated models. Whatever
// an object holds is kept as it came, so that fields of newer servers survive a read and a write.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "kubernetes/config.h"
#include "net/http.h"
#include "ports/ports.h"

namespace linnet::net {
class Curl;
}

namespace linnet::kubernetes {

using Json = boost::json::value;
struct PluginCredentials;

/// One collection: GET /apis/GROUP/VERSION/namespaces/NAMESPACE/PLURAL.
struct Resource {
  std::string api_version;  // "v1", "apps/v1"
  std::string plural;       // "deployments"
  std::string name_space;   // empty: not in a namespace, or in all of them
  friend bool operator==(const Resource&, const Resource&) = default;
};

/// The path of a collection, or of one object or one of its subresources when named.
std::string path_of(const Resource& resource, std::string_view name = {},
                    std::string_view subresource = {});

/// application/merge-patch+json, application/json-patch+json, application/apply-patch+yaml.
enum class PatchKind { merge, json, apply };

struct PatchOptions {
  std::string subresource;
  bool force = false;    // apply: takes fields from other managers
  bool dry_run = false;  // the server checks everything and keeps nothing
};

/// Code::denied that lasts so long is meant. An API server that has just started refuses all until
/// it knows the roles, and a credential plugin may fail once.
inline constexpr Duration longest_refusal = 20s;

/// One request as a value: what is tested without a socket.
struct ApiRequest {
  std::string method = "GET";
  std::string target;  // path and query
  std::string content_type;
  std::string body;
  std::string accept = "application/json";  // what a proxied answer may be is its server's choice
};

/// Errors of all calls: Code::not_found 404; Code::conflict 409 (the message names the reason:
/// Conflict, AlreadyExists); Code::denied 401 and 403 (naming verb and resource); Code::invalid
/// 400, 405, 415 and 422; Code::unavailable no connection, 429 and 5xx after the retries that
/// Retry-After allows within the deadline; Code::timed_out; Code::unknown_outcome a write without
/// an answer, or with one (500, 502, 504) that leaves open whether it was done.
/// (kubernetes/apimachinery pkg/api/errors, client-go rest/with_retry.go)
class Client {
 public:
  /// `curl` outlives it. `field_manager` names us in managedFields. With `looks_once` all requests
  /// share one connection, and its Caches list and do not watch: for one look, soon over.
  Client(net::Curl& curl, Clock& clock, Config config, std::string field_manager = "linnet",
         bool looks_once = false);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] const Config& config() const;
  /// What the config's plugin gave already, to be used until it expires or is refused.
  void adopt(const PluginCredentials& credentials);

  Task<Result<Json>> get(Resource resource, std::string name, Deadline deadline);
  /// All pages as one list object; the selectors may be empty.
  Task<Result<Json>> list(Resource resource, std::string label_selector, Deadline deadline,
                          std::string field_selector = {});
  Task<Result<Json>> create(Resource resource, Json object, Deadline deadline);
  /// False: an object of this name was there already, and stays as it is.
  Task<Result<bool>> create_missing(Resource resource, Json object, Deadline deadline);
  /// PUT; metadata.resourceVersion in the object is the lock.
  Task<Result<Json>> replace(Resource resource, Json object, Deadline deadline);
  Task<Result<Json>> patch(Resource resource, std::string name, PatchKind kind, Json body,
                           PatchOptions options, Deadline deadline);
  /// In the background, as kubectl delete --wait=false.
  Task<Result<void>> remove(Resource resource, std::string name, Deadline deadline);
  /// Anything else: proxies, logs, self reviews. Any HTTP status is an answer.
  Task<Result<net::ServerResponse>> send(ApiRequest request, Deadline deadline);
  /// The same for an answer that goes on, such as a log: see net::Curl::stream(). Code::timed_out
  /// after `stall` without a byte, before its head too.
  Task<Result<net::Response>> stream(ApiRequest request, Duration stall,
                                     std::function<bool(std::string_view)> on_data);

  /// When the server last answered anything or sent a byte; 0 before.
  [[nodiscard]] MonoTime last_heard() const;

 private:
  friend class Cache;
  struct State;
  std::shared_ptr<State> state_;
};

/// How long a Cache bears what. A deploy is under way while it runs: it comes back sooner than
/// client-go's 30 s.
struct CacheTimes {
  Duration list = 15s;  // one list of all pages
  Duration first_backoff = 800ms;
  Duration longest_backoff = 5s;
  Duration ask_after = 5s;       // without a word from the server it is asked for its version
  Duration limit = 10s;          // what was not heard of for so long is not fresh
  Duration stall = 120s;         // a watch without one byte; bookmarks come each minute
  Duration longest_asked = 60s;  // waited when Retry-After asks for it
};

/// A copy of one collection, kept fresh by list and watch (bookmarks, 410, back-off with jitter;
/// client-go tools/cache/reflector.go).
class Cache {
 public:
  /// `changed` is called after each list and each event. `client` outlives it.
  Cache(Client& client, Resource resource, std::string label_selector,
        std::function<void()> changed, std::string field_selector = {}, CacheTimes times = {});
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;
  /// Until cancelled, or listed when the client looks once.
  Task<void> run();

  /// Listed at least once, and heard of within the last `limit`: a watch whose server is gone does
  /// not count as fresh for longer than it takes to notice.
  [[nodiscard]] bool fresh() const;
  /// Why it is not fresh.
  [[nodiscard]] const Error& trouble() const;
  /// By metadata.name ("namespace/name" when the resource is of all namespaces).
  [[nodiscard]] const std::map<std::string, Json>& objects() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace linnet::kubernetes
