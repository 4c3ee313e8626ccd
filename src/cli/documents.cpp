#include "cli/documents.h"

#include <boost/json.hpp>

#include "cli/exit_code.h"

namespace linnet::cli {
namespace {

namespace json = boost::json;

std::int64_t whole(const json::value& value) {
  const std::int64_t* number = value.if_int64();
  return number == nullptr ? 0 : *number;
}

// A view of an object that answers defaults for what is missing or of another kind.
class Reader {
 public:
  explicit Reader(json::value&&) = delete;  // it only looks
  explicit Reader(const json::value& value) : object_(value.if_object()) {}

  [[nodiscard]] const json::value* find(std::string_view key) const {
    return object_ == nullptr ? nullptr
                              : object_->if_contains(json::string_view(key.data(), key.size()));
  }
  [[nodiscard]] std::string text(std::string_view key) const {
    const json::value* value = find(key);
    if (value == nullptr || !value->is_string()) return {};
    const json::string& string = value->get_string();
    return {string.data(), string.size()};
  }
  [[nodiscard]] std::optional<double> maybe_number(std::string_view key) const {
    const json::value* value = find(key);
    if (value == nullptr || !value->is_number()) return std::nullopt;
    return value->to_number<double>();
  }
  [[nodiscard]] double number(std::string_view key) const { return maybe_number(key).value_or(0); }
  [[nodiscard]] std::int64_t integer(std::string_view key) const {
    const json::value* value = find(key);
    return value == nullptr ? 0 : whole(*value);
  }
  [[nodiscard]] bool flag(std::string_view key) const {
    const json::value* value = find(key);
    return value != nullptr && value->is_bool() && value->get_bool();
  }
  [[nodiscard]] Reader inner(std::string_view key) const {
    static const json::value nothing;
    const json::value* value = find(key);
    return Reader(value == nullptr ? nothing : *value);
  }
  [[nodiscard]] const json::array& list(std::string_view key) const {
    static const json::array nothing;
    const json::value* value = find(key);
    return value == nullptr || !value->is_array() ? nothing : value->get_array();
  }

 private:
  const json::object* object_;
};

Result<json::value> parse(std::string_view text, std::string_view what) {
  json::error_code trouble;
  json::value value = json::parse(json::string_view(text.data(), text.size()), trouble);
  if (trouble)
    return fail(Code::internal, "reading the daemon's {}: it is not JSON ({})", what,
                trouble.message());
  return value;
}

Result<json::value> parse_object(std::string_view text, std::string_view what) {
  TRY(value, parse(text, what));
  if (!value.is_object())
    return fail(Code::internal,
                "reading the daemon's {}: it is no JSON object; is the daemon of another version?",
                what);
  return std::move(value);
}

Result<json::value> parse_list(std::string_view text, std::string_view what) {
  TRY(value, parse(text, what));
  if (!value.is_array())
    return fail(Code::internal,
                "reading the daemon's {}: it is no JSON list; is the daemon of another version?",
                what);
  return std::move(value);
}

ReplicasDocument replicas(const Reader& from) {
  ReplicasDocument out;
  out.wanted = static_cast<int>(from.integer("wanted"));
  if (from.maybe_number("ready")) out.ready = static_cast<int>(from.integer("ready"));
  return out;
}

CheckDocument check(const Reader& from) {
  CheckDocument out;
  out.name = from.text("name");
  out.verdict = from.text("verdict");
  out.value = from.maybe_number("value");
  out.limit = from.maybe_number("limit");
  out.unit = from.text("unit");
  out.requests = from.integer("requests");
  out.bad = from.integer("bad");
  out.log_evidence = from.maybe_number("log_evidence");
  out.text = from.text("text");
  return out;
}

StatusDocument status(const json::value& value) {
  const Reader from(value);
  StatusDocument out;
  out.release = from.text("release");
  out.phase = from.text("phase");
  out.ready = from.find("ready") == nullptr || from.flag("ready");
  out.step = static_cast<int>(from.integer("step"));
  out.steps = static_cast<int>(from.integer("steps"));
  out.step_hold = Duration(from.integer("step_hold_ms"));
  out.step_held = Duration(from.integer("step_held_ms"));
  out.weight_wanted = from.number("weight_wanted");
  out.weight_in_force = from.number("weight_in_force");
  out.stable_version = from.inner("versions").text("stable");
  out.canary_version = from.inner("versions").text("canary");
  out.stable = replicas(from.inner("replicas").inner("stable"));
  out.canary = replicas(from.inner("replicas").inner("canary"));
  for (const json::value& each : from.list("checks")) out.checks.push_back(check(Reader(each)));
  out.reason = from.text("reason");
  out.cause = from.inner("cause").text("kind");
  out.cause_text = from.inner("cause").text("text");
  out.since = from.text("since");
  out.drives = from.flag("drives");
  if (const Reader abandoned = from.inner("abandoned"); !abandoned.text("text").empty())
    out.abandoned = fmt::format("{}: {}", abandoned.text("text"), abandoned.text("next"));
  for (const json::value& each : from.list("other_hands")) {
    const Reader hand(each);
    out.other_hands.push_back(
        {hand.text("what"), hand.text("by"), hand.text("at"), hand.text("text")});
  }
  if (const Reader placebo = from.inner("placebo"); placebo.flag("broken"))
    out.warning = placebo.text("text");
  const json::value* rollout = from.find("rollout");
  if (rollout != nullptr && rollout->is_object()) {
    const Reader run(*rollout);
    out.rollout = RolloutDocument{run.text("id"), run.text("by"), run.text("started"),
                                  run.text("from"), run.text("to")};
  }
  return out;
}

TrackCounts track_counts(const Reader& from) {
  TrackCounts out;
  out.requests = from.integer("requests");
  out.bad = from.integer("bad");
  for (const json::value& each : from.list("latency")) out.latency.push_back(whole(each));
  return out;
}

ObjectChange change(const json::value& value) {
  const Reader from(value);
  ObjectChange out{from.text("kind"), from.text("name"), from.text("change"), {}};
  for (const json::value& each : from.list("fields")) {
    FieldChange& field = out.fields.emplace_back();
    field.path = Reader(each).text("path");
    for (const json::value& one : Reader(each).list("values")) {
      std::optional<std::string> text;
      if (one.is_string())
        text = one.get_string();
      else if (!one.is_null())
        text = json::serialize(one);
      field.values.push_back(std::move(text));
    }
  }
  return out;
}

}  // namespace

bool StatusDocument::ended() const {
  return phase == "succeeded" || phase == "rolled_back" || phase == "failed";
}

bool StatusDocument::any_check(std::string_view verdict) const {
  for (const CheckDocument& each : checks)
    if (each.verdict == verdict) return true;
  return false;
}

Result<StatusDocument> read_status(std::string_view text) {
  TRY(value, parse_object(text, "status"));
  return status(value);
}

Result<std::vector<StatusDocument>> read_statuses(std::string_view text) {
  TRY(value, parse_list(text, "list of releases"));
  std::vector<StatusDocument> out;
  for (const json::value& each : value.get_array()) out.push_back(status(each));
  return out;
}

Result<JournalDocument> read_journal(std::string_view text) {
  TRY(value, parse_object(text, "journal"));
  const Reader from(value);
  JournalDocument out;
  out.next = from.integer("next");
  for (const json::value& each : from.list("entries")) {
    const Reader entry(each);
    out.entries.push_back(
        {entry.integer("seq"), entry.text("at"), entry.text("kind"), entry.text("text")});
  }
  return out;
}

Result<IntentDocument> read_intent(std::string_view text) {
  TRY(value, parse_object(text, "answer to an intent"));
  const Reader from(value);
  return IntentDocument{from.integer("intent"), from.text("state"), from.text("code"),
                        from.text("text"), from.text("rollout")};
}

Result<CountsDocument> read_counts(std::string_view text) {
  TRY(value, parse_object(text, "counts"));
  const Reader from(value);
  CountsDocument out;
  for (const json::value& each : from.list("boundaries_ms"))
    out.boundaries_ms.push_back(each.is_number() ? each.to_number<double>() : 0);
  out.stable = track_counts(from.inner("stable"));
  out.canary = track_counts(from.inner("canary"));
  out.lost = from.integer("lost");
  out.at_ms = from.integer("at_ms");
  return out;
}

Result<std::vector<InstanceDocument>> read_instances(std::string_view text) {
  TRY(value, parse_list(text, "list of instances"));
  std::vector<InstanceDocument> out;
  for (const json::value& each : value.get_array()) {
    const Reader from(each);
    out.push_back({from.text("id"), from.text("track"), from.text("version"), from.text("state"),
                   from.text("log")});
  }
  return out;
}

Result<LogsDocument> read_logs(std::string_view text) {
  TRY(value, parse_object(text, "log lines"));
  const Reader from(value);
  LogsDocument out{{}, from.integer("next"), from.integer("lost"), from.text("trouble")};
  for (const json::value& each : from.list("lines"))
    out.lines.push_back({Reader(each).text("instance"), Reader(each).text("line")});
  return out;
}

Result<std::vector<FindingDocument>> read_findings(std::string_view text) {
  TRY(value, parse_list(text, "findings"));
  std::vector<FindingDocument> out;
  for (const json::value& each : value.get_array()) {
    const Reader from(each);
    out.push_back({from.text("check"), from.flag("ok"), from.text("cause"), from.text("remedy")});
  }
  return out;
}

Result<std::vector<HistoryDocument>> read_history(std::string_view text) {
  TRY(value, parse_list(text, "history"));
  std::vector<HistoryDocument> out;
  for (const json::value& each : value.get_array()) {
    const Reader from(each);
    const Reader cause = from.inner("cause");
    out.push_back({from.text("id"), from.text("from"), from.text("to"), from.text("by"),
                   from.text("started"), from.text("ended"), from.text("outcome"),
                   cause.text("kind"), cause.text("text")});
  }
  return out;
}

Result<PlanDocument> read_plan(std::string_view text) {
  TRY(value, parse_object(text, "plan"));
  PlanDocument out;
  for (const json::value& each : Reader(value).list("steps")) {
    const Reader from(each);
    out.steps.push_back({from.text("what"), from.text("needs")});
  }
  for (const json::value& each : Reader(value).list("changes")) out.changes.push_back(change(each));
  out.unknown = Reader(value).text("unknown");
  return out;
}

std::string read_text(std::string_view text, std::string_view key) {
  auto value = parse(text, "answer");
  return value ? Reader(*value).text(key) : std::string();
}

Error read_error(int http_status, std::string_view text) {
  auto value = parse(text, "answer");
  const json::value document = value ? std::move(*value) : json::value();
  const Reader top(document);
  const Reader error = top.inner("error");
  Error out{Code::internal, error.text("message")};
  out.code = code_named(error.text("code"));
  if (out.message.empty()) out.message = fmt::format("the daemon answered {}", http_status);
  const json::array& mistakes =
      top.list("mistakes").empty() ? error.list("mistakes") : top.list("mistakes");
  for (const json::value& each : mistakes) {
    const Reader from(each);
    out.message += fmt::format("\n{}:{}: {}: {}", from.text("file"), from.integer("line"),
                               from.text("key"), from.text("message"));
    out.code = Code::invalid;
  }
  return out;
}

std::string wish_json(const Wish& wish) {
  json::object out;
  out["kind"] = wish.kind;
  const auto text = [&out](const char* key, const std::string& value) {
    if (!value.empty()) out[key] = value;
  };
  const auto flag = [&out](const char* key, bool value) {
    if (value) out[key] = true;
  };
  text("version", wish.version);
  text("weight", wish.weight);
  flag("promote", wish.promote);
  flag("supersede", wish.supersede);
  flag("hold", wish.hold);
  flag("skip_steps", wish.skip_steps);
  flag("force", wish.force);
  text("why", wish.why);
  text("by", wish.by);
  return json::serialize(out);
}

std::string spec_json(std::string_view yaml, std::string_view file) {
  json::object out;
  out["spec"] = json::string_view(yaml.data(), yaml.size());
  out["file"] = json::string_view(file.data(), file.size());
  return json::serialize(out);
}

std::string log_line_json(std::string_view instance, std::string_view line) {
  json::object out;
  out["instance"] = json::string_view(instance.data(), instance.size());
  out["line"] = json::string_view(line.data(), line.size());
  return json::serialize(out);
}

std::string error_json(std::string_view code, std::string_view message) {
  json::object error;
  error["code"] = json::string_view(code.data(), code.size());
  error["message"] = json::string_view(message.data(), message.size());
  json::object out;
  out["error"] = std::move(error);
  return json::serialize(out);
}

std::string quoted_json(std::string_view text) {
  return json::serialize(json::value(json::string_view(text.data(), text.size())));
}

}  // namespace linnet::cli
