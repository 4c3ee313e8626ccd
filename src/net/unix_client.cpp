// Plain system calls and a parser for the answers of our own server: nothing here costs start-up.
#include "net/unix_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>

#include "net/listen.h"

namespace linnet::net {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t max_head_bytes = 64 * 1024;
constexpr std::size_t max_body_bytes = 64 * 1024 * 1024;

/// One exchange: the socket, until when, and what interrupts it.
struct Exchange {
  Descriptor socket;
  SteadyClock::time_point deadline;
  Duration timeout;
  int interrupt;

  /// Waits until the socket takes or has bytes.
  Result<void> wait(short events) const {
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
      if (left.count() <= 0)
        return fail(Code::timed_out, "the daemon did not answer within {}", duration_text(timeout));
      std::array<pollfd, 2> polls{pollfd{socket.get(), events, 0}, pollfd{interrupt, POLLIN, 0}};
      const int limit = static_cast<int>(std::min<std::int64_t>(left.count(), 1'000'000'000));
      const int ready = ::poll(polls.data(), polls.size(), limit);
      if (ready < 0 && errno != EINTR)
        return fail(Code::internal, "waiting for the daemon: {}", std::strerror(errno));
      if (ready <= 0) continue;
      if (polls[1].revents != 0) return fail(Code::cancelled, "interrupted");
      if (polls[0].revents != 0) return {};
    }
  }
};

/// False: the server closed before it had everything; its answer may say why.
Result<bool> write_all(const Exchange& exchange, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(exchange.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EINTR) {
      TRY_VOID(exchange.wait(POLLOUT));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return false;
    } else {
      return fail(Code::unavailable, "sending to the daemon: {}", std::strerror(errno));
    }
  }
  return true;
}

/// Appends what is there; 0 at the end.
Result<std::size_t> read_some(const Exchange& exchange, std::string& to) {
  std::array<char, 64 * 1024> chunk;
  for (;;) {
    const ssize_t got = ::recv(exchange.socket.get(), chunk.data(), chunk.size(), 0);
    if (got >= 0) {
      to.append(chunk.data(), static_cast<std::size_t>(got));
      return static_cast<std::size_t>(got);
    }
    if (errno == ECONNRESET) return std::size_t{0};
    if (errno != EAGAIN && errno != EINTR)
      return fail(Code::unavailable, "reading the daemon's answer: {}", std::strerror(errno));
    TRY_VOID(exchange.wait(POLLIN));
  }
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The status line and headers, without the empty line.
Result<ClientResponse> parse_head(std::string_view head) {
  ClientResponse response;
  bool first = true;
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
    if (first) {
      const auto status = line.size() >= 12 ? number<int>(line.substr(9, 3)) : std::nullopt;
      if (!line.starts_with("HTTP/1.") || !status || *status < 100)
        return fail(Code::invalid, "the answer is not HTTP: is it a linnet daemon?");
      response.status = *status;
      first = false;
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos)
      return fail(Code::invalid, "the answer has a broken header");
    response.headers.emplace_back(std::string(line.substr(0, colon)),
                                  std::string(trimmed(line.substr(colon + 1))));
  }
  return response;
}

/// Code::unavailable: the daemon closed before its answer was whole.
Result<ClientResponse> read_response(const Exchange& exchange) {
  std::string bytes;
  std::size_t head_end = 0;
  for (;;) {
    TRY(got, read_some(exchange, bytes));
    head_end = bytes.find("\r\n\r\n");
    if (head_end != std::string::npos) break;
    if (got == 0) return fail(Code::unavailable, "the daemon closed the connection unanswered");
    if (bytes.size() > max_head_bytes)
      return fail(Code::invalid, "the answer is not HTTP: its header never ends");
  }
  TRY(response, parse_head(std::string_view(bytes).substr(0, head_end)));
  bytes.erase(0, head_end + 4);
  if (find_header(response.headers, "Transfer-Encoding") != nullptr)
    return fail(Code::invalid, "the answer has a transfer encoding that commands do not read");
  std::optional<std::size_t> length;
  if (const std::string* stated = find_header(response.headers, "Content-Length")) {
    length = number<std::size_t>(*stated);
    if (!length || *length > max_body_bytes)
      return fail(Code::invalid, "the answer's length '{}' is not acceptable",
                  stated->substr(0, 32));
  }
  while (!length || bytes.size() < *length) {
    TRY(got, read_some(exchange, bytes));
    if (got == 0 && length) return fail(Code::unavailable, "the daemon's answer ended too early");
    if (got == 0) break;
    if (bytes.size() > max_body_bytes)
      return fail(Code::invalid, "the answer is larger than 64 MiB");
  }
  if (length) bytes.resize(*length);
  response.body = std::move(bytes);
  return std::move(response);
}

std::string request_text(const ClientRequest& request) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: linnet\r\nConnection: close\r\n",
                                 request.method, request.target);
  if (!request.body.empty() || request.method != "GET")
    text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n",
                        request.body.size());
  return text + "\r\n" + request.body;
}

}  // namespace

UnixClient::UnixClient(std::string socket_path, int interrupt)
    : path_(std::move(socket_path)), interrupt_(interrupt) {}

Result<ClientResponse> UnixClient::send(const ClientRequest& request) const {
  const bool plain = std::all_of(request.target.begin(), request.target.end(),
                                 [](char c) { return c > 0x20 && c < 0x7f; });
  if (!plain) return fail(Code::invalid, "the target '{}' is not percent-encoded", request.target);
  TRY(socket, connect_unix(path_));
  const Exchange exchange{std::move(socket), SteadyClock::now() + request.timeout, request.timeout,
                          interrupt_};
  TRY(sent, write_all(exchange, request_text(request)));
  auto response = read_response(exchange);
  if (response || request.method == "GET") return response;
  // The server acts only on whole requests, so one that it cut short had no effect.
  const Code code = response.error().code;
  if (sent && (code == Code::timed_out || code == Code::unavailable))
    response.error().code = Code::unknown_outcome;
  return response;
}

bool UnixClient::answers() const { return connect_unix(path_).has_value(); }

}  // namespace linnet::net
