// Command lines of the support programs: `--name value` and bare `--flag`, nothing else. Here
// because these programs stay free of linnet's own code, so that a bug of linnet cannot hide in its
// measure.
#pragma once

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace support {

/// Ends the program with status 2 and the message: wrong use.
[[noreturn]] inline void refuse(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(2);
}

class Arguments {
 public:
  /// `valued` and `flags` are all names that may occur, without dashes. Exits with 2 on any other.
  Arguments(int argc, char** argv, const std::set<std::string>& valued,
            const std::set<std::string>& flags) {
    for (int i = 1; i < argc; ++i) {
      const std::string_view word = argv[i];
      const std::string name(word.starts_with("--") ? word.substr(2) : std::string_view());
      if (flags.count(name) != 0) {
        values_[name] = "yes";
      } else if (valued.count(name) != 0 && i + 1 < argc) {
        values_[name] = argv[++i];
      } else {
        refuse("unknown argument or missing value: " + std::string(word));
      }
    }
  }

  [[nodiscard]] bool has(const std::string& name) const { return values_.count(name) != 0; }
  [[nodiscard]] std::string text(const std::string& name, std::string otherwise = "") const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  /// A whole number within [least, most]; exits with 2 otherwise.
  [[nodiscard]] long number(const std::string& name, long otherwise, long least, long most) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return otherwise;
    const std::string& text = found->second;
    long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
      refuse("--" + name + " must be a whole number from " + std::to_string(least) + " to " +
             std::to_string(most) + ", not '" + text + "'");
    }
    return value;
  }

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace support
