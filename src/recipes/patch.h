// Changes to one object: gathered as edits, written as one patch that Kubernetes understands, and
// applied here too, so that recipes can be tried without a cluster. (RFC 6902, RFC 7386)
#pragma once

#include <optional>
#include <vector>

#include "recipes/path.h"
#include "recipes/router.h"

namespace linnet::recipes {

/// One value to set or to remove. The last part "-" appends to a list.
struct Edit {
  Spot spot;
  std::optional<Json> value;  // none: remove
};

/// One write that does all edits: a merge patch when only mappings are touched, else a JSON patch
/// that first tests what the paths asked of lists. With `locked` it fails when somebody else has
/// changed what it changes: a merge patch then names the version that was read, a JSON patch tests
/// the values before.
Write patch(const ObjectName& name, const Json& object, const std::vector<Edit>& edits,
            bool locked);

/// Sets or removes what stands at a pointer's parts; mappings that are missing on the way are made.
void set_inside(Json& in, const std::vector<std::string>& at, Json value);
void remove_inside(Json& in, const std::vector<std::string>& at);

/// What a server would hold after the write. Code::not_found: nothing to patch; Code::conflict: a
/// test failed, or it exists already; Code::invalid: a pointer leads nowhere.
Result<Json> apply(const Write& write, const Json& object);

}  // namespace linnet::recipes
