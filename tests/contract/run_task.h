// Runs a context in tests that are no coroutines themselves: until one coroutine has ended, or
// until something holds.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include "async/task.h"

namespace linnet::contract {

/// Runs the context until the task is done; what else waits in the context runs meanwhile.
template <class T>
T run(boost::asio::io_context& context, Task<T> task) {
  std::optional<T> out;
  boost::asio::co_spawn(context, std::move(task), [&out](std::exception_ptr error, T value) {
    if (error) std::rethrow_exception(error);
    out.emplace(std::move(value));
  });
  context.restart();
  while (!out && context.run_one() > 0) {
  }
  return std::move(out).value();
}

/// Runs the context until it holds; false when it does not in time. What decides it may lie outside
/// of the context.
template <class Condition>
bool until(boost::asio::io_context& context, Condition holds, Duration limit = 20s) {
  const auto end = std::chrono::steady_clock::now() + limit;
  const auto guard = boost::asio::make_work_guard(context);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    if (context.stopped()) context.restart();
    context.run_one_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace linnet::contract
