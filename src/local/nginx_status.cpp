#include "local/nginx_status.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <utility>

namespace linnet::local {
namespace {

namespace asio = boost::asio;
using LocalSocket = asio::local::stream_protocol::socket;

// Longer than the log's flush (100 ms) and a busy thread together.
constexpr Duration settled = 400ms;
constexpr Duration patience = 500ms;

Result<std::int64_t> number_after(std::string_view text, std::string_view label) {
  const auto at = text.find(label);
  std::int64_t value = 0;
  if (at == std::string_view::npos)
    return fail(Code::invalid, "no \"{}\" in NGINX's status", label);
  auto rest = text.substr(at + label.size());
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\n')) rest.remove_prefix(1);
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (error != std::errc() || value < 0)
    return fail(Code::invalid, "no number after \"{}\" in NGINX's status", label);
  return value;
}

Task<Result<std::string>> exchange(LocalSocket& socket, std::string path) {
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await socket.async_connect(asio::local::stream_protocol::endpoint(path), token);
  if (error) co_return fail(Code::unavailable, "connecting to NGINX's status: {}", error.message());
  const std::string request = "GET /status HTTP/1.0\r\nHost: linnet\r\n\r\n";
  co_await asio::async_write(socket, asio::buffer(request), token);
  std::string answer;
  co_await asio::async_read(socket, asio::dynamic_buffer(answer, 4096), token);
  if (error && error != asio::error::eof)
    co_return fail(Code::unavailable, "reading NGINX's status: {}", error.message());
  co_return answer;
}

Task<void> pause(asio::steady_timer& timer) {
  boost::system::error_code error;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
}

Task<Result<StubStatus>> ask(asio::io_context& io, std::string prefix, Duration limit) {
  // Through a descriptor: the path of a socket may be 107 bytes long and no longer.
  const int directory = ::open((prefix + "/own").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) co_return fail(Code::unavailable, "no {}/own: NGINX was not set up", prefix);
  LocalSocket socket(io);
  asio::steady_timer timer(io, limit);
  using namespace asio::experimental::awaitable_operators;
  const auto path = fmt::format("/proc/self/fd/{}/status.sock", directory);
  auto both = co_await (exchange(socket, path) || pause(timer));
  ::close(directory);
  if (both.index() == 1) co_return fail(Code::timed_out, "NGINX's status did not answer");
  auto& answer = std::get<0>(both);
  if (!answer) co_return fail(std::move(answer).error());
  co_return parse_stub_status(*answer);
}

}  // namespace

Result<StubStatus> parse_stub_status(std::string_view text) {
  const auto header = text.find("requests");
  if (header == std::string_view::npos) return fail(Code::invalid, "not an NGINX status page");
  auto rest = text.substr(header);
  StubStatus status;
  // "server accepts handled requests\n 28 28 46 \nReading: 0 Writing: 1 Waiting: 2"
  std::int64_t numbers[3] = {};
  rest.remove_prefix(std::string_view("requests").size());
  for (auto& number : numbers) {
    const auto digit = rest.find_first_of("0123456789");
    if (digit == std::string_view::npos) return fail(Code::invalid, "not an NGINX status page");
    rest.remove_prefix(digit);
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc()) return fail(Code::invalid, "not an NGINX status page");
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  }
  status.requests = numbers[2];
  TRY(reading, number_after(rest, "Reading:"));
  TRY(writing, number_after(rest, "Writing:"));
  status.reading = reading;
  status.writing = writing;
  return status;
}

void LossEstimate::add(std::int64_t completed, std::int64_t lines_then, std::int64_t lines_later) {
  if (base_) {
    const std::int64_t deficit = completed - lines_later - *base_;
    // Twice in a row: NGINX's counters are not read at one instant, and may be off by a request or
    // two.
    current_ = std::max(current_, std::min(deficit, last_deficit_));
    last_deficit_ = deficit;
  }
  const std::int64_t bound = completed - lines_then;
  base_ = base_ ? std::min(*base_, bound) : bound;
}

void LossEstimate::restart() {
  before_ += current_;
  current_ = last_deficit_ = 0;
  base_.reset();
}

LossMeter::LossMeter(asio::io_context& io, Clock& clock, std::string prefix,
                     std::function<std::int64_t()> lines)
    : io_(io), clock_(clock), prefix_(std::move(prefix)), lines_(std::move(lines)) {}

Task<std::int64_t> LossMeter::measure(Deadline deadline) {
  const MonoTime now = clock_.now().mono;
  if (busy_ || (last_ && now - last_->at < settled)) co_return estimate_.lost();
  if (last_) estimate_.add(last_->completed, last_->lines, lines_());
  // Lines are counted before NGINX is asked: the bound may be too loose, never too tight.
  const std::int64_t lines = lines_();
  busy_ = true;
  const auto status = co_await ask(io_, prefix_, std::min(patience, deadline - now));
  busy_ = false;
  if (!status) {
    last_.reset();
    co_return estimate_.lost();
  }
  if (status->requests < last_requests_) {
    estimate_.restart();
    own_ = 0;
  }
  last_requests_ = status->requests;
  last_ = Reading{status->completed() - own_, lines, clock_.now().mono};
  ++own_;
  co_return estimate_.lost();
}

}  // namespace linnet::local
