#include "net/probe.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <string_view>

namespace linnet::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t longest_status_line = 1024;
constexpr std::size_t most_read = 64 << 10;
// Once the status is known: for the rest of the answer, so that the service's write succeeds.
constexpr Duration for_the_rest = 50ms;

// The socket with an alarm: when the time is up it is closed, and whatever waits on it ends.
struct Connection {
  explicit Connection(const asio::any_io_executor& executor) : socket(executor), alarm(executor) {}
  tcp::socket socket;
  asio::steady_timer alarm;
  bool expired = false;
};

// However the probe ends, nothing of it keeps the context busy.
struct Closing {
  std::shared_ptr<Connection> connection;
  ~Closing() {
    connection->alarm.cancel();
    error_code ignored;
    connection->socket.close(ignored);
  }
};

void arm(const std::shared_ptr<Connection>& connection, Duration limit) {
  connection->alarm.expires_after(limit);
  connection->alarm.async_wait([connection](error_code cancelled) {
    if (cancelled) return;
    connection->expired = true;
    error_code ignored;
    connection->socket.close(ignored);
  });
}

bool is_path(const std::string& path) {
  return path.starts_with("/") && path.size() <= 2048 &&
         std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "HTTP/1.1 200 OK": 200; anything else: 0.
int status_in(std::string_view line) {
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || !is_digit(line[7]) || line[8] != ' ')
    return 0;
  if (!is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11])) return 0;
  if (line.size() > 12 && line[12] != ' ' && line[12] != '\r') return 0;
  return (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
}

// The failure in words; throws when the caller has withdrawn.
Error failure(const Connection& connection, error_code error, std::uint16_t port, Duration limit) {
  if (connection.expired)
    return {Code::timed_out,
            fmt::format("port {} did not answer in {}", port, duration_text(limit))};
  if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
  if (error == asio::error::connection_refused)
    return {Code::unavailable, fmt::format("nothing listens on port {}", port)};
  if (error == asio::error::eof || error == asio::error::connection_reset ||
      error == asio::error::broken_pipe)
    return {Code::unavailable, fmt::format("port {} hung up without an answer", port)};
  return {Code::unavailable, fmt::format("asking port {}: {}", port, error.message())};
}

Task<error_code> connect(std::shared_ptr<Connection> connection, std::uint16_t port) {
  error_code error;
  connection->socket.open(tcp::v4(), error);
  if (error) co_return error;
  // Asio opens sockets without it, and linnet starts other programs.
  ::fcntl(connection->socket.native_handle(), F_SETFD, FD_CLOEXEC);
  const tcp::endpoint target(asio::ip::address_v4::loopback(), port);
  co_await connection->socket.async_connect(target,
                                            asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return error;
  error_code ignored;
  // A port of the outgoing range may be chosen as our own end: TCP then connects to itself.
  if (connection->socket.local_endpoint(ignored) == target)
    co_return error_code(asio::error::connection_refused);
  co_return error_code();
}

// Reads to the end of the answer, or until enough time or bytes were spent on it.
Task<void> read_rest(std::shared_ptr<Connection> connection) {
  arm(connection, for_the_rest);
  std::array<char, 4096> buffer;
  std::size_t sum = 0;
  error_code error;
  while (!error && sum < most_read)
    sum += co_await connection->socket.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
  if (error == asio::error::operation_aborted && !connection->expired)
    throw boost::system::system_error(error);
}

Task<Result<int>> ask(std::shared_ptr<Connection> connection, std::uint16_t port, std::string path,
                      Duration limit) {
  error_code error = co_await connect(connection, port);
  if (error || connection->expired) co_return fail(failure(*connection, error, port, limit));
  const std::string request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUser-Agent: linnet-health\r\nAccept: */*\r\n"
      "Connection: close\r\n\r\n",
      path, port);
  co_await asio::async_write(connection->socket, asio::buffer(request),
                             asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return fail(failure(*connection, error, port, limit));
  std::string head;
  std::array<char, longest_status_line> buffer;
  while (head.find('\n') == std::string::npos && head.size() < longest_status_line) {
    const std::size_t n = co_await connection->socket.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    head.append(buffer.data(), n);
    if (error && (connection->expired || head.empty() || error != asio::error::eof))
      co_return fail(failure(*connection, error, port, limit));
    if (error) break;
  }
  const int status = status_in(std::string_view(head).substr(0, head.find('\n')));
  if (status < 100 || status > 599)
    co_return fail(Code::unavailable, "what port {} answers is not HTTP/1", port);
  if (!error) co_await read_rest(connection);
  co_return status;
}

}  // namespace

Task<Result<int>> probe(std::uint16_t port, std::string path, Duration limit) {
  if (!is_path(path)) co_return fail(Code::invalid, "the health path '{}' is no path", path);
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto connection = std::make_shared<Connection>(executor);
  const Closing closing{connection};
  arm(connection, limit);
  co_return co_await ask(connection, port, std::move(path), limit);
}

}  // namespace linnet::net
