// Where something stands in a Kubernetes object, as recipes write it:
//
//   spec.rules[*].backendRefs[name={{canary_service}}].weight
//   metadata.annotations["alb.ingress.kubernetes.io/actions.{{action}}"].(json).forwardConfig
//
// `.name` and `["any key"]` go into a mapping, `[*]` visits every element of a list, `[key=value]`
// those elements that hold it (several with commas, dotted keys; on a mapping: that mapping if it
// does), `.(json)` goes on inside a text that is JSON. `["prefix*"]` is for what a clone drops.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace linnet::recipes {

using Json = boost::json::value;
/// What stands behind each parameter; one that is optional and not given is absent.
using Values = std::map<std::string, std::vector<std::string>>;

struct Condition {
  std::vector<std::string> key;     // inside the element
  std::vector<std::string> one_of;  // as written: one text; bound: any of these
};

struct Segment {
  enum class Kind { member, prefix, every, where, json };
  Kind kind = Kind::member;
  std::string name;                   // member, prefix
  std::vector<Condition> conditions;  // where
  std::string text;                   // as written
};

using Path = std::vector<Segment>;

/// Code::invalid says at which character.
Result<Path> parse_path(std::string_view text);

/// One place that a path leads to in one object.
struct Spot {
  std::vector<std::string> at;  // as a JSON pointer's parts
  std::size_t json_at = 0;      // how many of them lead to the text that is JSON; 0: none does
  const Json* value = nullptr;  // null: nothing stands there yet
  /// What was asked of the lists on the way: pointer parts and the value found there.
  std::vector<std::pair<std::vector<std::string>, Json>> passed;
  std::shared_ptr<const Json> inside;  // keeps `value` alive inside a JSON text
};

/// A path with its parameters filled in. A condition on an optional parameter that was not given
/// asks nothing; one on a list of values is met by any of them.
Path bound(const Path& path, const Values& values, std::size_t index);
/// From the whole object, or on from a spot.
std::vector<Spot> follow(const Path& path, const Spot& from);
Spot root(const Json& object);

/// Every `{{name}}` replaced; of a list the element `index` (the only one, when there is one).
std::string fill(std::string_view text, const Values& values, std::size_t index);
/// The names in `{{...}}`.
std::vector<std::string> placeholders(std::string_view text);
/// Of all texts in a path.
std::vector<std::string> placeholders(const Path& path);

/// "/a/b~1c" of {"a", "b/c"}.
std::string pointer(const std::vector<std::string>& parts);
/// What stands at a pointer's parts, or null.
const Json* look(const Json& in, const std::vector<std::string>& parts);
/// "metadata.annotations" of an object, or null.
inline const Json* look(const Json& in, std::initializer_list<std::string_view> parts) {
  return look(in, std::vector<std::string>(parts.begin(), parts.end()));
}
/// The text at a place, or empty.
std::string text_at(const Json& in, std::initializer_list<std::string_view> parts);

}  // namespace linnet::recipes
