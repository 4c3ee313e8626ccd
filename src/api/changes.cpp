// A count per release and a timer per waiting client.
#include "api/changes.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

namespace linnet::api {

namespace asio = boost::asio;

struct Changes::Release {
  std::uint64_t count = 0;
  std::vector<asio::steady_timer*> waiting;
};

namespace {
/// One client's timer among those of its release, for as long as it waits.
template <class Release>
struct Waiting {
  Waiting(Release& r, asio::steady_timer& t) : release(r), timer(t) {
    release.waiting.push_back(&timer);
  }
  ~Waiting() { std::erase(release.waiting, &timer); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  Release& release;
  asio::steady_timer& timer;
};
}  // namespace

Changes::Changes(asio::any_io_executor executor) : executor_(std::move(executor)) {}
Changes::~Changes() = default;

std::uint64_t Changes::count(const std::string& release) const {
  const auto found = releases_.find(release);
  return found == releases_.end() ? 0 : found->second->count;
}

Task<bool> Changes::wait(std::string release, std::uint64_t seen, Duration limit) {
  auto& slot = releases_[release];
  if (!slot) slot = std::make_shared<Release>();
  const std::shared_ptr<Release> mine = slot;  // the frame may outlive this object
  if (mine->count != seen) co_return true;
  asio::steady_timer timer(executor_, limit);
  const Waiting waiting(*mine, timer);
  auto result = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  const boost::system::error_code error = std::get<0>(result);
  const bool rang = mine->count != seen;
  if (error && !rang) throw boost::system::system_error(error);
  co_return rang;
}

void Changes::ring(const std::string& release) {
  auto& slot = releases_[release];
  if (!slot) slot = std::make_shared<Release>();
  ++slot->count;
  for (asio::steady_timer* timer : slot->waiting) timer->cancel();
}

}  // namespace linnet::api
