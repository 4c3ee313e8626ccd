// asio::signal_set behind a small face.
#include "runtime/signals.h"

#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

namespace linnet::runtime {

struct Signals::Impl {
  boost::asio::signal_set set;
};

Signals::Signals(boost::asio::any_io_executor executor, const std::vector<int>& signals)
    : impl_(new Impl{boost::asio::signal_set(std::move(executor))}) {
  for (const int signal : signals) impl_->set.add(signal);
}
Signals::~Signals() = default;

Task<int> Signals::next() { co_return co_await impl_->set.async_wait(boost::asio::use_awaitable); }

void ignore_failed_writes() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace linnet::runtime
