// Starts one process such that no instant exists at which it runs unrecorded: the child waits until
// its record is on disk, and ends by itself when linnet dies before. No shell is ever involved.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "local/descriptor.h"

namespace linnet::local {

/// Replaces {{version}} and {{port}}; what they stand for is not looked at again.
std::string expand(const std::string& text, const std::string& version, std::uint16_t port);

/// "NAME=value" entries: `inherited` without what is meant for linnet itself (LINNET_*, systemd's
/// sockets and watchdog), overridden by `own`.
std::vector<std::string> child_environment(const std::vector<std::string>& inherited,
                                           const std::map<std::string, std::string>& own);

/// This process's environment, to be handed on.
std::vector<std::string> own_environment();

/// The file that `program` names: as it is when it has a '/' (relative to `directory`), else looked
/// up in the PATH of `environment`. Code::not_found "command not found: ..."; Code::denied when it
/// is there but cannot be executed.
Result<std::string> find_program(const std::string& program, const std::string& directory,
                                 const std::vector<std::string>& environment);

struct Launch {
  std::string program;                 // as find_program() gives it
  std::vector<std::string> arguments;  // the first is the name
  std::vector<std::string> environment;
  std::string directory;  // working directory
  std::string log;        // standard output and error
};

struct Launched {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;
  Descriptor pidfd;
  Descriptor failure;  // what exec_failure() reads once the process has ended
};

/// Forks; calls `record` with the new process, which has executed nothing yet; lets it go on when
/// that succeeds, and makes it end otherwise. The process leads a session of its own, reads
/// /dev/null, and has no other descriptor of ours. Code::unavailable: no fork, no log, no record.
Result<Launched> launch(const Launch& what,
                        const std::function<Result<void>(const Launched&)>& record);

/// Why the program could not be executed, if that is how the process ended. Code::not_found,
/// Code::denied or Code::invalid: trying again is useless until somebody changes the files.
Result<void> exec_failure(const Descriptor& failure, const Launch& what);

}  // namespace linnet::local
