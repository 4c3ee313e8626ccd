// One value between its YAML form and its type: reading with its range, and writing.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "spec/fields.h"
#include "spec/yaml_tree.h"

namespace linnet::spec {

/// Told about each mistake: where, which part of the value ("[2]", ".PATH" or ""), and what.
using Report = std::function<void(Place, std::string part, std::string message)>;

/// The value of a node for a row that is not an object, or nothing after at least one report.
std::optional<Value> parse_value(const Kind& kind, const Node& node, const Report& report);

}  // namespace linnet::spec
