// Follows the access log wherever it goes: grows, rotated by us or by others, removed, truncated. Woken
// by inotify only, so an idle service costs nothing. Hands out whole lines in order, and positions that
// survive a restart of linnet.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"

namespace boost::asio {
class io_context;
}

namespace linnet::local {

/// A place in the log: byte `offset` of the file with this inode, always at the start of a line.
struct LogPosition {
  std::uint64_t inode = 0;
  std::uint64_t offset = 0;
  friend bool operator==(const LogPosition&, const LogPosition&) = default;
};

struct AccessLogTailOptions {
  std::string path;
  /// Takes bytes, returns how many it consumed (whole lines); called again with the rest and more.
  std::function<std::size_t(std::string_view)> consume;
  /// After some of it was consumed.
  std::function<void()> grown;
  /// Asks NGINX to reopen its logs (USR1); empty: that is somebody else's duty.
  std::function<Result<void>()> reopen;
  /// The file is put aside and NGINX asked for a new one beyond this size. Needs `reopen`.
  std::uint64_t rotate_bytes = 64u << 20;
};

class AccessLogTail {
 public:
  AccessLogTail(boost::asio::io_context& io, AccessLogTailOptions options);
  ~AccessLogTail();
  AccessLogTail(const AccessLogTail&) = delete;
  AccessLogTail& operator=(const AccessLogTail&) = delete;

  /// Where the log ends now. Code::not_found while there is no file.
  [[nodiscard]] Result<LogPosition> end() const;
  /// Starts to follow at `from`. False: that place is gone (removed, truncated), and it starts at the
  /// oldest place that is still there and may follow it.
  Result<bool> start(LogPosition from);
  [[nodiscard]] bool started() const;
  /// Reads what is there now, at most `limit` bytes. Code::unavailable: reading failed.
  Result<void> drain(std::size_t limit = 16u << 20);
  [[nodiscard]] LogPosition position() const;
  /// Reads [from, position()) again through `consume`. False: not all of it is there any more.
  Result<bool> again(LogPosition from, const std::function<std::size_t(std::string_view)>& consume) const;
  /// Files that were put aside and end before `position` are given back to the disk.
  void release(LogPosition position);
  /// How often somebody else cut the file short under us.
  [[nodiscard]] std::int64_t truncations() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace linnet::local
