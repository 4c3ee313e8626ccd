#include "prometheus/query_answer.h"

#include <boost/json.hpp>

#include "prometheus/exposition.h"
#include "wire/json.h"

namespace linnet::prometheus {
namespace {

namespace js = boost::json;

constexpr std::size_t max_bytes = 64u << 20;

std::string_view text_of(const js::object& object, std::string_view key) {
  const js::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

// A server's words are shown to people: short, and on one line.
std::string shortened(std::string_view text) {
  std::string out(text.substr(0, 300));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return out;
}

tl::unexpected<Error> error_of(int status, const js::object& top) {
  const std::string type = shortened(text_of(top, "errorType"));
  const std::string text = shortened(text_of(top, "error"));
  const Code code = type == "bad_data" || status == 400 ? Code::invalid : Code::unavailable;
  return fail(code, "HTTP {}, {}: {}", status, type.empty() ? "no errorType" : type,
              text.empty() ? "no text" : text);
}

/// [time, "value"]
std::optional<double> value_of(const js::value* pair) {
  if (pair == nullptr || !pair->is_array() || pair->get_array().size() != 2) return std::nullopt;
  const js::value& value = pair->get_array()[1];
  if (!value.is_string()) return std::nullopt;
  return parse_number(std::string_view(value.get_string()));
}

bool read_element(const js::value& element, QueryAnswer& answer) {
  const js::object* object = element.if_object();
  if (object == nullptr) return false;
  if (object->if_contains("value") == nullptr && object->if_contains("histogram") != nullptr) {
    ++answer.native_histograms;
    return true;
  }
  const auto value = value_of(object->if_contains("value"));
  const js::value* labels = object->if_contains("metric");
  if (!value || labels == nullptr || !labels->is_object()) return false;
  recipes::Series series;
  series.value = *value;
  for (const auto& [name, label] : labels->get_object()) {
    if (!label.is_string()) return false;
    if (name == "__name__")
      series.metric = std::string(std::string_view(label.get_string()));
    else
      series.labels.emplace(std::string(name), std::string_view(label.get_string()));
  }
  answer.series.push_back(std::move(series));
  return true;
}

Result<QueryAnswer> read_data(const js::object& top) {
  const auto wrong = [](std::string_view what) {
    return fail(Code::invalid, "not an answer of the query API: {}", what);
  };
  const js::value* data = top.if_contains("data");
  if (data == nullptr || !data->is_object()) return wrong("no data");
  const js::value* result = data->get_object().if_contains("result");
  const std::string_view type = text_of(data->get_object(), "resultType");
  QueryAnswer answer;
  if (type == "scalar") {
    const auto value = value_of(result);
    if (!value) return wrong("a scalar without a value");
    answer.series.push_back({"", {}, *value});
    return answer;
  }
  if (type != "vector") return wrong(fmt::format("resultType '{}'", shortened(type)));
  if (result == nullptr || !result->is_array()) return wrong("a vector without elements");
  for (const js::value& element : result->get_array())
    if (!read_element(element, answer)) return wrong("an element that is no series");
  return answer;
}

}  // namespace

Result<QueryAnswer> read_query_answer(int status, std::string_view body) {
  if (status == 401 || status == 403)
    return fail(Code::denied, "HTTP {}: metrics.auth is missing or not accepted", status);
  const auto json = wire::parse(body, max_bytes);
  const js::object* top = json ? json->if_object() : nullptr;
  if (top == nullptr || text_of(*top, "status").empty()) {
    if (status == 404) return fail(Code::invalid, "HTTP 404: no query API at this address");
    return fail(status == 200 || (status >= 300 && status < 500 && status != 429)
                    ? Code::invalid
                    : Code::unavailable,
                "HTTP {}: not an answer of the query API", status);
  }
  if (text_of(*top, "status") != "success" || status != 200) return error_of(status, *top);
  const js::value* warnings = top->if_contains("warnings");
  if (warnings != nullptr && warnings->is_array() && !warnings->get_array().empty()) {
    const js::value& first = warnings->get_array()[0];
    return fail(Code::unavailable, "partial data: {}",
                first.is_string() ? shortened(std::string_view(first.get_string()))
                                  : std::string("a warning"));
  }
  // A VictoriaMetrics cluster without one of its storages answers from the others, and warns so.
  const js::value* partial = top->if_contains("isPartial");
  if (partial != nullptr && partial->is_bool() && partial->get_bool())
    return fail(Code::unavailable, "partial data: isPartial, not all storage nodes answered");
  return read_data(*top);
}

}  // namespace linnet::prometheus
