#include "spec/scalar.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace linnet::spec {
namespace {

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

bool inside(const Kind& kind, double value) { return value >= kind.min && value <= kind.max; }

// Parses one scalar of a kind that is a single value. The error is the message.
class ScalarReader {
 public:
  ScalarReader(const Kind& kind, const Node& node, const Report& report)
      : kind_(kind), node_(node), report_(report) {}

  std::optional<Value> read() const {
    switch (kind_.type) {
      case Type::word: return word();
      case Type::integer: return integer();
      case Type::number: return number();
      case Type::flag: return flag();
      case Type::percent: return percent();
      case Type::duration: return duration();
      default: return text();
    }
  }

 private:
  template <class... Args>
  std::nullopt_t wrong(fmt::format_string<Args...> format, Args&&... args) const {
    report_(node_.place, "", fmt::format(format, std::forward<Args>(args)...));
    return std::nullopt;
  }

  std::nullopt_t outside() const {
    return wrong("{} is outside the allowed range, {}", shown(node_.text), range_text(kind_));
  }

  bool bare(std::string_view example) const {
    if (!node_.quoted) return true;
    wrong("{} is a text here: write it without quotes, like {}", shown(node_.text), example);
    return false;
  }

  std::optional<Value> word() const {
    const auto found = std::find(kind_.words.begin(), kind_.words.end(), node_.text);
    if (found != kind_.words.end()) return Word{static_cast<int>(found - kind_.words.begin())};
    const std::string_view near = nearest_word(node_.text, kind_.words);
    if (near.empty()) return wrong("{} is not {}", shown(node_.text), range_text(kind_));
    return wrong("{} is not {}; did you mean '{}'?", shown(node_.text), range_text(kind_), near);
  }

  std::optional<Value> integer() const {
    if (!bare("20")) return std::nullopt;
    const auto value = parse_number<std::int64_t>(node_.text);
    if (!value) return wrong("{} is not a whole number ({})", shown(node_.text), range_text(kind_));
    if (!inside(kind_, static_cast<double>(*value))) return outside();
    return *value;
  }

  std::optional<Value> number() const {
    if (!bare("0.95")) return std::nullopt;
    const auto value = parse_number<double>(node_.text);
    if (!value || !std::isfinite(*value))
      return wrong("{} is not a number ({})", shown(node_.text), range_text(kind_));
    if (!inside(kind_, *value)) return outside();
    return *value;
  }

  std::optional<Value> flag() const {
    if (!bare("true")) return std::nullopt;
    if (node_.text == "true") return true;
    if (node_.text == "false") return false;
    return wrong("{} is not true or false", shown(node_.text));
  }

  std::optional<Value> percent() const {
    const auto value = Percent::parse(node_.text);
    if (!value) {
      const std::string_view text = node_.text;
      if (text.find_first_not_of("+-0123456789.% ") == std::string_view::npos && !text.empty())
        return outside();
      return wrong("{} is not a percentage like 5% ({})", shown(text), range_text(kind_));
    }
    if (!inside(kind_, value->ppm())) return outside();
    return *value;
  }

  std::optional<Value> duration() const {
    const auto value = parse_duration(node_.text);
    if (!value)
      return wrong("{} is not a duration like 500ms, 60s, 5m or 1h30m ({})", shown(node_.text),
                   range_text(kind_));
    if (!inside(kind_, static_cast<double>(value->count()))) return outside();
    return *value;
  }

  std::optional<Value> text() const {
    if (auto problem = kind_.format->problem(node_.text)) {
      if (!problem->empty()) return wrong("{}", *problem);
      return wrong("{} is not {}", shown(node_.text), kind_.format->expects);
    }
    return node_.text;
  }

  const Kind& kind_;
  const Node& node_;
  const Report& report_;
};

// A node that must be a scalar: reports what it is instead.
bool is_scalar(const Node& node, const Report& report) {
  if (node.kind == Node::Kind::scalar) return true;
  if (node.kind == Node::Kind::null)
    report(node.place, "", "has no value; write \"\" for an empty text");
  else if (node.kind != Node::Kind::refused)
    report(node.place, "",
           fmt::format("must be a single value, not a {}",
                       node.kind == Node::Kind::list ? "list" : "mapping"));
  return false;
}

bool sized(const Kind& kind, const Node& node, std::size_t size, const Report& report) {
  if (inside(kind, static_cast<double>(size))) return true;
  report(node.place, "", fmt::format("has {} entries; allowed are {}", size, range_text(kind)));
  return false;
}

// `part` in front of what the report is told.
Report inside_part(const Report& report, std::string part) {
  return [&report, part = std::move(part)](Place place, const std::string& inner,
                                           std::string message) {
    report(place, part + inner, std::move(message));
  };
}

std::optional<Texts> parse_texts(const Kind& kind, const Node& node, const Report& report) {
  if (node.kind != Node::Kind::list) {
    if (node.kind != Node::Kind::refused) report(node.place, "", "must be a list like [a, b]");
    return std::nullopt;
  }
  if (!sized(kind, node, node.items.size(), report)) return std::nullopt;
  Kind element = kind;
  element.type = kind.type == Type::words ? Type::word : Type::text;
  Texts texts;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Report inner = inside_part(report, fmt::format("[{}]", i));
    if (!is_scalar(node.items[i], inner)) continue;
    if (ScalarReader(element, node.items[i], inner).read()) texts.push_back(node.items[i].text);
  }
  if (texts.size() != node.items.size()) return std::nullopt;
  return texts;
}

std::optional<Value> parse_days_value(const Kind& kind, const Node& node, const Report& report) {
  Node joined = node;
  if (node.kind == Node::Kind::list) {
    const auto texts = parse_texts(kind, node, report);
    if (!texts) return std::nullopt;
    joined.kind = Node::Kind::scalar;
    joined.text = fmt::format("{}", fmt::join(*texts, ","));
  }
  if (!is_scalar(joined, report)) return std::nullopt;
  return ScalarReader(kind, joined, report).read();
}

// Calls `take(key, value, report)` for each entry; false when one of them or the whole is wrong.
template <class Take>
bool each_entry(const Kind& kind, const Node& node, const Report& report, Take take) {
  if (node.kind == Node::Kind::null) return true;
  if (node.kind != Node::Kind::map) {
    if (node.kind != Node::Kind::refused)
      report(node.place, "", "must be a mapping like { NAME: value }");
    return false;
  }
  bool good = sized(kind, node, node.items.size() / 2, report);
  for (std::size_t i = 0; good && i + 1 < node.items.size(); i += 2) {
    const Node& key = node.items[i];
    if (key.kind != Node::Kind::scalar) return false;  // noted where keys are checked
    if (!is_env_name(key.text)) {
      report(key.place, "",
             fmt::format("{} is not a name of 1 to 128 letters, digits and '_'", shown(key.text)));
      good = false;
    }
  }
  for (std::size_t i = 0; good && i + 1 < node.items.size(); i += 2)
    if (!take(node.items[i].text, node.items[i + 1], inside_part(report, "." + node.items[i].text)))
      good = false;
  return good;
}

std::optional<Value> parse_text_map(const Kind& kind, const Node& node, const Report& report) {
  TextMap map;
  bool all = true;
  const bool good = each_entry(
      kind, node, report, [&](const std::string& key, const Node& value, const Report& inner) {
        if (!is_scalar(value, inner) || !ScalarReader(kind, value, inner).read())
          all = false;
        else
          map.emplace(key, value.text);
        return true;
      });
  if (!good || !all) return std::nullopt;
  return map;
}

std::optional<Value> parse_parameters(const Kind& kind, const Node& node, const Report& report) {
  Parameters map;
  bool all = true;
  Kind list = kind;
  list.type = Type::texts;
  const bool good = each_entry(
      kind, node, report, [&](const std::string& key, const Node& value, const Report& inner) {
        if (value.kind == Node::Kind::list) {
          auto texts = parse_texts(list, value, inner);
          if (texts)
            map.emplace(key, *std::move(texts));
          else
            all = false;
        } else if (is_scalar(value, inner) && ScalarReader(kind, value, inner).read()) {
          map.emplace(key, Texts{value.text});
        } else {
          all = false;
        }
        return true;
      });
  if (!good || !all) return std::nullopt;
  return map;
}

}  // namespace

std::optional<Value> parse_value(const Kind& kind, const Node& node, const Report& report) {
  switch (kind.type) {
    case Type::texts:
    case Type::words: {
      auto texts = parse_texts(kind, node, report);
      if (!texts) return std::nullopt;
      return *std::move(texts);
    }
    case Type::days: return parse_days_value(kind, node, report);
    case Type::text_map: return parse_text_map(kind, node, report);
    case Type::parameters: return parse_parameters(kind, node, report);
    default: break;
  }
  if (!is_scalar(node, report)) return std::nullopt;
  return ScalarReader(kind, node, report).read();
}

}  // namespace linnet::spec
