// A count of rings and a timer per waiting coroutine: comparing counts is what loses no ring.
#include "runtime/doorbell.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

namespace linnet::runtime {

namespace asio = boost::asio;

struct AsioDoorbell::Bell {
  std::uint64_t rings = 0;
  std::uint64_t answered = 0;  // rings that a wait has returned for
  std::vector<asio::steady_timer*> waiting;
};

AsioDoorbell::AsioDoorbell(asio::any_io_executor executor) : executor_(std::move(executor)) {}
AsioDoorbell::~AsioDoorbell() = default;

std::shared_ptr<AsioDoorbell::Bell> AsioDoorbell::bell(const std::string& release) {
  auto& bell = bells_[release];
  if (!bell) bell = std::make_shared<Bell>();
  return bell;
}

Task<void> AsioDoorbell::wait(std::string release, Duration pause) {
  // A shared bell: the frame may outlive the doorbell when a program is torn down.
  const std::shared_ptr<Bell> mine = bell(release);
  const std::uint64_t seen = mine->answered;
  boost::system::error_code error;
  if (mine->rings == seen) {
    asio::steady_timer timer(executor_, pause);
    struct Waiting {
      Bell& bell;
      asio::steady_timer* timer;
      Waiting(Bell& b, asio::steady_timer* t) : bell(b), timer(t) { bell.waiting.push_back(t); }
      ~Waiting() { std::erase(bell.waiting, timer); }
      Waiting(const Waiting&) = delete;
      Waiting& operator=(const Waiting&) = delete;
    } waiting(*mine, &timer);
    auto result = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    error = std::get<0>(result);
  }
  const bool rang = mine->rings != seen;
  mine->answered = mine->rings;
  if (error && !rang) throw boost::system::system_error(error);
}

void AsioDoorbell::ring(const std::string& release) {
  const std::shared_ptr<Bell> rung = bell(release);
  ++rung->rings;
  for (asio::steady_timer* timer : rung->waiting) timer->cancel();
}

}  // namespace linnet::runtime
