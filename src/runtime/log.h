// The daemon's own log: one line an event, written at once. It never gets secrets: URLs go through
// net::loggable_url() first, bodies and environments are not logged at all.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "ports/ports.h"

namespace linnet::runtime {

class Log {
 public:
  enum class Level { debug, info, warning, error };

  /// To standard error, which systemd or `serve.log` keeps.
  Log(Clock& clock, Level least);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// From now on appends to this file (mode 0600) instead.
  Result<void> open(const std::string& file);

  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    line(Level::info, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) {
    line(Level::warning, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) {
    line(Level::error, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) {
    line(Level::debug, fmt::format(format, std::forward<Args>(args)...));
  }

  /// "2026-11-23T21:02:07.123Z warning text\n" in one write; line breaks and control characters are
  /// escaped, text beyond 8 KiB is cut. A log that cannot be written is not an error of the
  /// release.
  void line(Level level, std::string_view text);

 private:
  Clock& clock_;
  Level least_;
  int file_ = 2;
};

std::string_view level_name(Log::Level level);

}  // namespace linnet::runtime
