#include "recipes/parameters.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "spec/formats.h"

namespace linnet::recipes {
namespace {

// They are always there.
constexpr std::string_view given[] = {"namespace", "release"};

bool is_given(std::string_view name) {
  return std::find(std::begin(given), std::end(given), name) != std::end(given);
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
}

const Parameter* find(const std::vector<Parameter>& declared, std::string_view name) {
  for (const Parameter& parameter : declared)
    if (parameter.name == name) return &parameter;
  return nullptr;
}

std::string problem(const Parameter& parameter, const std::vector<std::string>& values) {
  if (values.empty()) return "has no value";
  if (values.size() > 1 && !parameter.list) return "takes one value, not a list";
  for (const std::string& value : values) {
    if (value.empty()) return "has an empty value";
    if (parameter.words.empty() ||
        std::find(parameter.words.begin(), parameter.words.end(), value) != parameter.words.end())
      continue;
    return fmt::format("{} is not one of {}", spec::shown(value), fmt::join(parameter.words, ", "));
  }
  return {};
}

}  // namespace

std::vector<Parameter> read_parameters(Form& recipe) {
  std::vector<Parameter> out;
  Form all = recipe.below("parameters", {});
  for (const auto& [key, value] : all.entries()) {
    Form one = all.below(key->text, {"help", "list", "optional", "words", "default"});
    Parameter parameter;
    parameter.name = key->text;
    parameter.help = one.needed_text("help");
    parameter.list = one.flag("list");
    parameter.optional = one.flag("optional");
    parameter.words = one.texts("words");
    parameter.otherwise = one.text("default");
    check_placeholders(placeholders(parameter.otherwise), out, one, "default");
    // It is not offered where another name is not known.
    if (!is_name(key->text) || is_given(key->text))
      all.wrong(key->place, key->text, "a name must be of a-z and '_', and not namespace, release");
    else
      out.push_back(std::move(parameter));
  }
  return out;
}

void check_placeholders(const std::vector<std::string>& names,
                        const std::vector<Parameter>& declared, Form& form, std::string_view key) {
  std::vector<std::string_view> known(std::begin(given), std::end(given));
  for (const Parameter& parameter : declared) known.push_back(parameter.name);
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string_view near = nearest_word(name, known);
    form.wrong(form.place(key), key,
               near.empty() ? fmt::format("no parameter {} is declared above", spec::shown(name))
                            : fmt::format("no parameter {} is declared above; did you mean '{}'?",
                                          spec::shown(name), near));
  }
}

Result<void> check_parameters(const std::vector<Parameter>& declared, const Parameters& with) {
  std::vector<std::string> wrong;
  std::vector<std::string_view> known;
  std::vector<std::string_view> meant;
  for (const Parameter& parameter : declared) known.push_back(parameter.name);
  for (const auto& [name, values] : with) {
    if (is_given(name)) continue;
    const Parameter* parameter = find(declared, name);
    if (parameter == nullptr) {
      const std::string_view near = nearest_word(name, known);
      if (!near.empty()) meant.push_back(near);
      wrong.push_back(near.empty() ? fmt::format("unknown parameter {}; known: {}",
                                                 spec::shown(name), fmt::join(known, ", "))
                                   : fmt::format("unknown parameter {}; did you mean '{}'?",
                                                 spec::shown(name), near));
    } else if (const std::string bad = problem(*parameter, values); !bad.empty()) {
      wrong.push_back(fmt::format("{} {}", name, bad));
    }
  }
  for (const Parameter& parameter : declared)
    if (!parameter.optional && parameter.otherwise.empty() && !with.contains(parameter.name) &&
        std::find(meant.begin(), meant.end(), parameter.name) == meant.end())
      wrong.push_back(fmt::format("{} is missing: {}", parameter.name, parameter.help));
  if (wrong.empty()) return {};
  return fail(Code::invalid, "{}", fmt::join(wrong, "; "));
}

Values values_of(const std::vector<Parameter>& declared, const Parameters& with) {
  Values values(with.begin(), with.end());
  for (const Parameter& parameter : declared) {
    if (values.contains(parameter.name) || parameter.otherwise.empty()) continue;
    std::size_t count = 1;
    for (const std::string& name : placeholders(parameter.otherwise))
      if (const auto found = values.find(name); found != values.end() && parameter.list)
        count = std::max(count, found->second.size());
    std::vector<std::string>& out = values[parameter.name];
    for (std::size_t i = 0; i < count; ++i) out.push_back(fill(parameter.otherwise, values, i));
  }
  return values;
}

}  // namespace linnet::recipes
