// What init makes and cleanup takes away: a clone of an object of the user's, or the canary's entry
// in a list of it.
#include <fmt/format.h>

#include <algorithm>

#include "recipes/router_recipe.h"

namespace linnet::recipes {
namespace {

using Parts = std::vector<std::string>;

// Takes elements out that do not meet the last condition of the path, and on the way back the
// elements of `[*]` that hold nothing of it any more. True: something is left.
bool keep_only(Json& in, const Path& path, std::size_t from) {
  if (from == path.size()) return true;
  const Segment& segment = path[from];
  if (segment.kind == Segment::Kind::member) {
    auto* object = in.if_object();
    Json* next = object == nullptr ? nullptr : object->if_contains(segment.name);
    return next != nullptr && keep_only(*next, path, from + 1);
  }
  auto* list = in.if_array();
  if (list == nullptr) return false;
  for (std::size_t i = list->size(); i > 0; --i) {
    Json& element = (*list)[i - 1];
    const bool met = follow({segment}, root(boost::json::array{element})).size() == 1;
    if (!met || !keep_only(element, path, from + 1)) list->erase(list->begin() + long(i - 1));
  }
  return !list->empty();
}

void drop(Json& object, const Path& path) {
  std::vector<Parts> found;
  for (const Spot& spot : follow(path, root(object)))
    if (spot.value != nullptr) found.push_back(spot.at);
  for (auto at = found.rbegin(); at != found.rend(); ++at) remove_inside(object, *at);
}

// Of the metadata, what people wrote; the rest belongs to the one object it was read from.
Json fresh_copy(const Json& main, const ObjectName& name) {
  boost::json::object metadata;
  metadata["name"] = name.name;
  metadata["namespace"] = name.name_space;
  for (const char* kept : {"labels", "annotations"})
    if (const Json* value = look(main, {"metadata", kept})) metadata[kept] = *value;
  boost::json::object out;
  out["apiVersion"] = name.api_version;
  out["kind"] = name.kind;
  out["metadata"] = std::move(metadata);
  for (const auto& entry : main.as_object())
    if (entry.key() != "metadata" && entry.key() != "status") out[entry.key()] = entry.value();
  return out;
}

Result<Json> make_clone(const RouterRecipe::Recipe& recipe, const Values& values, std::size_t index,
                        const ObjectName& name, const Json& main, const std::string& main_title) {
  Json copy = fresh_copy(main, name);
  const CloneForm& form = recipe.clone;
  for (const Path& path : form.drop) drop(copy, bound(path, values, index));
  remove_inside(copy,
                {"metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"});
  const Path only = bound(form.only, values, index);
  if (!only.empty() && !keep_only(copy, only, 0))
    return fail(Code::invalid, "{} sends nothing to stable by {}", main_title,
                fill(only.back().text, values, index));
  std::vector<Fixed> values_to_set = form.set;
  values_to_set.insert(values_to_set.end(), recipe.fixed.begin(), recipe.fixed.end());
  for (const Fixed& fixed : values_to_set) {
    std::vector<Parts> found;
    for (const Spot& spot : follow(bound(fixed.path, values, index), root(copy)))
      found.push_back(spot.at);
    for (const Parts& at : found) set_inside(copy, at, filled(fixed, values, index));
  }
  set_inside(copy, {"metadata", "labels", std::string(manager_label)}, "linnet");
  // Never the main object's, which another release's `init` may have made.
  remove_inside(copy, {"metadata", "labels", std::string(release_label)});
  if (values.contains("release"))
    set_inside(copy, {"metadata", "labels", std::string(release_label)},
               Json(fill("{{release}}", values, index)));
  std::vector<Edit> edits;
  for (const Place& place : places(recipe.weight, values, index, copy))
    for (const Spot& spot : place.canary) {
      const Share none{0, recipe.weight.totals.front()};
      edits.push_back({spot, recipe.weight.as.empty()
                                 ? Json(0)
                                 : Json(number_text(recipe.weight, values, none))});
    }
  return apply(patch(name, copy, edits, false), copy);
}

// The canary's entry with weight 0 beside each of stable's that stands alone.
Result<std::vector<Edit>> add_entries(const RouterRecipe::Recipe& recipe, const Values& values,
                                      std::size_t index, const Json& object) {
  std::vector<Edit> edits;
  const WeightForm& form = recipe.weight;
  if (form.stable.empty() || form.zero_removes) return edits;
  for (const Place& place : places(form, values, index, object)) {
    if (!place.canary.empty() || place.stable.empty()) continue;
    auto entry = canary_entry(form, values, index, place, 0);
    if (!entry && entry.error().code == Code::not_found) continue;
    if (!entry) return fail(std::move(entry).error());
    // Both at 0 would send requests nowhere.
    const auto now = share_of(form, values, place);
    if (now && now->stable == 0) edits.push_back({place.stable[0], Json(form.totals.front())});
    edits.push_back(*std::move(entry));
  }
  return edits;
}

Spot annotation_spot(const Json& object, std::string_view key) {
  Spot spot = root(object);
  spot.at = {"metadata", "annotations", std::string(key)};
  spot.value = look(object, spot.at);
  return spot;
}

}  // namespace

Result<std::vector<Write>> RouterRecipe::create(const Parameters& with,
                                                const std::vector<Seen>& seen) const {
  TRY_VOID(check(with));
  const Recipe& recipe = *recipe_;
  const Values values = values_of(recipe.parameters, with);
  const std::vector<ObjectName> names = recipe.names(values, recipe.object);
  std::vector<ObjectName> mains;
  if (!recipe.clone.of.empty()) mains = recipe.names(values, recipe.clone.of);
  std::vector<Write> writes;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (const Json* object = find_object(seen, names[i])) {
      TRY_VOID(check_own(owner_of(recipe, values, i, names[i], *object)));
      auto edits = add_entries(recipe, values, i, *object);
      if (!edits) return fail(std::move(edits).error().while_doing(title(names[i])));
      if (edits->empty()) continue;
      edits->push_back({annotation_spot(*object, added_mark), Json("true")});
      writes.push_back(patch(names[i], *object, *edits, true));
      continue;
    }
    if (mains.empty())
      return fail(Code::not_found, "{} is not there: create it first", title(names[i]));
    const Json* main = find_object(seen, mains[i]);
    if (main == nullptr)
      return fail(Code::not_found, "{} is not there: create it first", title(mains[i]));
    TRY(clone, make_clone(recipe, values, i, names[i], *main, title(mains[i])));
    writes.push_back({Write::Kind::create, names[i], std::move(clone)});
  }
  return writes;
}

Result<std::vector<Write>> RouterRecipe::remove(const Parameters& with,
                                                const std::vector<Seen>& seen) const {
  TRY_VOID(check(with));
  const Recipe& recipe = *recipe_;
  const Values values = values_of(recipe.parameters, with);
  const std::vector<ObjectName> names = recipe.names(values, recipe.object);
  std::vector<Write> writes;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Json* object = find_object(seen, names[i]);
    if (object == nullptr) continue;
    TRY_VOID(check_own(owner_of(recipe, values, i, names[i], *object)));
    const bool made = text_at(*object, {"metadata", "labels", manager_label}) == "linnet";
    if (made && !recipe.clone.of.empty()) {
      writes.push_back({Write::Kind::remove, names[i], nullptr});
      continue;
    }
    Spot mark = annotation_spot(*object, added_mark);
    if (mark.value == nullptr) continue;
    std::vector<Edit> edits;
    for (const Place& place : places(recipe.weight, values, i, *object))
      for (const Spot& spot : place.canary)
        if (!place.stable.empty()) edits.push_back({entry_of(recipe.weight, spot), std::nullopt});
    std::reverse(edits.begin(), edits.end());
    edits.push_back({std::move(mark), std::nullopt});
    Spot taken_back = annotation_spot(*object, taken_back_mark);
    if (taken_back.value != nullptr) edits.push_back({std::move(taken_back), std::nullopt});
    writes.push_back(patch(names[i], *object, edits, true));
  }
  return writes;
}

}  // namespace linnet::recipes
