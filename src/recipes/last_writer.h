// Who wrote a field of a Kubernetes object last: its managedFields (apimachinery meta/v1 FieldsV1).
#pragma once

#include <string>
#include <vector>

#include "recipes/path.h"

namespace linnet::recipes {

struct LastWriter {
  std::string by;    // the field manager; empty: not known
  std::string when;  // RFC 3339
};

/// `at` is the field as a pointer's parts; an element of a list that has a key is named as there:
/// `k:{"name":"web"}`. Lists without one are of one piece, and who wrote any of it wrote it all.
LastWriter last_writer(const Json& object, const std::vector<std::string>& at);

}  // namespace linnet::recipes
