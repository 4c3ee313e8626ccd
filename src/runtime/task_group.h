// Coroutines that run beside their starter and must all have ended before the things they use go
// away. A group is the owner of such coroutines: it starts, cancels and joins them.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "async/task.h"

namespace linnet::runtime {

/// One thread only. Close or cancel, then join, before what the tasks refer to is destroyed;
/// destroying a group cancels its tasks but cannot wait for them.
class TaskGroup {
 public:
  /// Told of a task that ended with an exception other than its cancellation.
  using OnFailure = std::function<void(const std::string& name, const std::string& what)>;

  explicit TaskGroup(boost::asio::any_io_executor executor, OnFailure on_failure = {});
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts the task soon (not within this call). False, and the task is dropped unstarted, once
  /// the group was closed.
  bool spawn(std::string name, Task<void> task);
  /// Shuts the gate: nothing more is spawned.
  void close();
  /// close(), and every task's present wait throws operation_aborted.
  void cancel();
  /// close(), and returns when every task has ended. When itself cancelled, cancels the tasks and
  /// goes on waiting: what it guards may only be destroyed afterwards. Then it throws
  /// operation_aborted, as every wait that is cancelled.
  Task<void> join();
  [[nodiscard]] std::size_t running() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace linnet::runtime
