// Reading the weight out of objects: what all of them and all splits in them say together.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "recipes/last_writer.h"
#include "recipes/router_recipe.h"

namespace linnet::recipes {
namespace {

// What the object waits for until its weights count, or empty. A canary without traffic may be a
// reference that nothing answers to, as long as the controller has seen this generation.
std::string waits_for(const Acceptance& form, const Values& values, std::size_t index,
                      const Json& object, bool at_zero) {
  if (form.conditions.empty()) return {};
  const std::vector<Spot> lists = follow(bound(form.conditions, values, index), root(object));
  const Json* generation = look(object, {"metadata", "generation"});
  bool any = false;
  for (const Spot& list : lists) {
    if (list.value == nullptr || !list.value->is_array()) continue;
    any = true;
    const auto find = [&](const std::string& type) -> const Json* {
      for (const Json& condition : list.value->get_array())
        if (text_at(condition, {"type"}) == type) return &condition;
      return nullptr;
    };
    const auto words = [](const std::string& type, const Json& condition) {
      return fmt::format("{}={} ({}: {})", type, text_at(condition, {"status"}),
                         text_at(condition, {"reason"}), text_at(condition, {"message"}));
    };
    for (const std::string& type : form.needs) {
      const Json* condition = find(type);
      if (condition == nullptr) return type + ", which nothing has said yet";
      const Json* seen = look(*condition, {"observedGeneration"});
      if (seen != nullptr && generation != nullptr && *seen != *generation)
        return type + " of the current generation";
      const bool may_be_false =
          at_zero && !form.zero_needs.empty() &&
          std::find(form.zero_needs.begin(), form.zero_needs.end(), type) == form.zero_needs.end();
      if (!may_be_false && text_at(*condition, {"status"}) != "True")
        return words(type, *condition);
    }
    for (const std::string& type : form.refuses)
      if (const Json* condition = find(type);
          condition != nullptr && text_at(*condition, {"status"}) == "True")
        return words(type, *condition);
  }
  return any ? std::string() : form.needs.front() + ": no controller has taken it";
}

Result<Percent> percent(const Share& share, const std::string& where) {
  const std::int64_t sum = share.canary + share.stable;
  if (sum == 0) return fail(Code::conflict, "both weights are 0 at {}", where);
  return Percent::from_ppm(static_cast<std::int32_t>((share.canary * 1'000'000 + sum / 2) / sum));
}

// Gathers what all objects and all splits in them say.
class WeightReader {
 public:
  WeightReader(const RouterRecipe::Recipe& recipe, const Values& values)
      : recipe_(recipe), values_(values) {}

  void not_there(const ObjectName& name) { missing_.push_back(title(name) + " is not there"); }

  Result<void> read(const ObjectName& name, std::size_t index, const Json& object) {
    const Owner owner = owner_of(recipe_, values_, index, name, object);
    if (owner.is_others()) {
      missing_.push_back(owner.other);
      return {};
    }
    bool split = false;
    std::string lonely;
    for (const Place& place : places(recipe_.weight, values_, index, object)) {
      if (is_split(recipe_.weight, place)) {
        split = true;
        TRY_VOID(read_place(name, place, object));
      } else if (!place.canary.empty()) {
        lonely = pointer(place.canary[0].at);
      }
    }
    if (!split && !lonely.empty())
      return fail(Code::conflict, "{} {} sends to the canary without stable beside it", title(name),
                  lonely);
    if (!split) {
      missing_.push_back(
          fmt::format("{}: nothing in it sends to both stable and canary", title(name)));
      return {};
    }
    TRY_VOID(check_fixed(name, index, object));
    const bool at_zero = std::all_of(out_.splits.begin(), out_.splits.end(),
                                     [](const SplitRead& one) { return one.weight.is_zero(); });
    const auto keep_first = [&](std::string& kept, bool zero) {
      if (!kept.empty()) return;
      const std::string waits = waits_for(recipe_.accepted, values_, index, object, zero);
      if (!waits.empty()) kept = fmt::format("{} waits for {}", title(name), waits);
    };
    keep_first(out_.waits_for, at_zero);
    keep_first(out_.raise_waits_for, false);
    out_.accepted = out_.waits_for.empty();
    return {};
  }

  Result<WeightRead> take() {
    const std::vector<SplitRead>& splits = out_.splits;
    if (splits.empty()) return fail(Code::not_found, "{}", missing_.back());
    out_.by = splits.front().by;
    bool same = true;
    for (const SplitRead& split : splits) {
      same = same && split.weight == splits.front().weight;
      out_.weight = std::max(out_.weight, split.weight);
      out_.taken_back = out_.taken_back || split.taken_back;
    }
    if (!same || (!missing_.empty() && !out_.weight.is_zero())) tell_difference();
    return std::move(out_);
  }

 private:
  void tell_difference() {
    for (const SplitRead& split : out_.splits)
      out_.differ += fmt::format("{}{}{}{}", out_.differ.empty() ? "" : ", ", split.where,
                                 out_.differ.empty() ? " carries " : " ", split.weight.text());
    for (const std::string& missing : missing_) {
      out_.differ += ", but " + missing;
      out_.splits.push_back({missing, Percent(), false, "someone", ""});
    }
  }

  Result<void> read_place(const ObjectName& name, const Place& place, const Json& object) {
    const std::string where = place.spot.at.empty()
                                  ? title(name)
                                  : fmt::format("{} {}", title(name), pointer(place.spot.at));
    auto share = share_of(recipe_.weight, values_, place);
    if (!share) return fail(std::move(share).error().while_doing(title(name)));
    TRY(weight, percent(*share, where));
    const bool marked = look(object, {"metadata", "annotations", taken_back_mark}) != nullptr;
    LastWriter last =
        last_writer(object, (place.canary.empty() ? place.stable : place.canary)[0].at);
    out_.splits.push_back(
        {where, weight, marked && weight.is_zero(), std::move(last.by), std::move(last.when)});
    return {};
  }

  Result<void> check_fixed(const ObjectName& name, std::size_t index, const Json& object) {
    for (const Fixed& fixed : recipe_.fixed) {
      const Json wanted = filled(fixed, values_, index);
      for (const Spot& spot : follow(bound(fixed.path, values_, index), root(object)))
        if (spot.value == nullptr || *spot.value != wanted)
          return fail(Code::conflict, "{} {} is not {}", title(name), pointer(spot.at),
                      boost::json::serialize(wanted));
    }
    return {};
  }

  const RouterRecipe::Recipe& recipe_;
  const Values& values_;
  WeightRead out_;
  std::vector<std::string> missing_;  // what should be there
};

}  // namespace

Result<WeightRead> RouterRecipe::weight(const Parameters& with,
                                        const std::vector<Seen>& seen) const {
  TRY_VOID(check(with));
  const Values values = values_of(recipe_->parameters, with);
  const std::vector<ObjectName> names = recipe_->names(values, recipe_->object);
  WeightReader reader(*recipe_, values);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (const Json* object = find_object(seen, names[i]))
      TRY_VOID(reader.read(names[i], i, *object));
    else
      reader.not_there(names[i]);
  }
  return reader.take();
}

}  // namespace linnet::recipes
