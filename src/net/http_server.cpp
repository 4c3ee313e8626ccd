// Beast reads and writes the HTTP; this file adds the limits, the peers and the order of ending.
#include "net/http_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstring>
#include <optional>
#include <set>

#include "net/listen.h"
#include "runtime/task_group.h"
#include "runtime/with_deadline.h"

namespace linnet::net {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;
using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

namespace {

constexpr auto as_tuple = asio::as_tuple(asio::use_awaitable);

/// One client. The timer cuts off whatever the socket does when it runs out.
struct Connection {
  Connection(Socket s, uid_t p) : socket(std::move(s)), timer(socket.get_executor()), peer(p) {}
  Socket socket;
  asio::steady_timer timer;
  boost::beast::flat_buffer buffer;
  uid_t peer;
  std::uint64_t limit_id = 0;  // of the limit that counts; older timers that still fire do not
  bool timed_out = false;
  bool idle = false;     // between two requests: may be closed at any time
  bool reading = false;  // a GET's handler runs: may be cancelled at any time

  void close() {
    error_code ignored;
    socket.close(ignored);
  }
};
using ConnectionPtr = std::shared_ptr<Connection>;

void end_limit(const ConnectionPtr& connection) {
  ++connection->limit_id;
  connection->timer.cancel();
}

/// From now on the connection has `limit` for what it does next; replaces the last limit.
void limit_time(const ConnectionPtr& connection, Duration limit) {
  const std::uint64_t id = ++connection->limit_id;
  connection->timer.expires_after(limit);
  auto expired = [id, weak = std::weak_ptr(connection)](error_code error) {
    const auto alive = weak.lock();
    if (error || !alive || alive->limit_id != id) return;
    alive->timed_out = true;
    error_code ignored;
    alive->socket.cancel(ignored);
  };
  connection->timer.async_wait(std::move(expired));
}

http::response<http::string_body> to_beast(ServerResponse response, unsigned version,
                                           bool keep_alive) {
  http::response<http::string_body> out;
  out.version(version);
  out.result(static_cast<unsigned>(response.status));
  out.reason(boost::beast::string_view(status_text(response.status).data(),
                                       status_text(response.status).size()));
  if (!response.content_type.empty()) out.set(http::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) out.insert(name, value);
  out.body() = std::move(response.body);
  out.prepare_payload();
  out.keep_alive(keep_alive);
  return out;
}

/// For what goes wrong before a handler sees the request.
ServerResponse refusal(int status, std::string_view code, std::string_view message) {
  ServerResponse response;
  response.status = status;
  // The messages are ours and plain: nothing to escape.
  response.body =
      fmt::format(R"({{"error":{{"code":"{}","message":"{}"}}}})", code, message) + "\n";
  return response;
}

ServerResponse refusal_of(error_code error, bool timed_out) {
  if (timed_out) return refusal(408, "timed_out", "the request took too long to arrive");
  if (error == http::error::header_limit)
    return refusal(431, "invalid", "the request's header is too large");
  if (error == http::error::body_limit)
    return refusal(413, "invalid", "the request's body is too large");
  return refusal(400, "invalid", "this is not an HTTP/1.1 request");
}

uid_t peer_of(Socket& socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return static_cast<uid_t>(-1);  // nobody: refused
  return credentials.uid;
}

/// Nothing: there is nobody to answer any more.
using Answer = std::optional<ServerResponse>;

/// Ends when the client has hung up or the socket was cancelled.
Task<void> until_gone(ConnectionPtr connection) {
  co_await connection->socket.async_wait(Socket::wait_error, as_tuple);
}

}  // namespace

bool peer_allowed(uid_t peer, uid_t own) { return peer == own || peer == 0; }

struct HttpServer::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::any_io_executor executor, HttpHandler h, ServerLimits l, OnTrouble t)
      : acceptor(executor),
        connections(executor,
                    [this](const std::string&, const std::string& what) { trouble(what); }),
        handler(std::move(h)),
        limits(l),
        on_trouble(std::move(t)) {}

  Acceptor acceptor;
  std::optional<UnixListener> unix_file;
  bool is_unix = false;
  std::uint16_t port = 0;
  runtime::TaskGroup connections;
  std::set<ConnectionPtr> open;
  HttpHandler handler;
  ServerLimits limits;
  OnTrouble on_trouble;
  bool stopping = false;

  void trouble(const std::string& what) const {
    if (on_trouble) on_trouble(what);
  }

  Task<void> accept_all();
  Task<void> serve(ConnectionPtr connection);
  Task<bool> serve_one(ConnectionPtr connection);
  Task<bool> read_request(ConnectionPtr connection,
                          http::request_parser<http::string_body>& parser);
  Task<bool> write(ConnectionPtr connection, ServerResponse response, unsigned version, bool keep);
  Task<Answer> call(ServerRequest request);
  Task<Answer> call_get(ConnectionPtr connection, ServerRequest request);
  Task<void> refuse_busy(ConnectionPtr connection);
  struct Leave;
  void stop();
};

void HttpServer::Impl::stop() {
  if (stopping) return;
  stopping = true;
  error_code ignored;
  acceptor.close(ignored);
  if (unix_file) unix_file->remove_file();
  for (const ConnectionPtr& connection : open)
    if (connection->idle || connection->reading) connection->socket.cancel(ignored);
}

/// Forgets a connection however its coroutine ends.
struct HttpServer::Impl::Leave {
  std::shared_ptr<Impl> impl;
  ConnectionPtr connection;
  ~Leave() {
    end_limit(connection);
    connection->close();
    impl->open.erase(connection);
  }
};

Task<void> HttpServer::Impl::accept_all() {
  while (!stopping) {
    auto result = co_await acceptor.async_accept(as_tuple);
    const error_code error = std::get<0>(result);
    if (stopping || error == asio::error::operation_aborted) break;
    if (error) {
      // Out of descriptors, mostly: trying again at once would spin.
      trouble("accepting a connection: " + error.message());
      co_await runtime::sleep_for(100ms);
      continue;
    }
    Socket socket = std::move(std::get<1>(result));
    const uid_t peer = is_unix ? peer_of(socket) : ::geteuid();
    auto connection = std::make_shared<Connection>(std::move(socket), peer);
    const bool busy = open.size() >= limits.connections;
    open.insert(connection);
    connections.spawn("connection", busy ? refuse_busy(connection) : serve(connection));
  }
}

Task<void> HttpServer::Impl::refuse_busy(ConnectionPtr connection) {
  const Leave leave{shared_from_this(), connection};
  ServerResponse response = refusal(503, "unavailable", "too many connections; try again");
  co_await write(connection, std::move(response), 11, false);
}

Task<void> HttpServer::Impl::serve(ConnectionPtr connection) {
  const Leave leave{shared_from_this(), connection};
  for (;;) {
    const bool again = co_await serve_one(connection);
    if (!again || stopping) break;
  }
}

/// True: the connection takes another request.
Task<bool> HttpServer::Impl::serve_one(ConnectionPtr connection) {
  http::request_parser<http::string_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
  parser.body_limit(limits.body_bytes);
  const bool complete = co_await read_request(connection, parser);
  if (!complete) co_return false;

  auto message = parser.release();
  ServerRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message)
    request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  request.body = std::move(message.body());
  request.peer = connection->peer;
  const bool keep = message.keep_alive();
  const unsigned version = message.version();
  if (is_unix && !peer_allowed(connection->peer, ::geteuid())) {
    ServerResponse denied = refusal(
        403, "denied", "this daemon belongs to another user; only they and root may use it");
    co_await write(connection, std::move(denied), version, false);
    co_return false;
  }

  if (!request.target.starts_with('/')) {  // CONNECT's, or "*": nothing here has such a name
    ServerResponse refused = refusal(400, "invalid", "the request's target must begin with '/'");
    co_await write(connection, std::move(refused), version, false);
    co_return false;
  }

  end_limit(connection);
  Answer answer;
  if (request.method == "GET")
    answer = co_await call_get(connection, std::move(request));
  else
    answer = co_await call(std::move(request));
  if (!answer) co_return false;
  const bool written = co_await write(connection, std::move(*answer), version, keep && !stopping);
  co_return written&& keep;
}

/// Reads one request within the limits, or refuses it and returns false.
Task<bool> HttpServer::Impl::read_request(ConnectionPtr connection,
                                          http::request_parser<http::string_body>& parser) {
  error_code error;
  if (connection->buffer.size() == 0) {
    connection->idle = true;
    limit_time(connection, limits.idle_time);
    auto waited = co_await connection->socket.async_wait(Socket::wait_read, as_tuple);
    connection->idle = false;
    error = std::get<0>(waited);
    if (error || stopping) co_return false;
  }
  limit_time(connection, limits.header_time);
  auto header =
      co_await http::async_read_header(connection->socket, connection->buffer, parser, as_tuple);
  error = std::get<0>(header);
  if (!error && boost::beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    http::response<http::empty_body> go_on(http::status::continue_, 11);
    http::response_serializer<http::empty_body> serializer(go_on);
    auto told = co_await http::async_write_header(connection->socket, serializer, as_tuple);
    error = std::get<0>(told);
  }
  if (!error && !parser.is_done()) {
    limit_time(connection, limits.body_time);
    auto body = co_await http::async_read(connection->socket, connection->buffer, parser, as_tuple);
    error = std::get<0>(body);
  }
  if (!error) co_return true;
  // Closed between requests, or reset: nobody is there to be told.
  const bool is_http = error.category() == make_error_code(http::error::bad_method).category();
  if (error == http::error::end_of_stream || (!connection->timed_out && !is_http)) co_return false;
  ServerResponse response = refusal_of(error, connection->timed_out);
  connection->timed_out = false;
  co_await write(connection, std::move(response), 11, false);
  co_return false;
}

Task<bool> HttpServer::Impl::write(ConnectionPtr connection, ServerResponse response,
                                   unsigned version, bool keep) {
  limit_time(connection, limits.write_time);
  auto message = to_beast(std::move(response), version, keep);
  auto result = co_await http::async_write(connection->socket, message, as_tuple);
  error_code error = std::get<0>(result);
  end_limit(connection);
  if (error) co_return false;
  if (!keep) connection->socket.shutdown(Socket::shutdown_send, error);
  co_return true;
}

Task<Answer> HttpServer::Impl::call(ServerRequest request) {
  std::string what;
  try {
    co_return co_await handler(std::move(request));
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) co_return std::nullopt;
    what = error.what();
  } catch (const std::exception& error) {
    what = error.what();
  }
  trouble("answering a request: " + what);
  co_return refusal(500, "internal", "the daemon failed to answer; its log says more");
}

/// Reading changes nothing, so it ends when nobody waits for it any more or the server stops.
Task<Answer> HttpServer::Impl::call_get(ConnectionPtr connection, ServerRequest request) {
  using namespace asio::experimental::awaitable_operators;
  connection->reading = true;
  auto first = co_await (call(std::move(request)) || until_gone(connection));
  connection->reading = false;
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  if (!stopping) co_return std::nullopt;
  co_return refusal(503, "unavailable", "the daemon is stopping");
}

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() { impl_->stop(); }

Result<std::unique_ptr<HttpServer>> HttpServer::on_unix_socket(asio::any_io_executor executor,
                                                               const std::string& path,
                                                               HttpHandler handler,
                                                               ServerLimits limits,
                                                               OnTrouble on_trouble) {
  TRY(listener, UnixListener::open(path));
  auto impl = std::make_shared<Impl>(std::move(executor), std::move(handler), limits,
                                     std::move(on_trouble));
  error_code error;
  const asio::local::stream_protocol protocol;
  const int socket = listener.take_socket();
  impl->acceptor.assign(protocol, socket, error);
  if (error) {
    ::close(socket);
    return fail(Code::internal, "listening at '{}': {}", path, error.message());
  }
  impl->unix_file.emplace(std::move(listener));
  impl->is_unix = true;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

Result<std::unique_ptr<HttpServer>> HttpServer::on_loopback(asio::any_io_executor executor,
                                                            const std::string& address,
                                                            std::uint16_t port, HttpHandler handler,
                                                            ServerLimits limits,
                                                            OnTrouble on_trouble) {
  error_code error;
  const auto parsed = asio::ip::make_address(address, error);
  if (error || !parsed.is_loopback())
    return fail(Code::invalid, "'{}' is not a loopback address such as 127.0.0.1", address);
  const asio::ip::tcp::endpoint endpoint(parsed, port);
  auto impl = std::make_shared<Impl>(std::move(executor), std::move(handler), limits,
                                     std::move(on_trouble));
  impl->acceptor.open(endpoint.protocol(), error);
  if (!error) impl->acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) impl->acceptor.bind(endpoint, error);
  if (!error) impl->acceptor.listen(128, error);
  if (error) {
    const Code code = error == asio::error::address_in_use ? Code::conflict : Code::unavailable;
    return fail(code, "listening on {}:{}: {}", address, port, error.message());
  }
  asio::ip::tcp::endpoint bound;
  const auto local = impl->acceptor.local_endpoint(error);
  if (!error && local.size() <= bound.capacity()) {
    std::memcpy(bound.data(), local.data(), local.size());
    bound.resize(local.size());
    impl->port = bound.port();
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port() const { return impl_->port; }

Task<void> HttpServer::run() {
  const std::shared_ptr<Impl> impl = impl_;
  try {
    co_await impl->accept_all();
  } catch (const std::exception& error) {
    impl->trouble(error.what());
  }
  impl->stop();
  // Cancelled or not, connections under way are finished: a client shall not guess what happened.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await impl->connections.join();
}

void HttpServer::stop() { impl_->stop(); }

}  // namespace linnet::net
