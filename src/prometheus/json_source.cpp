#include "prometheus/json_source.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "prometheus/exposition.h"
#include "runtime/task_group.h"
#include "wire/json.h"

namespace linnet::prometheus {
namespace {

namespace js = boost::json;
using recipes::JsonDialect;

constexpr std::size_t max_bytes = 16u << 20;

std::string unescaped(std::string_view segment) {
  std::string out;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] == '~' && i + 1 < segment.size() &&
        (segment[i + 1] == '0' || segment[i + 1] == '1'))
      out += segment[++i] == '0' ? '~' : '/';
    else
      out += segment[i];
  }
  return out;
}

/// Every value that a JSON pointer with "*" leads to, in the order of the document.
void collect(const js::value& at, std::string_view path, std::vector<const js::value*>& found) {
  if (path.empty()) {
    found.push_back(&at);
    return;
  }
  const std::size_t end = std::min(path.find('/', 1), path.size());
  const std::string segment = unescaped(path.substr(1, end - 1));
  const std::string_view rest = path.substr(end);
  if (const js::array* list = at.if_array()) {
    std::size_t index = 0;
    const auto read = std::from_chars(segment.data(), segment.data() + segment.size(), index);
    const bool number = read.ec == std::errc() && read.ptr == segment.data() + segment.size();
    for (std::size_t i = 0; i < list->size(); ++i)
      if (segment == "*" || (number && index == i)) collect((*list)[i], rest, found);
  } else if (const js::object* map = at.if_object()) {
    for (const auto& [name, value] : *map)
      if (segment == "*" || name == segment) collect(value, rest, found);
  }
}

/// What a person can be told of all that stands there, but for what is null or empty.
std::vector<std::string> texts_at(const js::value& json, std::string_view path) {
  std::vector<const js::value*> found;
  if (!path.empty()) collect(json, path, found);
  std::vector<std::string> texts;
  for (const js::value* value : found) {
    if (value->is_null() || (value->is_string() && value->get_string().empty())) continue;
    std::string text = value->is_string() ? std::string(std::string_view(value->get_string()))
                                          : js::serialize(*value);
    text.resize(std::min<std::size_t>(text.size(), 300));
    for (char& c : text)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    texts.push_back(std::move(text));
  }
  return texts;
}

std::optional<double> value_of(const js::value& json) {
  if (json.is_number()) return json.to_number<double>();
  if (json.is_string()) return parse_number(std::string_view(json.get_string()));
  return std::nullopt;
}

Result<std::optional<double>> picked(const JsonDialect& dialect,
                                     const std::vector<const js::value*>& found) {
  using Pick = JsonDialect::Pick;
  std::optional<double> chosen;
  for (const js::value* json : found) {
    const bool first_only = dialect.pick == Pick::first;
    if (json->is_null()) {
      if (first_only) break;
      continue;
    }
    const auto value = value_of(*json);
    if (!value) return fail(Code::invalid, "at {} stands no number", dialect.value_path);
    if (std::isnan(*value)) continue;
    chosen = dialect.pick == Pick::sum ? chosen.value_or(0) + *value : *value;
    if (first_only || dialect.pick == Pick::oldest) break;
  }
  return chosen;
}

std::optional<std::int64_t> time_of(const std::string& cursor) {
  std::int64_t ms = 0;
  const char* const end = cursor.data() + cursor.size();
  if (!cursor.starts_with('t')) return std::nullopt;
  const auto read = std::from_chars(cursor.data() + 1, end, ms);
  if (read.ec != std::errc() || read.ptr != end || ms <= 0) return std::nullopt;
  return ms;
}

}  // namespace

Result<std::optional<std::int64_t>> number_of(const JsonDialect& dialect, std::string_view body) {
  auto json = wire::parse(body, max_bytes);
  if (!json) return fail(std::move(json.error()).while_doing("reading the answer"));
  for (const std::string& error : texts_at(*json, dialect.error_path))
    return fail(Code::unavailable, "the store says: {}", error);
  for (const std::string& state : texts_at(*json, dialect.complete_path))
    if (state != dialect.complete_text)
      return fail(Code::unavailable, "the store's answer is not whole: {}", state);
  if (!texts_at(*json, dialect.more_path).empty())
    return fail(Code::unavailable, "the store's answer has more pages than one");
  std::vector<const js::value*> found;
  collect(*json, dialect.value_path, found);
  TRY(value, picked(dialect, found));
  if (!value && dialect.null_is_error)
    return fail(Code::unavailable, "no value at {}", dialect.value_path);
  if (!value) return std::optional<std::int64_t>{};
  const double scaled = *value * dialect.scale;
  if (!(scaled >= 0 && scaled <= 1e12))
    return fail(Code::invalid, "{} is no count of requests", scaled);
  return std::optional<std::int64_t>(std::llround(scaled));
}

JsonHttpSource::JsonHttpSource(Clock& clock, JsonHttpOptions options, StoreClient client, Tell tell)
    : clock_(clock),
      options_(std::move(options)),
      client_(std::move(client)),
      remarks_(std::move(tell)) {}

Result<std::unique_ptr<JsonHttpSource>> JsonHttpSource::make(Clock& clock, JsonHttpOptions options,
                                                             StoreClient client, Tell tell) {
  if (options.recipe.json() == nullptr)
    return fail(Code::invalid, "the recipe {} names series: it is for prometheus and scrape",
                options.recipe.name());
  TRY_VOID(options.recipe.check(options.with));
  for (const recipes::MetricParameter& parameter : options.recipe.parameters()) {
    auto& values = options.with[parameter.name];
    if (values.empty() && parameter.fallback) values = *parameter.fallback;
  }
  return std::unique_ptr<JsonHttpSource>(
      new JsonHttpSource(clock, std::move(options), std::move(client), std::move(tell)));
}

Task<Result<std::int64_t>> JsonHttpSource::ask(JsonDialect::Query query, recipes::JsonWindow window,
                                               Deadline deadline) {
  const JsonDialect& dialect = *options_.recipe.json();
  const std::string doing = fmt::format("asking {} at {}", options_.recipe.name(), client_.where());
  CO_TRY(rendered, recipes::render(dialect, query, options_.with, window));
  StoreRequest request{rendered.method, rendered.target, rendered.headers, rendered.body};
  auto answer = co_await client_.send(std::move(request), deadline);
  if (!answer) co_return fail(std::move(answer.error()).while_doing(doing));
  if (answer->status == 401 || answer->status == 403)
    co_return fail(Code::denied, "{}: HTTP {}; it needs {}", doing, answer->status,
                   dialect.auth_help);
  if (answer->status < 200 || answer->status > 299) {
    const bool ours = answer->status < 500 && answer->status != 429;
    co_return fail(ours ? Code::invalid : Code::unavailable, "{}: HTTP {}", doing, answer->status);
  }
  auto number = number_of(dialect, answer->body);
  if (!number) co_return fail(std::move(number.error()).while_doing(doing));
  co_return number->value_or(0);
}

Task<void> JsonHttpSource::ask_into(JsonDialect::Query query, recipes::JsonWindow window,
                                    Deadline deadline, Result<std::int64_t>* to) {
  auto number = co_await ask(query, window, deadline);
  *to = std::move(number);
}

Task<Result<core::Sample>> JsonHttpSource::since(std::string cursor, Deadline deadline) {
  const JsonDialect& dialect = *options_.recipe.json();
  const Now now = clock_.now();
  const std::int64_t interval = dialect.interval.count();
  const std::int64_t end = (now.wall.ms - dialect.lag.count()) / interval * interval;
  const auto begin = time_of(cursor);
  core::Sample sample;
  sample.cursor = fmt::format("t{}", std::max(end, begin.value_or(0)));
  if (!begin) {
    // Windows of before this call are not ours, although they end later than now - lag.
    sample.cursor = fmt::format("t{}", (now.wall.ms + interval - 1) / interval * interval);
    sample.lost = cursor.empty() ? 0 : 1;
    if (!cursor.empty())
      remarks_.say("the place where counting stood cannot be read; counting starts anew");
    co_return sample;
  }
  if (end <= *begin) co_return sample;
  sample.reach = Duration(now.wall.ms - *begin);
  const recipes::JsonWindow window{{*begin}, {end}, now.wall};
  std::vector<Result<std::int64_t>> numbers(dialect.queries.size(),
                                            fail(Code::internal, "not asked"));
  const auto executor = co_await boost::asio::this_coro::executor;
  runtime::TaskGroup group(executor);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    group.spawn("metrics query", ask_into(dialect.queries[i], window, deadline, &numbers[i]));
  co_await group.join();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!numbers[i]) co_return fail(std::move(numbers[i].error()));
    const JsonDialect::Query& query = dialect.queries[i];
    core::Counts& counts = query.track == core::Track::stable ? sample.stable : sample.canary;
    (query.number == recipes::JsonNumber::bad ? counts.bad : counts.requests) = *numbers[i];
  }
  for (core::Counts* counts : {&sample.stable, &sample.canary}) {
    if (counts->bad > counts->requests)
      remarks_.say("the store counts more failed requests than requests; the rest is ignored");
    counts->bad = std::min(counts->bad, counts->requests);
  }
  co_return sample;
}

}  // namespace linnet::prometheus
