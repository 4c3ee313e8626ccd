// How a command reaches the engine: requests of the JSON API (docs/api.md) to the daemon on this
// machine, and starting one where none answers.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace linnet::cli {

class Daemon {
 public:
  virtual ~Daemon() = default;

  /// The body of a 2xx answer. An answer that is an error gives that error. Code::unavailable:
  /// nobody answers. Code::unknown_outcome: it was sent, and no answer came. Code::cancelled: a
  /// signal waits to be taken.
  virtual Result<std::string> request(std::string_view method, const std::string& path,
                                      const std::string& body) = 0;
  /// Whether the last request was answered at all, be it with an error.
  [[nodiscard]] virtual bool heard() const = 0;
  /// Starts `linnet serve` in the background and waits until it answers.
  virtual Result<void> start() = 0;
  /// A daemon of this machine, which others use as well; else an engine of this command alone.
  [[nodiscard]] virtual bool is_shared() const { return true; }
  /// Where it listens, for messages.
  [[nodiscard]] virtual std::string address() const = 0;

  Result<std::string> get(const std::string& path) { return request("GET", path, ""); }
  Result<std::string> post(const std::string& path, const std::string& body) {
    return request("POST", path, body);
  }
  Result<std::string> put(const std::string& path, const std::string& body) {
    return request("PUT", path, body);
  }
};

/// The daemon of this user on this machine. A request ends with Code::cancelled as soon as
/// `signal_fd` is readable (-1: never).
std::unique_ptr<Daemon> local_daemon(int signal_fd);

}  // namespace linnet::cli
