#include "local/process_launch.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

#include "local/process_log.h"
#include "local/process_table.h"
#include "local/small_file.h"

extern char** environ;

namespace linnet::local {
namespace {

enum class Stage : int { session, directory, descriptors, exec };

// What the child says through the failure pipe: small enough that the write is atomic.
struct Failure {
  Stage stage;
  int error;
};

// Everything the child needs, made before the fork: afterwards it must not allocate.
struct Prepared {
  const char* program;
  const char* directory;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  int null;
  int log;
  int gate_read;
  int gate_write;
  int failure;
};

[[noreturn]] void give_up(const Prepared& p, Stage stage) {
  const Failure failure{stage, errno};
  [[maybe_unused]] const ssize_t written = ::write(p.failure, &failure, sizeof failure);
  ::_exit(127);
}

void close_others_on_exec() {
  if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  const long most = ::sysconf(_SC_OPEN_MAX);  // a kernel before 5.11
  for (int fd = 3; fd < std::min(most, 65'536L); ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

// Runs between fork and exec: only async-signal-safe calls.
[[noreturn]] void child(const Prepared& p) {
  // linnet's handlers would write into its self-pipe, which we still share.
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::setsid() < 0) give_up(p, Stage::session);
  ::close(p.gate_write);  // else we would hold our own gate open
  char go = 0;
  ssize_t n = 0;
  do n = ::read(p.gate_read, &go, 1);
  while (n < 0 && errno == EINTR);
  if (n != 1) ::_exit(0);  // linnet died, or could not write the record: nobody would know of us
  if (::chdir(p.directory) != 0) give_up(p, Stage::directory);
  if (::dup2(p.null, 0) < 0 || ::dup2(p.log, 1) < 0 || ::dup2(p.log, 2) < 0)
    give_up(p, Stage::descriptors);
  close_others_on_exec();
  ::execve(p.program, p.arguments.data(), p.environment.data());
  give_up(p, Stage::exec);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// dup2() onto 0..2 must not overwrite a descriptor that is still needed.
Result<Descriptor> above_standard(Descriptor from) {
  if (!from.valid()) return fail(Code::unavailable, "{}", errno_text(errno));
  if (from.get() > 2) return from;
  Descriptor moved(::fcntl(from.get(), F_DUPFD_CLOEXEC, 3));
  if (!moved.valid()) return fail(Code::unavailable, "{}", errno_text(errno));
  return moved;
}

struct Pipe {
  Descriptor read;
  Descriptor write;
};

Result<Pipe> make_pipe(int flags) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | flags) != 0)
    return fail(Code::unavailable, "making a pipe: {}", errno_text(errno));
  Descriptor first(ends[0]);
  Descriptor second(ends[1]);
  TRY(read, above_standard(std::move(first)));
  TRY(write, above_standard(std::move(second)));
  return Pipe{std::move(read), std::move(write)};
}

// Signals that arrive between fork and the child's reset of handlers must wait.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

bool is_for_linnet(const std::string& entry) {
  static constexpr std::array<std::string_view, 6> ours{
      "LINNET_", "NOTIFY_SOCKET=", "LISTEN_", "WATCHDOG_", "INVOCATION_ID=", "JOURNAL_STREAM="};
  return std::any_of(ours.begin(), ours.end(),
                     [&](std::string_view start) { return entry.starts_with(start); });
}

// Nothing: executable. Directories count as not executable.
std::optional<int> why_not_executable(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return errno;
  if (!S_ISREG(found.st_mode) || ::access(path.c_str(), X_OK) != 0) return EACCES;
  return std::nullopt;
}

Error not_executable(const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR)
    return {Code::not_found, fmt::format("command not found: {}", printable(path))};
  if (error == EACCES)
    return {Code::denied,
            fmt::format("permission denied: {} is not an executable file", printable(path))};
  return {Code::denied, fmt::format("{}: {}", printable(path), errno_text(error))};
}

}  // namespace

std::string expand(const std::string& text, const std::string& version, std::uint16_t port) {
  static constexpr std::string_view version_mark = "{{version}}";
  static constexpr std::string_view port_mark = "{{port}}";
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = std::string_view(text).substr(i);
    if (rest.starts_with(version_mark)) {
      out += version;
      i += version_mark.size();
    } else if (rest.starts_with(port_mark)) {
      out += std::to_string(port);
      i += port_mark.size();
    } else {
      out += text[i++];
    }
  }
  return out;
}

std::vector<std::string> own_environment() {
  std::vector<std::string> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    out.emplace_back(*entry);
  return out;
}

std::vector<std::string> child_environment(const std::vector<std::string>& inherited,
                                           const std::map<std::string, std::string>& own) {
  std::vector<std::string> out;
  for (const std::string& entry : inherited) {
    const bool overridden = own.count(entry.substr(0, entry.find('='))) != 0;
    if (!overridden && !is_for_linnet(entry)) out.push_back(entry);
  }
  for (const auto& [name, value] : own) out.push_back(name + "=" + value);
  return out;
}

Result<std::string> find_program(const std::string& program, const std::string& directory,
                                 const std::vector<std::string>& environment) {
  if (program.empty()) return fail(Code::not_found, "command not found: it is empty");
  if (program.find('/') != std::string::npos) {
    const std::string path = program[0] == '/' ? program : directory + "/" + program;
    if (const std::optional<int> error = why_not_executable(path))
      return fail(not_executable(path, *error));
    return path;
  }
  std::string search = "/usr/local/bin:/usr/bin:/bin";
  for (const std::string& entry : environment)
    if (entry.starts_with("PATH=")) search = entry.substr(5);
  std::optional<Error> denied;
  for (std::size_t at = 0; at <= search.size();) {
    const std::size_t end = std::min(search.find(':', at), search.size());
    const std::string path = search.substr(at, end - at) + "/" + program;
    at = end + 1;
    if (path[0] != '/') continue;  // "" and "." in PATH: not from wherever we happen to stand
    const std::optional<int> error = why_not_executable(path);
    if (!error) return path;
    if (*error == EACCES && !denied) denied = not_executable(path, *error);
  }
  if (denied) return fail(*denied);
  return fail(Code::not_found, "command not found: {} is in no directory of PATH ({})",
              printable(program), printable(search));
}

Result<Launched> launch(const Launch& what,
                        const std::function<Result<void>(const Launched&)>& record) {
  TRY(log, open_log(what.log));
  TRY(log_above, above_standard(std::move(log)));
  TRY(null, above_standard(Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC))));
  TRY(gate, make_pipe(0));
  TRY(failure, make_pipe(O_NONBLOCK));
  const Prepared prepared{what.program.c_str(),
                          what.directory.c_str(),
                          pointers(what.arguments),
                          pointers(what.environment),
                          null.get(),
                          log_above.get(),
                          gate.read.get(),
                          gate.write.get(),
                          failure.write.get()};
  Launched launched;
  {
    const AllSignalsBlocked blocked;
    launched.pid = ::fork();
    if (launched.pid == 0) child(prepared);
  }
  if (launched.pid < 0) return fail(Code::unavailable, "starting a process: {}", errno_text(errno));
  launched.failure = std::move(failure.read);
  const auto recorded = [&]() -> Result<void> {
    const std::optional<ProcessStat> stat = process_stat(launched.pid);
    if (!stat)
      return fail(Code::unavailable, "reading /proc/{}/stat: is /proc mounted?", launched.pid);
    launched.start_ticks = stat->start_ticks;
    launched.pidfd = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, launched.pid, 0)));
    if (!launched.pidfd.valid())
      return fail(Code::unavailable, "watching process {}: {}", launched.pid, errno_text(errno));
    return record(launched);
  }();
  if (!recorded) {
    gate.write.reset();  // it reads the end, and ends
    ::waitpid(launched.pid, nullptr, 0);
    return fail(recorded.error());
  }
  // Our own reading end is still open, so this cannot raise SIGPIPE even if the child is gone.
  if (::write(gate.write.get(), "g", 1) != 1) {
    const int error = errno;
    gate.write.reset();
    ::waitpid(launched.pid, nullptr, 0);
    return fail(Code::unavailable, "letting process {} go on: {}", launched.pid, errno_text(error));
  }
  return launched;
}

Result<void> exec_failure(const Descriptor& failure, const Launch& what) {
  Failure said{};
  if (!failure.valid() || ::read(failure.get(), &said, sizeof said) != sizeof said) return {};
  if (said.stage == Stage::directory)
    return fail(said.error == EACCES ? Code::denied : Code::not_found, "working directory {}: {}",
                printable(what.directory), errno_text(said.error));
  if (said.stage != Stage::exec)
    return fail(Code::unavailable, "preparing the process: {}", errno_text(said.error));
  // It was there a moment ago: what is missing now is named in its first line.
  if (said.error == ENOENT && !why_not_executable(what.program))
    return fail(Code::not_found, "{}: the interpreter that it names does not exist",
                printable(what.program));
  if (said.error == ENOEXEC)
    return fail(Code::invalid, "{} is neither a program nor a script with #! in its first line",
                printable(what.program));
  if (said.error == E2BIG || said.error == ENOMEM)
    return fail(Code::unavailable, "{}: {}", printable(what.program), errno_text(said.error));
  return fail(not_executable(what.program, said.error));
}

}  // namespace linnet::local
