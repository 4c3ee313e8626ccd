// Metric stores that answer JSON over HTTP, as data: one request per number, where the number
// stands in the answer, and what its absence means. Pure: times and parameters in, a request out.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "recipes/metric.h"
#include "recipes/metric_template.h"

namespace linnet::recipes {

/// Which number of a track a query gives, counted within the window.
enum class JsonNumber { requests, bad };

struct JsonDialect {
  enum class Pick {
    first,          // the first value, null or not
    oldest,         // the first that is not null, in stores that answer oldest first
    last_non_null,  // the last that is not null
    sum,            // of all that are not null
  };
  struct Query {
    core::Track track = core::Track::stable;
    JsonNumber number = JsonNumber::requests;
    Template text;
  };

  std::string address;  // where `metrics.address` is not given; may be empty
  std::string method = "GET";
  Template path;
  std::vector<std::pair<std::string, Template>> parameters;  // of the URL
  std::vector<std::pair<std::string, Template>> headers;
  Template json_body;                                  // at most one of these two is not empty
  std::vector<std::pair<std::string, Template>> form;  // application/x-www-form-urlencoded
  std::string auth_help;  // which of the spec's `auth` and `headers` it needs, in words
  std::vector<Query> queries;

  std::string value_path;  // JSON pointer; "*" goes through all elements: "/series/*/pointlist/*/1"
  std::string error_path;  // what stands there (not null, not empty) is an error's text; may be ""
  std::string more_path;  // what stands there, likewise, says that there is another page; may be ""
  // All that stands at the path is this text, or the answer is not whole; may be ""
  std::string complete_path, complete_text;
  Pick pick = Pick::sum;
  double scale = 1;            // of the value, to get requests
  bool null_is_error = false;  // else no value is zero
  Duration lag = 0s;           // the store knows all about what is older than this
  Duration interval = 1s;      // windows begin and end at multiples of it
};

/// A window [start, end) of wall-clock time.
struct JsonWindow {
  WallTime start, end, now;
};

/// One request without its authorisation. `target` is appended to the address.
struct JsonRequest {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  friend bool operator==(const JsonRequest&, const JsonRequest&) = default;
};

/// Placeholders besides the recipe's parameters: {{query}}, and {{start_s}}, {{start_ms}},
/// {{start_iso}} (RFC 3339, UTC), the same of `end` and `now`, {{interval_s}}, {{interval_ms}}.
Result<JsonRequest> render(const JsonDialect& dialect, const JsonDialect::Query& query,
                           const Parameters& with, const JsonWindow& window);

}  // namespace linnet::recipes
