#include "local/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

namespace linnet::local {
namespace {

namespace asio = boost::asio;

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (const auto& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

struct SpawnSetup {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  std::vector<int> moved;

  SpawnSetup() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    sigset_t all, none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(
        &attributes,
        static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    for (const int fd : moved) ::close(fd);
  }
  void give(int fd, int as) {
    // Out of the way first, so that no target number is still somebody's source.
    const int high = ::fcntl(fd, F_DUPFD_CLOEXEC, 200);
    if (high < 0) return;
    moved.push_back(high);
    ::posix_spawn_file_actions_adddup2(&actions, high, as);
  }
};

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  while (text.size() < (64u << 10)) {
    const auto got = ::read(fd, buffer, sizeof buffer);
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

Result<Child> start_child(const ChildCommand& command) {
  int errors[2];
  if (::pipe2(errors, O_CLOEXEC | O_NONBLOCK) != 0)
    return fail(Code::unavailable, "starting {}: {}", command.arguments.at(0),
                std::strerror(errno));
  ::fcntl(errors[1], F_SETFL, 0);  // the child's end blocks as usual
  SpawnSetup setup;
  ::posix_spawn_file_actions_addopen(&setup.actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&setup.actions, 1, "/dev/null", O_WRONLY, 0);
  setup.give(errors[1], 2);
  for (std::size_t i = 0; i < command.inherited.size(); ++i)
    setup.give(command.inherited[i], first_inherited + static_cast<int>(i));
  if (!command.directory.empty())
    ::posix_spawn_file_actions_addchdir_np(&setup.actions, command.directory.c_str());
  const auto arguments = pointers(command.arguments);
  const auto environment = pointers(command.environment);
  Child child;
  const int error = ::posix_spawn(&child.pid, command.arguments.at(0).c_str(), &setup.actions,
                                  &setup.attributes, arguments.data(), environment.data());
  ::close(errors[1]);
  if (error != 0) {
    ::close(errors[0]);
    return fail(error == ENOENT ? Code::not_found : Code::unavailable, "starting {} in {}: {}",
                command.arguments.at(0), command.directory, std::strerror(error));
  }
  child.stderr_fd = errors[0];
  return child;
}

Task<void> sleep_for(asio::io_context& io, Duration pause) {
  asio::steady_timer timer(io, pause);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

Task<Result<void>> wait_gone(asio::io_context& io, pid_t pid, Duration limit) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) {
    if (errno == ESRCH) co_return fail(Code::not_found, "process {} does not exist", pid);
    co_return fail(Code::unavailable, "watching process {}: {}", pid, std::strerror(errno));
  }
  asio::posix::stream_descriptor gone(io, fd);
  asio::steady_timer timer(io, std::max(limit, Duration(0)));
  boost::system::error_code wait_error, timer_error;
  using namespace asio::experimental::awaitable_operators;
  const auto first =
      co_await (gone.async_wait(asio::posix::stream_descriptor::wait_read,
                                asio::redirect_error(asio::use_awaitable, wait_error)) ||
                timer.async_wait(asio::redirect_error(asio::use_awaitable, timer_error)));
  if (first.index() == 1) co_return fail(Code::timed_out, "process {} still runs", pid);
  co_return Result<void>{};
}

Task<Result<ChildEnd>> run_child(asio::io_context& io, Clock& clock, ChildCommand command,
                                 Deadline deadline) {
  auto child = start_child(command);
  if (!child) co_return fail(std::move(child).error());
  const auto ended = co_await wait_gone(io, child->pid, deadline - clock.now().mono);
  if (!ended) ::kill(child->pid, SIGKILL);
  int status = 0;
  while (::waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
  }
  ChildEnd end;
  end.errors = read_all(child->stderr_fd);
  ::close(child->stderr_fd);
  if (!ended && ended.error().code == Code::timed_out)
    co_return fail(Code::timed_out, "{} did not end in time", command.arguments.at(0));
  end.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  co_return end;
}

}  // namespace linnet::local
