// The world of this folder's tests: a real NGINX, tiny real upstreams, keep-alive clients, one
// event loop. Nothing here is simulated.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "contract/run_task.h"
#include "local/nginx_instance.h"
#include "ports/ports.h"

namespace linnet::local::testing {

class SteadyClock final : public Clock {
 public:
  Now now() override {
    using namespace std::chrono;
    return {{duration_cast<Duration>(system_clock::now().time_since_epoch()).count()},
            {duration_cast<Duration>(steady_clock::now().time_since_epoch() + ahead).count()}};
  }
  Duration ahead{};  // time that a test lets pass without waiting
};

using contract::run;
using contract::until;

/// Different ports that nobody listens on now.
std::vector<std::uint16_t> free_ports(int count);

/// A directory that goes away with its owner; every user may pass through it.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// HTTP server with one thread per connection. Answers its name; /500 fails; /cut closes the
/// connection without an answer; /echo returns the request's head.
class TinyServer {
 public:
  TinyServer(std::uint16_t port, std::string name);
  ~TinyServer();
  TinyServer(const TinyServer&) = delete;
  TinyServer& operator=(const TinyServer&) = delete;
  [[nodiscard]] int requests() const { return requests_; }

 private:
  void accept_all();
  void serve(int fd);

  std::string name_;
  int listener_ = -1;
  std::atomic<int> requests_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread acceptor_;
};

struct Reply {
  int status = 0;  // 0: the connection broke
  std::string head;
  std::string body;
};

/// One keep-alive connection.
class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  Reply get(const std::string& path, const std::string& headers = "",
            const std::string& method = "GET");
  [[nodiscard]] int reconnects() const { return reconnects_; }

 private:
  bool connect();
  std::uint16_t port_;
  int fd_ = -1;
  int reconnects_ = -1;
};

/// A release behind an NGINX of linnet's own, with its directories.
struct World {
  explicit World(int stable_slots = 2, int canary_slots = 2, core::Sticky sticky = {});
  ~World();
  Result<Applied> apply();
  Deadline soon() { return clock.now().mono + Duration(15s); }

  ScratchFolder folder;
  boost::asio::io_context io;
  SteadyClock clock;
  NginxOwn own;
  std::uint16_t port = 0;
  std::unique_ptr<WeightSwitch> weight;
  std::unique_ptr<NginxInstance> nginx;
  NginxRelease& release() { return own.releases.front(); }
};

}  // namespace linnet::local::testing
