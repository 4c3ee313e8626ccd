// What the kernel says about processes, from /proc and pidfds. A pid alone names nothing for long:
// here it always comes with the start time or a pidfd.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "local/descriptor.h"

namespace linnet::local {

struct ProcessStat {
  char state = '?';  // 'Z' and 'X' are dead
  pid_t group = 0;
  pid_t session = 0;
  std::uint64_t start_ticks = 0;
  std::int64_t rss_bytes = 0;
  std::int64_t cpu_ms = 0;  // user and system, its own; children that ended left out

  [[nodiscard]] bool alive() const { return state != 'Z' && state != 'X'; }
};

/// Nothing when there is no such process.
std::optional<ProcessStat> process_stat(pid_t pid);

/// This boot of the machine; empty when the kernel does not say.
std::string boot_id();

/// A pidfd of the process when it is alive and is the one that started then; else an invalid one.
/// Code::unavailable: cannot be known (no descriptors left).
Result<Descriptor> open_process(pid_t pid, std::uint64_t start_ticks);

/// A living process that has `NAME=VALUE` in its environment, owned by this user.
struct MarkedProcess {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;
  bool leads_session = false;
  pid_t session = 0;
  std::string version;  // its LINNET_VERSION
};
/// All with LINNET_RECORD=`record`, the oldest first. Reads all of /proc: for rare occasions.
std::vector<MarkedProcess> marked_processes(const std::string& record);

/// Who listens on TCP port `port` of this machine: "nginx (pid 12)"; empty when it cannot be told.
std::string listener_on(std::uint16_t port);

/// How a process ended, in words: "exited with status 1", "killed by signal 9 (Killed)".
std::string wait_status_text(int code, int status);

}  // namespace linnet::local
