// What a router's recipe says once it is read, and the looks at objects that reading and writing
// weights share. Inside this folder only; the form is explained in docs/adding-a-router.md.
#pragma once

#include "recipes/parameters.h"
#include "recipes/patch.h"
#include "recipes/path.h"
#include "recipes/router.h"

namespace linnet::recipes {

inline constexpr std::string_view taken_back_mark = "linnet.dev/taken-back";
/// On objects of others into which create() put the canary's entry.
inline constexpr std::string_view added_mark = "linnet.dev/canary-added";
inline constexpr std::string_view manager_label = "app.kubernetes.io/managed-by";
/// On objects that create() made: whose canary's they are.
inline constexpr std::string_view release_label = "linnet.dev/release";

/// A value that must stand at a path.
struct Fixed {
  Path path;
  Json value;  // a text may hold {{parameters}}
};

struct WeightForm {
  Path canary;
  Path stable;              // empty: one number out of `total`
  std::size_t common = 0;   // segments that both begin with: one place of the split each
  std::string as;           // a text with {{weight}} and perhaps {{rest}}; empty: a number
  std::int64_t absent = 0;  // what a side counts that has no number
  std::vector<std::int64_t> totals{100};  // the first one that carries a weight exactly is used
  Path total_at;
  bool zero_removes = false;  // weight 0 is written by taking the canary's entry out
};

struct Acceptance {
  Path conditions;  // lists of Kubernetes conditions; empty: routers say nothing
  std::vector<std::string> needs;
  std::vector<std::string> zero_needs;  // those that must be true at weight 0; empty: all
  std::vector<std::string> refuses;
};

struct CloneForm {
  std::string of;  // empty: objects are never made
  Path only;
  std::vector<Fixed> set;
  std::vector<Path> drop;
};

struct RouterRecipe::Recipe {
  std::string name, summary, tried;
  Duration settles{};
  std::vector<Parameter> parameters;
  std::string api, kind, plural, object;  // templates
  WeightForm weight;
  std::vector<Fixed> fixed;
  Acceptance accepted;
  CloneForm clone;

  [[nodiscard]] std::vector<ObjectName> names(const Values& values, const std::string& of) const;
};

// ---- Looking ------------------------------------------------------------------------------------

/// Both numbers of one split.
struct Share {
  std::int64_t canary = 0;
  std::int64_t stable = 0;  // the rest of the total, when one number says it all
  [[nodiscard]] bool is(Percent weight) const;
};

/// One split in one object: a rule of a route, an annotation.
struct Place {
  Spot spot;                 // where both sides begin
  std::vector<Spot> canary;  // none: the entry is not there
  std::vector<Spot> stable;
  std::vector<Spot> total;
  std::int64_t others = 0;  // the weights of entries that are neither
};

/// Both sides are there.
bool is_split(const WeightForm& form, const Place& place);
std::vector<Place> places(const WeightForm& form, const Values& values, std::size_t index,
                          const Json& object);
/// Code::conflict: not a number, or written twice.
Result<Share> share_of(const WeightForm& form, const Values& values, const Place& place);

/// Whose an object under a name of the canary's is, where create() makes such objects. By its
/// label; without one, as before there were any, by whether it sends to this release's canary.
struct Owner {
  std::string other;   // "Ingress web-canary belongs to ..."; empty: this release, or nobody says
  std::string remedy;  // what to do then
  bool holds_canary = false;  // it sends to this release's canary, whatever its label says
  /// Nothing of this release's is in it. One that holds its canary may still be lowered.
  [[nodiscard]] bool is_others() const { return !other.empty() && !holds_canary; }
};
Owner owner_of(const RouterRecipe::Recipe& recipe, const Values& values, std::size_t index,
               const ObjectName& name, const Json& object);
/// Code::invalid: it is not this release's to be raised, changed or deleted.
Result<void> check_own(const Owner& owner);

/// "Ingress web-canary".
std::string title(const ObjectName& name);
const Json* find_object(const std::vector<Seen>& seen, const ObjectName& name);
/// `as` with its parameters, but for {{weight}} and {{rest}}, and what it says for these numbers.
std::string number_text(const WeightForm& form, const Values& values, Share share);
/// The fixed value with its parameters filled in.
Json filled(const Fixed& fixed, const Values& values, std::size_t index);
/// The last condition on a list's element in a path, which names a side's entry; or the path's end.
std::size_t entry_segment(const Path& path);
/// The canary's whole entry, given the place of its number.
Spot entry_of(const WeightForm& form, const Spot& number);
/// An entry for the canary like stable's, and where it goes. Code::not_found: nothing to copy.
Result<Edit> canary_entry(const WeightForm& form, const Values& values, std::size_t index,
                          const Place& place, std::int64_t weight);

}  // namespace linnet::recipes
