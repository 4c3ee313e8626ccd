// What a recipe's file holds, between its reader (metric_read.cpp) and its users (metric.cpp).
// Private to this folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recipes/metric.h"
#include "recipes/metric_json.h"
#include "recipes/metric_template.h"

namespace linnet::recipes {

/// One label and what it must be: a text, with a leading '~' a regular expression, with a leading
/// '!~' anything but that, with a leading "pods of " the name of a pod of that Deployment.
struct LabelRule {
  enum class Kind { text, regex, not_regex, pods };
  std::string label;
  Template wanted;
  Kind kind = Kind::text;
};

struct CounterFamily {
  Template metric;  // of a histogram without "_bucket"
  std::vector<LabelRule> common, stable, canary;
};

struct CountersDialect {
  CounterFamily requests;
  Template status;  // the label that tells bad requests
  Template bad;     // a regular expression over its values
  std::optional<CounterFamily> latency;
  double ms_per_unit = 1;
  std::string instance;              // the label that names the pod; may be empty
  std::vector<std::string> renamed;  // labels that Prometheus may call exported_...
  struct Scrape {
    bool workload = false;
    Template name_space, selector, port, path;
  };
  std::optional<Scrape> scrape;
};

struct RecipeData {
  std::string name, summary, tried;
  std::vector<MetricParameter> parameters;
  std::optional<CountersDialect> counters;
  std::optional<JsonDialect> json;

  /// `with`, and the fallbacks of what it does not hold. Code::invalid names what is missing.
  Result<Parameters> filled(const Parameters& with) const;
};

Result<RecipeData> read_metric_recipe(std::string_view yaml, const std::string& file);

}  // namespace linnet::recipes
