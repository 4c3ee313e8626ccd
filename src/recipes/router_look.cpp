// The splits in an object, and the two numbers of each.
#include <fmt/format.h>

#include <algorithm>
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
  // A parameter that tells the two apart was not given: one number cannot be both weights.
  const bool same = std::any_of(place.canary.begin(), place.canary.end(), [&](const Spot& canary) {
    return std::any_of(place.stable.begin(), place.stable.end(),
                       [&](const Spot& stable) { return stable.at == canary.at; });
  });
  if (same) return false;
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

}  // namespace linnet::recipes
