// An HTTP server on loopback for tests of clients: real sockets, and the faults that real servers
// have. It runs on the test's own io_context.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/http_server.h"
#include "net/listen.h"
#include "runtime/task_group.h"

namespace linnet::net {

/// Answers every request with `answer`, and keeps what was asked.
class Imposter {
 public:
  explicit Imposter(boost::asio::io_context& io, std::uint16_t port = 0)
      : group_(io.get_executor()) {
    auto handler = [this](ServerRequest request) { return take(std::move(request)); };
    auto server = HttpServer::on_loopback(io.get_executor(), "127.0.0.1", port, handler);
    if (!server) throw std::runtime_error(server.error().message);
    server_ = std::move(*server);
    group_.spawn("imposter", server_->run());
  }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] std::string url(const std::string& path) const {
    return fmt::format("http://127.0.0.1:{}{}", port(), path);
  }
  void stop() { server_->stop(); }

  std::vector<ServerRequest> asked;
  std::function<Task<ServerResponse>(const ServerRequest&, std::size_t number)> answer;

 private:
  Task<ServerResponse> take(ServerRequest request) {
    asked.push_back(request);
    if (answer) co_return co_await answer(request, asked.size());
    co_return ServerResponse{};
  }
  std::unique_ptr<HttpServer> server_;
  runtime::TaskGroup group_;
};

/// A port of loopback: listens without ever accepting, or refuses while nothing listens.
class SilentPort {
 public:
  explicit SilentPort(bool listens) {
    socket_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    CHECK(::bind(socket_.get(), generic, size) == 0);
    CHECK(::getsockname(socket_.get(), generic, &size) == 0);
    if (listens) CHECK(::listen(socket_.get(), 16) == 0);
    port_ = ntohs(address.sin_port);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  void close() { socket_ = Descriptor(); }

 private:
  Descriptor socket_;
  std::uint16_t port_ = 0;
};

}  // namespace linnet::net
