// What a Client keeps between calls, shared with its Caches; private to src/kubernetes.
#pragma once

#include <functional>
#include <optional>
#include <random>

#include "kubernetes/client.h"
#include "kubernetes/exec_plugin.h"
#include "kubernetes/requests.h"
#include "net/curl.h"
#include "runtime/task_group.h"

namespace linnet::kubernetes {

inline constexpr Duration first_answer = 10s;  // a watch's head comes at once from a healthy server

struct Client::State {
  State(net::Curl& curl, Clock& clock, Config config, std::string manager, bool looks_once);

  net::Curl& curl;
  Clock& clock;
  Config config;
  std::string manager;
  bool looks_once;
  std::minstd_rand random;
  MonoTime heard;       // see last_heard()
  bool asking = false;  // a Cache asks whether the server is alive

  Credentials known;
  std::optional<MonoTime> token_read;
  /// One run of the plugin, for all who wait for it.
  struct PluginRun {
    bool ended = false;
    Result<PluginCredentials> given = fail(Code::cancelled, "the credential plugin was stopped");
  };
  bool plugin_known = false;
  std::optional<WallTime> plugin_expires;
  std::shared_ptr<PluginRun> plugin_run;  // that is under way
  std::optional<MonoTime> plugin_began;   // the newest run
  std::optional<runtime::TaskGroup> plugin_tasks;

  /// As whom we act, for messages.
  [[nodiscard]] std::string who() const;
  Duration left(Deadline deadline);
  /// In [0, 1).
  double random_share();
  static Task<Result<Credentials>> credentials(std::shared_ptr<State> self, Deadline deadline);
  /// Of the plugin. Waits no longer than `deadline`; the run goes on for who asks next.
  static Task<Result<Credentials>> plugin_credentials(std::shared_ptr<State> self,
                                                      Deadline deadline);
  static Task<void> run_plugin_once(std::shared_ptr<State> self, std::shared_ptr<PluginRun> run);
  /// After a 401: true when asking again may help.
  bool forget_credentials(const Credentials& refused);

  static Task<Result<net::Response>> send(std::shared_ptr<State> self, ApiRequest request,
                                          Deadline deadline);
  static Task<Result<net::ServerResponse>> send_any(std::shared_ptr<State> self, ApiRequest request,
                                                    Deadline deadline);
  static Task<Result<bool>> create_missing(std::shared_ptr<State> self, Resource resource,
                                           Json object, Deadline deadline);
  static Task<Result<Json>> ask(std::shared_ptr<State> self, Asked asked, ApiRequest request,
                                Deadline deadline);
  /// `pause`: where to put the Retry-After of an answer that refuses; may be null.
  static Task<Result<Json>> list(std::shared_ptr<State> self, Resource resource, std::string labels,
                                 std::string fields, Deadline deadline,
                                 std::optional<Duration>* pause = nullptr);
  static Task<Result<void>> remove(std::shared_ptr<State> self, Resource resource, std::string name,
                                   Deadline deadline);
  /// See net::Curl::stream(). `head`: the longest time until the answer begins.
  static Task<Result<net::Response>> stream(std::shared_ptr<State> self, ApiRequest request,
                                            Duration head, Duration stall,
                                            std::function<bool(std::string_view)> on_data);
};

}  // namespace linnet::kubernetes
