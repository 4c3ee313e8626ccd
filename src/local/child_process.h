// Short-lived helper programs and detached daemons: started without a shell, with a clean
// environment, waited for on the event loop.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "async/task.h"
#include "ports/ports.h"

namespace boost::asio {
class io_context;
}

namespace linnet::local {

struct ChildCommand {
  std::vector<std::string> arguments;    // the first is the program's path
  std::string directory;                 // working directory
  std::vector<std::string> environment;  // all of it
  /// Open descriptors that the child gets as 10, 11, ... in this order.
  std::vector<int> inherited;
};
constexpr int first_inherited = 10;

struct Child {
  pid_t pid = 0;
  int stderr_fd = -1;  // read end, non-blocking; the owner closes it
};
/// Starts it in a session of its own, stdin and stdout on /dev/null, default signals.
Result<Child> start_child(const ChildCommand& command);

struct ChildEnd {
  int status = 0;      // exit status; 128 + signal when it was killed
  std::string errors;  // what it wrote to stderr, at most 64 KiB
};
/// Runs it to its end; killed at the deadline (Code::timed_out).
Task<Result<ChildEnd>> run_child(boost::asio::io_context& io, Clock& clock, ChildCommand command,
                                 Deadline deadline);

/// Returns when the process is gone (Code::not_found: it was already) or `limit` has passed
/// (Code::timed_out). It need not be our child; if it is, it is reaped.
Task<Result<void>> wait_gone(boost::asio::io_context& io, pid_t pid, Duration limit);

Task<void> sleep_for(boost::asio::io_context& io, Duration pause);

}  // namespace linnet::local
