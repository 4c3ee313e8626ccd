#include "local/process_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <functional>
#include <memory>
#include <sstream>

#include "local/process_log.h"
#include "local/small_file.h"

namespace linnet::local {
namespace {

constexpr std::size_t largest_proc_file = 4 << 20;

// Calls `visit` with the number of each process; stops when it returns false.
void for_each_process(const std::function<bool(pid_t)>& visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return;
  while (const dirent* entry = ::readdir(proc.get())) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto read = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (read.ec != std::errc() || read.ptr != name.data() + name.size()) continue;
    if (!visit(pid)) return;
  }
}

std::string variable(const std::string& environment, const std::string& name) {
  const std::string start = name + "=";
  for (std::size_t at = 0; at < environment.size();) {
    const std::size_t end = std::min(environment.find('\0', at), environment.size());
    if (environment.compare(at, start.size(), start) == 0)
      return environment.substr(at + start.size(), end - at - start.size());
    at = end + 1;
  }
  return {};
}

// Inodes of the sockets that listen on `port`, of one of the kernel's tables.
std::vector<std::string> listening_inodes(const char* table, std::uint16_t port) {
  std::vector<std::string> inodes;
  const Result<std::string> text = read_small_file(table, largest_proc_file);
  if (!text) return inodes;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string number, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
    fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> uid >>
        timeout >> inode;
    const std::size_t colon = local.rfind(':');
    if (state != "0A" || colon == std::string::npos) continue;
    if (local.substr(colon + 1) == fmt::format("{:04X}", port)) inodes.push_back(inode);
  }
  return inodes;
}

bool has_descriptor(pid_t pid, const std::vector<std::string>& links) {
  const std::string directory = fmt::format("/proc/{}/fd", pid);
  const std::unique_ptr<DIR, int (*)(DIR*)> fds(::opendir(directory.c_str()), ::closedir);
  if (!fds) return false;
  while (const dirent* entry = ::readdir(fds.get())) {
    char target[128];
    const std::string link = directory + "/" + entry->d_name;
    const ssize_t length = ::readlink(link.c_str(), target, sizeof target);
    if (length <= 0) continue;
    const std::string found(target, static_cast<std::size_t>(length));
    if (std::find(links.begin(), links.end(), found) != links.end()) return true;
  }
  return false;
}

}  // namespace

std::optional<ProcessStat> process_stat(pid_t pid) {
  const Result<std::string> text = read_small_file(fmt::format("/proc/{}/stat", pid));
  if (!text) return std::nullopt;
  // The name in parentheses may hold anything, ')' and spaces too: count from the last one.
  const std::size_t close = text->rfind(')');
  if (close == std::string::npos) return std::nullopt;
  ProcessStat stat;
  int parent = 0;
  unsigned long long start = 0, user = 0, system = 0;
  long long pages = 0;
  const int read = std::sscanf(
      text->c_str() + close + 1,
      " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu %*u %lld",
      &stat.state, &parent, &stat.group, &stat.session, &user, &system, &start, &pages);
  if (read != 8) return std::nullopt;
  stat.start_ticks = start;
  stat.rss_bytes = pages * ::sysconf(_SC_PAGESIZE);
  stat.cpu_ms = static_cast<std::int64_t>((user + system) * 1000 /
                                          static_cast<unsigned long long>(::sysconf(_SC_CLK_TCK)));
  return stat;
}

std::string boot_id() {
  const Result<std::string> text = read_small_file("/proc/sys/kernel/random/boot_id");
  return text ? text->substr(0, text->find('\n')) : std::string();
}

Result<Descriptor> open_process(pid_t pid, std::uint64_t start_ticks) {
  Descriptor opened(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!opened.valid() && errno != ESRCH && errno != EINVAL)
    return fail(Code::unavailable, "watching process {}: {}", pid, errno_text(errno));
  // In this order: what has the right start time after the pidfd was opened is what it refers to.
  const std::optional<ProcessStat> stat = process_stat(pid);
  if (!stat || !stat->alive() || stat->start_ticks != start_ticks) opened.reset();
  return opened;
}

std::vector<MarkedProcess> marked_processes(const std::string& record) {
  std::vector<MarkedProcess> found;
  const std::function<bool(pid_t)> visit = [&](pid_t pid) {
    const std::string directory = fmt::format("/proc/{}", pid);
    struct stat owner {};
    // Another user's process may claim anything.
    if (::stat(directory.c_str(), &owner) != 0 || owner.st_uid != ::geteuid()) return true;
    const Result<std::string> environment =
        read_small_file(directory + "/environ", largest_proc_file);
    if (!environment || variable(*environment, "LINNET_RECORD") != record) return true;
    const std::optional<ProcessStat> stat = process_stat(pid);
    if (!stat || !stat->alive()) return true;
    found.push_back({pid, stat->start_ticks, stat->session == pid, stat->session,
                     variable(*environment, "LINNET_VERSION")});
    return true;
  };
  for_each_process(visit);
  std::sort(found.begin(), found.end(), [](const MarkedProcess& a, const MarkedProcess& b) {
    return a.start_ticks != b.start_ticks ? a.start_ticks < b.start_ticks : a.pid < b.pid;
  });
  return found;
}

std::string listener_on(std::uint16_t port) {
  std::vector<std::string> links;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"})
    for (const std::string& inode : listening_inodes(table, port))
      links.push_back(fmt::format("socket:[{}]", inode));
  if (links.empty()) return {};
  std::string owner;
  const std::function<bool(pid_t)> visit = [&](pid_t pid) {
    if (!has_descriptor(pid, links)) return true;
    const Result<std::string> name = read_small_file(fmt::format("/proc/{}/comm", pid));
    owner = fmt::format(
        "{} (pid {})", name ? printable(name->substr(0, name->find('\n'))) : std::string("?"), pid);
    return false;
  };
  for_each_process(visit);
  return owner;
}

std::string wait_status_text(int code, int status) {
  if (code == CLD_EXITED) return fmt::format("exited with status {}", status);
  const char* name = ::sigdescr_np(status);
  return fmt::format("killed by signal {}{}", status,
                     name != nullptr ? fmt::format(" ({})", name) : std::string());
}

}  // namespace linnet::local
