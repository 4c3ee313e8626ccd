#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace linnet::cli {
namespace {

// The length of the escape sequence that starts at text[0] (CSI ... letter), or 0.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2 || text[0] != '\x1b' || text[1] != '[') return 0;
  std::size_t end = 2;
  while (end < text.size() && (text[end] < '@' || text[end] > '~')) ++end;
  return end < text.size() ? end + 1 : text.size();
}

// The length of the UTF-8 character that starts at text[0], or 0 when it is broken.
std::size_t character_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
  return length;
}

bool says_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale(value);
    return locale.find("UTF-8") != locale.npos || locale.find("utf8") != locale.npos;
  }
  return false;
}

}  // namespace

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

TerminalOptions terminal_options(int fd) {
  TerminalOptions options;
  if (::isatty(fd) == 0) return options;
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  const char* no_colour = std::getenv("NO_COLOR");
  options.is_terminal = !dumb;  // a dumb one cannot redraw: plain lines
  options.colour = !dumb && (no_colour == nullptr || *no_colour == '\0');
  options.unicode = !dumb && says_utf8();
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.width = size.ws_col;
  if (size.ws_row > 0) options.height = size.ws_row;
  return options;
}

Terminal::~Terminal() { end_live(); }

void Terminal::document(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  raw(std::string(text) + "\n");
}

void Terminal::line(std::string_view text) { draw(erase_block() + std::string(text) + "\n"); }

void Terminal::raw(std::string_view text) {
  end_live();
  write_all(fd_, text);
}

void Terminal::live(std::vector<std::string> lines) {
  if (!options_.is_terminal) return;
  std::string text = erase_block();
  if (!cursor_hidden_) text += "\x1b[?25l";
  cursor_hidden_ = true;
  const auto width = static_cast<std::size_t>(options_.width > 1 ? options_.width - 1 : 1);
  for (std::string& each : lines) each = cut_text(each, width);
  // What has left the screen at its top cannot be erased any more.
  lines.resize(std::min(lines.size(), static_cast<std::size_t>(std::max(options_.height - 1, 1))));
  block_ = std::move(lines);
  draw(std::move(text));
}

void Terminal::end_live() {
  if (block_.empty() && !cursor_hidden_) return;
  std::string text = erase_block();
  if (cursor_hidden_) text += "\x1b[?25h";
  block_.clear();
  cursor_hidden_ = false;
  write_all(fd_, text);
}

std::string Terminal::erase_block() const {
  if (block_.empty()) return {};
  return "\x1b[" + std::to_string(block_.size()) + "A\r\x1b[J";
}

// One write, so that the block does not flicker.
void Terminal::draw(std::string text) {
  for (const std::string& each : block_) text += each + "\n";
  write_all(fd_, text);
}

std::vector<std::string> Terminal::wrapped(std::string_view text, std::size_t indent) const {
  const auto width = static_cast<std::size_t>(std::max(options_.width - 1, 1));
  std::vector<std::string> lines(1);
  while (options_.is_terminal && text_width(lines.back()) + text_width(text) > width) {
    std::size_t end = 0;  // behind the last word that fits
    for (std::size_t at = text.find(' '); at != text.npos; at = text.find(' ', at + 1)) {
      if (text_width(lines.back()) + text_width(text.substr(0, at)) > width) break;
      if (!text.substr(at).starts_with(" %")) end = at;
    }
    if (end == 0) break;  // one long word: left to the terminal
    lines.back() += text.substr(0, end);
    text.remove_prefix(end + 1);
    lines.emplace_back(indent, ' ');
  }
  lines.back() += text;
  return lines;
}

std::string Terminal::styled(Style style, std::string_view text) const {
  if (!options_.colour || style == Style::plain) return std::string(text);
  const char* code = "0";
  switch (style) {
    case Style::plain: break;
    case Style::bold: code = "1"; break;
    case Style::faint: code = "2"; break;
    case Style::green: code = "32"; break;
    case Style::yellow: code = "33"; break;
    case Style::red: code = "31"; break;
  }
  return std::string("\x1b[") + code + "m" + std::string(text) + "\x1b[0m";
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const auto first = static_cast<unsigned char>(text[0]);
    // C1 controls (0x80..0x9f) arrive as c2 80..c2 9f.
    const bool control =
        first < 0x20 || first == 0x7f ||
        (length == 2 && first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0);
    if (length == 0 || control)
      out += first == '\n' || first == '\t' ? ' ' : '?';
    else
      out += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::size_t text_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const std::size_t escape = escape_length(text);
    const std::size_t length = escape != 0 ? escape : character_length(text);
    if (escape == 0) ++width;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return width;
}

std::string cut_text(std::string_view text, std::size_t width) {
  if (text_width(text) <= width) return std::string(text);
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::size_t escape = escape_length(text);
    std::size_t length = escape != 0 ? escape : character_length(text);
    if (length == 0) length = 1;
    if (escape != 0 || used < width) out += text.substr(0, length);  // styles are closed again
    if (escape == 0) ++used;
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace linnet::cli
