#include "prometheus/baseline.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <limits>

#include "prometheus/exposition.h"
#include "wire/json.h"

namespace linnet::prometheus {
namespace {

namespace js = boost::json;

constexpr std::int64_t format = 1;

std::string bound_text(double bound) {
  if (std::isinf(bound)) return bound > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", bound);
}

// The cumulative counts as steps: most are small or zero.
js::array steps_of(std::size_t layout, const std::vector<std::int64_t>& counts) {
  js::array steps{static_cast<std::int64_t>(layout)};
  std::int64_t before = 0;
  for (const std::int64_t count : counts) {
    steps.push_back(count - before);
    before = count;
  }
  return steps;
}

/// Times may be anything that a page says of its start, but their differences must not overflow.
bool is_time(std::int64_t ms) { return ms >= 0 && ms <= 1'000'000'000'000'000'000; }

bool to_key(std::string_view text, SeriesKey& key) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), key, 16);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

bool read_layouts(const js::value& json, std::vector<std::vector<double>>& layouts) {
  for (const js::value& layout : json.as_array()) {
    auto& bounds = layouts.emplace_back();
    for (const js::value& bound : layout.as_array()) {
      const auto value = parse_number(std::string_view(bound.as_string()));
      if (!value || std::isnan(*value) || (!bounds.empty() && *value <= bounds.back()))
        return false;
      bounds.push_back(*value);
    }
    if (bounds.empty() || bounds.back() != std::numeric_limits<double>::infinity()) return false;
  }
  return true;
}

bool read_page(const js::object& json, const std::vector<std::vector<double>>& layouts,
               PageBaseline& page) {
  constexpr std::int64_t most = 2'000'000'000'000'000;
  page.read.ms = json.at("at").as_int64();
  page.started.ms = json.at("s").as_int64();
  // Not there in cursors of versions before it.
  if (const js::value* sampled = json.if_contains("t")) page.sampled.ms = sampled->as_int64();
  if (!is_time(page.read.ms) || !is_time(page.started.ms) || !is_time(page.sampled.ms))
    return false;
  for (const auto& [name, value] : json.at("c").as_object()) {
    SeriesKey key = 0;
    const std::int64_t count = value.as_int64();
    if (!to_key(name, key) || count < -1 || count > most) return false;
    page.counters[key] = count;
  }
  for (const auto& [name, value] : json.at("h").as_object()) {
    SeriesKey key = 0;
    const js::array& steps = value.as_array();
    if (!to_key(name, key) || steps.empty()) return false;
    const std::int64_t layout = steps[0].as_int64();
    if (layout == -1 && steps.size() == 1) {
      page.histograms[key] = {};
      continue;
    }
    if (layout < 0 || static_cast<std::size_t>(layout) >= layouts.size()) return false;
    HistogramCounts histogram{layouts[static_cast<std::size_t>(layout)], {}};
    std::int64_t sum = 0;
    for (std::size_t i = 1; i < steps.size(); ++i) {
      const std::int64_t step = steps[i].as_int64();
      if (step < -most || step > most || sum + step < 0 || sum + step > most) return false;
      histogram.counts.push_back(sum += step);
    }
    if (histogram.counts.size() != histogram.bounds_ms.size()) return false;
    page.histograms[key] = std::move(histogram);
  }
  return true;
}

}  // namespace

std::size_t Baseline::values() const {
  std::size_t all = 0;
  for (const auto& [id, page] : pages) {
    all += page.counters.size();
    for (const auto& [key, histogram] : page.histograms) all += histogram.counts.size();
  }
  return all;
}

std::string Baseline::text() const {
  std::vector<std::vector<double>> layouts;
  js::object json_pages;
  for (const auto& [id, page] : pages) {
    js::object counters, histograms;
    for (const auto& [key, count] : page.counters) counters[fmt::format("{:x}", key)] = count;
    for (const auto& [key, histogram] : page.histograms) {
      if (histogram.bounds_ms.empty()) {
        histograms[fmt::format("{:x}", key)] = js::array{-1};
        continue;
      }
      auto layout = std::find(layouts.begin(), layouts.end(), histogram.bounds_ms);
      if (layout == layouts.end()) layout = layouts.insert(layout, histogram.bounds_ms);
      histograms[fmt::format("{:x}", key)] =
          steps_of(static_cast<std::size_t>(layout - layouts.begin()), histogram.counts);
    }
    js::object& kept = json_pages[id].emplace_object();
    kept = {{"at", page.read.ms}, {"s", page.started.ms}, {"c", counters}, {"h", histograms}};
    if (page.sampled.ms > 0) kept["t"] = page.sampled.ms;
  }
  js::array json_layouts;
  for (const auto& layout : layouts) {
    js::array bounds;
    for (const double bound : layout) bounds.emplace_back(bound_text(bound));
    json_layouts.push_back(std::move(bounds));
  }
  return js::serialize(
      js::object{{"v", format}, {"at", at.ms}, {"le", json_layouts}, {"p", json_pages}});
}

Result<Baseline> Baseline::parse(std::string_view text) {
  const auto wrong = [] { return fail(Code::invalid, "the cursor is not one of metrics pages"); };
  const auto json = wire::parse(text, 4 * max_bytes);
  if (!json) return wrong();
  try {
    const js::object& top = json->as_object();
    if (top.at("v").as_int64() != format) return wrong();
    Baseline baseline;
    baseline.at.ms = top.at("at").as_int64();
    if (!is_time(baseline.at.ms)) return wrong();
    std::vector<std::vector<double>> layouts;
    if (!read_layouts(top.at("le"), layouts)) return wrong();
    for (const auto& [id, page] : top.at("p").as_object())
      if (!read_page(page.as_object(), layouts, baseline.pages[std::string(id)])) return wrong();
    return baseline;
  } catch (const std::exception&) {
    return wrong();
  }
}

}  // namespace linnet::prometheus
