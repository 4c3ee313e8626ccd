// judge threshold, compare, latency: windows from a CSV file through the evidence of src/stats.
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "judge/files.h"
#include "judge/json_text.h"
#include "judge/judge.h"
#include "stats/interval.h"
#include "stats/latency.h"
#include "stats/threshold.h"
#include "stats/two_sample.h"
#include "stats/words.h"

namespace linnet::judge {
namespace {

using stats::count_words;
using stats::likelihood_words;
using stats::percent_words;

Result<void> check_probability(const char* name, double value) {
  if (!(value > 0 && value < 1))
    return fail(Code::invalid, "{} {}: must be between 0 and 1", name, value);
  return {};
}

struct Decision {
  const char* word = "undecided";
  std::optional<std::size_t> row;  // 0-based

  void decide(const char* decided_word, std::size_t at) {
    if (row) return;  // a decision is latched
    word = decided_word;
    row = at;
  }
  void add_to(JsonObject& json) const {
    json.add("decision", word);
    json.raw("decided_at", row ? fmt::format("{}", *row + 1) : "null");
  }
  [[nodiscard]] std::string text() const {
    return row ? fmt::format("decision: {} at row {}", word, *row + 1)
               : fmt::format("decision: {}", word);
  }
  [[nodiscard]] int exit_code(double requests) const {
    if (requests == 0) return 3;
    return word == std::string_view("fail") ? 1 : 0;
  }
};

struct Track {
  double requests = 0, bad = 0;
  [[nodiscard]] std::optional<double> rate() const {
    return requests > 0 ? std::optional(bad / requests) : std::nullopt;
  }
  [[nodiscard]] std::string json() const {
    return JsonObject().add("requests", requests).add("bad", bad).add("rate", rate()).text();
  }
  [[nodiscard]] std::string text(const char* name) const {
    if (requests == 0) return fmt::format("{}: no requests", name);
    return fmt::format("{}: {} requests, {} bad: {}", name, count_words(requests), count_words(bad),
                       percent_words(*rate()));
  }
};

// What is left to know, in one sentence.
std::string outlook(const ThresholdOptions& options, const stats::Threshold& state, double rate) {
  if (rate > options.limit)
    return fmt::format(
        "to fail at this rate: {}\n",
        stats::requests_words(state.requests_to_fail(-std::log(options.alpha), rate, options.phi)));
  return fmt::format(
      "to pass at this rate: {}\n",
      stats::requests_words(state.requests_to_pass(-std::log(options.beta), rate, options.phi)));
}

Result<Report> threshold_report(const ThresholdOptions& options, const stats::Threshold& state,
                                const Track& sum, const Decision& decision) {
  TRY(interval, stats::rate_interval(state.requests, state.bad, options.alpha));
  Report report;
  report.text =
      sum.requests == 0
          ? "no requests\n"
          : fmt::format(
                "{} (limit {})\ntrue rate between {} and {} with {} confidence, "
                "at every look\n",
                sum.text("measured"), percent_words(options.limit), percent_words(interval.low),
                percent_words(interval.high), percent_words(1 - options.alpha));
  report.text += fmt::format(
      "evidence above the limit: {} if the true rate were at or below it\n"
      "evidence below the limit: {} if the true rate were at or above it\n",
      likelihood_words(state.log_fail()), likelihood_words(state.log_pass()));
  if (!decision.row && sum.requests > 0) report.text += outlook(options, state, *sum.rate());
  report.text += decision.text();
  JsonObject json;
  json.add("log_evidence_fail", state.log_fail())
      .add("log_evidence_pass", state.log_pass())
      .add("requests", sum.requests)
      .add("bad", sum.bad)
      .add("rate", sum.rate())
      .raw("interval",
           fmt::format("[{}, {}]", json_value(interval.low), json_value(interval.high)));
  decision.add_to(json);
  json.add("limit", options.limit).add("alpha", options.alpha).add("beta", options.beta);
  report.json = json.add("phi", options.phi).text();
  report.exit_code = decision.exit_code(sum.requests);
  return report;
}

}  // namespace

Result<Report> threshold(const ThresholdOptions& options) {
  TRY_VOID(check_probability("alpha", options.alpha));
  TRY_VOID(check_probability("beta", options.beta));
  TRY(state, stats::Threshold::make(options.limit));
  TRY(table, read_table(options.file, {"requests", "bad"}));
  Track sum;
  Decision decision;
  std::string text_trace, json_trace;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double requests = table.at(row, 0), bad = table.at(row, 1);
    if (const auto added = state.add(requests, bad, options.phi); !added)
      return fail(table.at_row(row, added.error()));
    sum.requests += requests;
    sum.bad += bad;
    const double log_fail = state.log_fail(), log_pass = state.log_pass();
    if (log_fail >= -std::log(options.alpha)) decision.decide("fail", row);
    if (log_pass >= -std::log(options.beta)) decision.decide("pass", row);
    if (!options.trace) continue;
    JsonObject json;
    json.add("row", static_cast<double>(row + 1)).add("requests", requests).add("bad", bad);
    json.add("log_evidence_fail", log_fail).add("log_evidence_pass", log_pass);
    json_trace += json.text() + "\n";
    text_trace += fmt::format("row {}: {} requests, {} bad; ln evidence fail {:.4g}, pass {:.4g}\n",
                              row + 1, requests, bad, log_fail, log_pass);
  }
  TRY(report, threshold_report(options, state, sum, decision));
  report.text = text_trace + report.text;
  report.json = json_trace + report.json;
  return report;
}

Result<Report> compare(const CompareOptions& options) {
  TRY_VOID(check_probability("alpha", options.alpha));
  TRY(state,
      stats::TwoSample::make(1, options.tolerance,
                             options.exact_never ? stats::Exact::never : stats::Exact::automatic));
  TRY(table,
      read_table(options.file, {"canary_requests", "canary_bad", "stable_requests", "stable_bad"}));
  Track canary, stable;
  Decision decision;
  std::string text_trace, json_trace;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const stats::PairedCounts window{table.at(row, 0), table.at(row, 1), table.at(row, 2),
                                     table.at(row, 3)};
    if (const auto added = state.add(window, options.phi); !added)
      return fail(table.at_row(row, added.error()));
    canary.requests += window.canary_requests;
    canary.bad += window.canary_bad;
    stable.requests += window.stable_requests;
    stable.bad += window.stable_bad;
    const double evidence = state.log_worse();
    if (evidence >= -std::log(options.alpha)) decision.decide("fail", row);
    if (!options.trace) continue;
    json_trace += JsonObject()
                      .add("row", static_cast<double>(row + 1))
                      .add("log_evidence_worse", evidence)
                      .text() +
                  "\n";
    text_trace += fmt::format("row {}: ln evidence worse {:.4g}\n", row + 1, evidence);
  }
  Report report;
  report.text = fmt::format("{}{}\n{}\nevidence that the canary is worse: {} if it were not\n{}",
                            text_trace, canary.text("canary"), stable.text("stable"),
                            likelihood_words(state.log_worse()), decision.text());
  JsonObject json;
  json.add("log_evidence_worse", state.log_worse());
  decision.add_to(json);
  json.raw("canary", canary.json()).raw("stable", stable.json());
  json.add("tolerance", options.tolerance).add("alpha", options.alpha).add("phi", options.phi);
  report.json = json_trace + json.text();
  report.exit_code = decision.exit_code(canary.requests);
  return report;
}

namespace {

struct TrackHistograms {
  stats::Histogram canary, stable;
};

Result<TrackHistograms> read_histograms(const std::string& file) {
  TRY(table, read_table(file, {"le", "canary", "stable"}));
  if (table.rows() < 2)
    return fail(Code::invalid, "{}: at least one finite boundary and +Inf are needed", file);
  if (table.rows() > stats::max_boundaries)
    return fail(Code::invalid, "{}: more than {} boundaries", file, stats::max_boundaries);
  std::vector<double> boundaries, canary, stable;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    boundaries.push_back(table.at(row, 0));
    canary.push_back(table.at(row, 1));
    stable.push_back(table.at(row, 2));
    const bool last = row + 1 == table.rows();
    const auto wrong = [&](const char* what) {
      return fail(table.at_row(row, Error{Code::invalid, what}));
    };
    if (!(boundaries[row] > (row ? boundaries[row - 1] : 0.0)))
      return wrong("boundaries must ascend from above 0");
    if (std::isinf(boundaries[row]) != last) return wrong("+Inf must be the last boundary");
    for (const auto* counts : {&canary, &stable}) {
      if (row && (*counts)[row] < (*counts)[row - 1])
        return wrong("cumulative counts must not fall");
      if (!((*counts)[row] >= 0 && (*counts)[row] <= 1e15) ||
          (*counts)[row] != std::floor((*counts)[row]))
        return wrong("counts must be whole numbers between 0 and 1e15");
    }
  }
  auto first = stats::Histogram::from_cumulative(boundaries, canary);
  if (!first) return fail(first.error().while_doing(file));
  auto second = stats::Histogram::from_cumulative(boundaries, stable);
  if (!second) return fail(second.error().while_doing(file));
  return TrackHistograms{std::move(*first), std::move(*second)};
}

std::string histogram_json(const stats::Histogram& histogram) {
  return JsonObject()
      .add("requests", histogram.total())
      .add("p50", histogram.quantile(0.5))
      .add("p95", histogram.quantile(0.95))
      .text();
}

std::string histogram_text(const char* name, const stats::Histogram& histogram) {
  if (histogram.total() == 0) return fmt::format("{}: no requests", name);
  return fmt::format("{}: {} requests, P50 {:.4g}, P95 {:.4g}", name,
                     count_words(histogram.total()), *histogram.quantile(0.5),
                     *histogram.quantile(0.95));
}

}  // namespace

Result<Report> latency(const LatencyOptions& options) {
  TRY_VOID(check_probability("alpha", options.alpha));
  TRY(histograms, read_histograms(options.file));
  const auto& upper = histograms.canary.upper_ms;
  const std::size_t finite = upper.size() - 1;
  double log_sum = -std::numeric_limits<double>::infinity();
  stats::LatencyComparison::Slowest slowest{upper[0], log_sum};
  // All boundaries count here; the state holds 32, so longer histograms are judged in parts.
  for (std::size_t first = 0; first < finite; first += stats::max_compared_boundaries) {
    const std::size_t count = std::min(stats::max_compared_boundaries, finite - first);
    TRY(part, stats::LatencyComparison::make(
                  std::span(upper).subspan(first, count), stats::StageWeights{}, options.tolerance,
                  options.exact_never ? stats::Exact::never : stats::Exact::automatic));
    TRY_VOID(part.add(histograms.canary, histograms.stable, options.phi));
    log_sum = stats::log_add_exp(log_sum, part.log_slower() + std::log(double(count)));
    if (part.slowest().log_evidence > slowest.log_evidence) slowest = part.slowest();
  }
  const double evidence = log_sum - std::log(static_cast<double>(finite));
  Decision decision;
  if (evidence >= -std::log(options.alpha)) decision.word = "fail";
  Report report;
  report.text = fmt::format(
      "{}\n{}\nevidence that the canary is slower: {} if it were not\n"
      "clearest at {:g}: {}\n{}",
      histogram_text("canary", histograms.canary), histogram_text("stable", histograms.stable),
      likelihood_words(evidence), slowest.boundary_ms, likelihood_words(slowest.log_evidence),
      decision.text());
  JsonObject json;
  json.add("log_evidence_slower", evidence).add("slowest_boundary", slowest.boundary_ms);
  json.add("log_evidence_at_slowest", slowest.log_evidence).add("decision", decision.word);
  json.raw("canary", histogram_json(histograms.canary));
  json.raw("stable", histogram_json(histograms.stable));
  json.add("tolerance", options.tolerance).add("alpha", options.alpha).add("phi", options.phi);
  report.json = json.text();
  report.exit_code = decision.exit_code(histograms.canary.total());
  return report;
}

}  // namespace linnet::judge
