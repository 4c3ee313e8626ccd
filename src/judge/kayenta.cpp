// judge kayenta: reads Kayenta's canary config and two files of metric values, runs its rules.
#include "stats/kayenta.h"

#include <boost/json.hpp>
#include <cmath>
#include <limits>
#include <set>

#include "judge/files.h"
#include "judge/json_text.h"
#include "judge/judge.h"
#include "stats/words.h"

namespace linnet::judge {
namespace {

namespace bj = boost::json;

constexpr std::size_t max_metrics = 1000;
constexpr std::size_t max_values = 200'000;  // of one metric in one track

Result<bj::object> read_object(const std::string& file) {
  TRY(text, read_file(file));
  bj::parse_options parse;
  parse.max_depth = 32;
  boost::system::error_code error;
  bj::stream_parser parser({}, parse);
  const std::size_t used = parser.write_some(text, error);
  if (!error && used < text.size() && text.find_first_not_of(" \t\r\n", used) != std::string::npos)
    error = bj::error::extra_data;
  if (!error) parser.finish(error);
  if (error) {
    const auto lines =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(used), '\n');
    return fail(Code::invalid, "{}:{}: not JSON: {}", file, lines, error.message());
  }
  bj::value value = parser.release();
  if (!value.is_object()) return fail(Code::invalid, "{}:1: not a JSON object", file);
  return std::move(value.as_object());
}

// Follows keys through nested objects; nothing when one is missing or null.
const bj::value* find(const bj::object& object, std::initializer_list<std::string_view> path) {
  const bj::object* at = &object;
  const bj::value* found = nullptr;
  for (const auto key : path) {
    if (!at) return nullptr;
    found = at->if_contains(key);
    if (!found || found->is_null()) return nullptr;
    at = found->if_object();
  }
  return found;
}

// Reads typed values of one metric and keeps the first mistake.
class Reader {
 public:
  Reader(const bj::object& object, std::string place) : object_(object), place_(std::move(place)) {}

  void boolean(std::initializer_list<std::string_view> path, bool& into) {
    if (const auto* value = find(object_, path)) {
      if (value->is_bool())
        into = value->get_bool();
      else
        wrong(path, "true or false");
    }
  }
  template <class Number>
  void number(std::initializer_list<std::string_view> path, Number& into) {
    if (const auto* value = find(object_, path)) {
      boost::system::error_code error;
      const double read = value->to_number<double>(error);
      if (!error && std::isfinite(read))
        into = read;
      else
        wrong(path, "a number");
    }
  }
  [[nodiscard]] std::string word(std::initializer_list<std::string_view> path,
                                 std::string fallback) {
    const auto* value = find(object_, path);
    if (!value) return fallback;
    if (value->is_string()) return std::string(value->get_string());
    wrong(path, "a text");
    return fallback;
  }
  void wrong(std::initializer_list<std::string_view> path, std::string_view expected) {
    if (error_) return;
    std::string key;
    for (const auto part : path) key += (key.empty() ? "" : ".") + std::string(part);
    error_ = Error{Code::invalid, fmt::format("{}: {} must be {}", place_, key, expected)};
  }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  const bj::object& object_;
  std::string place_;
  std::optional<Error> error_;
};

constexpr std::string_view canary_path = "analysisConfigurations";

Result<stats::KayentaMetric> read_metric(const bj::object& object, const std::string& place) {
  Reader read(object, place);
  stats::KayentaMetric metric;
  metric.name = read.word({"name"}, "");
  if (metric.name.empty()) read.wrong({"name"}, "a text");
  if (const auto* groups = find(object, {"groups"})) {
    if (!groups->is_array())
      read.wrong({"groups"}, "a list");
    else
      for (const auto& group : groups->get_array())
        if (group.is_string())
          metric.groups.emplace_back(group.get_string());
        else
          read.wrong({"groups"}, "a list of texts");
  }
  const auto direction = read.word({canary_path, "canary", "direction"}, "either");
  // Kayenta takes every unknown word for the default; a typing slip would go unnoticed, so not
  // here.
  if (direction == "increase")
    metric.direction = stats::Direction::increase;
  else if (direction == "decrease")
    metric.direction = stats::Direction::decrease;
  else if (direction != "either")
    read.wrong({canary_path, "canary", "direction"}, "increase, decrease or either");
  const auto nans = read.word({canary_path, "canary", "nanStrategy"}, "remove");
  if (nans == "replace")
    metric.nan_strategy = stats::NanStrategy::replace;
  else if (nans != "remove" && nans != "none")
    read.wrong({canary_path, "canary", "nanStrategy"}, "remove or replace");
  const auto outliers = read.word({canary_path, "canary", "outliers", "strategy"}, "keep");
  if (outliers == "remove")
    metric.remove_outliers = true;
  else if (outliers != "keep" && outliers != "none")
    read.wrong({canary_path, "canary", "outliers", "strategy"}, "keep or remove");
  read.number({canary_path, "canary", "outliers", "outlierFactor"}, metric.outlier_factor);
  if (!(metric.outlier_factor > 0))
    read.wrong({canary_path, "canary", "outliers", "outlierFactor"}, "above 0");
  const auto measure = read.word({canary_path, "canary", "effectSize", "measure"}, "meanRatio");
  if (measure == "cles")
    metric.effect_measure = stats::EffectMeasure::cles;
  else if (measure != "meanRatio")
    read.wrong({canary_path, "canary", "effectSize", "measure"}, "meanRatio or cles");
  read.boolean({canary_path, "canary", "critical"}, metric.critical);
  read.boolean({canary_path, "canary", "mustHaveData"}, metric.must_have_data);
  read.boolean({canary_path, "canary", "muted"}, metric.muted);
  read.number({canary_path, "canary", "effectSize", "allowedIncrease"}, metric.allowed_increase);
  read.number({canary_path, "canary", "effectSize", "allowedDecrease"}, metric.allowed_decrease);
  read.number({canary_path, "canary", "effectSize", "criticalIncrease"}, metric.critical_increase);
  read.number({canary_path, "canary", "effectSize", "criticalDecrease"}, metric.critical_decrease);
  if (read.error()) return fail(*read.error());
  return metric;
}

struct Config {
  stats::KayentaConfig rules;
  double pass = 75, marginal = 50;
};

Result<Config> read_config(const std::string& file) {
  TRY(object, read_object(file));
  Config config;
  const auto* metrics = find(object, {"metrics"});
  if (!metrics || !metrics->is_array() || metrics->get_array().empty())
    return fail(Code::invalid, "{}: metrics must be a list with at least one metric", file);
  if (metrics->get_array().size() > max_metrics)
    return fail(Code::invalid, "{}: more than {} metrics", file, max_metrics);
  std::set<std::string> names;
  for (const auto& entry : metrics->get_array()) {
    const auto place = fmt::format("{}: metrics[{}]", file, config.rules.metrics.size());
    if (!entry.is_object()) return fail(Code::invalid, "{}: must be an object", place);
    TRY(metric, read_metric(entry.get_object(), place));
    if (!names.insert(metric.name).second)
      return fail(Code::invalid, "{}: metric {} stands twice", place, json_value(metric.name));
    config.rules.metrics.push_back(std::move(metric));
  }
  Reader read(object, file);
  read.number({"classifier", "scoreThresholds", "pass"}, config.pass);
  read.number({"classifier", "scoreThresholds", "marginal"}, config.marginal);
  if (const auto* weights = find(object, {"classifier", "groupWeights"})) {
    if (!weights->is_object())
      read.wrong({"classifier", "groupWeights"}, "an object");
    else
      for (const auto& [group, value] : weights->get_object()) {
        double weight = 0;
        read.number({"classifier", "groupWeights", group}, weight);
        if (!(weight >= 0 && weight <= 100))
          read.wrong({"classifier", "groupWeights", group}, "from 0 to 100");
        config.rules.group_weights[std::string(group)] = weight;
      }
    // Above 100 in sum, a failed group could hide behind the others.
    double sum = 0;
    for (const auto& [group, weight] : config.rules.group_weights) sum += weight;
    if (sum > 100 + 1e-9) read.wrong({"classifier", "groupWeights"}, "at most 100 in sum");
  }
  if (read.error()) return fail(*read.error());
  return config;
}

using Values = std::map<std::string, std::vector<double>>;

Result<Values> read_values(const std::string& file, const stats::KayentaConfig& config) {
  TRY(object, read_object(file));
  Values values;
  for (const auto& [name, list] : object) {
    const auto place = fmt::format("{}: metric {}", file, json_value(std::string_view(name)));
    if (std::none_of(config.metrics.begin(), config.metrics.end(),
                     [&](const auto& metric) { return metric.name == std::string_view(name); }))
      return fail(Code::invalid, "{}: is not in the config", place);
    if (!list.is_array()) return fail(Code::invalid, "{}: must be a list", place);
    if (list.get_array().size() > max_values)
      return fail(Code::invalid, "{}: more than {} values", place, max_values);
    auto& into = values[std::string(name)];
    for (const auto& value : list.get_array()) {
      boost::system::error_code error;
      double number = std::numeric_limits<double>::quiet_NaN();
      if (!value.is_null()) number = value.to_number<double>(error);
      if (error || std::isinf(number))
        return fail(Code::invalid, "{}: value {} is not a number or null", place, into.size() + 1);
      into.push_back(number);
    }
  }
  return values;
}

std::string summary_json(const stats::SampleSummary& summary) {
  return JsonObject()
      .add("count", static_cast<double>(summary.count))
      .add("mean", summary.mean)
      .add("median", summary.median)
      .add("min", summary.min)
      .add("max", summary.max)
      .add("std", summary.std)
      .text();
}

std::string metric_json(const stats::KayentaMetricResult& result) {
  JsonObject json;
  json.add("name", result.name);
  json.add("classification", stats::kayenta_class_name(result.classification));
  json.raw("reason", result.reason.empty() ? "null" : json_value(result.reason));
  json.add("ratio", result.ratio);
  if (result.shift) {
    json.raw("interval", fmt::format("[{}, {}]", json_value(result.shift->low),
                                     json_value(result.shift->high)));
    json.add("estimate", result.shift->estimate).add("p_value", result.shift->p_value);
  } else {
    json.raw("interval", "null").raw("estimate", "null").raw("p_value", "null");
  }
  json.add("critical", result.critical).add("muted", result.muted);
  json.raw("groups", json_array(result.groups, [](const auto& name) { return json_value(name); }));
  json.raw("control", summary_json(result.control));
  return json.raw("experiment", summary_json(result.experiment)).text();
}

std::string group_json(const stats::KayentaGroup& group) {
  return JsonObject()
      .add("name", group.name)
      .add("score", group.score)
      .add("weight", group.weight)
      .add("no_data", group.no_data)
      .text();
}

const char* verdict_name(stats::KayentaVerdict verdict) {
  switch (verdict) {
    case stats::KayentaVerdict::pass: return "Pass";
    case stats::KayentaVerdict::marginal: return "Marginal";
    case stats::KayentaVerdict::fail: return "Fail";
  }
  return "Fail";
}

Report report_of(const stats::KayentaScore& score,
                 const std::vector<stats::KayentaMetricResult>& results) {
  Report report;
  for (const auto& result : results) {
    report.text +=
        fmt::format("{}: {}", result.name, stats::kayenta_class_name(result.classification));
    if (!result.reason.empty()) report.text += fmt::format(" ({})", result.reason);
    if (result.shift)
      report.text += fmt::format("; effect {:.4g}, shift {:.4g} in [{:.4g}, {:.4g}]", result.ratio,
                                 result.shift->estimate, result.shift->low, result.shift->high);
    report.text += result.muted ? "; muted\n" : "\n";
  }
  for (const auto& group : score.groups)
    report.text += fmt::format("group {}: {:.4g} of 100, weight {:.4g}{}\n", group.name,
                               group.score, group.weight, group.no_data ? ", no data" : "");
  report.text += fmt::format("score {:.4g}: {}{}{}", score.score, verdict_name(score.verdict),
                             score.reason.empty() ? "" : "; ", score.reason);
  JsonObject json;
  json.add("judge", "NetflixACAJudge-v1.0").add("score", score.score);
  json.add("classification", verdict_name(score.verdict));
  json.raw("reason", score.reason.empty() ? "null" : json_value(score.reason));
  json.raw("groups", json_array(score.groups, group_json));
  report.json = json.raw("metrics", json_array(results, metric_json)).text();
  report.exit_code = score.verdict == stats::KayentaVerdict::fail ? 1 : 0;
  return report;
}

}  // namespace

Result<Report> kayenta(const KayentaOptions& options) {
  TRY(config, read_config(options.config));
  TRY(control, read_values(options.control, config.rules));
  TRY(experiment, read_values(options.experiment, config.rules));
  const double pass = options.pass.value_or(config.pass);
  const double marginal = options.marginal.value_or(config.marginal);
  if (!(pass >= 0 && pass <= 100 && marginal >= 0 && marginal <= pass))
    return fail(Code::invalid, "pass {} and marginal {}: must be 0 <= marginal <= pass <= 100",
                pass, marginal);
  std::vector<stats::KayentaMetricResult> results;
  for (const auto& metric : config.rules.metrics)
    results.push_back(stats::kayenta_metric(metric, control[metric.name], experiment[metric.name],
                                            config.rules.tolerance, config.rules.confidence));
  return report_of(stats::kayenta_score(config.rules, results, pass, marginal), results);
}

}  // namespace linnet::judge
