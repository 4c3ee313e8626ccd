// The documents of docs/api.md read back, as a client needs them. Lenient towards keys that a newer
// daemon may add; a key that is missing or of another type is an error with its path.
#include <boost/json.hpp>
#include <boost/mp11.hpp>
#include <cmath>
#include <utility>

#include "wire/described.h"
#include "wire/json.h"

namespace linnet::wire {
namespace {

namespace js = boost::json;

/// Reads fields of one object; after the first failure all further reads are empty, and `failed`
/// says which field it was.
class Fields {
 public:
  Fields(const js::value& json, std::string_view what) : what_(what) {
    if (json.is_object())
      object_ = &json.get_object();
    else
      note("is not an object");
  }

  std::string string(std::string_view key) {
    const js::value* field = find(key);
    if (field == nullptr) return {};
    if (!field->is_string()) return note(key, "is not a string"), std::string();
    return std::string(field->get_string());
  }
  std::int64_t integer(std::string_view key) {
    const js::value* field = find(key);
    if (field == nullptr) return 0;
    if (!field->is_int64()) return note(key, "is not a whole number"), 0;
    return field->get_int64();
  }
  double number(std::string_view key) {
    const js::value* field = find(key);
    return field == nullptr ? 0 : number(*field, key);
  }
  /// null is what text() writes for a number that is not finite.
  double number(const js::value& json, std::string_view key) {
    if (json.is_null()) return std::nan("");
    js::error_code error;
    const double value = json.to_number<double>(error);
    if (error) note(key, "is not a number");
    return error ? 0 : value;
  }
  WallTime time(std::string_view key) {
    const std::string written = string(key);
    if (error_) return {};
    const auto time = parse_wall_time(written);
    if (!time) note(key, time.error().message);
    return time.value_or(WallTime{});
  }
  const js::array& array(std::string_view key) {
    static const js::array none;
    const js::value* field = find(key);
    if (field != nullptr && !field->is_array()) note(key, "is not a list");
    return field != nullptr && field->is_array() ? field->get_array() : none;
  }
  template <class Enum>
  Enum word(std::string_view key) {
    Enum value{};
    const std::string written = string(key);
    if (!error_ && !boost::describe::enum_from_string(written.c_str(), value))
      note(key, "is a word not known here");
    return value;
  }
  const js::value& child(std::string_view key) {
    static const js::value none;
    const js::value* field = find(key);
    return field == nullptr ? none : *field;
  }

  void note(std::string_view key, std::string_view problem) {
    if (!error_) error_ = Error{Code::invalid, fmt::format("{}: '{}' {}", what_, key, problem)};
  }
  void note(Error error) {
    if (!error_) error_ = std::move(error).while_doing(what_);
  }
  template <class T>
  Result<T> done(T value) {
    if (error_) return fail(*error_);
    return value;
  }

 private:
  void note(std::string_view problem) {
    error_ = Error{Code::invalid, fmt::format("{} {}", what_, problem)};
  }
  const js::value* find(std::string_view key) {
    if (error_) return nullptr;
    const js::value* field = object_->if_contains(key);
    if (field == nullptr) note(key, "is missing");
    return field;
  }

  std::string_view what_;
  const js::object* object_ = nullptr;
  std::optional<Error> error_;
};

Result<core::CheckReport> read_check(const js::value& json) {
  Fields fields(json, "check");
  core::CheckReport check;
  check.name = fields.string("name");
  check.verdict = fields.word<core::Verdict>("verdict");
  check.value = fields.number("value");
  check.limit = fields.number("limit");
  check.unit = fields.string("unit");
  check.requests = fields.integer("requests");
  check.bad = fields.integer("bad");
  check.log_evidence = fields.number("log_evidence");
  const js::array& interval = fields.array("interval");
  if (interval.size() == 2) {
    check.interval_low = fields.number(interval[0], "interval");
    check.interval_high = fields.number(interval[1], "interval");
  } else {
    fields.note("interval", "is not a pair");
  }
  check.text = fields.string("text");
  return fields.done(std::move(check));
}

Result<core::StepResult> read_step(const js::value& json) {
  Fields fields(json, "step");
  core::StepResult step;
  const std::int64_t number = fields.integer("step");
  const double weight = fields.number("weight");
  if (number < 1 || number > 1'000'000) fields.note("step", "is out of range");
  if (!(weight >= 0 && weight <= 100)) fields.note("weight", "is outside 0 to 100");
  step.held = Duration(fields.integer("held_ms"));
  step.outcome = fields.string("outcome");
  step.canary.requests = fields.integer("requests");
  step.canary.bad = fields.integer("bad");
  for (const js::value& count : fields.array("latency")) {
    if (!count.is_int64()) fields.note("latency", "has an element that is not a whole number");
    step.canary.latency.push_back(count.is_int64() ? count.get_int64() : 0);
  }
  for (const js::value& check : fields.array("checks")) {
    auto read = read_check(check);
    if (read)
      step.checks.push_back(std::move(*read));
    else
      fields.note(std::move(read).error());
  }
  auto read = fields.done(std::move(step));
  if (!read) return read;
  read->index = static_cast<int>(number - 1);
  read->weight = Percent::from_ppm(static_cast<std::int32_t>(std::lround(weight * 1e4)));
  return read;
}

}  // namespace

Result<core::RolloutRecord> read_history(const Json& document) {
  Fields fields(document, "history");
  core::RolloutRecord record;
  record.rollout.id = fields.string("id");
  record.rollout.from = fields.string("from");
  record.rollout.to = fields.string("to");
  record.rollout.by = fields.string("by");
  record.rollout.started = fields.time("started");
  record.ended = fields.time("ended");
  record.outcome = fields.string("outcome");
  const js::value& cause = fields.child("cause");
  for (const js::value& step : fields.array("steps")) {
    auto read = read_step(step);
    if (read)
      record.rollout.steps.push_back(std::move(*read));
    else
      fields.note(std::move(read).error());
  }
  auto read = fields.done(std::move(record));
  if (!read) return read;
  Fields cause_fields(cause, "history: cause");
  read->cause.kind = cause_fields.string("kind");
  read->cause.text = cause_fields.string("text");
  return cause_fields.done(std::move(*read));
}

Result<std::optional<core::Answer>> read_answer(const Json& document) {
  Fields fields(document, "answer");
  core::Answer answer;
  answer.intent = fields.integer("intent");
  const std::string state = fields.string("state");
  answer.accepted = state == "accepted";
  if (state == "refused") answer.code = fields.word<Code>("code");
  answer.text = fields.string("text");
  answer.rollout = fields.string("rollout");
  if (state != "pending" && state != "accepted" && state != "refused")
    fields.note("state", "is a word not known here");
  auto read = fields.done(std::move(answer));
  if (!read) return fail(std::move(read).error());
  if (state == "pending") return std::optional<core::Answer>();
  return std::optional<core::Answer>(std::move(*read));
}

Result<JournalLine> read_line(const Json& document) {
  Fields fields(document, "journal line");
  JournalLine line;
  line.seq = fields.integer("seq");
  line.at = fields.time("at");
  line.entry.kind = fields.string("kind");
  line.entry.text = fields.string("text");
  return fields.done(std::move(line));
}

}  // namespace linnet::wire
