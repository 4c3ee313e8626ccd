// One write(2) per line, so that lines of several processes in one file stay whole.
#include "runtime/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace linnet::runtime {
namespace {

constexpr std::size_t max_text = 8 * 1024;

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text.substr(0, max_text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += fmt::format("\\x{:02x}", byte);
    }
  }
  if (text.size() > max_text) out += fmt::format(" ... ({} bytes cut)", text.size() - max_text);
}

}  // namespace

std::string_view level_name(Log::Level level) {
  switch (level) {
    case Log::Level::debug: return "debug";
    case Log::Level::info: return "info";
    case Log::Level::warning: return "warning";
    case Log::Level::error: return "error";
  }
  return "unknown";
}

Log::Log(Clock& clock, Level least) : clock_(clock), least_(least) {}

Log::~Log() {
  if (file_ > 2) ::close(file_);
}

Result<void> Log::open(const std::string& file) {
  const int opened =
      ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (opened < 0)
    return fail(Code::unavailable, "opening the log '{}': {}", file, std::strerror(errno));
  if (file_ > 2) ::close(file_);
  file_ = opened;
  return {};
}

void Log::line(Level level, std::string_view text) {
  if (level < least_) return;
  std::string out = fmt::format("{} {} ", clock_.now().wall.text(), level_name(level));
  append_escaped(out, text);
  out += '\n';
  std::string_view rest = out;
  while (!rest.empty()) {
    const ssize_t written = ::write(file_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // disk full, pipe gone: the release goes on
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace linnet::runtime
