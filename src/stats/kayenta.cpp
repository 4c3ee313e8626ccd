#include "stats/kayenta.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace linnet::stats {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<double> without_nans(std::span<const double> values, NanStrategy strategy) {
  std::vector<double> kept;
  kept.reserve(values.size());
  for (const double value : values) {
    if (!std::isnan(value))
      kept.push_back(value);
    else if (strategy == NanStrategy::replace)
      kept.push_back(0);
  }
  return kept;
}

// Fences at the quartiles -+ factor * IQR, but never inside the 1st and 99th percentile.
void remove_outliers(std::vector<double>& values, double factor) {
  if (values.empty()) return;
  const double q1 = *quantile_r7(values, 0.25), q3 = *quantile_r7(values, 0.75);
  const double low = std::min(*quantile_r7(values, 0.01), q1 - factor * (q3 - q1));
  const double high = std::max(*quantile_r7(values, 0.99), q3 + factor * (q3 - q1));
  std::erase_if(values, [&](double value) { return value < low || value > high; });
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

SampleSummary summary(std::span<const double> values) {
  if (values.empty()) return {};
  SampleSummary result;
  result.count = values.size();
  result.mean = mean_of(values);
  result.median = *quantile_r7(values, 0.5);
  result.min = *std::min_element(values.begin(), values.end());
  result.max = *std::max_element(values.begin(), values.end());
  if (values.size() > 1) {
    double squares = 0;
    for (const double value : values) squares += (value - result.mean) * (value - result.mean);
    result.std = std::sqrt(squares / static_cast<double>(values.size() - 1));
  }
  return result;
}

bool constant(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [&](double v) { return v == values.front(); });
}

// Two constant series cannot be ranked, so Kayenta adds Gaussian noise of 1e-5 of the value. Here
// the same spread is laid out by normal quantiles instead of drawn: a judge should judge alike
// twice.
std::vector<double> with_noise(std::vector<double> values) {
  const auto n = static_cast<double>(values.size());
  const double scale = std::abs(values.front()) * 1e-5;
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] += scale * normal_quantile((static_cast<double>(i) + 0.5) / n);
  return values;
}

double effect(const KayentaMetric& metric, std::span<const double> control,
              std::span<const double> experiment) {
  if (metric.effect_measure == EffectMeasure::cles)
    return common_language_effect(experiment, control).value_or(nan);
  const double below = mean_of(control), above = mean_of(experiment);
  if (below == 0) return 1;
  // Kayenta's mean ratio is undefined when the canary's mean is 0, and comparisons with NaN are
  // false: a metric that falls to exactly 0 never counts as Low.
  return above == 0 ? nan : above / below;
}

struct Compared {
  KayentaClass classification = KayentaClass::pass;
  std::optional<Shift> shift;
  double effect = 1;
};

Compared compare(const KayentaMetric& metric, std::vector<double> control,
                 std::vector<double> experiment, double tolerance, double confidence) {
  if (constant(control) && constant(experiment)) {
    control = with_noise(std::move(control));
    experiment = with_noise(std::move(experiment));
  }
  const auto shift = mann_whitney(experiment, control, confidence);
  if (!shift) return {KayentaClass::error, std::nullopt, 1};
  Compared result{KayentaClass::pass, *shift, effect(metric, control, experiment)};
  const double fallback = metric.effect_measure == EffectMeasure::cles ? 0.5 : 1;
  const double bound = tolerance * std::abs(shift->estimate);
  if (metric.direction != Direction::decrease && shift->low > bound &&
      result.effect >= metric.allowed_increase.value_or(fallback))
    result.classification = KayentaClass::high;
  else if (metric.direction != Direction::increase && shift->high < -bound &&
           result.effect <= metric.allowed_decrease.value_or(fallback))
    result.classification = KayentaClass::low;
  return result;
}

bool fails_critically(const KayentaMetric& metric, const Compared& compared) {
  const double fallback = metric.effect_measure == EffectMeasure::cles ? 0.5 : 1;
  switch (compared.classification) {
    case KayentaClass::high:
      return metric.critical && compared.effect >= metric.critical_increase.value_or(fallback);
    case KayentaClass::low:
      return metric.critical && compared.effect <= metric.critical_decrease.value_or(fallback);
    case KayentaClass::error: return metric.critical;
    default: return false;
  }
}

void classify_missing(const KayentaMetric& metric, KayentaMetricResult& result) {
  if (metric.nan_strategy == NanStrategy::replace) return;  // no data means zero: pass
  result.reason = "Missing data for " + metric.name;
  const bool fail_metric = metric.must_have_data && !metric.critical;
  result.classification = fail_metric ? KayentaClass::nodata_fail_metric : KayentaClass::nodata;
  result.critical = metric.critical;
}

bool identical(std::vector<double> a, std::vector<double> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

}  // namespace

std::string_view kayenta_class_name(KayentaClass classification) {
  switch (classification) {
    case KayentaClass::pass: return "Pass";
    case KayentaClass::high: return "High";
    case KayentaClass::low: return "Low";
    case KayentaClass::nodata: return "Nodata";
    case KayentaClass::nodata_fail_metric: return "NodataFailMetric";
    case KayentaClass::error: return "Error";
  }
  return "Error";
}

KayentaMetricResult kayenta_metric(const KayentaMetric& metric, std::span<const double> control,
                                   std::span<const double> experiment, double tolerance,
                                   double confidence) {
  std::vector<double> before = without_nans(control, metric.nan_strategy);
  std::vector<double> after = without_nans(experiment, metric.nan_strategy);
  if (metric.remove_outliers) {
    remove_outliers(before, metric.outlier_factor);
    remove_outliers(after, metric.outlier_factor);
  }
  KayentaMetricResult result;
  result.name = metric.name;
  result.groups = metric.groups;
  result.muted = metric.muted;
  result.control = summary(before);
  result.experiment = summary(after);
  if (before.empty() || after.empty()) {
    classify_missing(metric, result);
    return result;
  }
  if (identical(before, after)) {
    result.reason = "The Canary and Baseline data are identical";
    return result;
  }
  // One distinct value in both, but in different numbers.
  if (constant(before) && constant(after) && before.front() == after.front()) return result;

  const Compared compared =
      compare(metric, std::move(before), std::move(after), tolerance, confidence);
  result.classification = compared.classification;
  result.shift = compared.shift;
  result.ratio = compared.effect;
  result.critical = fails_critically(metric, compared);
  if (compared.classification == KayentaClass::error)
    result.reason = "Metric Classification Failed";
  else if (result.critical)
    result.reason = "The metric " + metric.name + " was classified as " +
                    std::string(kayenta_class_name(compared.classification)) + " (Critical)";
  else if (compared.classification != KayentaClass::pass)
    result.reason = metric.name + " was classified as " +
                    std::string(kayenta_class_name(compared.classification));
  return result;
}

namespace {

std::vector<KayentaGroup> score_groups(const KayentaConfig& config,
                                       std::span<const KayentaMetricResult> results) {
  struct Tally {
    double pass = 0, all = 0;
  };
  std::map<std::string, Tally> tallies;
  for (const KayentaMetricResult& result : results) {
    if (result.muted) continue;
    for (const std::string& group : result.groups) {
      Tally& tally = tallies[group];
      const bool counted = result.classification != KayentaClass::nodata &&
                           result.classification != KayentaClass::error;
      tally.all += counted;
      tally.pass += result.classification == KayentaClass::pass;
    }
  }
  double given = 0;
  for (const auto& [name, weight] : config.group_weights) given += weight;
  const auto missing =
      static_cast<double>(std::count_if(tallies.begin(), tallies.end(), [&](const auto& entry) {
        return !config.group_weights.contains(entry.first);
      }));
  std::vector<KayentaGroup> groups;
  for (const auto& [name, tally] : tallies) {
    const auto weight = config.group_weights.find(name);
    groups.push_back(
        {name, tally.all > 0 ? 100 * tally.pass / tally.all : 0,
         weight != config.group_weights.end() ? weight->second : (100 - given) / missing,
         tally.all == 0});
  }
  return groups;
}

}  // namespace

KayentaScore kayenta_score(const KayentaConfig& config,
                           std::span<const KayentaMetricResult> results, double pass,
                           double marginal) {
  KayentaScore result;
  result.groups = score_groups(config, results);
  double scored = 0, without_data = 0;
  for (const KayentaMetricResult& metric : results) {
    if (metric.muted) continue;
    scored += 1;
    without_data += metric.classification == KayentaClass::nodata;
    if (metric.critical && metric.classification != KayentaClass::pass && result.reason.empty())
      result.reason = "Canary Failed: " + metric.reason;
  }
  if (result.reason.empty() && scored > 0 && without_data / scored >= 0.5)
    result.reason = "Canary Failed: 50% or more metrics returned NODATA";
  if (result.reason.empty()) {
    for (const KayentaGroup& group : result.groups)
      result.score += (group.no_data ? 100 : group.score) * group.weight / 100;
    result.score = std::round(result.score * 100) / 100;
  }
  result.verdict = result.score >= pass       ? KayentaVerdict::pass
                   : result.score >= marginal ? KayentaVerdict::marginal
                                              : KayentaVerdict::fail;
  return result;
}

}  // namespace linnet::stats
