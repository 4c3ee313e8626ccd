// An HTTP server on loopback for tests of clients that follow answers which go on: its handler
// writes byte by byte what it likes, and may break off or hang. It runs on the test's io_context.
#pragma once

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>

#include "net/http.h"
#include "runtime/task_group.h"

namespace linnet::net {

/// One request and the way to answer it.
struct Exchange {
  ServerRequest request;
  boost::asio::ip::tcp::socket& socket;
  bool close = false;  // the connection ends after this answer

  /// False when the client has gone.
  Task<bool> write(std::string bytes) {
    auto buffer = boost::asio::buffer(bytes);
    auto done = co_await boost::asio::async_write(
        socket, buffer, boost::asio::as_tuple(boost::asio::use_awaitable));
    co_return !std::get<0>(done);
  }
  Task<bool> begin_chunks() {
    std::string head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    co_return co_await write(std::move(head));
  }
  Task<bool> chunk(std::string bytes) {
    std::string framed = fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
    co_return co_await write(std::move(framed));
  }
  Task<bool> end_chunks() {
    std::string end = "0\r\n\r\n";
    co_return co_await write(std::move(end));
  }
  Task<bool> answer(ServerResponse response) {
    std::string text =
        fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n", response.status,
                    status_text(response.status), response.content_type, response.body.size());
    for (const auto& [name, value] : response.headers)
      text += fmt::format("{}: {}\r\n", name, value);
    text += "\r\n" + response.body;
    co_return co_await write(std::move(text));
  }
};

class StreamImposter {
 public:
  using Handler = std::function<Task<void>(std::shared_ptr<Exchange>)>;

  StreamImposter(boost::asio::io_context& io, Handler handler)
      : state_(std::make_shared<State>(io, std::move(handler))), group_(io.get_executor()) {
    state_->group = &group_;
    group_.spawn("accept", accept(state_));
  }
  ~StreamImposter() { stop(); }
  StreamImposter(const StreamImposter&) = delete;
  StreamImposter& operator=(const StreamImposter&) = delete;

  [[nodiscard]] std::uint16_t port() const { return state_->port; }
  [[nodiscard]] std::string url(const std::string& path) const {
    return fmt::format("http://127.0.0.1:{}{}", port(), path);
  }
  [[nodiscard]] int connections() const { return state_->connections; }
  /// Nobody listens any more, and every connection breaks.
  void stop() {
    boost::system::error_code ignored;
    state_->acceptor.close(ignored);
    group_.cancel();
  }

 private:
  using Tcp = boost::asio::ip::tcp;
  struct State {
    State(boost::asio::io_context& io, Handler h)
        : handler(std::move(h)),
          acceptor(io, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)),
          port(acceptor.local_endpoint().port()) {}
    Handler handler;
    Tcp::acceptor acceptor;
    std::uint16_t port;
    runtime::TaskGroup* group = nullptr;
    int connections = 0;
  };

  static Task<void> accept(std::shared_ptr<State> state) {
    for (;;) {
      auto socket = co_await state->acceptor.async_accept(boost::asio::use_awaitable);
      ++state->connections;
      state->group->spawn("session", session(state, std::move(socket)));
    }
  }

  static Task<void> session(std::shared_ptr<State> state, Tcp::socket socket) {
    std::string buffer;
    for (;;) {
      auto exchange = std::make_shared<Exchange>(Exchange{{}, socket});
      auto got = co_await read(socket, buffer, exchange->request);
      if (!got) co_return;
      co_await state->handler(exchange);
      if (exchange->close) co_return;
    }
  }

  /// One request off the front of what comes.
  static Task<bool> read(Tcp::socket& socket, std::string& buffer, ServerRequest& request) {
    std::array<char, 8192> chunk{};
    std::size_t head = std::string::npos;
    std::size_t body = 0;
    for (;;) {
      head = buffer.find("\r\n\r\n");
      if (head != std::string::npos) {
        parse(buffer.substr(0, head), request);
        const std::string* size = find_header(request.headers, "Content-Length");
        body = size == nullptr ? 0 : std::strtoul(size->c_str(), nullptr, 10);
        if (buffer.size() >= head + 4 + body) break;
      }
      auto into = boost::asio::buffer(chunk);
      auto got =
          co_await socket.async_read_some(into, boost::asio::as_tuple(boost::asio::use_awaitable));
      if (std::get<0>(got)) co_return false;
      buffer.append(chunk.data(), std::get<1>(got));
    }
    request.body = buffer.substr(head + 4, body);
    buffer.erase(0, head + 4 + body);
    co_return true;
  }

  static void parse(const std::string& head, ServerRequest& request) {
    request.headers.clear();
    std::size_t begin = 0;
    for (bool first = true; begin < head.size(); first = false) {
      const std::size_t end = std::min(head.find("\r\n", begin), head.size());
      const std::string line = head.substr(begin, end - begin);
      begin = end + 2;
      if (first) {
        request.method = line.substr(0, line.find(' '));
        const std::size_t target = request.method.size() + 1;
        request.target = line.substr(target, line.find(' ', target) - target);
      } else if (const std::size_t colon = line.find(':'); colon != std::string::npos) {
        const std::size_t value = line.find_first_not_of(' ', colon + 1);
        request.headers.emplace_back(line.substr(0, colon),
                                     value == std::string::npos ? "" : line.substr(value));
      }
    }
  }

  std::shared_ptr<State> state_;
  runtime::TaskGroup group_;
};

}  // namespace linnet::net
