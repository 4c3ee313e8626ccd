#include "cli/interrupt.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "base/result.h"

namespace linnet::cli {
namespace {

sigset_t watched() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

Interrupt::Interrupt() {
  const sigset_t set = watched();
  CHECK(::sigprocmask(SIG_BLOCK, &set, nullptr) == 0);
  fd_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  CHECK(fd_ >= 0);
}

Interrupt::~Interrupt() {
  // One that waits still has been heeded: unblocked, it would end the process by a signal instead
  // of the exit code that the command has for it.
  while (take()) {
  }
  ::close(fd_);
  const sigset_t set = watched();
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

bool Interrupt::take() {
  signalfd_siginfo info{};
  return ::read(fd_, &info, sizeof info) == sizeof info;
}

Interrupt::Woken Interrupt::wait(Duration pause, int other_fd) const {
  pollfd fds[2] = {{fd_, POLLIN, 0}, {other_fd, POLLIN, 0}};
  if (::poll(fds, 2, static_cast<int>(pause.count())) <= 0) return Woken::pause;
  return fds[0].revents != 0 ? Woken::signal : Woken::other;
}

}  // namespace linnet::cli
