#include "cli/help.h"

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/table.h"

namespace linnet::cli {
namespace {

constexpr std::size_t width = 88;

// The text in lines of at most `width` columns.
std::string wrapped(std::string_view text) {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (column > 0 && column + 1 + word.size() > width) {
      out += '\n';
      column = 0;
    }
    if (column > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    text = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  }
  return out + "\n";
}

std::string indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out += fmt::format("  {}\n", text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return out;
}

std::string usage(const Command& command) {
  std::string text = fmt::format("linnet {}", command.name);
  for (const Positional& each : command.positionals)
    text += fmt::format(" {}{}{}{}", each.required ? "" : "[", each.name, each.many ? "..." : "",
                        each.required ? "" : "]");
  for (const Option& each : command.options)
    text +=
        fmt::format(" [{}{}{}]", each.name, each.placeholder.empty() ? "" : " ", each.placeholder);
  return text;
}

std::string option_rows(std::span<const Option> options) {
  Table table({Align::left, Align::left});
  for (const Option& each : options) {
    std::string names = each.letter.empty() ? "    " : fmt::format("{}, ", each.letter);
    names += each.name;
    if (!each.placeholder.empty()) names += fmt::format(" {}", each.placeholder);
    table.row({std::move(names), std::string(each.help)});
  }
  std::string text;
  for (const std::string& line : table.lines("  ")) text += line + "\n";
  return text;
}

std::string positional_rows(const Command& command) {
  Table table({Align::left, Align::left});
  for (const Positional& each : command.positionals)
    table.row({std::string(each.name), std::string(each.help)});
  std::string text;
  for (const std::string& line : table.lines("  ")) text += line + "\n";
  return text;
}

}  // namespace

std::string overview() {
  std::string text =
      "linnet releases a new version to a small share of real traffic, watches it, and carries\n"
      "it to 100 % or takes it back.\n\nUsage: linnet COMMAND [options]\n\nCommands:\n";
  Table table({Align::left, Align::left});
  for (const Command* command : commands())
    if (!command->hidden) table.row({std::string(command->name), std::string(command->summary)});
  for (const std::string& line : table.lines("  ")) text += line + "\n";
  text += "\nOptions of every command:\n" + option_rows(global_options());
  text +=
      "\nExamples:\n"
      "  linnet init                # stable and the traffic splitting\n"
      "  linnet deploy v1.2.0       # step by step, watched; asks before it promotes\n"
      "  linnet status              # where it stands\n"
      "  linnet rollback            # all traffic to stable, now\n"
      "\nExit codes:\n";
  for (const ExitMeaning& each : exit_meanings())
    text += fmt::format("  {:>3}  {}\n", static_cast<int>(each.code), each.meaning);
  text += "\n`linnet COMMAND --help` says more about one command.\n";
  return text;
}

std::string help_text(const Command& command) {
  std::string text = fmt::format("{}\n\nUsage: {}\n\n{}", command.summary, usage(command),
                                 wrapped(command.description));
  if (!command.positionals.empty()) text += "\nArguments:\n" + positional_rows(command);
  if (!command.options.empty()) text += "\nOptions:\n" + option_rows(command.options);
  text += "\nOptions of every command:\n" + option_rows(global_options());
  text += "\nExamples:\n" + indented(command.examples);
  return text;
}

std::string commands_markdown() {
  std::string text =
      "# The commands of linnet\n\n"
      "Made from the same table as `--help`; a test fails when this page and the program disagree\n"
      "(`cli_test` with `LINNET_UPDATE_DOCS=1` writes it anew).\n\n"
      "## Exit codes\n\n| code | when |\n|---|---|\n";
  for (const ExitMeaning& each : exit_meanings())
    text += fmt::format("| {} | {} |\n", static_cast<int>(each.code), each.meaning);
  text +=
      "\n## Options of every command\n\n```text\n" + option_rows(global_options()) +
      "```\n\n"
      "They may stand before or after the command's name. With `--output json`, standard output\n"
      "holds one document of [the JSON API](api.md) and nothing else; a failure is\n"
      "`{\"error\": {\"code\", \"message\"}}`. Colours honour `NO_COLOR`; without a terminal only\n"
      "plain lines are printed, one for each change, and nothing is ever asked. `help`,\n"
      "`completion` and `names` print for a person or a shell whatever `--output` says.\n";
  for (const Command* command : commands()) {
    text += fmt::format("\n## linnet {}\n\n{}\n\n```text\n{}\n```\n\n{}", command->name,
                        fmt::format("{}.", command->summary), usage(*command),
                        wrapped(command->description));
    if (!command->positionals.empty() || !command->options.empty())
      text += "\n```text\n" + positional_rows(*command) + option_rows(command->options) + "```\n";
    text += fmt::format("\n```sh\n{}```\n", command->examples);
  }
  return text;
}

}  // namespace linnet::cli
