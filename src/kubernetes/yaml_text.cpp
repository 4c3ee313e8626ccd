#include "kubernetes/yaml_text.h"

#include <boost/json.hpp>

#include "spec/fields.h"

namespace linnet::kubernetes {
namespace {

using Value = boost::json::value;

std::string scalar(const Value& json) {
  if (json.is_string()) return spec::yaml_scalar(std::string_view(json.get_string()));
  if (json.is_object()) return "{}";
  if (json.is_array()) return "[]";
  return boost::json::serialize(json);
}

bool is_block(const Value& json) {
  return (json.is_object() && !json.get_object().empty()) ||
         (json.is_array() && !json.get_array().empty());
}

// `goes_on`: the first line has begun, on the dash of a list.
void write(std::string& out, const Value& json, std::size_t indent, bool goes_on) {
  const std::string space(indent, ' ');
  if (json.is_object()) {
    for (const auto& [key, value] : json.get_object()) {
      out += (goes_on ? "" : space) + spec::yaml_scalar(std::string_view(key)) + ":";
      goes_on = false;
      if (!is_block(value)) {
        out += " " + scalar(value) + "\n";
        continue;
      }
      out += "\n";
      write(out, value, value.is_array() ? indent : indent + 2, false);
    }
    return;
  }
  for (const Value& value : json.get_array()) {
    out += (goes_on ? "" : space) + "- ";
    goes_on = false;
    if (is_block(value))
      write(out, value, indent + 2, true);
    else
      out += scalar(value) + "\n";
  }
}

}  // namespace

std::string yaml_text(const Value& json) {
  if (!is_block(json)) return scalar(json) + "\n";
  std::string out;
  write(out, json, 0, false);
  return out;
}

}  // namespace linnet::kubernetes
