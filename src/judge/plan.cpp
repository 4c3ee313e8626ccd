// judge plan: what a step length buys, exactly computed.
#include <algorithm>
#include <cmath>
#include <vector>

#include "judge/json_text.h"
#include "judge/judge.h"
#include "stats/expected.h"
#include "stats/words.h"

namespace linnet::judge {
namespace {

struct Row {
  double true_rate = 0;
  const char* decision = "undecided";
  stats::Detection detection;
};

Result<Row> row_of(const PlanOptions& options, double true_rate) {
  Row row{true_rate, "undecided", {}};
  stats::Plan plan;
  plan.limit = options.limit;
  plan.true_rate = true_rate;
  plan.phi = options.phi;
  if (true_rate > options.limit) {
    row.decision = "fail";
    plan.alpha = options.alpha;
    plan.weight = 1.0 / (options.checks * options.stages);
    TRY(detection, stats::expected_to_fail(plan));
    row.detection = detection;
  } else if (true_rate < options.limit) {
    row.decision = "pass";
    plan.alpha = options.beta;  // pass evidence starts anew in each stage and needs every check
    TRY(detection, stats::expected_to_pass(plan));
    row.detection = detection;
  } else {
    const double never = std::numeric_limits<double>::infinity();
    row.detection = {never, never, never, 0, never, true};
  }
  if (!std::isfinite(row.detection.expected)) row.decision = "undecided";
  return row;
}

std::vector<double> usual_rates(double limit) {
  std::vector<double> rates;
  for (const double factor : {0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0})
    if (factor * limit <= 1) rates.push_back(factor * limit);
  for (const double rate : {0.5, 1.0})
    if (rate > rates.back()) rates.push_back(rate);
  return rates;
}

void add_row(JsonObject& json, const Row& row, double per_second) {
  const stats::Detection& d = row.detection;
  json.add("true_rate", row.true_rate).add("decision", row.decision);
  json.add("expected_requests", d.expected).add("expected_seconds", d.expected / per_second);
  json.add("p95_requests", d.p95).add("p95_seconds", d.p95 / per_second);
  json.add("lower_bound_requests", d.lower_bound);
  json.add("lower_bound_seconds", d.lower_bound / per_second);
  json.add("exact", d.exact);
}

std::string rounded(double value, const char* unit) {
  if (!std::isfinite(value)) return "never";
  return (value < 10 ? fmt::format("{:.1f}", value) : stats::count_words(value)) + unit;
}

}  // namespace

Result<Report> plan(const PlanOptions& options) {
  if (!(options.rate > 0 && options.rate <= 1e9))
    return fail(Code::invalid, "rate {}: must be above 0 requests per second", options.rate);
  if (options.checks < 1 || options.checks > 32 || options.stages < 1 || options.stages > 32)
    return fail(Code::invalid, "{} checks and {} stages: must be between 1 and 32 each",
                options.checks, options.stages);
  std::vector<Row> rows;
  for (const double rate :
       options.true_rate ? std::vector{*options.true_rate} : usual_rates(options.limit)) {
    TRY(row, row_of(options, rate));
    rows.push_back(row);
  }
  Report report;
  report.text = fmt::format(
      "limit {}, {:g} canary requests per second, alpha {:g}, beta {:g}\n"
      "{:>9}  {:>9}  {:>10}  {:>9}  {:>10}  {:>11}\n",
      stats::percent_words(options.limit), options.rate, options.alpha, options.beta, "true rate",
      "decision", "requests", "time", "95 % of it", "lower bound");
  for (const Row& row : rows)
    report.text += fmt::format(
        "{:>9}  {:>9}  {:>10}  {:>9}  {:>10}  {:>11}\n", stats::percent_words(row.true_rate),
        row.decision, rounded(row.detection.expected, ""),
        rounded(row.detection.expected / options.rate, " s"),
        rounded(row.detection.p95 / options.rate, " s"), rounded(row.detection.lower_bound, ""));
  report.text += "Mean until the evidence suffices, looking after every request.";
  JsonObject json;
  json.add("limit", options.limit).add("rate", options.rate);
  json.add("alpha", options.alpha).add("beta", options.beta).add("phi", options.phi);
  if (options.true_rate) add_row(json, rows[0], options.rate);
  json.raw("rates", json_array(rows, [&](const Row& row) {
             JsonObject one;
             add_row(one, row, options.rate);
             return one.text();
           }));
  report.json = json.text();
  return report;
}

}  // namespace linnet::judge
