// How values, ranges and defaults of the table look in YAML and in messages.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "spec/fields.h"

namespace linnet::spec {
namespace {

// "5%": as Percent::text, without the space.
std::string percent_text(double ppm) {
  std::string text = Percent::from_ppm(static_cast<std::int32_t>(ppm)).text();
  std::erase(text, ' ');
  return text;
}

std::string in_words(const std::vector<std::string_view>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

std::string list_text(const Texts& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + yaml_scalar(text);
  return "[" + out + "]";
}

template <class Map>
std::string map_text(const Map& map) {
  std::string out;
  for (const auto& [key, entry] : map)
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", yaml_scalar(key), entry_text(entry));
  return out.empty() ? "{}" : "{ " + out + " }";
}

std::string double_quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\')
      out += {'\\', text[i]};
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c < ' ' || c == 0x7f)
      out += fmt::format("\\x{:02x}", c);
    else if (text.substr(i, 3) == "\xE2\x80\xA8") {
      out += "\\L";
      i += 2;
    }  // line separator
    else if (text.substr(i, 3) == "\xE2\x80\xA9") {
      out += "\\P";
      i += 2;
    }  // paragraph separator
    else if (text.substr(i, 3) == "\xEF\xBB\xBF") {
      out += "\\ufeff";
      i += 2;
    }  // byte order mark
    else
      out += text[i];
  }
  return out + '"';
}

// Releases whose getters answer: one of each kind of workload and traffic, one list element each.
std::vector<core::Release> specimens() {
  core::Release machine, cluster;
  cluster.workload = core::DeploymentsWorkload();
  cluster.traffic = core::RecipeTraffic();
  machine.checks = core::default_checks();
  cluster.checks = core::default_checks();
  machine.checks.insert(machine.checks.begin() + 2, {"memory", std::nullopt, core::GaugeCheck{}});
  machine.checks.pop_back();
  for (core::Release* release : {&machine, &cluster}) {
    release->steps.resize(3);
    release->windows.resize(3);
    release->freezes.resize(3);
    release->notify.resize(3);
  }
  return {machine, cluster};
}

}  // namespace

std::string yaml_scalar(std::string_view text) {
  static constexpr std::array<std::string_view, 10> reserved{"true", "false", "yes", "no", "on",
                                                             "off",  "null",  "y",   "n",  "~"};
  const auto lower = [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); };
  std::string small(text);
  std::transform(small.begin(), small.end(), small.begin(), lower);
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '/' || c == '-' || c == '+';
  };
  const bool starts = !text.empty() && (text[0] == '/' || (small[0] >= 'a' && small[0] <= 'z'));
  if (starts && std::all_of(text.begin(), text.end(), plain) &&
      std::find(reserved.begin(), reserved.end(), small) == reserved.end())
    return std::string(text);
  return double_quoted(text);
}

std::string entry_text(const std::string& text) { return yaml_scalar(text); }
std::string entry_text(const Texts& texts) {
  return texts.size() == 1 ? yaml_scalar(texts[0]) : list_text(texts);
}

std::string range_text(const Kind& kind) {
  const auto span = [&](const auto& show) {
    return fmt::format("{} to {}", show(kind.min), show(kind.max));
  };
  switch (kind.type) {
    case Type::word: return in_words(kind.words);
    case Type::words: return fmt::format("a list of {}", in_words(kind.words));
    case Type::integer: return span([](double v) { return fmt::format("{:.0f}", v); });
    case Type::number: return span([](double v) { return fmt::format("{}", v); });
    case Type::flag: return "true or false";
    case Type::percent: return span(percent_text);
    case Type::duration:
      return span([](double v) { return duration_text(Duration(static_cast<std::int64_t>(v))); });
    case Type::objects:
    case Type::texts:
    case Type::days:
    case Type::text_map:
    case Type::parameters: return fmt::format("{:.0f} to {:.0f} entries", kind.min, kind.max);
    case Type::object:
    case Type::text: break;
  }
  return {};
}

std::string value_text(const Kind& kind, const Value& value) {
  struct Show {
    const Kind& kind;
    std::string operator()(std::monostate) const { return ""; }
    std::string operator()(Present) const { return "{}"; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(double v) const { return fmt::format("{}", v); }
    std::string operator()(const std::string& v) const { return yaml_scalar(v); }
    std::string operator()(Word v) const {
      return std::string(kind.words.at(static_cast<std::size_t>(v.index)));
    }
    std::string operator()(Percent v) const { return percent_text(v.ppm()); }
    std::string operator()(Duration v) const { return duration_text(v); }
    std::string operator()(const Texts& v) const { return list_text(v); }
    std::string operator()(const TextMap& v) const { return map_text(v); }
    std::string operator()(const Parameters& v) const { return map_text(v); }
  };
  return std::visit(Show{kind}, value);
}

std::string default_text(const Field& field) {
  if (!field.fallback.empty()) return std::string(field.fallback);
  if (field.need != Need::optional) return {};
  if (field.kind.type == Type::object || field.kind.type == Type::objects) return {};
  for (const core::Release& release : specimens())
    for (std::size_t index = 0; index < 3; ++index) {
      const Value value = field.access.get(release, index);
      if (!std::holds_alternative<std::monostate>(value)) return value_text(field.kind, value);
    }
  return {};
}

}  // namespace linnet::spec
