// A limit on the time of any coroutine: the loser is cancelled and waited for, so nothing of it is
// left behind when the answer is there.
#pragma once

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <string>
#include <utility>
#include <variant>

#include "async/task.h"

namespace linnet::runtime {

/// Waits for `pause`. Cancelled: throws operation_aborted.
inline Task<void> sleep_for(Duration pause) {
  auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, pause);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

/// An exception out of `work` as a value: Code::internal, or Code::cancelled. Asio's || needs that,
/// because it waits for the first success.
template <class T>
Task<Result<T>> as_result(Task<Result<T>> work) {
  std::string what;
  bool cancelled = false;
  try {
    co_return co_await std::move(work);
  } catch (const boost::system::system_error& error) {
    cancelled = error.code() == boost::asio::error::operation_aborted;
    what = error.what();
  } catch (const std::exception& error) {
    what = error.what();
  }
  co_return fail(Error{cancelled ? Code::cancelled : Code::internal, std::move(what)});
}

/// The same of work without an answer.
inline Task<Result<void>> as_result(Task<void> work) {
  constexpr auto answer = [](Task<void> done) -> Task<Result<void>> {
    co_await std::move(done);
    co_return Result<void>();
  };
  co_return co_await as_result<void>(answer(std::move(work)));
}

/// The answer of `work`, or Code::timed_out ("WHAT took longer than 2s") when `limit` passes first;
/// work is cancelled then, and must tolerate that at each of its waits. An exception out of `work`
/// becomes Code::internal, its cancellation Code::cancelled.
template <class T>
Task<Result<T>> with_deadline(Task<Result<T>> work, Duration limit, std::string what) {
  using namespace boost::asio::experimental::awaitable_operators;
  if (limit < Duration::zero()) limit = Duration::zero();
  auto first = co_await (as_result<T>(std::move(work)) || sleep_for(limit));
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  co_return fail(Code::timed_out, "{} took longer than {}", what, duration_text(limit));
}

}  // namespace linnet::runtime
