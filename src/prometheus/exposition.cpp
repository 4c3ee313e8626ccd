#include "prometheus/exposition.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <deque>
#include <limits>
#include <string>
#include <vector>

namespace linnet::prometheus {
namespace {

constexpr std::size_t longest_line = 64 * 1024;
constexpr std::size_t most_labels = 128;

// <cctype> asks the locale, line by line.
bool name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == ':';
}

/// Reads one line of a wanted metric; what it hands out points into the line or into `copies_`.
class LineReader {
 public:
  bool read(std::string_view metric, std::string_view rest, Line& line) {
    labels_.clear();
    copies_.clear();
    rest_ = rest;
    if (!rest_.empty() && rest_[0] == '{' && !read_labels()) return false;
    skip_blanks();
    const auto value = parse_number(word());
    if (!value) return false;
    skip_blanks();
    if (!rest_.empty() && rest_[0] != '#') {  // a timestamp, which says nothing to counters
      if (!parse_number(word())) return false;
      skip_blanks();
    }
    if (!rest_.empty() && rest_[0] != '#') return false;  // an exemplar may follow
    line = {metric, labels_, *value};
    return true;
  }

 private:
  void skip_blanks() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t')) rest_.remove_prefix(1);
  }

  std::string_view word() {
    const std::size_t end = std::min(rest_.find_first_of(" \t"), rest_.size());
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return found;
  }

  bool take(char c) {
    skip_blanks();
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool read_labels() {
    rest_.remove_prefix(1);
    for (;;) {
      if (take('}')) return true;
      std::string_view name, value;
      skip_blanks();
      if (!rest_.empty() && rest_[0] == '"') {
        if (!quoted(name)) return false;
      } else {
        std::size_t end = 0;
        while (end < rest_.size() && name_byte(rest_[end])) ++end;
        name = rest_.substr(0, end);
        rest_.remove_prefix(end);
      }
      if (name.empty() || !take('=') || !quoted(value)) return false;
      if (labels_.size() >= most_labels) return false;
      labels_.emplace_back(name, value);
      if (take(',')) continue;
      return take('}');
    }
  }

  bool quoted(std::string_view& text) {
    if (!take('"')) return false;
    const std::size_t end = rest_.find_first_of("\"\\");
    if (end == std::string_view::npos) return false;
    if (rest_[end] == '"') {
      text = rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
      return true;
    }
    std::string& copy = copies_.emplace_back();
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        text = copy;
        rest_.remove_prefix(i + 1);
        return true;
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) {
        const char next = rest_[++i];
        copy += next == 'n' ? '\n' : next;
      } else {
        copy += rest_[i];
      }
    }
    return false;
  }

  std::string_view rest_;
  std::vector<recipes::LabelView> labels_;
  std::deque<std::string> copies_;  // stay in place while it grows
};

}  // namespace

std::optional<double> parse_number(std::string_view text) {
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty() || digits[0] == '-' || digits[0] == '+') return std::nullopt;
  double value = 0;
  if (digits == "Inf" || digits == "inf" || digits == "Infinity")
    value = std::numeric_limits<double>::infinity();
  else if (digits == "NaN" || digits == "nan")
    value = std::numeric_limits<double>::quiet_NaN();
  else {
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool all = read.ptr == digits.data() + digits.size();
    if (read.ec == std::errc::result_out_of_range && all)
      value = std::numeric_limits<double>::infinity();  // larger than any count, or nothing
    else if (read.ec != std::errc() || !all || !std::isfinite(value))
      return std::nullopt;
  }
  return negative ? -value : value;
}

Result<void> read_exposition(std::string_view text, const Wanted& wanted, const Take& take) {
  LineReader reader;
  Line line;
  std::string_view last_name;  // lines of one metric stand together
  bool last_wanted = false;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto* newline = static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
    const std::size_t size =
        newline == nullptr ? text.size() : static_cast<std::size_t>(newline - text.data());
    const std::string_view one = text.substr(0, size);
    if (newline == nullptr && one != "# EOF")
      return fail(Code::invalid, "the page ends in the middle of line {}", number);
    text.remove_prefix(std::min(size + 1, text.size()));
    if (one == "# EOF") {
      if (!text.empty()) return fail(Code::invalid, "line {}: more text after # EOF", number);
      break;
    }
    std::size_t end = 0;
    while (end < one.size() && name_byte(one[end])) ++end;
    const std::string_view name = one.substr(0, end);
    if (name.empty()) continue;  // a comment, an empty line, a name in quotes
    if (name != last_name) {
      last_name = name;
      last_wanted = wanted(name);
    }
    if (!last_wanted) continue;
    if (one.size() > longest_line || !reader.read(name, one.substr(end), line))
      return fail(Code::invalid, "line {} is not of the text format: {:.80}", number, name);
    take(line);
  }
  return {};
}

}  // namespace linnet::prometheus
