#include "recipes/last_writer.h"

#include <boost/json/value.hpp>

namespace linnet::recipes {
namespace {

// "f:name" for members; what is of one piece ends the path.
bool owns(const Json& fields, const std::vector<std::string>& at) {
  const Json* now = &fields;
  for (const std::string& part : at) {
    const Json* next = look(*now, {part.starts_with("k:") ? part : "f:" + part});
    if (next == nullptr) return now != &fields && now->is_object() && now->get_object().empty();
    now = next;
  }
  return true;
}

}  // namespace

LastWriter last_writer(const Json& object, const std::vector<std::string>& at) {
  LastWriter last;
  const Json* managers = look(object, {"metadata", "managedFields"});
  if (managers == nullptr || !managers->is_array()) return last;
  for (const Json& entry : managers->get_array()) {
    const Json* fields = look(entry, {"fieldsV1"});
    std::string time = text_at(entry, {"time"});
    if (fields == nullptr || !owns(*fields, at) || (!last.by.empty() && time < last.when)) continue;
    last = {text_at(entry, {"manager"}), std::move(time)};
  }
  return last;
}

}  // namespace linnet::recipes
