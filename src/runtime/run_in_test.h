// Runs one coroutine to its end in a unit test, with everything it spawned.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "async/task.h"

namespace linnet::runtime {

/// Its value, or its exception thrown again. Returns when the context has no more work at all.
template <class T>
T run_in_test(boost::asio::io_context& io, Task<T> task) {
  std::optional<T> value;
  std::exception_ptr failure;
  auto ended = [&](std::exception_ptr thrown, T result) {
    failure = thrown;
    value = std::move(result);
  };
  boost::asio::co_spawn(io, std::move(task), ended);
  io.restart();
  io.run();
  if (failure) std::rethrow_exception(failure);
  CHECK(value.has_value());
  return std::move(*value);
}

inline void run_in_test(boost::asio::io_context& io, Task<void> task) {
  std::exception_ptr failure;
  bool done = false;
  auto ended = [&](std::exception_ptr thrown) {
    failure = thrown;
    done = true;
  };
  boost::asio::co_spawn(io, std::move(task), ended);
  io.restart();
  io.run();
  if (failure) std::rethrow_exception(failure);
  CHECK(done);
}

}  // namespace linnet::runtime
