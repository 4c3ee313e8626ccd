#include "local/process_record.h"

#include <boost/json.hpp>
#include <limits>

#include "core/release.h"

namespace linnet::local {
namespace {

namespace json = boost::json;

Result<const json::value*> member(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return fail(Code::invalid, "it has no '{}'", key);
  return value;
}

template <class Number>
Result<void> read(const json::object& object, std::string_view key, Number& out) {
  TRY(value, member(object, key));
  json::error_code bad;
  out = value->to_number<Number>(bad);
  if (bad || out < Number{}) return fail(Code::invalid, "'{}' is out of range", key);
  return {};
}

Result<void> read(const json::object& object, std::string_view key, std::string& out) {
  TRY(value, member(object, key));
  if (!value->is_string()) return fail(Code::invalid, "'{}' is no text", key);
  out = std::string(value->get_string());
  return {};
}

Result<void> read(const json::object& object, std::string_view key, bool& out) {
  TRY(value, member(object, key));
  if (!value->is_bool()) return fail(Code::invalid, "'{}' is neither true nor false", key);
  out = value->get_bool();
  return {};
}

}  // namespace

std::string record_text(const ProcessRecord& record) {
  const json::object object{{"id", record.id},
                            {"version", record.version},
                            {"port", record.port},
                            {"pid", record.pid},
                            {"start_ticks", record.start_ticks},
                            {"boot", record.boot},
                            {"started_ms", record.started.ms},
                            {"ready", record.ready},
                            {"stopping", record.stopping},
                            {"restarts", record.restarts},
                            {"early_deaths", record.early_deaths},
                            {"trouble", record.trouble}};
  return json::serialize(object) + "\n";
}

Result<ProcessRecord> parse_record(const std::string& text) {
  json::error_code bad;
  const json::value value = json::parse(text, bad);
  if (bad || !value.is_object()) return fail(Code::invalid, "it is no JSON object");
  const json::object& object = value.get_object();
  ProcessRecord record;
  TRY_VOID(read(object, "id", record.id));
  TRY_VOID(read(object, "version", record.version));
  TRY_VOID(read(object, "port", record.port));
  TRY_VOID(read(object, "pid", record.pid));
  TRY_VOID(read(object, "start_ticks", record.start_ticks));
  TRY_VOID(read(object, "boot", record.boot));
  TRY_VOID(read(object, "started_ms", record.started.ms));
  TRY_VOID(read(object, "ready", record.ready));
  TRY_VOID(read(object, "stopping", record.stopping));
  TRY_VOID(read(object, "restarts", record.restarts));
  TRY_VOID(read(object, "early_deaths", record.early_deaths));
  TRY_VOID(read(object, "trouble", record.trouble));
  TRY_VOID(core::check_version(record.version));
  if (record.port == 0) return fail(Code::invalid, "'port' is 0");
  // Signals to pid 1 or to "every process" must never come out of a damaged file.
  if (record.pid == 1) return fail(Code::invalid, "'pid' is 1");
  if (record.pid != 0 && (record.start_ticks == 0 || record.boot.empty()))
    return fail(Code::invalid, "it has a pid but not when it started");
  return record;
}

Result<void> write_record(const std::string& path, const ProcessRecord& record, Sync sync) {
  return replace_file(path, record_text(record), sync);
}

Result<ProcessRecord> read_record(const std::string& path) {
  TRY(text, read_small_file(path));
  return parse_record(text);
}

}  // namespace linnet::local
