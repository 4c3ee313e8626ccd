// Reads a command line against the table of commands. CLI11 does the splitting; the messages about
// mistakes are ours, since they name the nearest thing that exists.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/command.h"

namespace linnet::cli {

/// The values given on the command line, by the name in the table ("--why", "VERSION").
class Arguments {
 public:
  [[nodiscard]] bool has(std::string_view name) const;
  /// The last value given, or nothing.
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;
  /// A number within the bounds, or nothing when it was not given.
  [[nodiscard]] Result<std::optional<double>> number(std::string_view name, double low,
                                                     double high) const;

  void set(std::string_view name, std::vector<std::string> values);

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

struct Parsed {
  const Command* command = nullptr;  // null: none was named
  Arguments arguments;
};

/// `words` without the program's name. Code::invalid: what is wrong and what was perhaps meant.
/// With --help, nothing else is required.
Result<Parsed> parse_arguments(std::vector<std::string> words);

}  // namespace linnet::cli
