// curl's multi interface driven by Asio. curl says which sockets to watch and when its timer is
// due; each event goes back through curl_multi_socket_action, which is never called from within one
// of curl's own callbacks. The rules are in docs/decisions and in CONTRIBUTING.md.
#include "net/curl.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>

#include "net/curl_library.h"
#include "net/curl_transfer.h"

namespace linnet::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// A socket of curl's. Asio only watches it: released, never closed, before curl closes it.
struct Watch {
  Watch(const asio::any_io_executor& executor, curl_socket_t number)
      : descriptor(executor), socket(number) {
    // No exception may pass through curl. What cannot be watched ends at the request's time limit.
    error_code ignored;
    descriptor.assign(number, ignored);
  }
  ~Watch() { let_go(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  /// At once, not when the last handler forgets it: the number may be another socket's by then.
  void let_go() {
    wanted = 0;
    if (descriptor.is_open()) descriptor.release();
  }
  asio::posix::stream_descriptor descriptor;
  curl_socket_t socket;
  int wanted = 0;        // CURL_POLL_...
  bool reading = false;  // a wait is under way
  bool writing = false;
};

}  // namespace

struct Curl::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor e, CurlLibrary l)
      : executor(std::move(e)), curl(l), timer(executor) {}
  ~State() {
    closing = true;
    watches.clear();
    if (multi != nullptr) curl.multi_cleanup(multi);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  asio::any_io_executor executor;
  CurlLibrary curl;
  CURLM* multi = nullptr;
  asio::steady_timer timer;
  std::map<curl_socket_t, std::shared_ptr<Watch>> watches;
  bool closing = false;

  Result<void> start();
  static Task<Result<Response>> send(std::shared_ptr<State> state, Request request);
  static Task<Result<Response>> stream(std::shared_ptr<State> state, Request request,
                                       std::function<bool(std::string_view)> on_data);
  void arm(const std::shared_ptr<Watch>& watch);
  void act(curl_socket_t socket, int events);
  void finish_transfers();
  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*);
  static int on_timer(CURLM*, long pause_ms, void* self);
};

Result<void> Curl::State::start() {
  multi = curl.multi_init();
  if (multi == nullptr) return fail(Code::internal, "libcurl refuses to make a client");
  curl.multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &State::on_socket);
  curl.multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
  curl.multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &State::on_timer);
  curl.multi_setopt(multi, CURLMOPT_TIMERDATA, this);
  curl.multi_setopt(multi, CURLMOPT_MAXCONNECTS, 64L);
  return {};
}

int Curl::State::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
  auto& state = *static_cast<State*>(self);
  if (what == CURL_POLL_REMOVE) {
    if (const auto found = state.watches.find(socket); found != state.watches.end()) {
      found->second->let_go();
      state.watches.erase(found);
    }
    return 0;
  }
  if (state.closing) return 0;
  auto& watch = state.watches[socket];
  if (!watch) watch = std::make_shared<Watch>(state.executor, socket);
  watch->wanted = what;
  state.arm(watch);
  return 0;
}

int Curl::State::on_timer(CURLM*, long pause_ms, void* self) {
  auto& state = *static_cast<State*>(self);
  if (state.closing) return 0;
  if (pause_ms < 0) {
    state.timer.cancel();
    return 0;
  }
  // Also a pause of 0 goes through the event loop: this is one of curl's callbacks.
  state.timer.expires_after(std::chrono::milliseconds(pause_ms));
  auto due = [weak = state.weak_from_this()](error_code error) {
    const auto alive = weak.lock();
    if (!error && alive) alive->act(CURL_SOCKET_TIMEOUT, 0);
  };
  state.timer.async_wait(std::move(due));
  return 0;
}

/// Waits for what curl wants of this socket, again after each event, until curl says remove.
void Curl::State::arm(const std::shared_ptr<Watch>& watch) {
  const auto wait = [&](bool Watch::*waiting, int wanted,
                        asio::posix::stream_descriptor::wait_type type, int events) {
    if ((watch->wanted & wanted) == 0 || *watch.*waiting || !watch->descriptor.is_open()) return;
    *watch.*waiting = true;
    auto ready = [weak = weak_from_this(), weak_watch = std::weak_ptr(watch), waiting, wanted,
                  events](error_code error) {
      const auto alive = weak.lock();
      const auto same = weak_watch.lock();  // gone: curl closed it; the number may be another's now
      if (!alive || !same) return;
      *same.*waiting = false;
      if (error == asio::error::operation_aborted) return;
      if ((same->wanted & wanted) != 0) alive->act(same->socket, error ? CURL_CSELECT_ERR : events);
      const auto found = alive->watches.find(same->socket);
      if (found != alive->watches.end() && found->second == same) alive->arm(same);
    };
    watch->descriptor.async_wait(type, std::move(ready));
  };
  wait(&Watch::reading, CURL_POLL_IN, asio::posix::stream_descriptor::wait_read, CURL_CSELECT_IN);
  wait(&Watch::writing, CURL_POLL_OUT, asio::posix::stream_descriptor::wait_write,
       CURL_CSELECT_OUT);
}

void Curl::State::act(curl_socket_t socket, int events) {
  const auto keep = shared_from_this();
  int running = 0;
  curl.multi_socket_action(multi, socket, events, &running);
  finish_transfers();
}

void Curl::State::finish_transfers() {
  int left = 0;
  while (const CURLMsg* message = curl.multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    char* transfer = nullptr;
    curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    reinterpret_cast<CurlTransfer*>(transfer)->finish(message->data.result);
  }
}

namespace {

/// Keeps a transfer among those of the multi handle for as long as its coroutine waits.
class Running {
 public:
  Running(const CurlLibrary& curl, CURLM* multi, CURL* easy)
      : curl_(curl), multi_(multi), easy_(easy) {
    added_ = curl_.multi_add_handle(multi_, easy_) == CURLM_OK;
  }
  ~Running() {
    if (added_) curl_.multi_remove_handle(multi_, easy_);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  [[nodiscard]] bool added() const { return added_; }

 private:
  const CurlLibrary& curl_;
  CURLM* multi_;
  CURL* easy_;
  bool added_ = false;
};

/// For messages: what is asked, and the proxy that was named for it. curl's words for what goes
/// wrong on the way are of that one.
std::string where_to(const Request& request) {
  std::string where = fmt::format("{} {}", request.method, loggable_url(request.url));
  const std::string proxy = request.proxy.value_or("");
  if (proxy.empty()) return where;
  const std::size_t colon = proxy.find("://");  // may be left out, or be socks5
  const std::string host = colon == std::string::npos ? proxy : proxy.substr(colon + 3);
  return fmt::format("{} by the proxy {}", where, loggable_url("http://" + host).substr(7));
}

}  // namespace

/// The frame keeps the client alive, so that the Curl object may go first.
Task<Result<Response>> Curl::State::send(std::shared_ptr<State> state, Request request) {
  const std::string where = where_to(request);
  asio::steady_timer done(state->executor, asio::steady_timer::time_point::max());
  CurlTransfer transfer(state->curl, std::move(request));
  auto prepared = transfer.prepare();
  if (!prepared) co_return fail(prepared.error().while_doing(where));
  transfer.on_finish([&done] { done.cancel(); });
  const Running running(state->curl, state->multi, transfer.easy());
  if (!running.added()) co_return fail(Code::internal, "{}: libcurl does not take it", where);
  co_await done.async_wait(asio::as_tuple(asio::use_awaitable));
  if (!transfer.finished()) co_return fail(Code::cancelled, "{}: cancelled", where);
  auto result = transfer.take_result();
  if (!result) co_return fail(result.error().while_doing(where));
  co_return std::move(*result);
}

/// Pieces are handed out from here and not from curl's callback, in which curl must not be called.
Task<Result<Response>> Curl::State::stream(std::shared_ptr<State> state, Request request,
                                           std::function<bool(std::string_view)> on_data) {
  const std::string where = where_to(request);
  const Duration first = request.timeout;
  const Duration stall = request.stall_limit;
  asio::steady_timer wake(state->executor);
  bool woken = false;
  const std::function<void()> call = [&wake, &woken] {
    woken = true;
    wake.cancel();
  };
  CurlTransfer transfer(state->curl, std::move(request));
  transfer.stream(call);
  transfer.on_finish(call);
  auto prepared = transfer.prepare();
  if (!prepared) co_return fail(prepared.error().while_doing(where));
  const Running running(state->curl, state->multi, transfer.easy());
  if (!running.added()) co_return fail(Code::internal, "{}: libcurl does not take it", where);
  auto limit = asio::steady_timer::clock_type::now() + first;
  bool head_told = false;
  for (;;) {
    woken = false;
    if (transfer.head_is_good() && !head_told) {
      head_told = true;
      limit = asio::steady_timer::clock_type::now() + stall;
      if (!on_data(std::string_view())) co_return transfer.take_head();
    }
    const std::string piece = transfer.take_piece();
    if (!piece.empty()) {
      limit = asio::steady_timer::clock_type::now() + stall;
      if (!on_data(piece)) co_return transfer.take_head();
    }
    if (transfer.finished()) break;
    wake.expires_at(limit);
    auto waited = co_await wake.async_wait(asio::as_tuple(asio::use_awaitable));
    if (woken) continue;
    if (std::get<0>(waited)) co_return fail(Code::cancelled, "{}: cancelled", where);
    co_return fail(Code::timed_out, "{}: nothing was heard for {}", where,
                   duration_text(head_told ? stall : first));
  }
  auto result = transfer.take_result();
  if (!result) co_return fail(result.error().while_doing(where));
  co_return std::move(*result);
}

Curl::Curl(std::shared_ptr<State> state) : state_(std::move(state)) {}
Curl::~Curl() = default;

std::vector<std::string> Curl::default_libraries() {
  return {"libcurl.so.4", "libcurl-gnutls.so.4"};
}

Result<std::unique_ptr<Curl>> Curl::load(asio::any_io_executor executor,
                                         std::vector<std::string> libraries) {
  TRY(library, CurlLibrary::open(libraries));
  auto state = std::make_shared<State>(std::move(executor), library);
  TRY_VOID(state->start());
  return std::unique_ptr<Curl>(new Curl(std::move(state)));
}

Task<Result<Response>> Curl::send(Request request) {
  return State::send(state_, std::move(request));
}

Task<Result<Response>> Curl::stream(Request request,
                                    std::function<bool(std::string_view)> on_data) {
  return State::stream(state_, std::move(request), std::move(on_data));
}

}  // namespace linnet::net
