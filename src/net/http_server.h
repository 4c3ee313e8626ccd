// The HTTP/1.1 server of the API: on a unix socket for commands, on loopback TCP for scrapers. It
// trusts nobody: sizes, times and numbers are bounded, and a unix peer must be the owner or root.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "async/task.h"
#include "net/http.h"

namespace linnet::net {

using HttpHandler = std::function<Task<ServerResponse>(ServerRequest)>;

struct ServerLimits {
  std::size_t header_bytes = 16 * 1024;      // beyond: 431
  std::size_t body_bytes = 4 * 1024 * 1024;  // beyond: 413; a spec of 1 MiB, escaped, fits
  std::size_t connections = 128;             // beyond: 503, and closed
  Duration header_time = 10s;  // from a request's first byte to the end of its header; then 408
  Duration body_time = 30s;    // for the body; then 408
  Duration idle_time = 60s;    // between requests; then closed
  Duration write_time = 30s;   // for a client to take the answer; then closed
};

/// Whether a client that runs as `peer` may command a daemon that runs as `own`.
bool peer_allowed(uid_t peer, uid_t own);

/// Listens from construction to stop(). One thread only; handlers of several connections interleave
/// at their waits. A GET's handler is cancelled when its client goes away, others run to their end.
/// An exception out of a handler is answered with 500 and reported to `on_trouble`.
class HttpServer {
 public:
  using OnTrouble = std::function<void(const std::string&)>;

  /// Creates the socket file with mode 0600 and keeps PATH.lock for as long as it serves. A file
  /// left over from a dead daemon is replaced. Code::conflict: a living one serves there;
  /// Code::invalid: path too long, or there is something else at it.
  static Result<std::unique_ptr<HttpServer>> on_unix_socket(boost::asio::any_io_executor executor,
                                                            const std::string& path,
                                                            HttpHandler handler,
                                                            ServerLimits limits = {},
                                                            OnTrouble on_trouble = {});

  /// `address` must be a loopback address ("127.0.0.1", "::1"); port 0: any free one.
  /// Code::conflict: the port is taken.
  static Result<std::unique_ptr<HttpServer>> on_loopback(boost::asio::any_io_executor executor,
                                                         const std::string& address,
                                                         std::uint16_t port, HttpHandler handler,
                                                         ServerLimits limits = {},
                                                         OnTrouble on_trouble = {});

  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// The port of on_loopback.
  [[nodiscard]] std::uint16_t port() const;
  /// Accepts and answers until stop() or cancellation, then until the last connection is done.
  Task<void> run();
  /// No new connections or requests; answers under way are written, long polls are cancelled. The
  /// socket file goes.
  void stop();

 private:
  struct Impl;
  explicit HttpServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace linnet::net
