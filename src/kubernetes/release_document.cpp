#include "kubernetes/release_document.h"

#include <algorithm>
#include <boost/json.hpp>

#include "kubernetes/objects.h"

namespace linnet::kubernetes {
namespace {

namespace js = boost::json;

constexpr std::int64_t format = 1;
constexpr std::string_view meta_key = "linnet";
constexpr std::string_view router_key = "router-recipe";
constexpr std::string_view metric_key = "metrics-recipe";

/// Lines of one JSON text each: what kubectl shows is one item a line.
template <class Item, class Text>
std::string lines_of(const std::vector<Item>& items, Text text) {
  std::string out;
  for (const Item& item : items) out += text(item) + "\n";
  return out;
}

template <class Item, class Read>
Result<std::vector<Item>> items_of(std::string_view lines, Read read) {
  std::vector<Item> out;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    if (line.empty()) continue;
    TRY(item, read(line));
    out.push_back(std::move(item));
  }
  return out;
}

std::string line_text(const wire::JournalLine& line) {
  return wire::text(wire::line_document(line));
}

Result<wire::JournalLine> line_of(std::string_view text) {
  TRY(json, parse_json(text));
  return wire::read_line(json);
}

/// Drops the oldest until number and bytes are within bounds; the newest stays.
template <class Item, class Text>
void cut(std::vector<Item>& items, std::size_t most, std::size_t most_bytes, Text text) {
  std::size_t bytes = 0;
  std::size_t keep = 0;
  while (keep < items.size() && keep < most) {
    bytes += text(items[items.size() - 1 - keep]).size() + 1;
    if (bytes > most_bytes && keep > 0) break;
    ++keep;
  }
  items.erase(items.begin(), items.end() - static_cast<std::ptrdiff_t>(keep));
}

std::int64_t number_at(const Json& json, std::string_view key) {
  const Json* found = find_at(json, {key});
  return found != nullptr && found->is_int64() ? found->get_int64() : -1;
}

Error refused(const Json& object, const std::string& release, const std::string& why) {
  const std::string name_space = text_at(object, {"metadata", "namespace"});
  return {Code::invalid, fmt::format("ConfigMap {}{}{}: {}; it is left as it is", name_space,
                                     name_space.empty() ? "" : "/", config_map_name(release), why)};
}

Result<void> read_meta(const Json& object, const Json& data, ReleaseDocument& out) {
  const std::string& release = out.release;
  const std::string text = text_at(data, {meta_key});
  if (text.empty())
    return fail(refused(object, release,
                        "linnet has not written this; rename or delete it, since linnet keeps "
                        "the release's state in a ConfigMap of this name"));
  const Result<Json> meta = parse_json(text);
  if (!meta || !meta->is_object() || number_at(*meta, "format") < 1)
    return fail(refused(object, release, "its key 'linnet' is damaged"));
  if (number_at(*meta, "format") > format)
    return fail(refused(object, release, "a newer linnet has written it; use that one"));
  if (const std::string of = text_at(*meta, {"release"}); of != release)
    return fail(refused(object, release, fmt::format("it is of release '{:.64}'", of)));
  out.revision = number_at(*meta, "revision");
  out.writes = number_at(*meta, "writes");
  out.last_intent = number_at(*meta, "last_intent");
  out.last_line = number_at(*meta, "last_line");
  if (const Json* marks = find_at(*meta, {"marks"}); marks != nullptr && marks->is_array())
    for (const Json& mark : marks->get_array())
      if (mark.is_string()) out.marks.emplace_back(mark.get_string());
  if (out.revision < 0 || out.writes < 0 || out.last_intent < 0 || out.last_line < 0)
    return fail(refused(object, release, "its key 'linnet' lacks a number"));
  return {};
}

Result<void> read_data(const Json& data, ReleaseDocument& out) {
  if (const std::string status = text_at(data, {"status"}); !status.empty()) {
    TRY(read, wire::load_status(status));
    out.status = std::move(read);
  } else if (out.revision > 0) {
    return fail(Code::invalid, "its key 'status' is missing");
  }
  out.spec = text_at(data, {"spec"});
  out.own = {text_at(data, {router_key}), text_at(data, {metric_key})};
  TRY(intents, items_of<core::Intent>(text_at(data, {"intents"}), wire::load_intent));
  TRY(answers, items_of<core::Answer>(text_at(data, {"answers"}), wire::load_answer));
  TRY(journal, items_of<wire::JournalLine>(text_at(data, {"journal"}), line_of));
  TRY(history, items_of<core::RolloutRecord>(text_at(data, {"history"}), wire::load_record));
  out.intents = std::move(intents);
  out.answers = std::move(answers);
  out.journal = std::move(journal);
  out.history = std::move(history);
  return {};
}

}  // namespace

std::string config_map_name(const std::string& release) { return "linnet-" + release; }

Result<ReleaseDocument> read_document(const Json& config_map, const std::string& release) {
  ReleaseDocument out;
  out.release = release;
  const Json* data = find_at(config_map, {"data"});
  const Json* binary = find_at(config_map, {"binaryData"});
  const auto is_empty = [](const Json* map) {
    return map == nullptr || !map->is_object() || map->get_object().empty();
  };
  if (is_empty(data) && is_empty(binary)) return out;
  TRY_VOID(read_meta(config_map, data == nullptr ? Json() : *data, out));
  if (auto read = read_data(*data, out); !read)
    return fail(refused(config_map, release, read.error().message));
  return out;
}

Result<Json> write_document(ReleaseDocument& document, const Json& before,
                            const std::string& name_space, const Kept& kept) {
  for (wire::JournalLine& line : document.journal)
    if (line.entry.text.size() > kept.longest_line)
      // With its dots it fits, so that it is not cut again at each write.
      line.entry.text = shortened(std::move(line.entry.text), kept.longest_line - 3);
  cut(document.journal, kept.lines, kept.line_bytes, line_text);
  cut(document.answers, kept.answers, kept.answer_bytes, wire::save_answer);
  cut(document.marks, kept.marks, 1024, [](const std::string& mark) { return mark; });
  cut(document.history, kept.rollouts, kept.rollout_bytes, wire::save_record);

  Json out = before;
  if (!out.is_object()) {
    const js::object labels{{"app.kubernetes.io/managed-by", "linnet"},
                            {"linnet.dev/release", document.release}};
    out = js::object{{"apiVersion", "v1"},
                     {"kind", "ConfigMap"},
                     {"metadata",
                      {{"name", config_map_name(document.release)},
                       {"namespace", name_space},
                       {"labels", labels}}}};
  }
  js::object& object = out.get_object();
  if (!object["data"].is_object()) object["data"] = js::object();
  js::object& data = object["data"].get_object();
  js::array marks;
  for (const std::string& mark : document.marks) marks.push_back(js::string(mark));
  data[meta_key] = wire::text(js::object{{"format", format},
                                         {"release", document.release},
                                         {"revision", document.revision},
                                         {"writes", document.writes},
                                         {"marks", std::move(marks)},
                                         {"last_intent", document.last_intent},
                                         {"last_line", document.last_line}});
  const std::string status =
      document.revision == 0 ? std::string() : wire::save_status(document.status);
  const std::string intents = lines_of(document.intents, wire::save_intent);
  const std::size_t fixed = status.size() + document.spec.size() + intents.size() +
                            document.own.router.size() + document.own.metric.size();
  if (fixed > kept.bytes)
    return fail(Code::invalid,
                "release '{}': status, spec, recipes and intents have {} bytes, of which a "
                "ConfigMap is to hold {} at most",
                document.release, fixed, kept.bytes);
  const auto set = [&data](std::string_view key, const std::string& value) {
    if (value.empty())
      data.erase(key);
    else
      data[key] = value;
  };
  set("status", status);
  set("spec", document.spec);
  set(router_key, document.own.router);
  set(metric_key, document.own.metric);
  set("intents", intents);
  set("answers", lines_of(document.answers, wire::save_answer));
  set("journal", lines_of(document.journal, line_text));
  set("history", lines_of(document.history, wire::save_record));
  return out;
}

void add_line(ReleaseDocument& document, WallTime at, core::Entry entry) {
  document.journal.push_back({++document.last_line, at, std::move(entry)});
}

Result<void> apply_saving(ReleaseDocument& document, std::int64_t version, const Saving& saving) {
  if (document.revision != version)
    return fail(Code::conflict,
                "saving the status of '{}': it is at version {}, not {}; load it again",
                document.release, document.revision, version);
  document.revision = version + 1;
  document.status = saving.status;
  document.status.last_turn.reset();  // never saved
  document.status.last_saved.reset();
  for (const core::Answer& answer : saving.answers) {
    const auto is_it = [&](const core::Intent& intent) { return intent.id == answer.intent; };
    if (std::erase_if(document.intents, is_it) > 0) document.answers.push_back(answer);
  }
  for (const core::Entry& entry : saving.entries) add_line(document, saving.at, entry);
  if (saving.finished) document.history.push_back(*saving.finished);
  return {};
}

}  // namespace linnet::kubernetes
