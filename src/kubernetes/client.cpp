// Calls over HTTP/1.1 and not HTTP/2: there one connection carries all, and while it hangs every
// watch and write hangs on it, until TCP gives up after minutes (client-go needs pings for that).
// Only one look, which writes and watches nothing, saves itself the other connections.
#include "kubernetes/client.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <boost/json.hpp>
#include <cstring>
#include <fstream>
#include <sstream>

#include "kubernetes/client_state.h"
#include "runtime/with_deadline.h"

namespace linnet::kubernetes {
namespace {

constexpr Duration token_lives = 60s;  // of a token file, as in client-go
// A plugin may have to ask a cloud that is slow today, longer than any one call can wait.
constexpr Duration plugin_limit = 60s;
constexpr Duration plugin_leeway = 10s;  // credentials are renewed so long before they expire
constexpr Duration plugin_pause = 2s;    // between such renewals, when one failed or gave the old
constexpr int most_tries = 10;           // client-go rest/request.go
constexpr int most_resets = 3;           // of a GET whose connection broke
constexpr Duration after_reset = 50ms;
constexpr int most_list_restarts = 3;
constexpr Duration shortest_time = 1ms;

Result<std::string> read_token(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream all;
  all << in.rdbuf();
  if (!in) return fail(Code::denied, "reading the token file {}: {}", file, std::strerror(errno));
  std::string token = all.str();
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.pop_back();
  if (token.empty()) return fail(Code::denied, "the token file {} is empty", file);
  return token;
}

}  // namespace

Client::State::State(net::Curl& in_curl, Clock& in_clock, Config in_config, std::string in_manager,
                     bool in_looks_once)
    : curl(in_curl),
      clock(in_clock),
      config(std::move(in_config)),
      manager(std::move(in_manager)),
      looks_once(in_looks_once),
      random(std::random_device()()) {}

std::string Client::State::who() const {
  if (config.impersonate.empty()) return config.user;
  return fmt::format("{} as {}", config.user, config.impersonate);
}

Duration Client::State::left(Deadline deadline) {
  return std::max(deadline - clock.now().mono, Duration(0));
}

double Client::State::random_share() {
  return std::uniform_real_distribution<double>(0, 1)(random);
}

Task<Result<Credentials>> Client::State::credentials(std::shared_ptr<State> self,
                                                     Deadline deadline) {
  const Config& config = self->config;
  if (config.exec && config.token_file.empty())
    co_return co_await plugin_credentials(std::move(self), deadline);
  if (!config.token_file.empty()) {
    const Now now = self->clock.now();
    if (!self->token_read || now.mono - *self->token_read >= token_lives) {
      auto token = read_token(config.token_file);
      if (token) {
        self->known.token = std::move(*token);
        self->token_read = now.mono;
      } else if (!config.token.empty()) {
        self->known.token = config.token;
      } else if (self->known.token.empty()) {
        co_return fail(token.error());
      }
    }
    co_return self->known;
  }
  self->known.token = config.token;
  co_return self->known;
}

Task<Result<Credentials>> Client::State::plugin_credentials(std::shared_ptr<State> self,
                                                            Deadline deadline) {
  const Now now = self->clock.now();
  const auto good_for = [&](Duration time) {
    return self->plugin_known &&
           (!self->plugin_expires || now.wall.ms + time.count() < self->plugin_expires->ms);
  };
  if (good_for(plugin_leeway)) co_return self->known;
  const bool still_good = good_for(0ms);
  const bool tried = self->plugin_began && now.mono - *self->plugin_began < plugin_pause;
  std::shared_ptr<PluginRun> run = self->plugin_run;
  if (!run && !(still_good && tried)) {
    // A task of its own: whoever asks first may have the least time, and must not end it for all.
    run = std::make_shared<PluginRun>();
    self->plugin_run = run;
    self->plugin_began = now.mono;
    auto executor = co_await boost::asio::this_coro::executor;
    if (!self->plugin_tasks) self->plugin_tasks.emplace(executor);
    self->plugin_tasks->spawn("credential plugin", run_plugin_once(self, run));
  }
  if (still_good) co_return self->known;
  while (!run->ended) {
    if (self->left(deadline) <= 0ms)
      co_return fail(Code::timed_out, "waiting for the credential plugin '{}': no answer after {}",
                     self->config.exec->command,
                     duration_text(self->clock.now().mono - *self->plugin_began));
    co_await runtime::sleep_for(5ms);
  }
  if (!run->given) co_return fail(run->given.error());
  co_return run->given->credentials;
}

Task<void> Client::State::run_plugin_once(std::shared_ptr<State> self,
                                          std::shared_ptr<PluginRun> run) {
  struct Ends {
    State& state;
    PluginRun& run;
    Ends(State& s, PluginRun& r) : state(s), run(r) {}
    ~Ends() {
      run.ended = true;
      state.plugin_run.reset();
    }
    Ends(const Ends&) = delete;
    Ends& operator=(const Ends&) = delete;
  } ends(*self, *run);
  auto given =
      co_await run_plugin(self->config, self->clock, self->clock.now().mono + plugin_limit);
  run->given = std::move(given);
  if (!run->given) co_return;
  self->known = run->given->credentials;
  self->plugin_known = true;
  self->plugin_expires = run->given->expires;
}

bool Client::State::forget_credentials(const Credentials& refused) {
  if (known != refused) return true;  // renewed meanwhile
  if (config.exec && plugin_known) {
    plugin_known = false;
    return true;
  }
  if (config.token_file.empty()) return false;
  const auto token = read_token(config.token_file);
  if (!token || *token == refused.token) return false;
  token_read.reset();
  return true;
}

Task<Result<net::Response>> Client::State::send(std::shared_ptr<State> self, ApiRequest request,
                                                Deadline deadline) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  bool renewed = false;
  int resets = 0;
  for (int tries = 1;; ++tries) {
    auto credentials = co_await State::credentials(self, deadline);
    if (!credentials) co_return fail(credentials.error());
    const Duration left = self->left(deadline);
    if (left <= 0ms)
      co_return fail(Code::timed_out, "{} {}: the time for it was over before it was sent",
                     request.method, net::loggable_url(self->config.server));
    net::Request http = http_request(self->config, *credentials, request);
    http.http2 = self->looks_once;
    http.timeout = std::max(left, shortest_time);
    http.connect_timeout = std::min(http.connect_timeout, http.timeout);
    auto got = co_await self->curl.send(std::move(http));
    if (!got) {
      const bool again = reads && got.error().code == Code::unavailable && ++resets < most_resets;
      if (!again || self->left(deadline) <= after_reset) co_return fail(got.error());
      co_await runtime::sleep_for(after_reset);
      continue;
    }
    self->heard = self->clock.now().mono;
    if (got->status == 401 && !renewed && self->forget_credentials(*credentials)) {
      renewed = true;
      continue;
    }
    const auto pause = asked_pause(got->status, got->headers);
    if (!pause || tries >= most_tries || self->left(deadline) <= *pause) co_return got;
    co_await runtime::sleep_for(*pause);
  }
}

Task<Result<Json>> Client::State::ask(std::shared_ptr<State> self, Asked asked, ApiRequest request,
                                      Deadline deadline) {
  auto got = co_await send(self, std::move(request), deadline);
  if (!got) co_return fail(std::move(got).error().while_doing(asked.text()));
  co_return read_answer(asked, got->status, got->body, self->who());
}

Client::Client(net::Curl& curl, Clock& clock, Config config, std::string field_manager,
               bool looks_once)
    : state_(std::make_shared<State>(curl, clock, std::move(config), std::move(field_manager),
                                     looks_once)) {}
Client::~Client() {
  if (state_->plugin_tasks) state_->plugin_tasks->cancel();
}

const Config& Client::config() const { return state_->config; }
void Client::adopt(const PluginCredentials& credentials) {
  state_->known = credentials.credentials;
  state_->plugin_known = true;
  state_->plugin_expires = credentials.expires;
}
MonoTime Client::last_heard() const { return state_->heard; }

Task<Result<Json>> Client::get(Resource resource, std::string name, Deadline deadline) {
  ApiRequest request = get_request(resource, name);
  return State::ask(state_, {"get", std::move(resource), std::move(name), ""}, std::move(request),
                    deadline);
}

Task<Result<Json>> Client::State::list(std::shared_ptr<State> self, Resource resource,
                                       std::string labels, std::string fields, Deadline deadline,
                                       std::optional<Duration>* pause) {
  namespace js = boost::json;
  const Asked asked{"list", resource, "", ""};
  for (int restarts = 0;; ++restarts) {
    js::object all;
    js::array items;
    std::string token;
    bool expired = false;
    do {
      ApiRequest request = list_request(resource, labels, fields, token);
      auto got = co_await send(self, std::move(request), deadline);
      if (!got) co_return fail(std::move(got).error().while_doing(asked.text()));
      // The pages' token has expired: what was read is of a past that cannot be continued.
      expired = got->status == 410 && !token.empty() && restarts < most_list_restarts;
      if (expired) break;
      if (pause != nullptr) *pause = asked_pause(got->status, got->headers);
      CO_TRY(page, read_answer(asked, got->status, got->body, self->who()));
      token = text_at(page, {"metadata", "continue"});
      all = std::move(page.get_object());
      if (js::value* more = all.if_contains("items"); more != nullptr && more->is_array())
        std::move(more->get_array().begin(), more->get_array().end(), std::back_inserter(items));
    } while (!token.empty());
    if (expired) continue;
    all["items"] = std::move(items);
    Json whole(std::move(all));
    complete_items(whole);
    co_return whole;
  }
}

Task<Result<Json>> Client::list(Resource resource, std::string label_selector, Deadline deadline,
                                std::string field_selector) {
  return State::list(state_, std::move(resource), std::move(label_selector),
                     std::move(field_selector), deadline);
}

Task<Result<Json>> Client::create(Resource resource, Json object, Deadline deadline) {
  ApiRequest request = create_request(resource, object, state_->manager);
  std::string name = text_at(object, {"metadata", "name"});
  return State::ask(state_, {"create", std::move(resource), std::move(name), ""},
                    std::move(request), deadline);
}

Task<Result<bool>> Client::State::create_missing(std::shared_ptr<State> self, Resource resource,
                                                 Json object, Deadline deadline) {
  ApiRequest request = create_request(resource, object, self->manager);
  const Asked asked{"create", std::move(resource), text_at(object, {"metadata", "name"}), ""};
  auto got = co_await send(self, std::move(request), deadline);
  if (!got) co_return fail(std::move(got).error().while_doing(asked.text()));
  if (got->status == 409 && reason_of(got->body) == "AlreadyExists") co_return false;
  CO_TRY_VOID(read_answer(asked, got->status, got->body, self->who()));
  co_return true;
}

Task<Result<bool>> Client::create_missing(Resource resource, Json object, Deadline deadline) {
  return State::create_missing(state_, std::move(resource), std::move(object), deadline);
}

Task<Result<Json>> Client::replace(Resource resource, Json object, Deadline deadline) {
  ApiRequest request = replace_request(resource, object, state_->manager);
  std::string name = text_at(object, {"metadata", "name"});
  return State::ask(state_, {"update", std::move(resource), std::move(name), ""},
                    std::move(request), deadline);
}

Task<Result<Json>> Client::patch(Resource resource, std::string name, PatchKind kind, Json body,
                                 PatchOptions options, Deadline deadline) {
  ApiRequest request = patch_request(resource, name, kind, body, options, state_->manager);
  return State::ask(state_,
                    {"patch", std::move(resource), std::move(name), std::move(options.subresource)},
                    std::move(request), deadline);
}

Task<Result<void>> Client::State::remove(std::shared_ptr<State> self, Resource resource,
                                         std::string name, Deadline deadline) {
  ApiRequest request = remove_request(resource, name);
  Asked asked{"delete", std::move(resource), std::move(name), ""};
  auto done = co_await ask(std::move(self), std::move(asked), std::move(request), deadline);
  if (!done) co_return fail(std::move(done).error());
  co_return Result<void>();
}

Task<Result<void>> Client::remove(Resource resource, std::string name, Deadline deadline) {
  return State::remove(state_, std::move(resource), std::move(name), deadline);
}

Task<Result<net::ServerResponse>> Client::State::send_any(std::shared_ptr<State> self,
                                                          ApiRequest request, Deadline deadline) {
  auto got = co_await send(std::move(self), std::move(request), deadline);
  if (!got) co_return fail(std::move(got).error());
  net::ServerResponse out;
  out.status = got->status;
  const std::string* type = net::find_header(got->headers, "Content-Type");
  out.content_type = type == nullptr ? "" : *type;
  out.body = std::move(got->body);
  out.headers = std::move(got->headers);
  co_return out;
}

Task<Result<net::ServerResponse>> Client::send(ApiRequest request, Deadline deadline) {
  return State::send_any(state_, std::move(request), deadline);
}

Task<Result<net::Response>> Client::State::stream(std::shared_ptr<State> self, ApiRequest request,
                                                  Duration head, Duration stall,
                                                  std::function<bool(std::string_view)> on_data) {
  const Deadline deadline = self->clock.now().mono + first_answer;
  bool renewed = false;
  for (;;) {
    auto credentials = co_await State::credentials(self, deadline);
    if (!credentials) co_return fail(credentials.error());
    net::Request http = http_request(self->config, *credentials, request);
    http.timeout = head;
    http.stall_limit = stall;
    auto got = co_await self->curl.stream(std::move(http), on_data);
    if (got) self->heard = self->clock.now().mono;
    if (!got || got->status != 401 || renewed || !self->forget_credentials(*credentials))
      co_return got;
    renewed = true;
  }
}

Task<Result<net::Response>> Client::stream(ApiRequest request, Duration stall,
                                           std::function<bool(std::string_view)> on_data) {
  return State::stream(state_, std::move(request), stall, stall, std::move(on_data));
}

}  // namespace linnet::kubernetes
