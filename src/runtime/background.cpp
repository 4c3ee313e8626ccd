// Double fork, then watching: a pidfd tells when the new process dies, the caller when it serves.
#include "runtime/background.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

namespace linnet::runtime {
namespace {

constexpr off_t log_limit_bytes = 10 * 1024 * 1024;
constexpr std::size_t tail_bytes = 4096;

/// What is told through the pipe before the daemon is one: its pid, and minus errno if exec failed.
struct Birth {
  pid_t pid = 0;
  int error = 0;
};

Result<int> open_log(const std::string& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) == 0 && found.st_size > log_limit_bytes)
    ::rename(file.c_str(), (file + ".1").c_str());
  const int log =
      ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (log < 0)
    return fail(Code::unavailable, "opening the daemon's log '{}': {}", file, std::strerror(errno));
  return log;
}

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void tell(int pipe, int value) {
  [[maybe_unused]] const ssize_t written = ::write(pipe, &value, sizeof value);
}

/// The last of the three processes: becomes the daemon. Only async-signal-safe calls.
[[noreturn]] void become(const std::vector<char*>& arguments, const char* directory, int log,
                         int pipe) {
  reset_signals();
  // Out of the way of 0 to 3, which they may have got when the caller's own were closed.
  log = ::fcntl(log, F_DUPFD_CLOEXEC, 10);
  pipe = ::fcntl(pipe, F_DUPFD_CLOEXEC, 10);
  const int null = ::open("/dev/null", O_RDONLY);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(log, 1) < 0 || ::dup2(log, 2) < 0 ||
      ::chdir(directory) != 0) {
    tell(pipe, -errno);
    ::_exit(127);
  }
  // The pipe moves to 3 and closes by itself when exec succeeds; nothing else is handed on.
  ::dup3(pipe, 3, O_CLOEXEC);
  ::syscall(SYS_close_range, 4U, ~0U, 0U);
  ::execv(arguments[0], arguments.data());
  tell(3, -errno);
  ::_exit(127);
}

/// Forks twice and reads the birth. The session leader in between ends at once, so the daemon can
/// never get a controlling terminal.
Result<Birth> give_birth(const Background& background, int log) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
    return fail(Code::unavailable, "making a pipe: {}", std::strerror(errno));
  std::vector<char*> arguments;
  for (const std::string& argument : background.command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);

  const pid_t child = ::fork();
  if (child == 0) {
    ::setsid();
    const pid_t grandchild = ::fork();
    if (grandchild == 0) become(arguments, background.directory.c_str(), log, pipe[1]);
    tell(pipe[1], grandchild);
    ::_exit(0);
  }
  const int fork_error = errno;
  ::close(pipe[1]);
  if (child < 0) {
    ::close(pipe[0]);
    return fail(Code::unavailable, "forking: {}", std::strerror(fork_error));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  // Both may come, in either order: the pid from the middle process, the error from the last. The
  // pipe ends when exec closes it.
  Birth birth;
  int value = 0;
  for (;;) {
    const ssize_t got = ::read(pipe[0], &value, sizeof value);
    if (got < 0 && errno == EINTR) continue;
    if (got != sizeof value) break;
    if (value < 0) birth.error = -value;
    if (value > 0) birth.pid = value;
  }
  ::close(pipe[0]);
  return birth;
}

bool has_ended(int pidfd, pid_t pid) {
  if (pidfd < 0) return ::kill(pid, 0) != 0 && errno == ESRCH;
  pollfd poll{.fd = pidfd, .events = POLLIN, .revents = 0};
  return ::poll(&poll, 1, 0) > 0;
}

std::string with_log(const Background& background, std::int64_t from) {
  const std::string lines = last_lines(background.log_file, 10, from);
  if (lines.empty()) return fmt::format("; its log '{}' says nothing", background.log_file);
  return fmt::format("; the end of its log '{}':\n{}", background.log_file, lines);
}

Result<pid_t> watch(const Background& background, pid_t pid, std::int64_t log_start) {
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U));
  const bool gone_already = pidfd < 0 && errno == ESRCH;
  const auto deadline = std::chrono::steady_clock::now() + background.limit;
  Result<pid_t> result = pid;
  for (;;) {
    // Asked before looking whether it died: a daemon that lost the race against another one has
    // ended, and still there is one that answers.
    if (background.answers()) break;
    if (gone_already || has_ended(pidfd, pid)) {
      if (background.answers()) break;
      result = fail(Code::unavailable, "the daemon '{}' (pid {}) ended at once{}",
                    background.command[0], pid, with_log(background, log_start));
      break;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      result = fail(Code::timed_out, "the daemon (pid {}) runs but did not answer within {}{}", pid,
                    duration_text(background.limit), with_log(background, log_start));
      break;
    }
    pollfd poll{.fd = pidfd, .events = POLLIN, .revents = 0};
    ::poll(&poll, 1, 5);
  }
  if (pidfd >= 0) ::close(pidfd);
  return result;
}

}  // namespace

Result<pid_t> start_in_background(const Background& background) {
  CHECK(!background.command.empty() && background.answers);
  TRY(log, open_log(background.log_file));
  struct stat found {};
  const std::int64_t log_start = ::fstat(log, &found) == 0 ? found.st_size : 0;
  auto birth = give_birth(background, log);
  ::close(log);
  if (!birth) return fail(std::move(birth).error().while_doing("starting the daemon"));
  if (birth->error != 0)
    return fail(Code::unavailable, "starting the daemon: executing '{}' in '{}': {}",
                background.command[0], background.directory, std::strerror(birth->error));
  if (birth->pid <= 0) return fail(Code::unavailable, "starting the daemon: forking failed");
  return watch(background, birth->pid, log_start);
}

std::string last_lines(const std::string& file, std::size_t lines, std::int64_t from) {
  const int log = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (log < 0) return "";
  struct stat found {};
  std::string text;
  if (::fstat(log, &found) == 0 && found.st_size > from) {
    const auto start = std::max<std::int64_t>(from, found.st_size - std::int64_t{tail_bytes});
    text.resize(static_cast<std::size_t>(found.st_size - start));
    const ssize_t got = ::pread(log, text.data(), text.size(), start);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    // Cut within a line: drop its rest.
    if (start > from) text.erase(0, std::min(text.find('\n'), text.size() - 1) + 1);
  }
  ::close(log);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::size_t begin = text.size();
  for (std::size_t i = 0; i < lines && begin != std::string::npos && begin > 0; ++i)
    begin = text.rfind('\n', begin - 1);
  if (begin != std::string::npos && begin > 0) text.erase(0, begin + 1);
  std::erase_if(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f;
  });
  return text;
}

}  // namespace linnet::runtime
