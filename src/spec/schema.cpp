#include "spec/schema.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "spec/fields.h"

namespace linnet::spec {
namespace {

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// An ordered JSON value, as far as a schema needs one.
class Json {
 public:
  static Json raw(std::string text) { return Json(std::move(text), {}, 0); }
  static Json string(std::string_view text) { return raw(json_string(text)); }
  static Json number(double value) { return raw(fmt::format("{}", value)); }
  static Json object() { return Json("", {}, '{'); }
  static Json list() { return Json("", {}, '['); }
  static Json strings(const std::vector<std::string_view>& texts) {
    Json out = list();
    for (std::string_view text : texts) out.add("", string(text));
    return out;
  }

  Json& add(std::string_view key, Json value) {
    children_.emplace_back(key, std::move(value));
    return *this;
  }

  // On one line where that is short.
  [[nodiscard]] std::string text(std::size_t indent = 0) const {
    if (open_ == 0) return scalar_;
    const char close = open_ == '{' ? '}' : ']';
    std::string line;
    for (const auto& [key, value] : children_)
      line += (line.empty() ? "" : ", ") + member(key, value, 0);
    if (line.find('\n') == std::string::npos && indent + line.size() < 90)
      return children_.empty() ? fmt::format("{}{}", open_, close)
                               : fmt::format("{} {} {}", open_, line, close);
    std::string out(1, open_);
    for (std::size_t i = 0; i < children_.size(); ++i)
      out += fmt::format("{}\n{:{}}{}", i == 0 ? "" : ",", "", indent + 2,
                         member(children_[i].first, children_[i].second, indent + 2));
    return out + fmt::format("\n{:{}}{}", "", indent, close);
  }

 private:
  Json(std::string scalar, std::vector<std::pair<std::string, Json>> children, char open)
      : scalar_(std::move(scalar)), children_(std::move(children)), open_(open) {}

  [[nodiscard]] std::string member(const std::string& key, const Json& value,
                                   std::size_t indent) const {
    return (open_ == '{' ? json_string(key) + ": " : "") + value.text(indent);
  }

  std::string scalar_;
  std::vector<std::pair<std::string, Json>> children_;
  char open_ = 0;  // '{', '[' or 0 for a scalar
};

Json pattern(std::string_view pattern_text) {
  Json out = Json::object();
  out.add("type", Json::string("string"));
  if (!pattern_text.empty()) out.add("pattern", Json::string(pattern_text));
  return out;
}

Json any_of(std::vector<Json> alternatives) {
  Json list = Json::list();
  for (Json& alternative : alternatives) list.add("", std::move(alternative));
  return Json::object().add("anyOf", std::move(list));
}

Json between(std::string_view type, double min, double max) {
  return Json::object()
      .add("type", Json::string(type))
      .add("minimum", Json::number(min))
      .add("maximum", Json::number(max));
}

Json list_of(Json element, const Kind& kind) {
  return Json::object()
      .add("type", Json::string("array"))
      .add("minItems", Json::number(kind.min))
      .add("maxItems", Json::number(kind.max))
      .add("items", std::move(element));
}

// A text that may be written without quotes, so that other readers of YAML see a number in it.
Json plain_text() {
  return Json::object().add("type", Json::strings({"string", "number", "boolean"}));
}

Json map_of(Json element, const Kind& kind) {
  return Json::object()
      .add("type", Json::string("object"))
      .add("maxProperties", Json::number(kind.max))
      .add("propertyNames",
           Json::object().add("pattern", Json::string("^[A-Za-z_][A-Za-z0-9_]{0,127}$")))
      .add("additionalProperties", std::move(element));
}

Json object_schema(std::string_view rows);

Json value_schema(const Field& field) {
  const Kind& kind = field.kind;
  switch (kind.type) {
    case Type::object: return object_schema(field.path);
    case Type::objects: return list_of(object_schema(inner_path(field)), kind);
    case Type::word: return Json::object().add("enum", Json::strings(kind.words));
    case Type::integer: return between("integer", kind.min, kind.max);
    case Type::number: return between("number", kind.min, kind.max);
    case Type::flag: return Json::object().add("type", Json::string("boolean"));
    case Type::percent:
      return any_of({pattern("^[0-9]{1,3}(\\.[0-9]{1,4})? ?%?$"),
                     between("number", kind.min / 1e4, kind.max / 1e4)});
    case Type::duration: return pattern("^([0-9]+(\\.[0-9]{1,3})?(ms|s|m|h|d))+$");
    case Type::texts: return list_of(pattern(kind.format->pattern), kind);
    case Type::words: return list_of(Json::object().add("enum", Json::strings(kind.words)), kind);
    case Type::days:
      return any_of({pattern(kind.format->pattern), list_of(pattern(kind.format->pattern), kind)});
    case Type::text_map: return map_of(plain_text(), kind);
    case Type::parameters: return map_of(any_of({plain_text(), list_of(plain_text(), kind)}), kind);
    case Type::text: break;
  }
  if (kind.format == &listen_address)
    return any_of({pattern(kind.format->pattern), between("integer", 1, 65535)});
  return pattern(kind.format->pattern);
}

std::string described(const Field& field) {
  std::string out(field.help);
  const std::string range = range_text(field.kind), fallback = default_text(field);
  if (field.kind.type == Type::duration) out += fmt::format(" ({})", range);
  if (!fallback.empty() && fallback != "\"\"") out += fmt::format(". Default: {}", fallback);
  return out;
}

Json object_schema(std::string_view rows) {
  Json properties = Json::object(), one_of = Json::list();
  std::vector<std::string_view> required, choices;
  for (const Field* field : fields_under(rows)) {
    Json value = value_schema(*field);
    value.add("description", Json::string(described(*field)));
    properties.add(field->key(), std::move(value));
    if (field->need == Need::required) required.push_back(field->key());
    if (field->need == Need::choice) choices.push_back(field->key());
  }
  Json out = Json::object();
  out.add("type", Json::string("object"));
  out.add("additionalProperties", Json::raw("false"));
  out.add("properties", std::move(properties));
  if (!required.empty()) out.add("required", Json::strings(required));
  if (!choices.empty()) {
    for (std::string_view key : choices)
      one_of.add("", Json::object().add("required", Json::strings({key})));
    out.add("oneOf", std::move(one_of));
  }
  return out;
}

std::string type_text(const Kind& kind) {
  switch (kind.type) {
    case Type::object: return "mapping";
    case Type::objects: return "list of mappings";
    case Type::text: return std::string(kind.format->name);
    case Type::word: return "word";
    case Type::integer: return "whole number";
    case Type::number: return "number";
    case Type::flag: return "true, false";
    case Type::percent: return "percentage";
    case Type::duration: return "duration";
    case Type::texts: return fmt::format("list of {}", kind.format->name);
    case Type::words: return "list of words";
    case Type::days: return "days";
    case Type::text_map: return fmt::format("names to {}", kind.format->name);
    case Type::parameters: return "names to texts or lists";
  }
  return {};
}

std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string need_text(const Field& field) {
  if (field.need == Need::required) return "**required**";
  const std::string fallback = default_text(field);
  if (field.need == Need::choice) return fallback.empty() ? "one of these" : cell(fallback);
  if (!field.fallback.empty()) return cell(fallback);
  return fallback.empty() ? "" : fmt::format("`{}`", cell(fallback));
}

}  // namespace

std::string json_schema() {
  Json schema = Json::object();
  schema.add("$schema", Json::string("https://json-schema.org/draft/2020-12/schema"));
  schema.add("$id", Json::string("https://linnet.dev/v1alpha1/release.schema.json"));
  schema.add("title", Json::string("linnet release"));
  schema.add("description",
             Json::string("How one service is released; see docs/spec.md. Generated."));
  schema.add("$ref", Json::string("#/$defs/release"));
  schema.add("$defs", Json::object().add("release", object_schema("")));
  return schema.text() + "\n";
}

std::string reference_markdown() {
  std::string out = "| key | type | default | allowed | meaning |\n|---|---|---|---|---|\n";
  for (const Field& field : fields()) {
    const bool silent = field.kind.type == Type::object || field.kind.type == Type::flag;
    out +=
        fmt::format("| `{}` | {} | {} | {} | {} |\n", field.path, cell(type_text(field.kind)),
                    need_text(field), silent ? "" : cell(range_text(field.kind)), cell(field.help));
  }
  return out;
}

}  // namespace linnet::spec
