#include "recipes/path.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <charconv>

#include "spec/formats.h"

namespace linnet::recipes {
namespace {

using Parts = std::vector<std::string>;

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> out;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find(at, begin);
    out.emplace_back(text.substr(begin, end == std::string_view::npos ? end : end - begin));
    if (end == std::string_view::npos) return out;
    begin = end + 1;
  }
}

// The inside of [...].
Result<Segment> parse_bracket(std::string_view inside) {
  Segment segment;
  if (inside == "*") {
    segment.kind = Segment::Kind::every;
    return segment;
  }
  if (inside.size() > 2 && inside.front() == '"' && inside.back() == '"') {
    inside = inside.substr(1, inside.size() - 2);
    const bool prefix = inside.ends_with('*');
    segment.kind = prefix ? Segment::Kind::prefix : Segment::Kind::member;
    segment.name = prefix ? inside.substr(0, inside.size() - 1) : inside;
    return segment;
  }
  segment.kind = Segment::Kind::where;
  for (const std::string& part : split(inside, ',')) {
    const std::size_t equals = part.find('=');
    const bool plain = part.find_first_of("[]\" \t") >= equals;  // a bracket too many
    if (equals == std::string::npos || equals == 0 || equals + 1 == part.size() || !plain)
      return fail(Code::invalid, "{} must be [*], [\"key\"] or [key=value]",
                  spec::shown(fmt::format("[{}]", inside)));
    segment.conditions.push_back({split(part.substr(0, equals), '.'), {part.substr(equals + 1)}});
  }
  return segment;
}

// Brackets hold quoted keys, and these may hold brackets.
std::size_t bracket_end(std::string_view text, std::size_t open) {
  bool quoted = false;
  for (std::size_t at = open + 1; at < text.size(); ++at) {
    if (text[at] == '"') quoted = !quoted;
    if (text[at] == ']' && !quoted) return at;
  }
  return std::string_view::npos;
}

// "1" as the place in a list of this size.
bool list_index(const std::string& part, std::size_t size, std::size_t& index) {
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
  return error == std::errc() && end == part.data() + part.size() && index < size;
}

const Json* child(const Json& in, const std::string& part) {
  std::size_t index = 0;
  if (const auto* object = in.if_object()) return object->if_contains(part);
  if (const auto* list = in.if_array(); list && list_index(part, list->size(), index))
    return &(*list)[index];
  return nullptr;
}

Spot step(const Spot& from, const std::string& part, const Json* value) {
  Spot to = from;
  to.at.push_back(part);
  to.value = value;
  return to;
}

// Notes what was asked, so that a patch can ask it again.
bool meets(Spot& spot, const std::vector<Condition>& conditions) {
  for (const Condition& condition : conditions) {
    const Json* found = spot.value == nullptr ? nullptr : look(*spot.value, condition.key);
    const auto* text = found == nullptr ? nullptr : found->if_string();
    if (text == nullptr || std::find(condition.one_of.begin(), condition.one_of.end(),
                                     std::string_view(*text)) == condition.one_of.end())
      return false;
    Parts at = spot.at;
    at.insert(at.end(), condition.key.begin(), condition.key.end());
    spot.passed.emplace_back(std::move(at), *found);
  }
  return true;
}

void visit_elements(const Segment& segment, const Spot& from, std::vector<Spot>& out) {
  if (from.value == nullptr) return;
  const auto* list = from.value->if_array();
  if (list == nullptr) {
    Spot same = from;
    if (segment.kind == Segment::Kind::where && from.value->is_object() &&
        meets(same, segment.conditions))
      out.push_back(std::move(same));
    return;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    Spot element = step(from, std::to_string(i), &(*list)[i]);
    if (meets(element, segment.conditions)) out.push_back(std::move(element));
  }
}

void visit_prefix(const Segment& segment, const Spot& from, std::vector<Spot>& out) {
  const auto* object = from.value == nullptr ? nullptr : from.value->if_object();
  if (object == nullptr) return;
  for (const auto& entry : *object)
    if (std::string_view(entry.key()).starts_with(segment.name))
      out.push_back(step(from, std::string(entry.key()), &entry.value()));
}

void visit_json(const Spot& from, std::vector<Spot>& out) {
  const auto* text = from.value == nullptr ? nullptr : from.value->if_string();
  if (text == nullptr) return;
  boost::json::error_code error;
  auto inside = std::make_shared<const Json>(boost::json::parse(std::string_view(*text), error));
  if (error) return;
  Spot to = from;
  to.json_at = from.at.size();
  to.value = inside.get();
  to.inside = std::move(inside);
  out.push_back(std::move(to));
}

template <class Visit>
void each_text(const Path& path, Visit visit) {
  for (const Segment& segment : path) {
    visit(segment.name);
    for (const Condition& condition : segment.conditions)
      for (const std::string& value : condition.one_of) visit(value);
  }
}

}  // namespace

Result<Path> parse_path(std::string_view text) {
  Path path;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    Segment segment;
    if (text[at] == '[') {
      const std::size_t end = bracket_end(text, at);
      if (end == std::string_view::npos || path.empty())
        return fail(Code::invalid, "character {}: '[' {}", at + 1,
                    path.empty() ? "needs a name before it" : "without ']'");
      TRY(bracket, parse_bracket(text.substr(at + 1, end - at - 1)));
      segment = std::move(bracket);
      at = end + 1;
    } else {
      if (!path.empty() && text[at] != '.')
        return fail(Code::invalid, "character {}: '.' or '[' must stand here", at + 1);
      if (!path.empty()) ++at;
      const std::size_t end = std::min(text.find_first_of(".[", at), text.size());
      segment.name = text.substr(at, end - at);
      if (segment.name == "(json)") segment.kind = Segment::Kind::json;
      if (segment.kind == Segment::Kind::member && segment.name.empty())
        return fail(Code::invalid, "character {}: a name is missing", at + 1);
      at = end;
    }
    // The patch of a text inside a text would have to be made from within.
    if (segment.kind == Segment::Kind::json &&
        std::any_of(path.begin(), path.end(),
                    [](const Segment& one) { return one.kind == Segment::Kind::json; }))
      return fail(Code::invalid, "character {}: (json) can stand once", begin + 1);
    segment.text = text.substr(begin, at - begin);
    path.push_back(std::move(segment));
  }
  if (path.empty()) return fail(Code::invalid, "a path like spec.weight must stand here");
  return path;
}

Path bound(const Path& path, const Values& values, std::size_t index) {
  Path out = path;
  for (Segment& segment : out) {
    segment.name = fill(segment.name, values, index);
    std::vector<Condition> kept;
    for (Condition& condition : segment.conditions) {
      const std::string& text = condition.one_of.front();
      const std::vector<std::string> names = placeholders(text);
      const bool whole = names.size() == 1 && text == "{{" + names[0] + "}}";
      if (whole && !values.contains(names[0])) continue;
      if (whole)
        condition.one_of = values.at(names[0]);
      else
        condition.one_of = {fill(text, values, index)};
      kept.push_back(std::move(condition));
    }
    segment.conditions = std::move(kept);
  }
  return out;
}

Spot root(const Json& object) {
  Spot spot;
  spot.value = &object;
  return spot;
}

std::vector<Spot> follow(const Path& path, const Spot& from) {
  std::vector<Spot> spots{from};
  for (const Segment& segment : path) {
    std::vector<Spot> next;
    for (const Spot& spot : spots) {
      switch (segment.kind) {
        case Segment::Kind::member:
          next.push_back(step(spot, segment.name,
                              spot.value == nullptr ? nullptr : child(*spot.value, segment.name)));
          break;
        case Segment::Kind::prefix: visit_prefix(segment, spot, next); break;
        case Segment::Kind::every:
        case Segment::Kind::where: visit_elements(segment, spot, next); break;
        case Segment::Kind::json: visit_json(spot, next); break;
      }
    }
    spots = std::move(next);
  }
  return spots;
}

std::vector<std::string> placeholders(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t at = text.find("{{"); at != std::string_view::npos; at = text.find("{{", at)) {
    const std::size_t end = text.find("}}", at);
    if (end == std::string_view::npos) break;
    names.emplace_back(text.substr(at + 2, end - at - 2));
    at = end + 2;
  }
  return names;
}

std::vector<std::string> placeholders(const Path& path) {
  std::vector<std::string> names;
  each_text(path, [&](const std::string& text) {
    for (std::string& name : placeholders(text)) names.push_back(std::move(name));
  });
  return names;
}

std::string fill(std::string_view text, const Values& values, std::size_t index) {
  std::string out;
  while (true) {
    const std::size_t at = text.find("{{");
    const std::size_t end = at == std::string_view::npos ? at : text.find("}}", at);
    if (end == std::string_view::npos) return out.append(text);
    out.append(text.substr(0, at));
    const auto found = values.find(std::string(text.substr(at + 2, end - at - 2)));
    if (found != values.end() && !found->second.empty())
      out += found->second[found->second.size() == 1 ? 0 : index % found->second.size()];
    else if (found == values.end())
      out.append(text.substr(at, end + 2 - at));
    text = text.substr(end + 2);
  }
}

std::string pointer(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) {
    out += '/';
    for (const char c : part) {
      if (c == '~' || c == '/')
        out += c == '~' ? "~0" : "~1";
      else
        out += c;
    }
  }
  return out;
}

const Json* look(const Json& in, const std::vector<std::string>& parts) {
  const Json* at = &in;
  for (const std::string& part : parts) {
    at = child(*at, part);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string text_at(const Json& in, std::initializer_list<std::string_view> parts) {
  const Json* found = look(in, parts);
  const auto* text = found == nullptr ? nullptr : found->if_string();
  return text == nullptr ? std::string() : std::string(*text);
}

}  // namespace linnet::recipes
