// Starts the daemon behind a command that found none: detached from the terminal, its output in a
// log, and watched until it answers, so that the user never waits on a daemon that died at once.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace linnet::runtime {

struct Background {
  std::vector<std::string> command;    // absolute program and its arguments; no shell
  std::string log_file;                // appended to; set aside as .1 beyond 10 MiB
  std::string directory = "/";         // its working directory
  std::function<bool()> answers = {};  // asked every 5 ms: does it serve now?
  Duration limit = 10s;
};

/// Blocks until it answers. The process is in a session of its own and inherits no descriptor.
/// Returns its pid. Code::unavailable: it ended or could not be executed; Code::timed_out: it runs
/// but does not answer. Both carry the last lines that it logged.
Result<pid_t> start_in_background(const Background& background);

/// The last `lines` lines of a file from byte `from` on, at most 4 KiB, control characters removed.
std::string last_lines(const std::string& file, std::size_t lines, std::int64_t from = 0);

}  // namespace linnet::runtime
