#include "recipes/metric_json.h"

#include <algorithm>

namespace linnet::recipes {
namespace {

bool unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (unreserved(c))
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

std::string json_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out;
}

std::string joined(const std::vector<std::string>& values) {
  return fmt::format("{}", fmt::join(values, ","));
}
std::string joined_encoded(const std::vector<std::string>& values) {
  return percent_encoded(joined(values));
}
std::string joined_escaped(const std::vector<std::string>& values) {
  return json_escaped(joined(values));
}

void add_time(Parameters& all, const std::string& name, WallTime at) {
  all[name + "_s"] = {fmt::format("{}", at.ms / 1000)};
  all[name + "_ms"] = {fmt::format("{}", at.ms)};
  all[name + "_iso"] = {at.text()};
}

using Pairs = std::vector<std::pair<std::string, Template>>;

Result<std::string> form_of(const Pairs& pairs, const Parameters& with) {
  std::string out;
  for (const auto& [name, text] : pairs) {
    TRY(value, text.written(with, joined));
    out += (out.empty() ? "" : "&") + percent_encoded(name) + "=" + percent_encoded(value);
  }
  return out;
}

// Unless the recipe names a type of its own.
void set_type(JsonRequest& request, std::string_view type) {
  const bool given = std::any_of(request.headers.begin(), request.headers.end(),
                                 [](const auto& header) { return header.first == "Content-Type"; });
  if (!given) request.headers.emplace_back("Content-Type", type);
}

}  // namespace

Result<JsonRequest> render(const JsonDialect& dialect, const JsonDialect::Query& query,
                           const Parameters& with, const JsonWindow& window) {
  Parameters all = with;
  add_time(all, "start", window.start);
  add_time(all, "end", window.end);
  add_time(all, "now", window.now);
  all["interval_s"] = {fmt::format("{}", dialect.interval.count() / 1000)};
  all["interval_ms"] = {fmt::format("{}", dialect.interval.count())};
  TRY(asked, query.text.written(all, joined));
  all["query"] = {asked};

  JsonRequest request;
  request.method = dialect.method;
  TRY(path, dialect.path.written(all, joined_encoded));
  TRY(parameters, form_of(dialect.parameters, all));
  request.target = path + (parameters.empty() ? "" : "?" + parameters);
  for (const auto& [name, text] : dialect.headers) {
    TRY(value, text.written(all, joined));
    request.headers.emplace_back(name, value);
  }
  if (!dialect.json_body.empty()) {
    TRY(body, dialect.json_body.written(all, joined_escaped));
    set_type(request, "application/json");
    request.body = body;
  } else if (!dialect.form.empty()) {
    TRY(body, form_of(dialect.form, all));
    set_type(request, "application/x-www-form-urlencoded");
    request.body = body;
  }
  return request;
}

}  // namespace linnet::recipes
