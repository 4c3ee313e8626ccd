// Writing the weight into objects, and making and taking away the canary's side of them.
#include <fmt/format.h>

#include <algorithm>

#include "recipes/router_recipe.h"

namespace linnet::recipes {
namespace {

Path annotation(std::string_view key) {
  Path path(3);
  path[0].name = "metadata";
  path[1].name = "annotations";
  path[2].name = key;
  return path;
}

void want(std::vector<Edit>& edits, const Path& path, const Json& object,
          const std::optional<Json>& value) {
  for (Spot& spot : follow(path, root(object)))
    if (value ? spot.value == nullptr || *spot.value != *value : spot.value != nullptr)
      edits.push_back({std::move(spot), value});
}

// The numbers to write. With other entries in the list the two keep what they had together, so
// that the others' shares stay as they are.
Result<Share> numbers_for(const WeightForm& form, const Place& place, const Share& now,
                          Percent weight) {
  const auto parts = [&](std::int64_t total) { return weight.ppm() * total / 1'000'000; };
  const auto exact = [&](std::int64_t total) { return weight.ppm() * total % 1'000'000 == 0; };
  if (place.others > 0 && now.canary + now.stable > 0) {
    const std::int64_t sum = now.canary + now.stable;
    if (exact(sum)) return Share{parts(sum), sum - parts(sum)};
    std::int64_t enough = 100;
    while (!exact(enough)) enough *= 10;
    return fail(Code::invalid,
                "stable and canary share {} parts beside other entries, of which {} is no whole "
                "number: give the two a sum such as {}",
                sum, weight.text(), enough);
  }
  for (const std::int64_t total : form.totals)
    if (exact(total)) return Share{parts(total), total - parts(total)};
  return fail(Code::invalid, "{} cannot be carried: the finest split is 1 of {}", weight.text(),
              *std::max_element(form.totals.begin(), form.totals.end()));
}

Json side_value(const WeightForm& form, const Values& values, Share share, bool canary) {
  if (!form.as.empty()) return Json(number_text(form, values, share));
  return canary ? share.canary : share.stable;
}

void set_numbers(const WeightForm& form, const Values& values, const Place& place, Share share,
                 std::vector<Edit>& edits) {
  const auto put = [&](const Spot& spot, const Json& value) {
    if (spot.value == nullptr || *spot.value != value) edits.push_back({spot, value});
  };
  for (const Spot& spot : place.canary) put(spot, side_value(form, values, share, true));
  for (const Spot& spot : place.stable) put(spot, side_value(form, values, share, false));
  for (const Spot& spot : place.total) {
    const std::int64_t total = share.canary + share.stable;
    if (total != form.totals.front())
      put(spot, form.as.empty() ? Json(total) : Json(std::to_string(total)));
    else if (spot.value != nullptr)
      edits.push_back({spot, std::nullopt});
  }
}

Result<void> change_place(const WeightForm& form, const Values& values, std::size_t index,
                          const Place& place, Percent weight, std::vector<Edit>& edits) {
  // Numbers that cannot be read are written anew.
  const auto now = share_of(form, values, place);
  const bool there = !place.canary.empty();
  if (now && now->is(weight) && !(form.zero_removes && there && weight.is_zero())) return {};
  TRY(share, numbers_for(form, place, now.value_or(Share{}), weight));
  if (!form.zero_removes || (there && !weight.is_zero())) {
    set_numbers(form, values, place, share, edits);
    return {};
  }
  Place stable_only = place;
  stable_only.canary.clear();
  set_numbers(form, values, stable_only, share, edits);
  if (there) {
    // From the end, so that the places of those before stay right.
    for (auto spot = place.canary.rbegin(); spot != place.canary.rend(); ++spot)
      edits.push_back({entry_of(form, *spot), std::nullopt});
    return {};
  }
  TRY(entry, canary_entry(form, values, index, place, share.canary));
  edits.push_back(std::move(entry));
  return {};
}

bool raises(const WeightForm& form, const Values& values, const std::vector<Place>& all,
            Percent weight) {
  return std::any_of(all.begin(), all.end(), [&](const Place& place) {
    const auto now = share_of(form, values, place);
    return now && now->canary * 1'000'000 < weight.ppm() * (now->canary + now->stable);
  });
}

}  // namespace

Json filled(const Fixed& fixed, const Values& values, std::size_t index) {
  const auto* text = fixed.value.if_string();
  return text == nullptr ? fixed.value : Json(fill(*text, values, index));
}

Spot entry_of(const WeightForm& form, const Spot& number) {
  Spot entry = number;
  entry.at.resize(entry.at.size() - (form.canary.size() - 1 - entry_segment(form.canary)));
  entry.value = nullptr;
  return entry;
}

std::string number_text(const WeightForm& form, const Values& values, Share share) {
  Values known = values;
  known["weight"] = {std::to_string(share.canary)};
  known["rest"] = {std::to_string(share.stable)};
  return fill(form.as, known, 0);
}

Result<Edit> canary_entry(const WeightForm& form, const Values& values, std::size_t index,
                          const Place& place, std::int64_t weight) {
  const Path canary = bound(form.canary, values, index);
  const Path stable = bound(form.stable, values, index);
  const std::size_t entry = entry_segment(canary);
  const std::size_t model = entry_segment(stable);
  if (entry == canary.size() || model == stable.size() || place.stable.empty())
    return fail(Code::not_found, "there is no entry of stable to copy");
  const Path to_model(stable.begin() + long(form.common), stable.begin() + long(model) + 1);
  const std::vector<Spot> models = follow(to_model, place.spot);
  if (models.empty() || models[0].value == nullptr || !models[0].value->is_object())
    return fail(Code::not_found, "there is no entry of stable to copy");
  Json copy = *models[0].value;
  for (const Condition& condition : canary[entry].conditions)
    set_inside(copy, condition.key, Json(condition.one_of.front()));
  std::vector<std::string> number;
  for (std::size_t i = entry + 1; i < canary.size(); ++i) number.push_back(canary[i].name);
  set_inside(copy, number, side_value(form, values, {weight, 0}, true));
  const Path to_list(canary.begin() + long(form.common), canary.begin() + long(entry));
  std::vector<Spot> lists = follow(to_list, place.spot);
  if (lists.empty()) return fail(Code::not_found, "there is no list for the canary's entry");
  Spot spot = std::move(lists[0]);
  spot.passed = models[0].passed;
  if (spot.value == nullptr || !spot.value->is_array())
    return Edit{std::move(spot), Json(boost::json::array{copy})};
  spot.at.emplace_back("-");
  spot.value = nullptr;
  return Edit{std::move(spot), std::move(copy)};
}

Result<std::vector<Write>> RouterRecipe::set_weight(const Parameters& with,
                                                    const std::vector<Seen>& seen, Percent weight,
                                                    bool taken_back) const {
  TRY_VOID(check(with));
  const Recipe& recipe = *recipe_;
  const Values values = values_of(recipe.parameters, with);
  const std::vector<ObjectName> names = recipe.names(values, recipe.object);
  std::vector<Write> writes;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Json* object = find_object(seen, names[i]);
    const std::string name = title(names[i]);
    if (object == nullptr) {
      // Where nothing splits, the canary gets nothing.
      if (weight.is_zero()) continue;
      return fail(Code::not_found, "{} is not there; {}", name,
                  recipe.clone.of.empty() ? "it is its owner's: create it first"
                                          : "`linnet init` makes it");
    }
    const Owner owner = owner_of(recipe, values, i, names[i], *object);
    if (!weight.is_zero()) TRY_VOID(check_own(owner));
    if (owner.is_others()) continue;
    std::vector<Place> all = places(recipe.weight, values, i, *object);
    std::erase_if(all, [&](const Place& place) { return !is_split(recipe.weight, place); });
    if (all.empty() && !weight.is_zero())
      return fail(
          Code::not_found,
          "{}: nothing in it sends to both stable and canary; `linnet init` adds the canary", name);
    std::vector<Edit> edits;
    for (const Place& place : all) {
      auto changed = change_place(recipe.weight, values, i, place, weight, edits);
      if (!changed) return fail(std::move(changed).error().while_doing(name));
    }
    for (const Fixed& fixed : recipe.fixed)
      want(edits, bound(fixed.path, values, i), *object, filled(fixed, values, i));
    want(edits, annotation(taken_back_mark), *object,
         taken_back && weight.is_zero() ? std::optional<Json>("true") : std::nullopt);
    if (!edits.empty())
      writes.push_back(patch(names[i], *object, edits, raises(recipe.weight, values, all, weight)));
  }
  return writes;
}

}  // namespace linnet::recipes
