// The files that one access log consists of: the one being written and those that were put aside,
// by linnet or by a log rotator. A position is found again by inode, whatever the file is called by
// now.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace linnet::local {

/// A place in the log: byte `offset` of the file with this inode, at the start of a line.
struct LogPosition {
  std::uint64_t inode = 0;
  std::uint64_t offset = 0;
  friend bool operator==(const LogPosition&, const LogPosition&) = default;
};

struct LogFile {
  std::string path;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
};

/// All files of the log at `path`, oldest first, the one now at `path` last. Compressed ones are
/// not among them.
std::vector<LogFile> log_files(const std::string& path);
/// The name that linnet gives to a file that it puts aside.
std::string aside_name(const std::string& path, std::uint64_t inode);
bool is_put_aside(const std::string& path, const std::string& candidate);

/// Takes bytes, returns how many it consumed (whole lines).
using ConsumeLines = std::function<std::size_t(std::string_view)>;

/// One open file that is read line by line.
class LogReader {
 public:
  LogReader() = default;
  ~LogReader() { close(); }
  LogReader(LogReader&& other) noexcept { *this = std::move(other); }
  LogReader& operator=(LogReader&& other) noexcept;

  static Result<LogReader> open(const std::string& path, std::uint64_t offset);
  void close();
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] LogPosition position() const { return position_; }
  void seek(std::uint64_t offset) { position_.offset = offset; }

  /// Reads whole lines up to byte `end`, at most about `limit` bytes. Returns the bytes consumed: 0
  /// at the end, or before half a line.
  Result<std::size_t> read(const ConsumeLines& consume, std::uint64_t end, std::size_t limit);
  [[nodiscard]] Result<std::uint64_t> size() const;
  /// True when nobody can write to it any more; false also when that cannot be known.
  [[nodiscard]] bool has_no_writer() const;
  [[nodiscard]] bool is_removed() const;

 private:
  int fd_ = -1;
  LogPosition position_;
};

}  // namespace linnet::local
