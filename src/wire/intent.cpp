// The body of POST intents: a person or a script wrote it, so it is read strictly and every mistake
// is told with what to write instead.
#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "wire/json.h"

namespace linnet::wire {
namespace {

namespace js = boost::json;
using Kind = core::Intent::Kind;

constexpr std::size_t max_body_bytes = 16u << 10;
constexpr std::size_t max_by = 256;
constexpr std::size_t max_why = 2000;

constexpr std::array<std::string_view, 10> keys{"kind",      "version", "weight",     "promote",
                                                "supersede", "hold",    "skip_steps", "force",
                                                "why",       "by"};
constexpr std::array kinds{Kind::init,  Kind::deploy, Kind::traffic, Kind::promote,  Kind::rollback,
                           Kind::pause, Kind::resume, Kind::cleanup, Kind::interrupt};

/// A switch of the body, and the kinds to which it means something.
struct Switch {
  std::string_view key;
  bool core::Intent::*field;
  std::array<Kind, 2> kinds;
};
constexpr std::array<Switch, 5> switches{{
    {"promote", &core::Intent::promote, {Kind::deploy, Kind::deploy}},
    {"supersede", &core::Intent::supersede, {Kind::deploy, Kind::deploy}},
    {"hold", &core::Intent::hold, {Kind::deploy, Kind::interrupt}},
    {"skip_steps", &core::Intent::skip_steps, {Kind::promote, Kind::promote}},
    {"force", &core::Intent::force, {Kind::deploy, Kind::deploy}},
}};

Result<Kind> read_kind(const js::object& body) {
  std::array<std::string_view, kinds.size()> names;
  std::transform(kinds.begin(), kinds.end(), names.begin(), core::intent_name);
  const js::value* kind = body.if_contains("kind");
  if (kind == nullptr || !kind->is_string())
    return fail(Code::invalid, "\"kind\" is missing; one of {}", fmt::join(names, " "));
  const std::string_view word = kind->get_string();
  for (Kind known : kinds)
    if (core::intent_name(known) == word) return known;
  const std::string_view near = nearest_word(word, names);
  if (!near.empty())
    return fail(Code::invalid, "kind '{:.64}' is not known; did you mean '{}'?", word, near);
  return fail(Code::invalid, "kind '{:.64}' is not known; one of {}", word, fmt::join(names, " "));
}

Result<void> check_keys(const js::object& body) {
  for (const auto& field : body) {
    const std::string_view key = field.key();
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    const std::string_view near = nearest_word(key, keys);
    if (!near.empty())
      return fail(Code::invalid, "unknown key '{:.64}'; did you mean '{}'?", key, near);
    return fail(Code::invalid, "unknown key '{:.64}'; known are {}", key, fmt::join(keys, " "));
  }
  return {};
}

/// Control characters would reach terminals and logs.
Result<std::string> read_words(const js::object& body, std::string_view key, std::size_t most) {
  const js::value* field = body.if_contains(key);
  if (field == nullptr) return std::string();
  if (!field->is_string()) return fail(Code::invalid, "'{}' is not a string", key);
  std::string words(field->get_string());
  if (words.size() > most)
    return fail(Code::invalid, "'{}' has {} bytes; at most {}", key, words.size(), most);
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  if (std::any_of(words.begin(), words.end(), is_control))
    return fail(Code::invalid, "'{}' has a control character in it", key);
  return words;
}

Result<void> read_version(const js::object& body, core::Intent& intent) {
  const js::value* version = body.if_contains("version");
  const std::string_view kind = core::intent_name(intent.kind);
  if (version == nullptr) {
    if (intent.kind != Kind::deploy) return {};
    return fail(Code::invalid, "deploy needs a \"version\"");
  }
  constexpr std::array with_version{Kind::init, Kind::deploy, Kind::interrupt};
  if (std::find(with_version.begin(), with_version.end(), intent.kind) == with_version.end())
    return fail(Code::invalid, "'version' means nothing to {}", kind);
  if (!version->is_string()) return fail(Code::invalid, "'version' is not a string");
  intent.version = version->get_string().c_str();
  if (intent.version.size() != version->get_string().size())
    return fail(Code::invalid, "'version' has a NUL character in it");
  return core::check_version(intent.version);
}

Result<void> read_weight(const js::object& body, core::Intent& intent) {
  const js::value* weight = body.if_contains("weight");
  if (weight == nullptr) {
    if (intent.kind != Kind::traffic) return {};
    return fail(Code::invalid, "traffic needs a \"weight\" such as \"25%\"");
  }
  if (intent.kind != Kind::traffic)
    return fail(Code::invalid, "'weight' means nothing to {}", core::intent_name(intent.kind));
  if (!weight->is_string()) return fail(Code::invalid, "'weight' is not a string such as \"25%\"");
  const std::string_view written = weight->get_string();
  if (written.size() > 32) return fail(Code::invalid, "'weight' is not like \"25%\"");
  TRY(percent, Percent::parse(written));
  if (!percent.is_tenth_step())
    return fail(Code::invalid, "weight '{}' is finer than 0.1 %, the finest step there is",
                written);
  intent.weight = percent;
  return {};
}

Result<void> read_switches(const js::object& body, core::Intent& intent) {
  for (const Switch& known : switches) {
    const js::value* field = body.if_contains(known.key);
    if (field == nullptr) continue;
    if (!field->is_bool()) return fail(Code::invalid, "'{}' is not true or false", known.key);
    const bool fits =
        std::find(known.kinds.begin(), known.kinds.end(), intent.kind) != known.kinds.end();
    if (field->get_bool() && !fits)
      return fail(Code::invalid, "'{}' means nothing to {}", known.key,
                  core::intent_name(intent.kind));
    intent.*known.field = field->get_bool();
  }
  return {};
}

Result<core::Intent> read(const js::object& body) {
  TRY_VOID(check_keys(body));
  core::Intent intent;
  TRY(kind, read_kind(body));
  intent.kind = kind;
  TRY_VOID(read_version(body, intent));
  TRY_VOID(read_weight(body, intent));
  TRY_VOID(read_switches(body, intent));
  TRY(by, read_words(body, "by", max_by));
  intent.by = by;
  TRY(why, read_words(body, "why", max_why));
  intent.why = why;
  return intent;
}

}  // namespace

Result<core::Intent> read_intent(std::string_view body) {
  auto json = parse(body, max_body_bytes);
  if (!json) return fail(std::move(json).error().while_doing("reading the intent"));
  if (!json->is_object())
    return fail(Code::invalid, "reading the intent: not an object like {{\"kind\": \"promote\"}}");
  auto intent = read(json->get_object());
  if (!intent) return fail(std::move(intent).error().while_doing("reading the intent"));
  return intent;
}

std::string intent_body(const core::Intent& intent) {
  js::object body{{"kind", core::intent_name(intent.kind)}};
  if (!intent.version.empty()) body["version"] = intent.version;
  if (intent.kind == Kind::traffic) body["weight"] = fmt::format("{}", intent.weight.text());
  for (const Switch& known : switches)
    if (intent.*known.field) body[known.key] = true;
  if (!intent.why.empty()) body["why"] = intent.why;
  if (!intent.by.empty()) body["by"] = intent.by;
  return text(body);
}

}  // namespace linnet::wire
