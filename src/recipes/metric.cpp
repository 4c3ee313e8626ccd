#include "recipes/metric.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "recipes/metric_data.h"
#include "recipes/metric_pattern.h"
#include "recipes/pod_names.h"

namespace linnet::recipes {

namespace {

constexpr std::size_t longest_label = 4096;
constexpr std::size_t longest_value = 1024;  // of a parameter

using core::Track;

/// A rule with its parameters filled in.
struct LabelTest {
  std::string label;
  std::vector<std::string> any_of;  // sorted; when there is no pattern
  std::optional<Pattern> pattern;
  std::string promql;  // =~"...", !~"..." or ="..."
  bool renamed = false;
  bool excludes = false;  // what the pattern matches

  [[nodiscard]] bool passes(std::string_view value) const {
    if (value.size() > longest_label) return false;
    return pattern ? pattern->matches(value) != excludes
                   : std::binary_search(any_of.begin(), any_of.end(), value);
  }
};

struct Family {
  std::string metric;  // as on the page
  std::vector<LabelTest> common, stable, canary;
};

std::string promql_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + "\"";
}

std::string any_of_pattern(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) out += (out.empty() ? "" : "|") + Pattern::quoted(value);
  return out;
}

Result<std::string> pattern_text(const Template& text, const Parameters& with) {
  return text.written(with, [](const std::vector<std::string>& values) {
    const std::string any = any_of_pattern(values);
    return values.size() == 1 ? any : "(" + any + ")";
  });
}

Result<std::string> pods_text(const Template& deployment, const Parameters& with) {
  TRY(names, deployment.texts(with));
  std::string any;
  for (const std::string& name : names) any += (any.empty() ? "" : "|") + pods_pattern(name);
  return any;
}

Result<LabelTest> fill(const LabelRule& rule, const std::vector<std::string>& renamed,
                       const Parameters& with) {
  LabelTest test;
  test.label = rule.label;
  test.renamed = std::find(renamed.begin(), renamed.end(), rule.label) != renamed.end();
  if (rule.kind != LabelRule::Kind::text) {
    const bool pods = rule.kind == LabelRule::Kind::pods;
    TRY(text, pods ? pods_text(rule.wanted, with) : pattern_text(rule.wanted, with));
    auto pattern = Pattern::compile(text);
    if (!pattern) return fail(std::move(pattern.error()).while_doing(rule.label));
    test.pattern = std::move(*pattern);
    test.excludes = rule.kind == LabelRule::Kind::not_regex;
    test.promql = (test.excludes ? "!~" : "=~") + promql_quoted(text);
    return test;
  }
  TRY(texts, rule.wanted.texts(with));
  test.any_of = texts;
  test.promql = texts.size() == 1 ? "=" + promql_quoted(texts[0])
                                  : "=~" + promql_quoted(any_of_pattern(texts));
  return test;
}

Result<std::vector<LabelTest>> fill(const std::vector<LabelRule>& rules,
                                    const std::vector<std::string>& renamed,
                                    const Parameters& with) {
  std::vector<LabelTest> tests;
  for (const LabelRule& rule : rules) {
    TRY(test, fill(rule, renamed, with));
    tests.push_back(std::move(test));
  }
  return tests;
}

/// Kubernetes cuts the names of pods: those of two Deployments with long names may be one.
Result<void> check_told_apart(const CounterFamily& family, const std::vector<LabelTest>& stable,
                              const Parameters& with) {
  for (const LabelRule& rule : family.canary) {
    if (rule.kind != LabelRule::Kind::pods) continue;
    TRY(names, rule.wanted.texts(with));
    for (const std::string& name : names)
      for (const LabelTest& test : stable)
        if (test.label == rule.label && test.pattern && test.passes(a_pod_of(name)))
          return fail(Code::invalid,
                      "pods of the Deployment {} cannot be told from stable's: Kubernetes cuts "
                      "their names after 58 characters. Shorten the Deployments' names, or use a "
                      "recipe that reads the router",
                      name);
  }
  return {};
}

bool is_metric_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == ':';
  });
}

Result<Family> fill(const CounterFamily& family, std::string_view suffix,
                    const std::vector<std::string>& renamed, const Parameters& with) {
  TRY(names, family.metric.texts(with));
  if (names.size() != 1 || !is_metric_name(names[0]))
    return fail(Code::invalid, "\"{}\" must be the name of one metric", family.metric.text());
  std::string metric = names[0] + std::string(suffix);
  TRY(common, fill(family.common, renamed, with));
  TRY(stable, fill(family.stable, renamed, with));
  TRY(canary, fill(family.canary, renamed, with));
  TRY_VOID(check_told_apart(family, stable, with));
  return Family{std::move(metric), std::move(common), std::move(stable), std::move(canary)};
}

std::optional<std::string_view> find(std::span<const LabelView> labels, std::string_view name) {
  for (const auto& [label, value] : labels)
    if (label == name) return value;
  return std::nullopt;
}

bool passes(const std::vector<LabelTest>& tests, std::span<const LabelView> labels) {
  return std::all_of(tests.begin(), tests.end(), [&](const LabelTest& test) {
    std::optional<std::string_view> value;
    if (test.renamed) value = find(labels, "exported_" + test.label);
    if (!value) value = find(labels, test.label);
    return test.passes(value.value_or(std::string_view()));
  });
}

std::optional<Track> track_of(const Family& family, std::span<const LabelView> labels) {
  if (!passes(family.common, labels)) return std::nullopt;
  if (passes(family.stable, labels)) return Track::stable;
  if (passes(family.canary, labels)) return Track::canary;
  return std::nullopt;
}

std::optional<double> le_of(std::string_view text) {
  if (text == "+Inf" || text == "inf" || text == "+inf" || text == "Inf")
    return std::numeric_limits<double>::infinity();
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

}  // namespace

struct Roles::Tables {
  Family requests;
  std::optional<Family> latency;
  std::string status;
  Pattern bad;
  double ms_per_unit = 1;
  std::string instance;
};

bool Roles::wants(std::string_view metric) const {
  return metric == tables_->requests.metric ||
         (tables_->latency && metric == tables_->latency->metric);
}

std::optional<Role> Roles::of(std::string_view metric, std::span<const LabelView> labels) const {
  Role role;
  if (metric == tables_->requests.metric) {
    const auto track = track_of(tables_->requests, labels);
    if (!track) return std::nullopt;
    role.track = *track;
    const auto status = find(labels, tables_->status);
    const bool bad = status && status->size() <= longest_label && tables_->bad.matches(*status);
    role.counts = bad ? Role::Counts::bad_requests : Role::Counts::requests;
  } else if (tables_->latency && metric == tables_->latency->metric) {
    const auto le = find(labels, "le");
    const auto bound = le ? le_of(*le) : std::nullopt;
    const auto track = bound ? track_of(*tables_->latency, labels) : std::nullopt;
    if (!track) return std::nullopt;
    role.track = *track;
    role.counts = Role::Counts::latency_bucket;
    // 0.3 s are 300 ms and not 299.99999999999994: bounds are compared with whole limits.
    const double ms = *bound * tables_->ms_per_unit;
    // No duration is negative or beyond all numbers: nobody's histogram has such a bound.
    if (ms < 0 || std::isinf(ms) != std::isinf(*bound)) return std::nullopt;
    role.le_ms = std::abs(ms - std::round(ms)) < 1e-9 * std::abs(ms) ? std::round(ms) : ms;
  } else {
    return std::nullopt;
  }
  if (!tables_->instance.empty())
    role.instance = std::string(find(labels, tables_->instance).value_or("").substr(0, 253));
  return role;
}

struct MetricRecipe::Recipe : RecipeData {};

Result<Parameters> RecipeData::filled(const Parameters& with) const {
  Parameters all = with;
  std::string missing;
  for (const MetricParameter& parameter : parameters) {
    auto& values = all[parameter.name];
    if (values.empty() && parameter.fallback) values = *parameter.fallback;
    if (values.empty())
      missing +=
          fmt::format("{}{} ({})", missing.empty() ? "" : ", ", parameter.name, parameter.help);
    for (const std::string& value : values)
      if (value.size() > longest_value || std::any_of(value.begin(), value.end(), [](char c) {
            return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
          }))
        return fail(Code::invalid,
                    "the metrics recipe {}: the value of '{}' is too long or has a "
                    "control character",
                    name, parameter.name);
  }
  if (!missing.empty())
    return fail(Code::invalid, "the metrics recipe {} needs, under metrics.with: {}", name,
                missing);
  return all;
}

Result<MetricRecipe> MetricRecipe::read(std::string_view yaml, const std::string& file) {
  TRY(data, read_metric_recipe(yaml, file));
  MetricRecipe made;
  made.recipe_ = std::make_shared<const Recipe>(Recipe{std::move(data)});
  return made;
}

const std::string& MetricRecipe::name() const { return recipe_->name; }
const std::string& MetricRecipe::summary() const { return recipe_->summary; }
const std::string& MetricRecipe::tried() const { return recipe_->tried; }
const std::vector<MetricParameter>& MetricRecipe::parameters() const { return recipe_->parameters; }
const JsonDialect* MetricRecipe::json() const { return recipe_->json ? &*recipe_->json : nullptr; }

Result<void> MetricRecipe::check(const Parameters& with) const {
  if (recipe_->counters) {
    TRY_VOID(roles(with).map([](const Roles&) {}));
    if (recipe_->counters->scrape) TRY_VOID(scrape(with).map([](const ScrapePlace&) {}));
    return {};
  }
  TRY(filled, recipe_->filled(with));
  for (const JsonDialect::Query& query : recipe_->json->queries)
    TRY_VOID(render(*recipe_->json, query, filled, {}).map([](const JsonRequest&) {}));
  return {};
}

Result<Roles> MetricRecipe::roles(const Parameters& with) const {
  if (!recipe_->counters)
    return fail(Code::invalid,
                "{} asks a store for numbers and names no series: it can only be metrics.source",
                recipe_->name);
  const CountersDialect& dialect = *recipe_->counters;
  TRY(filled, recipe_->filled(with));
  auto tables = std::make_shared<Roles::Tables>();
  TRY(requests, fill(dialect.requests, "", dialect.renamed, filled));
  tables->requests = std::move(requests);
  if (dialect.latency) {
    TRY(latency, fill(*dialect.latency, "_bucket", dialect.renamed, filled));
    tables->latency = std::move(latency);
  }
  TRY(status, dialect.status.texts(filled));
  if (status.size() != 1) return fail(Code::invalid, "{}: one status label", recipe_->name);
  tables->status = status[0];
  TRY(bad, pattern_text(dialect.bad, filled));
  TRY(pattern, Pattern::compile(bad));
  tables->bad = std::move(pattern);
  tables->ms_per_unit = dialect.ms_per_unit;
  tables->instance = dialect.instance;
  Roles made;
  made.tables_ = std::move(tables);
  return made;
}

std::optional<Role> MetricRecipe::role(const Parameters& with, const Series& series) const {
  const auto made = roles(with);
  if (!made) return std::nullopt;
  const std::vector<LabelView> labels(series.labels.begin(), series.labels.end());
  return made->of(series.metric, labels);
}

namespace {

// A target's own labels win over the page's in Prometheus, which then calls the page's
// exported_...: whether it did is the set-up's choice, so both are asked for.
void add_selectors(const Family& family, const std::vector<LabelTest>& track,
                   std::vector<std::string>& selectors) {
  std::vector<std::string> variants{family.metric + "{"};
  for (const auto* tests : {&family.common, &track}) {
    for (const LabelTest& test : *tests) {
      std::vector<std::string> more;
      for (std::string& variant : variants) {
        if (variant.back() != '{') variant += ',';
        if (test.renamed)
          more.push_back(fmt::format("{}exported_{}{}", variant, test.label, test.promql));
        variant += test.label + test.promql;
      }
      variants.insert(variants.end(), more.begin(), more.end());
    }
  }
  for (const std::string& variant : variants) selectors.push_back(variant + "}");
}

}  // namespace

Result<std::vector<std::string>> MetricRecipe::selectors(const Parameters& with) const {
  TRY(made, roles(with));
  std::vector<std::string> selectors;
  for (const Family* family :
       {&made.tables_->requests, made.tables_->latency ? &*made.tables_->latency : nullptr}) {
    if (family == nullptr) continue;
    add_selectors(*family, family->stable, selectors);
    add_selectors(*family, family->canary, selectors);
  }
  return selectors;
}

Result<ScrapePlace> MetricRecipe::scrape(const Parameters& with) const {
  if (!recipe_->counters || !recipe_->counters->scrape)
    return fail(Code::not_found, "the metrics recipe {} names no pages to scrape", recipe_->name);
  const CountersDialect::Scrape& from = *recipe_->counters->scrape;
  TRY(filled, recipe_->filled(with));
  ScrapePlace place;
  place.workload = from.workload;
  for (const auto& [text, to] :
       {std::pair{&from.name_space, &place.name_space}, std::pair{&from.selector, &place.selector},
        std::pair{&from.port, &place.port}, std::pair{&from.path, &place.path}}) {
    TRY(texts, text->texts(filled));
    if (texts.size() != 1)
      return fail(Code::invalid, "{}: \"{}\" must be one text", recipe_->name, text->text());
    *to = texts[0];
  }
  if (!place.path.starts_with('/'))
    return fail(Code::invalid, "{}: the path of the metrics page must start with '/'",
                recipe_->name);
  return place;
}

}  // namespace linnet::recipes
