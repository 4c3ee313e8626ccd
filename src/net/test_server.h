// A real server in a thread of its own, for tests whose clients are plain blocking sockets. All of
// Asio stays in that thread (it is built without locks).
#pragma once

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "net/http_server.h"
#include "net/listen.h"

namespace linnet::net {

struct TestDirectory {
  TestDirectory() {
    char name[] = "/tmp/linnet-net-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~TestDirectory() { std::filesystem::remove_all(path); }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  std::string path;
};

class TestServer {
 public:
  using Make = std::function<Result<std::unique_ptr<HttpServer>>(boost::asio::any_io_executor)>;

  explicit TestServer(const Make& make) {
    CHECK(::pipe2(stop_, O_CLOEXEC) == 0);
    std::promise<Result<std::uint16_t>> ready;
    auto future = ready.get_future();
    thread_ = std::thread([this, make, &ready] { run(make, ready); });
    started_ = future.get();
  }
  ~TestServer() {
    stop();
    ::close(stop_[0]);
    ::close(stop_[1]);
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  /// The port, or why it did not start.
  [[nodiscard]] const Result<std::uint16_t>& started() const { return started_; }
  /// Stops it and waits for its end. Twice is harmless.
  void stop() {
    if (!thread_.joinable()) return;
    begin_stop();
    thread_.join();
  }
  void begin_stop() { CHECK(::write(stop_[1], "x", 1) == 1); }

 private:
  void run(const Make& make, std::promise<Result<std::uint16_t>>& ready) {
    boost::asio::io_context io;
    auto server = make(io.get_executor());
    if (!server) return ready.set_value(fail(server.error()));
    boost::asio::posix::stream_descriptor stop(io, ::dup(stop_[0]));
    auto end = [&server](boost::system::error_code) { (*server)->stop(); };
    stop.async_wait(boost::asio::posix::stream_descriptor::wait_read, end);
    boost::asio::co_spawn(io, (*server)->run(), boost::asio::detached);
    ready.set_value((*server)->port());
    io.run();
  }

  int stop_[2] = {-1, -1};
  std::thread thread_;
  Result<std::uint16_t> started_;
};

/// A blocking client that can say anything, right or wrong.
class RawClient {
 public:
  explicit RawClient(const std::string& socket_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
    socket_ = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{20, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    connected_ =
        ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  [[nodiscard]] bool connected() const { return connected_; }
  /// False when the server closed before it had everything.
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// What comes until the server closes, or until `end` has come.
  [[nodiscard]] std::string read_until(std::string_view end = {}) const {
    std::string all;
    char chunk[4096];
    while (end.empty() || all.find(end) == std::string::npos) {
      const ssize_t got = ::recv(socket_.get(), chunk, sizeof chunk, 0);
      if (got <= 0) break;
      all.append(chunk, static_cast<std::size_t>(got));
    }
    return all;
  }
  void hang_up() { socket_ = Descriptor(); }

 private:
  Descriptor socket_;
  bool connected_ = false;
};

}  // namespace linnet::net
