// The documents of the JSON API (docs/api.md) as values. Reading is tolerant of keys it does not
// know and of missing ones, since the daemon may be newer or older than this command.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace linnet::cli {

struct ReplicasDocument {
  int wanted = 0;
  std::optional<int> ready;  // nothing: not known now

  [[nodiscard]] bool all_ready() const { return wanted > 0 && ready && *ready >= wanted; }
};

struct CheckDocument {
  std::string name;
  std::string verdict;  // pass fail inconclusive no_data error
  std::optional<double> value;
  std::optional<double> limit;
  std::string unit;
  std::int64_t requests = 0;
  std::int64_t bad = 0;
  std::optional<double> log_evidence;  // natural, that the limit is passed
  std::string text;
};

struct RolloutDocument {
  std::string id;
  std::string by;
  std::string started;
  std::string from;
  std::string to;
};

/// Something in force that is not as linnet left it.
struct OtherHandDocument {
  std::string what;  // "weight", "canary replicas"...
  std::string by;
  std::string at;
  std::string text;
};

struct StatusDocument {
  std::string release;
  std::string phase;
  bool ready = true;  // stable runs behind its router
  int step = 0;       // from 1; 0 outside a rollout
  int steps = 0;
  Duration step_hold{};
  Duration step_held{};
  double weight_wanted = 0;  // percent
  double weight_in_force = 0;
  std::string stable_version;
  std::string canary_version;
  ReplicasDocument stable;
  ReplicasDocument canary;
  std::vector<CheckDocument> checks;
  std::string reason;
  std::string cause;       // the kind of what holds or ended it: "paused", "no_data"; or empty
  std::string cause_text;  // in one sentence
  std::string since;
  bool drives = false;    // the engine that answers does
  std::string abandoned;  // nobody drives it: since when, and what to do
  std::vector<OtherHandDocument> other_hands;
  std::string warning;  // the error model does not fit: comparisons are advisory
  std::optional<RolloutDocument> rollout;

  /// A rollout that has ended: succeeded, rolled_back or failed.
  [[nodiscard]] bool ended() const;
  [[nodiscard]] bool any_check(std::string_view verdict) const;
};

struct JournalEntry {
  std::int64_t seq = 0;
  std::string at;
  std::string kind;
  std::string text;
};
struct JournalDocument {
  std::vector<JournalEntry> entries;
  std::int64_t next = 0;
};

struct IntentDocument {
  std::int64_t intent = 0;
  std::string state;  // pending accepted refused
  std::string code;
  std::string text;
  std::string rollout;
};

struct TrackCounts {
  std::int64_t requests = 0;
  std::int64_t bad = 0;
  std::vector<std::int64_t> latency;
};
struct CountsDocument {
  std::vector<double> boundaries_ms;
  TrackCounts stable;
  TrackCounts canary;
  std::int64_t lost = 0;
  std::int64_t at_ms = 0;
};

struct InstanceDocument {
  std::string id;
  std::string track;
  std::string version;
  std::string state;
  std::string log;
};

struct LogLine {
  std::string instance;
  std::string line;
};
struct LogsDocument {
  std::vector<LogLine> lines;
  std::int64_t next = 0;
  std::int64_t lost = 0;
  std::string trouble;
};

struct FindingDocument {
  std::string check;
  bool ok = false;
  std::string cause;
  std::string remedy;
};

struct HistoryDocument {
  std::string id, from, to, by, started, ended, outcome;
  std::string cause_kind;  // "error_rate", "no_data", "operator"...
  std::string cause;
};

struct PlanStep {
  std::string what;
  std::string needs;
};
struct FieldChange {
  std::string path;
  std::vector<std::optional<std::string>> values;  // the present one first; nothing: not there
};
struct ObjectChange {
  std::string kind;
  std::string name;
  std::string change;  // create change remove
  std::vector<FieldChange> fields;
};
struct PlanDocument {
  std::vector<PlanStep> steps;
  std::vector<ObjectChange> changes;
  std::string unknown;  // why there are no changes
};

/// Each fails with Code::internal when the text is no such document.
Result<StatusDocument> read_status(std::string_view json);
Result<std::vector<StatusDocument>> read_statuses(std::string_view json);
Result<JournalDocument> read_journal(std::string_view json);
Result<IntentDocument> read_intent(std::string_view json);
Result<CountsDocument> read_counts(std::string_view json);
Result<std::vector<InstanceDocument>> read_instances(std::string_view json);
Result<LogsDocument> read_logs(std::string_view json);
Result<std::vector<FindingDocument>> read_findings(std::string_view json);
Result<std::vector<HistoryDocument>> read_history(std::string_view json);
Result<PlanDocument> read_plan(std::string_view json);
/// The value of one text key of an object, or empty.
std::string read_text(std::string_view json, std::string_view key);
/// The error of an answer that is not 2xx; mistakes of a spec are part of the message.
Error read_error(int http_status, std::string_view json);

/// What a command wants of the engine; empty and false members are not sent.
struct Wish {
  std::string kind;
  std::string version;
  std::string weight;
  bool promote = false;
  bool supersede = false;
  bool hold = false;
  bool skip_steps = false;
  bool force = false;
  std::string why;
  std::string by;
};
std::string wish_json(const Wish& wish);
std::string spec_json(std::string_view yaml, std::string_view file);
std::string error_json(std::string_view code, std::string_view message);
/// One line of an instance's log.
std::string log_line_json(std::string_view instance, std::string_view line);
/// A JSON string with its quotes.
std::string quoted_json(std::string_view text);

}  // namespace linnet::cli
