// Follows the access log wherever it goes: it grows, is put aside by us or rotated by others,
// removed, cut short. Woken by inotify only, so an idle service costs nothing. Hands out whole
// lines in order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "local/access_log_files.h"

namespace boost::asio {
class io_context;
}

namespace linnet::local {

struct AccessLogTailOptions {
  std::string path;
  ConsumeLines consume;
  /// After some of it was consumed.
  std::function<void()> grown;
  /// Asks NGINX to reopen its logs (USR1); empty: that is somebody else's duty.
  std::function<Result<void>()> reopen;
  /// Beyond this size the file is put aside and NGINX asked for a new one. Needs `reopen`.
  std::uint64_t rotate_bytes = 64u << 20;
  /// Files put aside are removed, oldest first, when together they are larger.
  std::uint64_t keep_bytes = 256u << 20;
};

class AccessLogTail {
 public:
  /// Follows from where the log ends now, or from the start of the file that appears later.
  AccessLogTail(boost::asio::io_context& io, AccessLogTailOptions options);
  ~AccessLogTail();
  AccessLogTail(const AccessLogTail&) = delete;
  AccessLogTail& operator=(const AccessLogTail&) = delete;

  /// Reads what is there now, about `limit` bytes at most; true: there was more than that.
  /// Code::not_found while there is no file.
  Result<bool> drain(std::size_t limit);
  [[nodiscard]] LogPosition position() const;

  /// One piece, of at most about `limit` bytes, of reading [from, to) again; `from` moves on.
  struct Again {
    bool done = false;
    bool gap = false;  // a part was not there any more
  };
  Result<Again> again(LogPosition& from, LogPosition to, const ConsumeLines& consume,
                      std::size_t limit) const;
  /// Files that linnet put aside and that end before `position` are given back to the disk.
  void release(LogPosition position);
  /// How often somebody else cut the file short under us.
  [[nodiscard]] std::int64_t truncations() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace linnet::local
