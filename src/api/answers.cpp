// What each route does: reads its input strictly, asks the backend, writes the document.
#include <boost/json.hpp>
#include <charconv>

#include "api/call.h"
#include "api/documents.h"
#include "api/metrics_text.h"
#include "api/routes.h"

namespace linnet::api {
namespace {

namespace js = boost::json;

constexpr std::size_t max_put_bytes = 4 * 1024 * 1024;
constexpr std::int64_t max_id = std::int64_t{1} << 62;

/// The members of a JSON object body; any other key is an error that names the nearest known one.
Result<js::object> read_object(std::string_view body,
                               std::initializer_list<std::string_view> keys) {
  TRY(json, wire::parse(body, max_put_bytes));
  if (!json.is_object()) return fail(Code::invalid, "the body must be a JSON object");
  for (const auto& member : json.get_object()) {
    const std::string_view key(member.key().data(), member.key().size());
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    const std::string_view near = nearest_word(key, keys);
    if (near.empty())
      return fail(Code::invalid, "unknown key '{:.64}'; known: {}", key, fmt::join(keys, " "));
    return fail(Code::invalid, "unknown key '{:.64}'; did you mean '{}'?", key, near);
  }
  return std::move(json.get_object());
}

Result<std::string> text_member(const js::object& object, std::string_view key,
                                std::optional<std::string> fallback = std::nullopt) {
  const js::value* value = object.if_contains(js::string_view(key.data(), key.size()));
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr || !value->is_string())
    return fail(Code::invalid, "\"{}\" must be given as a string", key);
  return std::string(value->get_string().data(), value->get_string().size());
}

/// "stable" or "canary"; none when it is not given.
Result<std::optional<core::Track>> track_parameter(const Call& call) {
  const std::string* text = call.target.parameter("track");
  if (text == nullptr) return std::nullopt;
  for (const core::Track track : {core::Track::stable, core::Track::canary})
    if (*text == core::track_name(track)) return track;
  return fail(Code::invalid, "parameter 'track' must be stable or canary, not '{:.64}'", *text);
}

/// Until when a long poll may wait.
Result<MonoTime> wait_end(const Call& call) {
  TRY(wait, number_parameter(call, "wait", 0, 0, max_wait / 1s));
  return call.clock.now().mono + Duration(wait * 1000);
}

/// Waits for the next change of the release; false once the poll's time is over.
Task<bool> wait_for_change(Call& call, std::uint64_t seen, MonoTime end) {
  const Duration left = end - call.clock.now().mono;
  if (left <= Duration::zero()) co_return false;
  // Either way it looks once more: at its end for what came without a ring.
  co_await call.changes.wait(call.release(), seen, left);
  co_return true;
}

}  // namespace

net::ServerResponse json_response(const wire::Json& document, int status) {
  net::ServerResponse response;
  response.status = status;
  response.body = wire::text(document) + "\n";
  return response;
}

net::ServerResponse error_response(const Error& error) {
  return json_response(wire::error_document(error), http_status(error.code));
}

Result<std::int64_t> read_number(std::string_view text, std::string_view what, std::int64_t least,
                                 std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    return fail(Code::invalid, "{} must be a whole number from {} to {}, not '{:.64}'", what, least,
                most, text);
  return value;
}

Result<std::int64_t> number_parameter(const Call& call, std::string_view name,
                                      std::int64_t fallback, std::int64_t least,
                                      std::int64_t most) {
  const std::string* text = call.target.parameter(name);
  if (text == nullptr) return fallback;
  return read_number(*text, fmt::format("parameter '{}'", name), least, most);
}

Answer get_version(Call call) { co_return json_response(version_document(call.backend.info())); }

Answer put_spec(Call call) {
  CO_TRY(body, read_object(call.request.body, {"spec", "file"}));
  CO_TRY(yaml, text_member(body, "spec"));
  CO_TRY(file, text_member(body, "file", "the spec"));
  CO_TRY(put, co_await call.backend.put_spec(call.release(), yaml, file));
  if (!put.mistakes.empty()) co_return json_response(mistakes_document(put.mistakes), 422);
  co_return json_response(put_document(call.release(), put));
}

Answer get_releases(Call call) {
  CO_TRY(views, co_await call.backend.releases());
  js::array list;
  for (const StatusView& view : views) list.push_back(status_document(view));
  co_return json_response(list);
}

Answer get_status(Call call) {
  CO_TRY(view, co_await call.backend.status(call.release()));
  co_return json_response(status_document(view));
}

Answer get_spec(Call call) {
  CO_TRY(yaml, co_await call.backend.spec(call.release()));
  js::object document{{"spec", js::string(yaml)}};
  co_return json_response(document);
}

Answer post_intent(Call call) {
  CO_TRY(intent, wire::read_intent(call.request.body));
  if (intent.by.empty()) intent.by = fmt::format("user {}", call.request.peer);
  CO_TRY(id, co_await call.backend.add_intent(call.release(), intent));
  js::object document{{"intent", id}};
  co_return json_response(document, 202);
}

Answer get_intent(Call call) {
  CO_TRY(id, read_number(call.target.segments[4], "the intent's number", 1, max_id));
  CO_TRY(end, wait_end(call));
  for (;;) {
    const std::uint64_t seen = call.changes.count(call.release());
    CO_TRY(answer, co_await call.backend.intent_state(call.release(), id));
    if (!answer) {
      const bool again = co_await wait_for_change(call, seen, end);
      if (again) continue;
    }
    wire::Json document = wire::answer_document(id, answer);
    if (!answer) document.get_object()["text"] = call.backend.waits_for(call.release());
    co_return json_response(document);
  }
}

Answer get_journal(Call call) {
  CO_TRY(after, number_parameter(call, "after", 0, -1, max_id));
  CO_TRY(limit, number_parameter(call, "limit", 500, 1, 5000));
  CO_TRY(end, wait_end(call));
  if (after == -1) {  // from now on: where a follower begins, however long the journal is
    CO_TRY(newest, co_await call.backend.journal_end(call.release()));
    co_return json_response(wire::journal_document({}, newest));
  }
  for (;;) {
    const std::uint64_t seen = call.changes.count(call.release());
    CO_TRY(lines, co_await call.backend.journal(call.release(), after, static_cast<int>(limit)));
    if (lines.empty()) {
      const bool again = co_await wait_for_change(call, seen, end);
      if (again) continue;
    }
    co_return json_response(wire::journal_document(lines, after));
  }
}

Answer get_history(Call call) {
  CO_TRY(limit, number_parameter(call, "limit", 20, 1, 1000));
  CO_TRY(records, co_await call.backend.history(call.release(), static_cast<int>(limit)));
  js::array list;
  for (const core::RolloutRecord& record : records) list.push_back(wire::history_document(record));
  co_return json_response(list);
}

Answer get_counts(Call call) {
  CO_TRY(counts, co_await call.backend.counts(call.release()));
  co_return json_response(counts_document(counts));
}

Answer get_instances(Call call) {
  CO_TRY(instances, co_await call.backend.instances(call.release()));
  co_return json_response(instances_document(instances));
}

Answer get_logs(Call call) {
  LogsWish wish;
  CO_TRY(lines, number_parameter(call, "lines", wish.lines, 0, 100'000));
  wish.lines = static_cast<int>(lines);
  CO_TRY(track, track_parameter(call));
  wish.track = track;
  CO_TRY(after, number_parameter(call, "after", 0, 0, max_id));
  CO_TRY(end, wait_end(call));
  const std::uint64_t seen = call.changes.count(call.release());
  CO_TRY(view, co_await call.backend.logs(call.release(), wish, after));
  if (!view.lines.empty()) co_return json_response(logs_document(view));
  co_await wait_for_change(call, seen, end);
  // Also without lines: the change may be a trouble.
  CO_TRY(later, co_await call.backend.logs(call.release(), wish, after));
  co_return json_response(logs_document(later));
}

Answer get_doctor(Call call) {
  CO_TRY(findings, co_await call.backend.doctor(call.release()));
  co_return json_response(findings_document(findings));
}

Answer get_plan(Call call) {
  const std::string* version = call.target.parameter("version");
  if (call.target.parameter("init") != nullptr) {
    const std::string first = version == nullptr ? std::string() : *version;
    CO_TRY(planned, co_await call.backend.plan_init(call.release(), first));
    co_return json_response(plan_document(planned));
  }
  if (version == nullptr) co_return fail(Code::invalid, "the parameter 'version' is missing");
  CO_TRY_VOID(core::check_version(*version));
  CO_TRY(plan, co_await call.backend.plan(call.release(), *version));
  co_return json_response(plan_document(plan));
}

Answer get_canary(Call call) {
  CO_TRY(planned, co_await call.backend.plan_removal(call.release()));
  co_return json_response(steps_document(planned));
}

Answer delete_canary(Call call) {
  CO_TRY(removed, co_await call.backend.remove_canary(call.release()));
  co_return json_response(steps_document(removed));
}

Answer get_metrics(Call call) {
  CO_TRY(metrics, co_await call.backend.metrics());
  net::ServerResponse response;
  response.content_type = metrics_content_type;
  response.body = metrics_text(metrics);
  co_return response;
}

Answer post_shutdown(Call call) {
  const std::string body = call.request.body.empty() ? "{}" : call.request.body;
  CO_TRY(object, read_object(body, {"hold"}));
  const js::value* hold = object.if_contains("hold");
  if (hold != nullptr && !hold->is_bool())
    co_return fail(Code::invalid, "\"hold\" must be true or false");
  call.backend.shutdown(hold != nullptr && hold->get_bool());
  co_return json_response(js::object(), 202);
}

}  // namespace linnet::api
