// Signals of the daemon as awaited values; nothing of linnet runs inside a signal handler.
#pragma once

#include <memory>
#include <vector>

#include "async/task.h"

namespace linnet::runtime {

/// Catches `signals` from construction to destruction; those that arrive meanwhile are kept.
class Signals {
 public:
  Signals(boost::asio::any_io_executor executor, const std::vector<int>& signals);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// The number of the next signal. Cancelled: throws operation_aborted.
  Task<int> next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A write to a closed socket, or beyond the allowed size of a file (ulimit -f), shall be an error
/// of that write, not the end of the process.
void ignore_failed_writes();

}  // namespace linnet::runtime
