#include "local/guardian.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <utility>

#include "local/weight_switch.h"

namespace linnet::local {
namespace {

constexpr Duration look_every = 50ms;

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

/// Gives back everything that was inherited, so that nothing of the daemon stays open in us.
void leave_the_daemon_behind(int pipe_fd) {
  ::setsid();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGXFSZ})
    ::signal(signal, SIG_IGN);
  if (const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC); null >= 0)
    for (const int fd : {0, 1, 2}) ::dup2(null, fd);
  if (pipe_fd > 3) ::syscall(SYS_close_range, 3u, static_cast<unsigned>(pipe_fd - 1), 0u);
  ::syscall(SYS_close_range, static_cast<unsigned>(pipe_fd + 1), ~0u, 0u);
  ::prctl(PR_SET_NAME, "linnet-guardian");
  [[maybe_unused]] const int moved = ::chdir("/");
}

/// True: another daemon than the one that died. A process that is killed keeps its lock a little
/// longer than its end of the pipe, and a child that it had just forked keeps it longer still.
bool is_back(const GuardianOptions& options) {
  const std::string holder = DaemonLock::holder(options.lock);
  return !holder.empty() && holder != options.daemon;
}

/// True: the daemon said goodbye.
bool wait_for_the_end(int pipe_fd) {
  char byte = 0;
  while (true) {
    const auto got = ::read(pipe_fd, &byte, 1);
    if (got == 1) return true;
    if (got == 0) return false;
    if (errno != EINTR) return false;
  }
}

}  // namespace

Result<DaemonLock> DaemonLock::take(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail(errno == EACCES ? Code::denied : Code::unavailable, "opening the lock {}: {}", path,
                std::strerror(errno));
  auto lock = whole_file();
  if (::fcntl(fd, F_OFD_SETLK, &lock) != 0) {
    const int error = errno;
    ::close(fd);
    if (error == EAGAIN || error == EACCES)
      return fail(Code::conflict, "another linnet daemon holds {}", path);
    return fail(Code::unavailable, "locking {}: {}", path, std::strerror(error));
  }
  // Always of the same length, so that a full disk cannot refuse to overwrite it.
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  const std::string name =
      fmt::format("{:>10} {:>12}.{:09}\n", ::getpid(), now.tv_sec, now.tv_nsec);
  if (::pwrite(fd, name.data(), name.size(), 0) != static_cast<ssize_t>(name.size())) {
    const int error = errno;
    ::close(fd);
    return fail(Code::unavailable, "writing the lock {}: {}", path, std::strerror(error));
  }
  return DaemonLock(fd);
}

std::string DaemonLock::holder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  auto lock = whole_file();
  const bool held = ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  char name[64];
  const auto got = held ? ::pread(fd, name, sizeof name, 0) : 0;
  ::close(fd);
  if (!held) return "";
  return got > 0 ? std::string(name, static_cast<std::size_t>(got)) : "unnamed";
}

DaemonLock::DaemonLock(DaemonLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
DaemonLock& DaemonLock::operator=(DaemonLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
DaemonLock::~DaemonLock() {
  if (fd_ >= 0) ::close(fd_);
}

TakenBack take_back_all(const std::string& root) {
  TakenBack done;
  DIR* directory = ::opendir(root.c_str());
  if (directory == nullptr) {
    done.errors.push_back(fmt::format("opening {}: {}", root, std::strerror(errno)));
    return done;
  }
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    struct stat seen_entry {};
    if (name.starts_with('.') || ::stat((root + "/" + name).c_str(), &seen_entry) != 0 ||
        !S_ISDIR(seen_entry.st_mode))
      continue;
    const WeightSwitch weight_switch(root + "/" + name);
    const auto seen = weight_switch.read();
    // Nothing to take back; a rollout that had not begun goes on when the daemon is back.
    if (seen && seen->weight.is_zero()) continue;
    if (!seen && seen.error().code == Code::not_found) continue;
    const auto taken = weight_switch.take_back_as_guardian();
    if (taken)
      done.releases.push_back(name);
    else
      done.errors.push_back(taken.error().message);
  }
  ::closedir(directory);
  return done;
}

int run_guardian(const GuardianOptions& options) {
  using Steady = std::chrono::steady_clock;
  leave_the_daemon_behind(options.pipe_fd);
  if (wait_for_the_end(options.pipe_fd)) return 0;
  const auto limit = Steady::now() + options.limit;
  while (Steady::now() < limit) {
    if (is_back(options)) return 0;  // with a guardian of its own
    const auto left = std::chrono::duration_cast<Duration>(limit - Steady::now());
    ::poll(nullptr, 0, static_cast<int>(std::clamp(left, Duration(0), look_every).count()));
  }
  // A full disk or a mount that comes back late: kept up, as nobody else will do it.
  for (int attempt = 0;; ++attempt) {
    if (is_back(options)) return 0;
    const auto done = take_back_all(options.root);
    if (done.errors.empty()) return done.releases.empty() ? 0 : 1;
    if (attempt == 600) return 2;
    ::poll(nullptr, 0, 1000);
  }
}

}  // namespace linnet::local
