// The guardian: a tiny process that outlives the daemon. When the daemon dies without a goodbye and
// no daemon is back within a limit, it takes every canary's traffic back: nobody would watch it any
// more.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace boost::asio {
class io_context;
}

namespace linnet::local {

/// One daemon per directory: an open-file-description lock, gone with its process.
class DaemonLock {
 public:
  /// Code::conflict: another process has it.
  static Result<DaemonLock> take(const std::string& path);
  /// What the process that holds it is called here, another one for each daemon; empty: nobody.
  /// Asks without ever taking it, so that a starting daemon is never in the way.
  static std::string holder(const std::string& path);
  DaemonLock(DaemonLock&& other) noexcept;
  DaemonLock& operator=(DaemonLock&& other) noexcept;
  ~DaemonLock();

 private:
  explicit DaemonLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

struct GuardianOptions {
  int pipe_fd = -1;  // read end; end of file = the daemon is gone, a byte before = it said goodbye
  Duration limit = 10s;
  std::string root;    // directory of weight switches: ROOT/NAME/cur
  std::string lock;    // the daemon's lock file
  std::string daemon;  // DaemonLock::holder() while it lived
};

/// `linnet guardian`: returns its exit code (0: nothing to do, 1: traffic was taken back, 2: that
/// failed). Leaves the session, ignores SIGINT, SIGTERM and SIGHUP.
int run_guardian(const GuardianOptions& options);

/// Weight 0 on every switch below `root` that has more. Returns the releases; errors are collected.
struct TakenBack {
  std::vector<std::string> releases;
  std::vector<std::string> errors;
};
TakenBack take_back_all(const std::string& root);

/// The daemon's side: keeps one guardian alive.
class GuardianKeeper {
 public:
  struct Options {
    std::vector<std::string> command;  // {"/usr/bin/linnet", "guardian"}; the flags are added
    std::string root;
    std::string lock;
    Duration limit = 10s;
    std::function<void(std::string)> say;  // troubles, one sentence each
  };
  GuardianKeeper(boost::asio::io_context& io, Options options);
  /// Without goodbye(): as if the daemon had died.
  ~GuardianKeeper();
  GuardianKeeper(const GuardianKeeper&) = delete;
  GuardianKeeper& operator=(const GuardianKeeper&) = delete;

  /// Starts it, and again whenever it dies.
  Result<void> start();
  /// Sends it home: the daemon ends in order.
  void goodbye();
  [[nodiscard]] pid_t pid() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace linnet::local
