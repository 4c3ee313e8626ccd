// Whose an object is that stands under a name of the canary's: `init` makes such objects, and two
// releases behind one main object may be given the same name for theirs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "recipes/router_recipe.h"

namespace linnet::recipes {
namespace {

// The parameters that name the canary's objects, as a spec has them.
std::string naming_keys(const RouterRecipe::Recipe& recipe) {
  std::vector<std::string> keys;
  for (const std::string& name : placeholders(recipe.object))
    if (name != "namespace" && name != "release") keys.push_back("traffic.with." + name);
  return keys.empty() ? "the recipe" : fmt::format("{}", fmt::join(keys, " or "));
}

// What the clone has from parameters, its Service mostly, tells one release's from another's.
struct Sends {
  bool to_canary = false;
  std::string to, wanted;  // elsewhere, where it should
};

Sends sends_of(const CloneForm& form, const Values& values, std::size_t index, const Json& object) {
  Sends out;
  for (const Fixed& fixed : form.set) {
    const auto* text = fixed.value.if_string();
    if (text == nullptr || placeholders(std::string_view(*text)).empty()) continue;
    const Json wanted = filled(fixed, values, index);
    for (const Spot& spot : follow(bound(fixed.path, values, index), root(object))) {
      const auto* there = spot.value == nullptr ? nullptr : spot.value->if_string();
      if (there == nullptr) continue;
      if (*spot.value == wanted) out.to_canary = true;
      if (!out.to.empty() || *spot.value == wanted) continue;
      out.to = std::string(*there);
      out.wanted = std::string(wanted.get_string());
    }
  }
  return out;
}

}  // namespace

Owner owner_of(const RouterRecipe::Recipe& recipe, const Values& values, std::size_t index,
               const ObjectName& name, const Json& object) {
  Owner out;
  if (recipe.clone.of.empty()) return out;  // its owner's, and of all releases that are named in it
  const Sends sends = sends_of(recipe.clone, values, index, object);
  out.holds_canary = sends.to_canary;
  const std::string label = text_at(object, {"metadata", "labels", release_label});
  const std::string own = fill("{{release}}", values, 0);
  if (label == own) return out;
  if (!label.empty() && values.contains("release")) {
    out.other =
        fmt::format("{} belongs to the release {} (label {})", title(name), label, release_label);
    out.remedy = fmt::format(
        "name another one in {}; was {} renamed to {}, `linnet cleanup --remove -n {} --release "
        "{}` comes first",
        naming_keys(recipe), label, own, name.name_space, label);
  } else if (!sends.to_canary && !sends.to.empty()) {
    out.other = fmt::format("{} sends to {}, not to {}", title(name), sends.to, sends.wanted);
    out.remedy = fmt::format(
        "is it another release's, name another one in {}; else correct it, or delete it and let "
        "`linnet init` make it",
        naming_keys(recipe));
  }
  return out;
}

Result<void> check_own(const Owner& owner) {
  if (owner.other.empty()) return {};
  return fail(Code::invalid, "{}: {}", owner.other, owner.remedy);
}

Result<void> RouterRecipe::check_owners(const Parameters& with,
                                        const std::vector<Seen>& seen) const {
  TRY_VOID(check(with));
  const Values values = values_of(recipe_->parameters, with);
  const std::vector<ObjectName> names = recipe_->names(values, recipe_->object);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Json* object = find_object(seen, names[i]);
    if (object == nullptr) continue;
    const Owner owner = owner_of(*recipe_, values, i, names[i], *object);
    if (owner.is_others()) return check_own(owner);
  }
  return {};
}

}  // namespace linnet::recipes
