// Listening sockets taken over from processes that still hold them (pidfd_getfd): how a new NGINX
// master goes on with the sockets of workers whose master was killed.
#pragma once

#include <sys/types.h>

#include <utility>
#include <vector>

namespace linnet::local {

class InheritedSockets {
 public:
  InheritedSockets() = default;
  InheritedSockets(InheritedSockets&& other) noexcept : fds_(std::move(other.fds_)) {
    other.fds_.clear();
  }
  InheritedSockets& operator=(InheritedSockets&&) = delete;
  ~InheritedSockets();
  [[nodiscard]] const std::vector<int>& fds() const { return fds_; }
  void add(int fd) { fds_.push_back(fd); }

 private:
  std::vector<int> fds_;
};

/// Duplicates of all sockets that the first reachable of `holders` listens on, each once. Empty
/// when the kernel does not allow it (an ordinary user under Yama): then there is a short gap.
InheritedSockets take_listening_sockets(const std::vector<pid_t>& holders);

}  // namespace linnet::local
