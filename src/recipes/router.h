// A traffic router as data: recipes/routers/NAME.yaml says which objects carry the canary's weight,
// how to read it from them, and what to write. Pure: objects in as JSON, patches out as JSON.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace linnet::recipes {

using Json = boost::json::value;

/// `traffic.with` of the spec; also "namespace" and "release", which are always there.
using Parameters = std::map<std::string, std::vector<std::string>>;

struct ObjectName {
  std::string api_version;  // "networking.k8s.io/v1"
  std::string kind;         // "Ingress"
  std::string plural;       // "ingresses"
  std::string name_space;
  std::string name;
  friend bool operator==(const ObjectName&, const ObjectName&) = default;
};

/// An object as it was read; null: it does not exist.
struct Seen {
  ObjectName name;
  Json object;
};

/// One write to one object. Patches name what they expect (`test`), so that they fail rather than
/// change an object that is not the one that was read.
struct Write {
  enum class Kind { create, json_patch, merge_patch, remove };
  Kind kind = Kind::merge_patch;
  ObjectName object;
  Json body;
};

/// What one split says: an annotation, a rule of a route.
struct SplitRead {
  std::string where;  // "Ingress web-canary"
  Percent weight;
  bool taken_back = false;
  std::string by;    // the field manager that wrote it last, when managedFields tells
  std::string when;  // as managedFields has it (RFC 3339); empty: not known
};

struct WeightRead {
  Percent weight;  // the highest, when the splits differ
  bool taken_back =
      false;  // the mark of a rollback (annotation linnet.dev/taken-back) stands there
  /// The controller has said that this generation is accepted; true where routers say nothing.
  bool accepted = true;
  std::string waits_for;  // when it is not: which condition, in words
  /// What a weight above 0 would wait for, in words: more is needed of it than of 0. Empty:
  /// nothing.
  std::string raise_waits_for;
  std::string by;  // the field manager that wrote the weight last, when managedFields tells
  /// In words, when the splits carry different weights; then `splits` has each. One that is not
  /// there carries 0, by "someone".
  std::string differ;
  std::vector<SplitRead> splits;
};

class RouterRecipe {
 public:
  /// Code::invalid with all mistakes: file, line, key, the nearest known key.
  static Result<RouterRecipe> read(std::string_view yaml, const std::string& file);

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] const std::string& summary() const;
  /// What it was run against, in words ("Traefik 3.7.13 ..."); starts with "not run" when it never
  /// was.
  [[nodiscard]] const std::string& tried() const;
  /// The smallest step of weights that it can carry.
  [[nodiscard]] Percent smallest_step() const;
  /// Whether it can write this weight exactly.
  [[nodiscard]] bool carries(Percent weight) const;
  /// How long after a write some data plane may still answer by the weight before.
  [[nodiscard]] Duration settles() const;

  struct ParameterHelp {
    std::string name, help;
    bool list = false, required = false;
    std::string otherwise;  // the default, if any
    std::vector<std::string> words;
  };
  [[nodiscard]] std::vector<ParameterHelp> parameters() const;

  /// Code::invalid names every missing and unknown parameter.
  Result<void> check(const Parameters& with) const;
  /// With the defaults of those that are not given.
  [[nodiscard]] Parameters with_defaults(const Parameters& with) const;
  /// The objects to read and to watch, in the order of the recipe.
  Result<std::vector<ObjectName>> objects(const Parameters& with) const;
  /// Those of them that carry the weight: all that weight() and set_weight() need to see.
  Result<std::vector<ObjectName>> carriers(const Parameters& with) const;
  /// The weight in force as the objects say. Code::not_found: nothing splits traffic yet (weight 0
  /// for all that it matters), or what does is another release's; Code::conflict: one of them says
  /// no weight, in words.
  Result<WeightRead> weight(const Parameters& with, const std::vector<Seen>& seen) const;
  /// What makes it so; empty when it is so already. Weight 0 with `taken_back` sets the mark, all
  /// else clears it. Code::not_found: an object is missing that only create() makes; Code::invalid:
  /// one is another release's. Weight 0 leaves such objects out: see check_owners().
  Result<std::vector<Write>> set_weight(const Parameters& with, const std::vector<Seen>& seen,
                                        Percent weight, bool taken_back) const;
  /// Code::invalid: an object under a name of the canary's has nothing of this release in it, by
  /// its label or by where it sends. Whose it is, and what to do.
  Result<void> check_owners(const Parameters& with, const std::vector<Seen>& seen) const;
  /// What `init` makes: objects that are missing (a clone of the main Ingress, weight 0).
  /// Code::invalid: one that is there is another release's; so in remove().
  Result<std::vector<Write>> create(const Parameters& with, const std::vector<Seen>& seen) const;
  /// What `cleanup` takes away: what create() made, by its label or mark, and nothing else.
  Result<std::vector<Write>> remove(const Parameters& with, const std::vector<Seen>& seen) const;

  struct Recipe;  // router_recipe.h

 private:
  std::shared_ptr<const Recipe> recipe_;
};

/// The recipes that the program carries in itself (recipes/ at build time), by name; a file wins.
const std::map<std::string, std::string>& built_in_routers();

}  // namespace linnet::recipes
