// A lock that its holder's death releases, with the holder's pid in the file: two daemons must
// never use one store, and the second one should be able to say who has it.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace linnet::local {

/// Holds flock(2) on a file for as long as it lives. Not inherited through exec; a child that is
/// forked and does not exec must close its descriptors, else it keeps the lock.
class FileLock {
 public:
  /// Creates the file (0600) if need be. Code::conflict when another process has it: the message
  /// names its pid. Code::unavailable when the file cannot be made.
  static Result<FileLock> take(const std::string& path);

  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace linnet::local
