// Coroutines that stand still in virtual time. A wait never ends by itself: the schedule wakes it
// when its time comes, and destroying it is how a process dies at a suspension point.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "async/task.h"

namespace linnet::sim {

/// What stands still of one engine. Not copied, one thread.
class Waits {
 public:
  Waits();
  ~Waits();
  Waits(const Waits&) = delete;
  Waits& operator=(const Waits&) = delete;

  /// Suspends until wake(ticket()) with the ticket that next_ticket() gave right before.
  [[nodiscard]] Task<void> until_woken(std::uint64_t ticket);
  [[nodiscard]] std::uint64_t next_ticket() { return ++last_ticket_; }
  /// Runs the coroutine on to its next suspension; a ticket that is gone changes nothing.
  void wake(std::uint64_t ticket);
  /// Starts `task` and runs it to its first suspension. It runs until it ends or kill_all().
  void start(Task<void> task);
  /// Destroys every coroutine, as kill -9 does: nothing of it runs any more but destructors.
  void kill_all();

  struct Suspended;

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  std::vector<std::unique_ptr<Suspended>> suspended_;
  std::uint64_t last_ticket_ = 0;
  friend struct Suspend;
};

}  // namespace linnet::sim
