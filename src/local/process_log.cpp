#include "local/process_log.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <vector>

#include "local/small_file.h"

namespace linnet::local {
namespace {

constexpr std::size_t longest_excerpt = 400;
constexpr std::size_t block = 256 << 10;

// Copies [from, end of file) and what comes in meanwhile; -1: it failed, else where it ended.
std::int64_t copy_tail(int in, int out, std::int64_t from, std::int64_t most) {
  std::vector<char> buffer(block);
  const std::int64_t end = from + most;
  while (from < end) {
    const auto want = static_cast<std::size_t>(std::min<std::int64_t>(end - from, block));
    const ssize_t n = ::pread(in, buffer.data(), want, from);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    for (ssize_t done = 0; done < n;) {
      const ssize_t put = ::write(out, buffer.data() + done, static_cast<std::size_t>(n - done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return -1;
      done += put;
    }
    from += n;
  }
  return from;
}

std::string numbered(const std::string& path, int number) {
  return fmt::format("{}.{}", path, number);
}

// Bytes of the UTF-8 character that starts at `i`, 0 when it is none.
std::size_t utf8_length(const std::string& text, std::size_t i) {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  const auto follows = [&](std::size_t at) { return (byte(at) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(i);
  if (lead >= 0xC2 && lead <= 0xDF && follows(i + 1)) return 2;
  if (lead >= 0xE0 && lead <= 0xEF && follows(i + 1) && follows(i + 2)) {
    if (lead == 0xE0 && byte(i + 1) < 0xA0) return 0;   // overlong
    if (lead == 0xED && byte(i + 1) >= 0xA0) return 0;  // a surrogate
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4 && follows(i + 1) && follows(i + 2) && follows(i + 3)) {
    if (lead == 0xF0 && byte(i + 1) < 0x90) return 0;
    if (lead == 0xF4 && byte(i + 1) >= 0x90) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

Result<Descriptor> open_log(const std::string& path) {
  Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return fail(Code::unavailable, "opening {}: {}", path, errno_text(errno));
  return file;
}

std::int64_t log_size(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? found.st_size : 0;
}

bool rotate_log(const std::string& path, std::int64_t limit, int kept) {
  const Descriptor log(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  struct stat found {};
  if (!log.valid() || ::fstat(log.get(), &found) != 0 || found.st_size <= limit) return false;
  for (int i = kept; i > 1; --i)
    std::rename(numbered(path, i - 1).c_str(), numbered(path, i).c_str());
  if (kept > 0) {
    const std::string fresh = path + ".new";
    const Descriptor copy(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    // Twice the limit at most, whatever the service writes meanwhile.
    const std::int64_t from = found.st_size - limit;
    const bool copied = copy.valid() && copy_tail(log.get(), copy.get(), from, 2 * limit) >= 0;
    if (!copied || std::rename(fresh.c_str(), numbered(path, 1).c_str()) != 0)
      ::unlink(fresh.c_str());
  }
  return ::ftruncate(log.get(), 0) == 0;
}

std::string printable(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const std::size_t length = c < 0x80 ? 1 : utf8_length(text, i);
    if (c == '\t')
      out += ' ';
    else if (length == 0 || c < 0x20 || c == 0x7F)
      out += '?';
    else
      out.append(text, i, length);
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::string last_log_lines(const std::string& path, std::int64_t from, int lines) {
  const Descriptor log(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat found {};
  if (!log.valid() || ::fstat(log.get(), &found) != 0) return {};
  if (found.st_size < from) from = 0;
  char buffer[4096];
  const std::int64_t start = std::max<std::int64_t>(from, found.st_size - 4096);
  const ssize_t n = ::pread(log.get(), buffer, sizeof buffer, start);
  if (n <= 0) return {};
  std::vector<std::string> found_lines;
  std::string line;
  for (const char c : std::string(buffer, static_cast<std::size_t>(n)) + "\n") {
    if (c != '\n') {
      if (c != '\r') line += c;
      continue;
    }
    if (!line.empty()) found_lines.push_back(std::exchange(line, {}));
  }
  const auto most = static_cast<std::size_t>(lines);
  std::string out;
  for (std::size_t i = found_lines.size() > most ? found_lines.size() - most : 0;
       i < found_lines.size(); ++i)
    out += (out.empty() ? "" : " | ") + found_lines[i];
  if (out.size() > longest_excerpt) out = "..." + out.substr(out.size() - longest_excerpt + 3);
  return printable(out);
}

}  // namespace linnet::local
