// Ctrl-C and SIGTERM as something that a command can wait for beside its socket, instead of a
// handler that cuts it short: a deploy that is interrupted still has a rollback to see through.
#pragma once

#include "base/units.h"

namespace linnet::cli {

class Interrupt {
 public:
  /// From now on SIGINT, SIGTERM and SIGHUP arrive here. One object at a time.
  Interrupt();
  /// They end the process again, as usual.
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// Readable while a signal waits to be taken.
  [[nodiscard]] int fd() const { return fd_; }
  /// True when a signal had come; each is taken once.
  bool take();
  /// Waits for a signal, for `other_fd` to be readable (-1: none), or for the pause to pass. Takes
  /// nothing.
  enum class Woken { signal, other, pause };
  Woken wait(Duration pause, int other_fd = -1) const;

 private:
  int fd_ = -1;
};

}  // namespace linnet::cli
