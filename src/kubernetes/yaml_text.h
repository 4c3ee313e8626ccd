// An object as YAML, for people and for `kubectl apply -f -`.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace linnet::kubernetes {

/// Block style, keys in the object's order, ending with a line break; no "---".
std::string yaml_text(const boost::json::value& json);

}  // namespace linnet::kubernetes
