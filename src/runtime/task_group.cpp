// Each task has a cancellation signal of its own; a timer that never ends stands for "all done".
#include "runtime/task_group.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>

namespace linnet::runtime {

namespace asio = boost::asio;

struct TaskGroup::State {
  State(asio::any_io_executor e, OnFailure f)
      : executor(std::move(e)), on_failure(std::move(f)), empty(executor) {
    empty.expires_at(asio::steady_timer::time_point::max());
  }
  asio::any_io_executor executor;
  OnFailure on_failure;
  asio::steady_timer empty;
  std::map<std::uint64_t, std::shared_ptr<asio::cancellation_signal>> running;
  std::uint64_t next_id = 0;
  bool closed = false;

  void cancel() {
    closed = true;
    // A copy: a handler that runs within emit() may end a task.
    const auto tasks = running;
    for (const auto& [id, signal] : tasks) signal->emit(asio::cancellation_type::all);
  }
  void ended(std::uint64_t id, const std::string& name, std::exception_ptr failure) {
    running.erase(id);
    if (running.empty()) empty.cancel();
    if (failure && on_failure) tell(name, failure);
  }
  void tell(const std::string& name, std::exception_ptr failure) {
    try {
      std::rethrow_exception(failure);
    } catch (const asio::multiple_exceptions& several) {  // of a || b
      tell(name, several.first_exception());
    } catch (const boost::system::system_error& error) {
      if (error.code() != asio::error::operation_aborted) on_failure(name, error.what());
    } catch (const std::exception& error) {
      on_failure(name, error.what());
    } catch (...) {
      on_failure(name, "an exception of unknown kind");
    }
  }
};

TaskGroup::TaskGroup(asio::any_io_executor executor, OnFailure on_failure)
    : state_(std::make_shared<State>(std::move(executor), std::move(on_failure))) {}

TaskGroup::~TaskGroup() {
  state_->on_failure = {};  // what it refers to may be gone when the tasks end
  state_->cancel();
}

bool TaskGroup::spawn(std::string name, Task<void> task) {
  if (state_->closed) return false;
  const std::uint64_t id = state_->next_id++;
  auto signal = std::make_shared<asio::cancellation_signal>();
  state_->running.emplace(id, signal);
  auto ended = [state = state_, id, name = std::move(name), signal](std::exception_ptr failure) {
    state->ended(id, name, failure);
  };
  asio::co_spawn(state_->executor, std::move(task),
                 asio::bind_cancellation_slot(signal->slot(), std::move(ended)));
  return true;
}

void TaskGroup::close() { state_->closed = true; }
void TaskGroup::cancel() { state_->cancel(); }
std::size_t TaskGroup::running() const { return state_->running.size(); }

Task<void> TaskGroup::join() {
  const std::shared_ptr<State> state = state_;
  state->closed = true;
  bool cancelled = false;
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!state->running.empty()) {
    co_await state->empty.async_wait(asio::as_tuple(asio::use_awaitable));
    if (state->running.empty()) break;
    auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) {
      cancelled = true;
      state->cancel();
      co_await asio::this_coro::reset_cancellation_state();
    }
  }
  co_await asio::this_coro::throw_if_cancelled(true);
  if (cancelled) throw boost::system::system_error(asio::error::operation_aborted);
}

}  // namespace linnet::runtime
