#include "sim/waits.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>

namespace linnet::sim {

namespace asio = boost::asio;

struct Waits::Suspended {
  explicit Suspended(std::uint64_t number) : ticket(number) {}
  virtual ~Suspended() = default;
  virtual void resume() = 0;
  std::uint64_t ticket;
};

namespace {

template <class Handler>
struct SuspendedHandler final : Waits::Suspended {
  SuspendedHandler(std::uint64_t number, Handler&& taken)
      : Suspended(number), handler(std::move(taken)) {}
  void resume() override {
    Handler taken = std::move(handler);
    std::move(taken)();
  }
  Handler handler;
};

struct Rethrow {
  void operator()(std::exception_ptr error) const {
    if (error) std::rethrow_exception(error);
  }
};

}  // namespace

// One io_context for all: only its executor is used, to start coroutines and to unwind killed ones.
struct Waits::Context {
  asio::io_context io{1};
};

// A named type, because GCC 12 destroys captures of a lambda twice when it stands in a co_await.
struct Suspend {
  Waits* waits;
  std::uint64_t ticket;
  template <class Handler>
  void operator()(Handler&& handler) const {
    using Kept = std::decay_t<Handler>;
    waits->suspended_.push_back(
        std::make_unique<SuspendedHandler<Kept>>(ticket, std::forward<Handler>(handler)));
  }
};

Waits::Waits() : context_(std::make_unique<Context>()) {}
Waits::~Waits() { kill_all(); }

Task<void> Waits::until_woken(std::uint64_t ticket) {
  return asio::async_initiate<const asio::use_awaitable_t<>, void()>(Suspend{this, ticket},
                                                                     asio::use_awaitable);
}

void Waits::wake(std::uint64_t ticket) {
  const auto found = std::find_if(suspended_.begin(), suspended_.end(),
                                  [&](const auto& one) { return one->ticket == ticket; });
  if (found == suspended_.end()) return;
  const std::unique_ptr<Suspended> one = std::move(*found);
  suspended_.erase(found);
  one->resume();
}

void Waits::start(Task<void> task) {
  asio::co_spawn(context_->io, std::move(task), Rethrow{});
  context_->io.restart();
  context_->io.poll();
}

void Waits::kill_all() {
  suspended_.clear();
  context_->io.restart();
  context_->io.poll();
}

}  // namespace linnet::sim
