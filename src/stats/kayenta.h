// Kayenta's judge (NetflixACAJudge) as linnet understands it from the public project: rank test per
// metric, effect sizes, groups, score. For teams that bring their canary configs; its errors are
// those of one look at a fixed sample. No code of that project is used.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "stats/mann_whitney.h"

namespace linnet::stats {

enum class Direction { increase, decrease, either };  // of a change that fails the metric
enum class NanStrategy { remove, replace };           // replace: by 0
enum class EffectMeasure { mean_ratio, cles };

/// `analysisConfigurations.canary` of one metric, and its name and groups. Defaults are Kayenta's.
struct KayentaMetric {
  std::string name;
  std::vector<std::string> groups;
  Direction direction = Direction::either;
  NanStrategy nan_strategy = NanStrategy::remove;
  bool remove_outliers = false;
  double outlier_factor = 3;  // of the interquartile range
  bool critical = false;
  bool must_have_data = false;
  bool muted = false;
  EffectMeasure effect_measure = EffectMeasure::mean_ratio;
  // A High (Low) needs an effect of at least (at most) this; 1 for mean_ratio, 0.5 for cles by
  // default.
  std::optional<double> allowed_increase, allowed_decrease;
  std::optional<double> critical_increase, critical_decrease;
};

struct KayentaConfig {
  std::vector<KayentaMetric> metrics;
  std::map<std::string, double>
      group_weights;        // percent; groups without one share what is left of 100
  double tolerance = 0.25;  // of the Hodges-Lehmann estimate
  double confidence = 0.98;
};

enum class KayentaClass { pass, high, low, nodata, nodata_fail_metric, error };
/// "Pass", "High", "Low", "Nodata", "NodataFailMetric", "Error": Kayenta's words.
std::string_view kayenta_class_name(KayentaClass classification);

struct SampleSummary {
  std::size_t count = 0;
  double mean = 0, median = 0, min = 0, max = 0, std = 0;
};

struct KayentaMetricResult {
  std::string name;
  std::vector<std::string> groups;
  KayentaClass classification = KayentaClass::pass;
  std::string reason;     // may be empty
  double ratio = 1;       // the effect: experiment / control mean, or CLES; NaN when a mean is 0
  bool critical = false;  // this result fails the whole canary
  bool muted = false;
  std::optional<Shift> shift;  // when the rank test was run
  SampleSummary control, experiment;
};

/// Judges one metric. NaN marks a missing value. Never fails: what cannot be tested is class error.
KayentaMetricResult kayenta_metric(const KayentaMetric& metric, std::span<const double> control,
                                   std::span<const double> experiment, double tolerance = 0.25,
                                   double confidence = 0.98);

struct KayentaGroup {
  std::string name;
  double score = 0;  // percent of its metrics that passed; 0 without data
  double weight = 0;
  bool no_data = false;  // counts as 100 in the summary
};

enum class KayentaVerdict { pass, marginal, fail };
struct KayentaScore {
  double score = 0;  // 0..100, rounded to two decimals
  KayentaVerdict verdict = KayentaVerdict::fail;
  std::string reason;  // why the score is 0, when a rule set it
  std::vector<KayentaGroup> groups;
};

/// The weighted score: 0 on a critical failure or when half of the metrics have no data; pass at or
/// above `pass`, else marginal at or above `marginal`. Muted metrics are reported but not scored.
KayentaScore kayenta_score(const KayentaConfig& config,
                           std::span<const KayentaMetricResult> results, double pass,
                           double marginal);

}  // namespace linnet::stats
