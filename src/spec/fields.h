// The one table of every key a spec can hold. The reader, the writer, the JSON Schema and the
// reference in docs/spec.md are all made from it: a new key is one row in fields.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spec/formats.h"
#include "spec/value.h"

namespace linnet::spec {

enum class Type {
  object,   // a mapping with the keys below it
  objects,  // a list of such mappings; their rows' paths hold "[]"
  text,     // a string of some Format
  word,     // one of `words`
  integer,
  number,
  flag,        // true or false
  percent,     // 5%
  duration,    // 60s
  texts,       // a list of strings of some Format
  words,       // a list of `words`
  days,        // mon-fri, or a list
  text_map,    // names to strings
  parameters,  // names to a string or a list of strings
};

/// Type and constraint of a value. `min` and `max` are parts per million for a percent,
/// milliseconds for a duration, the number of elements for a list or map.
struct Kind {
  Type type = Type::text;
  double min = 0;
  double max = 0;
  std::vector<std::string_view> words = {};
  const Format* format = nullptr;
};

enum class Need {
  optional,
  required,
  choice,  // exactly one of the choices beside each other
};

struct Field {
  std::string_view path;  // "spec.steps[].weight"
  Kind kind;
  Need need = Need::optional;
  std::string_view fallback;  // the default in words, where it is not simply the value type's
  std::string_view help;
  Access access;

  [[nodiscard]] std::string_view key() const;  // "weight"
};

/// All rows, an object before its keys, in the order in which a spec is written.
std::span<const Field> fields();

/// The rows directly under an object's path ("spec.steps[]"); the top is "".
std::span<const Field* const> fields_under(std::string_view path);

/// The path under which the keys of this row stand: "spec.steps" -> "spec.steps[]".
std::string inner_path(const Field& field);

/// What the value is when the key is left out, as written in YAML; "" when there is none.
std::string default_text(const Field& field);

/// The allowed range or words, for people: "0.1% to 100%", "ask or automatic"; "" when there is
/// none.
std::string range_text(const Kind& kind);

/// A value as written in YAML on one line; texts are quoted where YAML needs it.
std::string value_text(const Kind& kind, const Value& value);

/// The value of one name in a text_map or parameters.
std::string entry_text(const std::string& text);
std::string entry_text(const Texts& texts);

/// A string as a YAML scalar: plain where that is safe in every reader, else in double quotes.
std::string yaml_scalar(std::string_view text);

}  // namespace linnet::spec
