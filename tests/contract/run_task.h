// Runs one coroutine of a port to its end, in tests that are no coroutines themselves.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
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

}  // namespace linnet::contract
