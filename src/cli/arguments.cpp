#include "cli/arguments.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <charconv>
#include <deque>

#include "base/units.h"
#include "cli/commands.h"

namespace linnet::cli {
namespace {

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    words.push_back(text.substr(0, space));
    text = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  }
  return words;
}

bool is_negative_number(std::string_view word) {
  return word.size() > 1 && word[0] == '-' &&
         (std::isdigit(static_cast<unsigned char>(word[1])) || word[1] == '.');
}

// One place for a value of the table, filled by CLI11.
struct Slot {
  std::string_view name;
  bool flag = false;
  bool given = false;
  std::string value;
  CLI::Option* option = nullptr;
};

void add_option(CLI::App& app, const Option& option, std::deque<Slot>& slots) {
  Slot& slot = slots.emplace_back();
  slot.name = option.name;
  slot.flag = option.placeholder.empty();
  std::string names(option.name);
  if (!option.letter.empty()) names = fmt::format("{},{}", option.letter, names);
  if (slot.flag)
    slot.option = app.add_flag(names, slot.given);
  else
    slot.option = app.add_option(names, slot.value)->take_last();
}

std::vector<std::string_view> option_names(const Command* command) {
  std::vector<std::string_view> names;
  for (const Option& option : global_options()) names.push_back(option.name);
  if (command != nullptr)
    for (const Option& option : command->options) names.push_back(option.name);
  return names;
}

Error unknown_word(const Command* command, const std::string& word) {
  const bool is_option = word.size() > 1 && word[0] == '-';
  const std::string called =
      command != nullptr ? fmt::format("linnet {}", command->name) : "linnet";
  std::string message;
  std::string_view near;
  if (is_option) {
    const std::string bare = word.substr(0, word.find('='));
    message = fmt::format("{} has no option {}", called, bare);
    near = nearest_word(bare, option_names(command));
  } else if (command == nullptr) {
    message = fmt::format("there is no command '{}'", word);
    std::vector<std::string_view> names;
    for (const Command* known : commands()) names.push_back(known->name);
    near = nearest_word(word, names);
  } else {
    message = fmt::format("{} does not take '{}'", called, word);
  }
  message += near.empty() ? fmt::format("; see `{} --help`", called)
                          : fmt::format("; did you mean {}? See `{} --help`", near, called);
  return Error{Code::invalid, std::move(message)};
}

Result<void> check_words(std::string_view name, std::string_view words,
                         const std::vector<std::string>& values) {
  if (words.empty()) return {};
  const std::vector<std::string_view> known = split_words(words);
  for (const std::string& value : values) {
    if (std::find(known.begin(), known.end(), value) != known.end()) continue;
    std::string message = fmt::format("{} is '{}', but must be one of: {}", name, value, words);
    return fail(Error{Code::invalid, std::move(message)});
  }
  return {};
}

// A command's own options come after its name; those of every command may also stand before it.
std::size_t command_place(const std::vector<std::string>& words) {
  bool value_follows = false;
  for (std::size_t place = 0; place < words.size(); ++place) {
    const std::string& word = words[place];
    if (value_follows) {
      value_follows = false;
      continue;
    }
    if (word.empty() || word[0] != '-') return place;
    for (const Option& option : global_options())
      value_follows |=
          !option.placeholder.empty() && (word == option.name || word == option.letter);
  }
  return words.size();
}

struct Line {
  std::deque<Slot> slots;
  std::deque<Slot> positionals;
  std::vector<std::string> extras;
};

// `words` without the command's name.
Result<Line> split_line(const Command* command, std::vector<std::string> words) {
  Line line;
  try {
    CLI::App app;
    app.set_help_flag();
    app.allow_extras();
    for (const Option& option : global_options()) add_option(app, option, line.slots);
    if (command != nullptr)
      for (const Option& option : command->options) add_option(app, option, line.slots);
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
    app.parse(words);
    line.extras = app.remaining();
    for (Slot& slot : line.slots) slot.given = slot.option->count() > 0;
  } catch (const CLI::ArgumentMismatch& mismatch) {
    const std::string_view what = mismatch.what();  // "--output: 1 required TEXT missing"
    return fail(Code::invalid, "{} needs a value after it", what.substr(0, what.find(':')));
  } catch (const CLI::ParseError& error) {
    return fail(Code::invalid, "{}", error.what());
  }
  return line;
}

}  // namespace

bool Arguments::has(std::string_view name) const { return values_.find(name) != values_.end(); }

std::optional<std::string> Arguments::text(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Arguments::texts(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

Result<std::optional<double>> Arguments::number(std::string_view name, double low,
                                                double high) const {
  const std::optional<std::string> given = text(name);
  if (!given) return std::nullopt;
  double value = 0;
  const char* end = given->data() + given->size();
  const auto [stop, trouble] = std::from_chars(given->data(), end, value);
  if (trouble != std::errc() || stop != end || !(value >= low && value <= high))
    return fail(Code::invalid, "{} is '{}', but must be a number from {:g} to {:g}", name, *given,
                low, high);
  return value;
}

void Arguments::set(std::string_view name, std::vector<std::string> values) {
  values_.insert_or_assign(std::string(name), std::move(values));
}

Result<Parsed> parse_arguments(std::vector<std::string> words) {
  Parsed parsed;
  const std::size_t place = command_place(words);
  if (place < words.size()) {
    parsed.command = find_command(words[place]);
    if (parsed.command == nullptr) return fail(unknown_word(nullptr, words[place]));
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(place));
  }
  const Command* command = parsed.command;
  TRY(line, split_line(command, std::move(words)));
  for (Slot& slot : line.slots)
    if (slot.given)
      parsed.arguments.set(slot.name,
                           slot.flag ? std::vector<std::string>() : std::vector{slot.value});

  std::span<const Positional> open =
      command != nullptr ? command->positionals : std::span<const Positional>();
  std::vector<std::string> many;
  for (const std::string& word : line.extras) {
    const bool value = word.empty() || word[0] != '-' || word == "-" || is_negative_number(word);
    if (word == "--") continue;
    if (!value || open.empty()) return fail(unknown_word(command, word));
    if (open.front().many) {
      many.push_back(word);
      parsed.arguments.set(open.front().name, many);
      continue;
    }
    TRY_VOID(check_words(open.front().name, open.front().words, {word}));
    parsed.arguments.set(open.front().name, {word});
    open = open.subspan(1);
  }
  if (parsed.arguments.has("--help")) return parsed;
  if (!open.empty() && open.front().required)
    return fail(Code::invalid, "linnet {} needs {}: {}", command->name, open.front().name,
                open.front().help);
  for (const Option& option : global_options())
    TRY_VOID(check_words(option.name, option.words, parsed.arguments.texts(option.name)));
  if (command != nullptr)
    for (const Option& option : command->options)
      TRY_VOID(check_words(option.name, option.words, parsed.arguments.texts(option.name)));
  return parsed;
}

}  // namespace linnet::cli
