#include "local/access_log_source.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <optional>
#include <utility>

#include "local/nginx_status.h"

namespace linnet::local {
namespace {

namespace asio = boost::asio;

constexpr std::size_t slice_bytes = 2u << 20;

std::optional<LogPosition> position_of(std::string_view cursor) {
  LogPosition position;
  const char* const end = cursor.data() + cursor.size();
  const auto inode = std::from_chars(cursor.data(), end, position.inode);
  if (inode.ec != std::errc() || inode.ptr == end || *inode.ptr != ':') return std::nullopt;
  const auto offset = std::from_chars(inode.ptr + 1, end, position.offset);
  if (offset.ec != std::errc() || (offset.ptr != end && *offset.ptr != ':')) return std::nullopt;
  return position;
}

AccessLogTailOptions tail_options(const AccessLogOptions& options, AccessLogCounter& counter) {
  AccessLogTailOptions tail;
  tail.path = options.path;
  tail.consume = [&counter](std::string_view text) { return counter.consume(text); };
  tail.grown = [&counter, changed = options.changed] {
    if (counter.take_canary_failed() && changed) changed();
  };
  tail.reopen = options.reopen;
  tail.rotate_bytes = options.rotate_bytes;
  tail.keep_bytes = options.keep_bytes;
  return tail;
}

bool same_counts(const Counters& a, const Counters& b) {
  return a.lines == b.lines && a.lost == b.lost;
}

}  // namespace

AccessLogSource::AccessLogSource(asio::io_context& io, Clock& clock, AccessLogOptions options)
    : clock_(clock),
      options_(std::move(options)),
      canary_(options_.canary_ports),
      counter_(options_.boundaries_ms, canary_, options_.stable_ports),
      tail_(io, tail_options(options_, counter_)) {}

void AccessLogSource::set_canary_ports(const std::vector<std::uint16_t>& ports) {
  canary_ = PortSet(ports);
  counter_.set_canary(canary_);
}

Task<Result<core::Sample>> AccessLogSource::since(std::string cursor, Deadline deadline) {
  CO_TRY_VOID(co_await catch_up(deadline));
  if (options_.loss != nullptr) {
    const std::int64_t lost = co_await options_.loss->measure(deadline);
    counter_.set_missing(lost);
    CO_TRY_VOID(co_await catch_up(deadline));
  } else {
    counter_.set_missing(tail_.truncations());
  }
  if (!cursor.empty() && mark_of(cursor) == nullptr)
    CO_TRY_VOID(co_await recount(cursor, deadline));
  Counters window;
  const Mark* const mark = mark_of(cursor);
  if (mark != nullptr)
    window = counter_.totals().minus(mark->totals);
  else
    window.stable.latency = window.canary.latency =
        std::vector<std::int64_t>(options_.boundaries_ms.size() + 1);
  core::Sample sample;
  sample.stable = std::move(window.stable);
  sample.canary = std::move(window.canary);
  for (std::size_t slot = 0; slot < window.stable_slots.size(); ++slot)
    if (window.stable_slots[slot].requests > 0)
      sample.stable_instances.push_back(
          {fmt::format("stable-{}", slot), std::move(window.stable_slots[slot])});
  sample.lost = window.lost + window.garbage;
  sample.cursor = mark_here();
  give_back();
  co_return sample;
}

Task<Result<void>> AccessLogSource::catch_up(Deadline deadline) {
  while (true) {
    const auto more = tail_.drain(slice_bytes);
    if (!more && more.error().code == Code::not_found)
      co_return fail(Code::not_found, "no access log at {} yet: NGINX writes none", options_.path);
    if (!more) co_return fail(more.error());
    if (!*more) co_return Result<void>{};
    if (clock_.now().mono >= deadline)
      co_return fail(Code::timed_out, "reading {}: more lines than time", options_.path);
    const auto here = co_await asio::this_coro::executor;
    co_await asio::post(here, asio::use_awaitable);
  }
}

Task<Result<void>> AccessLogSource::recount(std::string cursor, Deadline deadline) {
  const auto parsed = position_of(cursor);
  if (!parsed) co_return fail(Code::invalid, "cursor \"{}\" is not one of an access log", cursor);
  LogPosition at = *parsed;
  const LogPosition to = tail_.position();
  AccessLogCounter counter(options_.boundaries_ms, canary_, options_.stable_ports);
  const ConsumeLines consume = [&counter](std::string_view text) { return counter.consume(text); };
  // What the tail counts while we read belongs after `to`: the mark is set against now.
  const Counters now = counter_.totals();
  std::int64_t gaps = 0;
  while (true) {
    const auto piece = tail_.again(at, to, consume, slice_bytes);
    if (!piece) co_return fail(piece.error());
    gaps += piece->gap ? 1 : 0;
    if (piece->done) break;
    if (clock_.now().mono >= deadline)
      co_return fail(Code::timed_out, "reading {} again from {}: more lines than time",
                     options_.path, cursor);
    const auto here = co_await asio::this_coro::executor;
    co_await asio::post(here, asio::use_awaitable);
  }
  Counters before = now.minus(counter.totals());
  before.lost -= gaps;
  marks_.push_front({std::move(cursor), *parsed, std::move(before), clock_.now().mono});
  co_return Result<void>{};
}

const AccessLogSource::Mark* AccessLogSource::mark_of(const std::string& cursor) const {
  const auto mark = std::find_if(marks_.rbegin(), marks_.rend(),
                                 [&](const Mark& one) { return one.cursor == cursor; });
  return mark == marks_.rend() ? nullptr : &*mark;
}

std::string AccessLogSource::mark_here() {
  const LogPosition here = tail_.position();
  const MonoTime now = clock_.now().mono;
  if (!marks_.empty() && marks_.back().position == here &&
      same_counts(marks_.back().totals, counter_.totals())) {
    marks_.back().at = now;  // nothing came: the same cursor says the same
    return marks_.back().cursor;
  }
  auto cursor = fmt::format("{}:{}:{}", here.inode, here.offset, ++serial_);
  marks_.push_back({cursor, here, counter_.totals(), now});
  return cursor;
}

void AccessLogSource::give_back() {
  const MonoTime now = clock_.now().mono;
  while (marks_.size() > 2 && now - marks_.front().at > options_.keep) marks_.pop_front();
  tail_.release(marks_.front().position);
}

}  // namespace linnet::local
