// What the writes of `init` and `deploy` do to the objects that are there: done one after the other
// to copies, by the functions that make the real ones, and told field by field. Pure.
#pragma once

#include <string>
#include <vector>

#include "core/decide.h"
#include "kubernetes/client.h"
#include "kubernetes/names.h"
#include "recipes/router.h"

namespace linnet::kubernetes {

struct FieldChange {
  std::string path;          // "spec.template.spec.containers[web].image"
  std::vector<Json> values;  // one after the other, the present one first; null: not there
};

struct ObjectChange {
  enum class How { create, change, remove };
  How how = How::change;
  std::string kind;
  std::string name;
  std::vector<FieldChange> fields;  // of one that is created those that matter; of one removed none
};

class Rehearsal {
 public:
  /// The object as it was read, before the first write to it; null: it is not there.
  void begin_with(recipes::ObjectName name, Json object);
  [[nodiscard]] bool knows(const recipes::ObjectName& name) const;

  /// As the API server would do it. Errors: see recipes::apply().
  Result<void> write(const recipes::Write& write);
  /// A PUT of the whole object, or its POST.
  void replace(const recipes::ObjectName& name, Json object);
  /// As DeploymentsWorkload::set() does it.
  Result<void> set(const Names& names, const core::SetTrack& level);
  /// As RecipeRouter::set() does it, of which these are the carriers.
  Result<void> set(const recipes::RouterRecipe& recipe, const recipes::Parameters& with,
                   const std::vector<recipes::ObjectName>& carriers, const core::SetWeight& level);

  /// In the order of the first writes. A plan is often kept in a log: values of environment
  /// variables are left out, and of texts with several lines their number is told.
  [[nodiscard]] std::vector<ObjectChange> changes() const;

 private:
  struct One {
    recipes::ObjectName name;
    std::vector<Json> states;
    std::size_t first_write = 0;  // its place among all; 0: none yet
  };
  [[nodiscard]] const Json& now(const recipes::ObjectName& name) const;
  One& of(const recipes::ObjectName& name);

  std::vector<One> all_;
  std::size_t writes_ = 0;
};

}  // namespace linnet::kubernetes
