// JSON of every value that leaves the process: the saved form (lossless, versioned, for the store)
// and the documents of docs/api.md (for people and programs). Boost.JSON stays behind this header;
// a caller that builds larger documents includes <boost/json/value.hpp> in its .cpp.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/decide.h"

namespace linnet::wire {

using Json = boost::json::value;

/// Compact JSON; numbers in their shortest form ("25", "0.4"), NaN and infinities as null.
std::string text(const Json& json);
/// One JSON text of at most `max_bytes`, nested at most 32 deep. Code::invalid says where it
/// breaks.
Result<Json> parse(std::string_view text, std::size_t max_bytes);

// ---- The saved form -----------------------------------------------------------------------------
// {"schema": 1, <one key per field>}. Doubles are strings in their shortest exact form, so that
// they come back bit for bit (Boost.JSON 1.81 parses numbers with an error of up to one unit in the
// last place); durations are ms, percentages ppm, enums their names. A field that is absent has its
// default, so what an older linnet saved still loads; "schema" and a status' "phase" must be there.
// A field that is not known, or a higher schema, was written by a newer linnet: Code::invalid,
// never silently dropped.

/// Without last_turn and last_saved, which mean nothing to the next run.
std::string save_status(const core::Status& status);
Result<core::Status> load_status(std::string_view saved);
std::string save_intent(const core::Intent& intent);
Result<core::Intent> load_intent(std::string_view saved);
std::string save_answer(const core::Answer& answer);
Result<core::Answer> load_answer(std::string_view saved);
std::string save_record(const core::RolloutRecord& record);
Result<core::RolloutRecord> load_record(std::string_view saved);

// ---- The API: intents ---------------------------------------------------------------------------

/// The body of POST intents: {"kind", "version", "weight": "25%", "promote", "supersede", "hold",
/// "skip_steps", "force", "why", "by"}. Strict: at most 16 KiB; an unknown key names the nearest
/// known one; a key that means nothing to this kind, a missing version or weight, a bad version,
/// and a weight that is no multiple of 0.1 % are Code::invalid. `by` may be absent (the caller
/// fills it in); `id` is 0.
Result<core::Intent> read_intent(std::string_view body);
/// The body that read_intent() reads back to `intent` (its id excepted).
std::string intent_body(const core::Intent& intent);

// ---- The API: documents -------------------------------------------------------------------------

/// {"intent", "state": "pending|accepted|refused", "code", "text", "rollout"}; without an answer it
/// is pending and the last three are "" (`text` may say what is waited for). `code` is "" unless
/// refused.
Json answer_document(std::int64_t intent, const std::optional<core::Answer>& answer);
/// Nothing when the intent is still pending.
Result<std::optional<core::Answer>> read_answer(const Json& document);

/// One line of the journal as the store numbers it.
struct JournalLine {
  std::int64_t seq = 0;  // grows; unique in one store
  WallTime at;
  core::Entry entry;
  friend bool operator==(const JournalLine&, const JournalLine&) = default;
};
/// {"seq", "at", "kind", "text"}
Json line_document(const JournalLine& line);
Result<JournalLine> read_line(const Json& document);
/// {"entries": [line...], "next": seq of the last line, or `after` when there is none}
Json journal_document(const std::vector<JournalLine>& lines, std::int64_t after);

/// {"id", "from", "to", "by", "started", "ended", "outcome", "cause": {"kind", "text"},
///  "steps": [{"step", "weight", "held_ms", "outcome", "requests", "bad", "latency", "checks"}]}
Json history_document(const core::RolloutRecord& record);
/// Reads it back, but for what the document leaves out: Rollout::promote and hold are false.
Result<core::RolloutRecord> read_history(const Json& document);

/// The status document of docs/api.md. `seen` is the last look at the workload; when it failed,
/// `ready` is null. `step` is the step entered last, counted from 1: 0 outside a rollout and while
/// the first canary is being prepared. `versions.canary` is "" when no rollout runs and no canary
/// is left.
Json status_document(const core::Release& release, const core::Status& status,
                     const Result<core::WorkloadSeen>& seen);
/// One element of `checks` in the documents above.
Json check_document(const core::CheckReport& check);

/// {"error": {"code", "message"}}
Json error_document(const Error& error);

/// Reads "2026-11-23T21:02:07.123Z" (milliseconds optional). Code::invalid otherwise.
Result<WallTime> parse_wall_time(std::string_view text);

}  // namespace linnet::wire
