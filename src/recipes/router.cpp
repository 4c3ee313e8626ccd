// Reading the weight out of objects.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "recipes/router_recipe.h"
#include "spec/formats.h"

namespace linnet::recipes {
namespace {

constexpr std::int64_t largest_number = 1'000'000'000;

Path part(const Path& path, std::size_t from, std::size_t to = std::string::npos) {
  return {path.begin() + long(from), path.begin() + long(std::min(to, path.size()))};
}

bool read_whole(std::string_view& text, std::int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || out < 0 || out > largest_number) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

// Reads a text by the template `as`.
bool read_text(std::string_view form, std::string_view text, Share& out, bool& has_rest) {
  while (!form.empty()) {
    const std::size_t at = std::min(form.find("{{"), form.size());
    if (text.substr(0, at) != form.substr(0, at)) return false;
    text.remove_prefix(at);
    form.remove_prefix(at);
    if (form.empty()) break;
    const bool rest = form.starts_with("{{rest}}");
    if (!read_whole(text, rest ? out.stable : out.canary)) return false;
    has_rest = has_rest || rest;
    form.remove_prefix(form.find("}}") + 2);
  }
  return text.empty();
}

bool read_number(const Json& value, std::int64_t& out) {
  if (const auto* whole = value.if_int64())
    out = *whole;
  else if (const auto* big = value.if_uint64())
    out = static_cast<std::int64_t>(std::min<std::uint64_t>(*big, INT64_MAX));
  else if (const auto* real = value.if_double();
           real &&
           *real == static_cast<double>(static_cast<std::int64_t>(std::clamp(*real, -1.0, 1e12))))
    out = static_cast<std::int64_t>(*real);
  else
    return false;
  return out >= 0 && out <= largest_number;
}

Error no_number(const Spot& spot) {
  return {Code::conflict, fmt::format("{} holds {}, which is not a weight", pointer(spot.at),
                                      spot.value->is_string()
                                          ? spec::shown(std::string_view(spot.value->get_string()))
                                          : std::string("a value"))};
}

// One side that is a number of its own.
Result<std::int64_t> number_at(const Spot& spot, std::int64_t absent) {
  if (spot.value == nullptr || spot.value->is_null()) return absent;
  std::int64_t out = 0;
  if (!read_number(*spot.value, out)) return fail(no_number(spot));
  return out;
}

Result<std::int64_t> total_of(const WeightForm& form, const Place& place) {
  std::int64_t total = form.totals.front();
  for (const Spot& spot : place.total) {
    const auto* text = spot.value == nullptr ? nullptr : spot.value->if_string();
    std::string_view rest = text == nullptr ? std::string_view() : std::string_view(*text);
    std::int64_t given = 0;
    const bool good = text == nullptr ? spot.value != nullptr && read_number(*spot.value, given)
                                      : read_whole(rest, given) && rest.empty();
    // Routers count a total below their usual one, or none, as the usual one.
    if (good) total = std::max(total, given);
  }
  return total;
}

}  // namespace

std::size_t entry_segment(const Path& path) {
  for (std::size_t i = path.size(); i > 0; --i)
    if (path[i - 1].kind == Segment::Kind::where) return i - 1;
  return path.size();
}

bool Share::is(Percent weight) const {
  return canary + stable > 0 && canary * 1'000'000 == weight.ppm() * (canary + stable);
}

bool is_split(const WeightForm& form, const Place& place) {
  if (form.stable.empty()) return !place.canary.empty();
  return !place.stable.empty() && (form.zero_removes || !place.canary.empty());
}

std::vector<Place> places(const WeightForm& form, const Values& values, std::size_t index,
                          const Json& object) {
  const Path canary = bound(form.canary, values, index);
  const Path stable = bound(form.stable, values, index);
  std::vector<Place> out;
  for (Spot& spot : follow(part(canary, 0, form.common), root(object))) {
    Place place;
    place.canary = follow(part(canary, form.common), spot);
    if (!stable.empty()) place.stable = follow(part(stable, form.common), spot);
    if (!form.total_at.empty())
      place.total = follow(bound(form.total_at, values, index), root(object));
    // Entries beside the canary's that are neither of the two.
    Path every = part(canary, form.common);
    if (const std::size_t entry = entry_segment(every); entry < every.size()) {
      every[entry].conditions.clear();
      for (const Spot& other : follow(every, spot)) {
        const auto same = [&](const Spot& side) { return side.at == other.at; };
        std::int64_t number = form.absent;
        if (std::none_of(place.canary.begin(), place.canary.end(), same) &&
            std::none_of(place.stable.begin(), place.stable.end(), same) &&
            (other.value == nullptr || read_number(*other.value, number)))
          place.others += number;
      }
    }
    place.spot = std::move(spot);
    out.push_back(std::move(place));
  }
  return out;
}

Result<Share> share_of(const WeightForm& form, const Values& values, const Place& place) {
  if (place.canary.size() > 1 || place.stable.size() > 1)
    return fail(Code::conflict, "{} is there twice",
                pointer((place.canary.size() > 1 ? place.canary : place.stable)[1].at));
  Share out;
  bool has_rest = false;
  if (place.canary.empty()) {
    out.canary = 0;
  } else if (form.as.empty()) {
    TRY(canary, number_at(place.canary[0], form.absent));
    out.canary = canary;
  } else if (const Spot& spot = place.canary[0]; spot.value == nullptr) {
    out.canary = form.absent;
  } else {
    const auto* text = spot.value->if_string();
    Values known = values;
    known.erase("weight");
    known.erase("rest");
    if (text == nullptr || !read_text(fill(form.as, known, 0), *text, out, has_rest))
      return fail(no_number(spot));
  }
  if (has_rest) return out;
  if (!form.stable.empty()) {
    TRY(stable, number_at(place.stable[0], form.absent));
    out.stable = stable;
    return out;
  }
  TRY(total, total_of(form, place));
  out.canary = std::min(out.canary, total);
  out.stable = total - out.canary;
  return out;
}

std::string title(const ObjectName& name) { return fmt::format("{} {}", name.kind, name.name); }

const Json* find_object(const std::vector<Seen>& seen, const ObjectName& name) {
  for (const Seen& one : seen)
    if (one.name == name && !one.object.is_null()) return &one.object;
  return nullptr;
}

namespace {

// Who owns the deepest field of `at` that a manager has listed, the latest first.
// (apimachinery meta/v1 FieldsV1: "f:name" for members; lists that are one value end the path.)
bool owns(const Json& fields, const std::vector<std::string>& at) {
  const Json* now = &fields;
  for (const std::string& part : at) {
    const Json* next = look(*now, {"f:" + part});
    if (next == nullptr) return now != &fields && now->is_object() && now->get_object().empty();
    now = next;
  }
  return true;
}

std::string last_writer(const Json& object, const std::vector<std::string>& at) {
  const Json* managers = look(object, {"metadata", "managedFields"});
  if (managers == nullptr || !managers->is_array()) return {};
  std::string by, when;
  for (const Json& entry : managers->get_array()) {
    const Json* fields = look(entry, {"fieldsV1"});
    const std::string time = text_at(entry, {"time"});
    if (fields == nullptr || !owns(*fields, at) || (!by.empty() && time < when)) continue;
    by = text_at(entry, {"manager"});
    when = time;
  }
  return by;
}

// What the object waits for until its weights count, or empty.
std::string waits_for(const Acceptance& form, const Values& values, std::size_t index,
                      const Json& object) {
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
      if (text_at(*condition, {"status"}) != "True") return words(type, *condition);
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

  void not_there(const ObjectName& name) { missing_ = title(name) + " is not there"; }

  Result<void> read(const ObjectName& name, std::size_t index, const Json& object) {
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
      missing_ = fmt::format("{}: nothing in it sends to both stable and canary", title(name));
      return {};
    }
    TRY_VOID(check_fixed(name, index, object));
    marked_ = marked_ || look(object, {"metadata", "annotations", taken_back_mark}) != nullptr;
    if (!out_.accepted) return {};
    const std::string waits = waits_for(recipe_.accepted, values_, index, object);
    out_.accepted = waits.empty();
    if (!waits.empty()) out_.waits_for = fmt::format("{} waits for {}", title(name), waits);
    return {};
  }

  Result<WeightRead> take() {
    if (first_.empty()) return fail(Code::not_found, "{}", missing_);
    if (!missing_.empty() && !out_.weight.is_zero())
      return fail(Code::conflict, "{} carries {}, but {}", first_, out_.weight.text(), missing_);
    out_.taken_back = marked_ && out_.weight.is_zero();
    return std::move(out_);
  }

 private:
  Result<void> read_place(const ObjectName& name, const Place& place, const Json& object) {
    const std::string where = place.spot.at.empty()
                                  ? title(name)
                                  : fmt::format("{} {}", title(name), pointer(place.spot.at));
    auto share = share_of(recipe_.weight, values_, place);
    if (!share) return fail(std::move(share).error().while_doing(title(name)));
    TRY(weight, percent(*share, where));
    if (!first_.empty() && weight != out_.weight)
      return fail(Code::conflict, "{} carries {}, {} {}", first_, out_.weight.text(), where,
                  weight.text());
    if (!first_.empty()) return {};
    first_ = where;
    out_.weight = weight;
    out_.by = last_writer(object, (place.canary.empty() ? place.stable : place.canary)[0].at);
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
  std::string first_;    // the first split found
  std::string missing_;  // what should be there
  bool marked_ = false;
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
