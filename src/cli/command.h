// What a command is: one row that the parser, --help, shell completion and docs/commands.md are all
// made from, so that they cannot disagree. Each command is a file that defines one such row; the
// table of all rows is in commands.cpp.
#pragma once

#include <span>
#include <string_view>

#include "cli/exit_code.h"

namespace linnet::cli {

class Session;

struct Option {
  std::string_view name;         // "--promote"
  std::string_view placeholder;  // "FILE"; empty: a flag without a value
  std::string_view help;
  std::string_view words = {};   // the allowed values with spaces between; empty: any
  std::string_view letter = {};  // "-f"; empty: none
  std::string_view names = {};   // what `linnet names` lists for it: "contexts"; empty: nothing
};

struct Positional {
  std::string_view name;  // "VERSION"
  std::string_view help;
  bool required = true;
  bool many = false;
  std::string_view words = {};  // as in Option
  std::string_view names = {};  // as in Option
};

struct Command {
  std::string_view name;
  std::string_view summary;      // one line, in the list of commands
  std::string_view description;  // what it does, what it prints, when it ends
  std::string_view examples;     // lines of "command   # what for"
  std::span<const Positional> positionals = {};
  std::span<const Option> options = {};
  /// Does the work. An error is reported by the caller, which knows its exit code (exit_code.h).
  Result<Exit> (*run)(Session& session) = nullptr;
  bool hidden = false;  // for programs: in docs/commands.md, not among those that people look for
};

/// The options that every command takes.
std::span<const Option> global_options();

}  // namespace linnet::cli
