// The saved form: what the store keeps. See json.h for its rules.
#include "wire/codec.h"
#include "wire/json.h"

namespace linnet::wire {
namespace {

namespace js = boost::json;

constexpr std::int64_t schema = 1;
constexpr std::size_t max_saved_bytes = 16u << 20;

template <class T>
std::string save(const T& value) {
  js::object out;
  out.emplace("schema", schema);
  codec::write_fields(out, value);
  return js::serialize(out);
}

// Bytes that are no UTF-8 (a process' last words in a reason) come back as they were.
Result<js::value> parse_saved(std::string_view saved) {
  if (saved.size() > max_saved_bytes)
    return fail(Code::invalid, "{} bytes; at most {}", saved.size(), max_saved_bytes);
  js::parse_options options;
  options.allow_invalid_utf8 = true;
  js::error_code error;
  js::value json = js::parse(saved, error, js::storage_ptr(), options);
  if (error) return fail(Code::invalid, "not whole JSON: {}", error.message());
  return json;
}

template <class T>
Result<T> load(std::string_view saved, std::string_view what, std::string_view required = {}) {
  auto json = parse_saved(saved);
  if (!json) return fail(std::move(json).error().while_doing(fmt::format("loading {}", what)));
  if (!json->is_object()) return fail(Code::invalid, "loading {}: not an object", what);
  const js::object& object = json->get_object();
  const js::value* version = object.if_contains("schema");
  if (version == nullptr || !version->is_int64())
    return fail(Code::invalid, "loading {}: no \"schema\" number", what);
  if (version->get_int64() < 1 || version->get_int64() > schema)
    return fail(Code::invalid,
                "loading {}: schema {}, written by a newer linnet; this one reads up to {}", what,
                version->get_int64(), schema);
  if (!required.empty() && !object.contains(required))
    return fail(Code::invalid, "loading {}: no \"{}\"", what, required);
  T value;
  std::string wrong;
  if (!codec::read_fields(object, value, "schema", wrong))
    return fail(Code::invalid, "loading {}: {}", what, wrong);
  return value;
}

Result<void> check_evidence(const core::Evidence& evidence) {
  for (const core::LimitEvidence& limit : evidence.limits) TRY_VOID(limit.threshold.check());
  if (evidence.worse) TRY_VOID(evidence.worse->check());
  if (evidence.slower) TRY_VOID(evidence.slower->check());
  return {};
}

}  // namespace

std::string save_status(const core::Status& status) { return save(status); }

Result<core::Status> load_status(std::string_view saved) {
  // A default phase would be Idle: traffic already sent to the canary would be forgotten.
  TRY(status, load<core::Status>(saved, "status", "phase"));
  const auto sane = check_evidence(status.evidence);
  if (!sane) return fail(sane.error().while_doing("loading status: .evidence"));
  return std::move(status);
}

std::string save_intent(const core::Intent& intent) { return save(intent); }
Result<core::Intent> load_intent(std::string_view saved) {
  return load<core::Intent>(saved, "intent");
}
std::string save_answer(const core::Answer& answer) { return save(answer); }
Result<core::Answer> load_answer(std::string_view saved) {
  return load<core::Answer>(saved, "answer");
}
std::string save_record(const core::RolloutRecord& record) { return save(record); }
Result<core::RolloutRecord> load_record(std::string_view saved) {
  return load<core::RolloutRecord>(saved, "rollout");
}

}  // namespace linnet::wire
