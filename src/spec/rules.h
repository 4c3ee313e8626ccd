// What a table of single keys cannot say: defaults that follow from other keys, and mistakes that
// need several keys to be seen.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "core/release.h"
#include "spec/yaml_tree.h"

namespace linnet::spec {

/// Which keys a document held and where; which of them were wrong.
struct Seen {
  std::map<std::string, Place, std::less<>> places;  // "spec.steps[0].weight" -> its value
  std::set<std::string, std::less<>> wrong;

  [[nodiscard]] bool has(std::string_view path) const { return places.find(path) != places.end(); }
  /// Neither this key nor anything below it is wrong.
  [[nodiscard]] bool sound(std::string_view path) const;
  /// The place of the key, or of the nearest one above it that is there.
  [[nodiscard]] Place place(std::string_view path) const;
};

/// Fills in the defaults that are not constants.
void fill_defaults(core::Release& release, const Seen& seen);

/// Notes every mistake between keys that are sound by themselves.
void check_rules(const core::Release& release, const Seen& seen, Mistakes& mistakes);

}  // namespace linnet::spec
