#include "local/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace linnet::local {
namespace {

std::string holder(int fd) {
  std::array<char, 32> text{};
  if (::pread(fd, text.data(), text.size() - 1, 0) <= 0) return "another process";
  const long pid = std::strtol(text.data(), nullptr, 10);
  return pid > 0 ? fmt::format("the process with pid {}", pid) : "another process";
}

}  // namespace

Result<FileLock> FileLock::take(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return fail(Code::unavailable, "cannot make the lock file {}: {}", path, std::strerror(errno));
  FileLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      return fail(Code::unavailable, "cannot lock {}: {}", path, std::strerror(errno));
    return fail(Code::conflict, "{} has it (lock file {})", holder(fd), path);
  }
  // Only for the message above: a full disk must not keep the daemon from its work.
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) == 0) [[maybe_unused]]
    const auto written = ::pwrite(fd, pid.data(), pid.size(), 0);
  return lock;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace linnet::local
