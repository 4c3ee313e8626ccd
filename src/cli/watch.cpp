#include "cli/watch.h"

#include <algorithm>
#include <cmath>

#include "cli/format.h"
#include "stats/histogram.h"

namespace linnet::cli {
namespace {

constexpr double quantile = 0.95;
constexpr double false_alarm = 0.01;  // for both limits together

double proof() { return std::log(2 / false_alarm); }

double probability(double percent) { return std::clamp(percent / 100, 1e-9, 1 - 1e-9); }

std::int64_t growth(std::int64_t before, std::int64_t after, bool restarted) {
  return restarted ? after : after - before;
}

std::vector<double> latency_growth(const TrackCounts& before, const TrackCounts& after,
                                   bool restarted) {
  std::vector<double> grown(after.latency.size(), 0);
  for (std::size_t i = 0; i < grown.size(); ++i) {
    const std::int64_t base = i < before.latency.size() ? before.latency[i] : 0;
    grown[i] =
        static_cast<double>(std::max<std::int64_t>(growth(base, after.latency[i], restarted), 0));
  }
  return grown;
}

Result<stats::Histogram> histogram(const CountsDocument& counts, std::vector<double> grown) {
  TRY(empty, stats::Histogram::make(counts.boundaries_ms));
  if (grown.size() != empty.count.size())
    return fail(Code::internal, "the daemon's counts have {} latency buckets for {} boundaries",
                grown.size(), counts.boundaries_ms.size());
  empty.count = std::move(grown);
  return std::move(empty);
}

}  // namespace

std::string Reading::text(const WatchLimits& limits) const {
  std::string out = count_text(requests, "request");
  if (seconds > 0) out += fmt::format(" ({:.1f}/s)", static_cast<double>(requests) / seconds);
  if (error_percent)
    out += fmt::format(", {} failed (limit {})", percent_text(*error_percent),
                       percent_text(limits.error_percent));
  if (p95_ms) out += fmt::format(", P95 {:.0f} ms (limit {:.0f} ms)", *p95_ms, limits.latency_ms);
  return out;
}

Result<Watch> Watch::make(WatchLimits limits) {
  Watch watch(limits);
  TRY_VOID(watch.next_period());
  return watch;
}

Result<void> Watch::next_period() {
  reading_ = {};
  latency_.clear();
  TRY(errors, stats::Threshold::make(probability(limits_.error_percent)));
  TRY(slow, stats::Threshold::make(1 - quantile));
  errors_ = errors;
  slow_ = slow;
  return {};
}

Result<void> Watch::look(const CountsDocument& counts) {
  if (!last_) {
    last_ = counts;
    return {};
  }
  // By the counts and not the clock, which somebody may set back.
  const bool restarted = counts.canary.requests < last_->canary.requests ||
                         counts.boundaries_ms != last_->boundaries_ms;
  const std::int64_t requests = growth(last_->canary.requests, counts.canary.requests, restarted);
  const std::int64_t bad = std::clamp<std::int64_t>(
      growth(last_->canary.bad, counts.canary.bad, restarted), 0, requests);
  reading_.requests += requests;
  reading_.bad += bad;
  reading_.seconds +=
      static_cast<double>(std::max<std::int64_t>(counts.at_ms - last_->at_ms, 0)) / 1000;
  TRY_VOID(errors_.add(static_cast<double>(requests), static_cast<double>(bad)));
  if (!counts.canary.latency.empty()) {
    std::vector<double> grown = latency_growth(last_->canary, counts.canary, restarted);
    if (counts.boundaries_ms != last_->boundaries_ms) latency_.clear();
    latency_.resize(grown.size(), 0);
    for (std::size_t i = 0; i < grown.size(); ++i) latency_[i] += grown[i];
    TRY(window, histogram(counts, std::move(grown)));
    const stats::Above above = window.above(limits_.latency_ms);
    TRY_VOID(slow_.add(window.total(), above.certain));
    TRY(period, histogram(counts, latency_));
    reading_.slow = period.above(limits_.latency_ms).certain;
    reading_.p95_ms = period.quantile(quantile);
  }
  if (reading_.requests > 0)
    reading_.error_percent =
        100 * static_cast<double>(reading_.bad) / static_cast<double>(reading_.requests);
  last_ = counts;
  return {};
}

std::string Watch::violated() const {
  if (!enough()) return {};
  std::string why;
  if (reading_.error_percent && *reading_.error_percent > limits_.error_percent)
    why =
        fmt::format("{} of {} failed; limit {}", percent_text(*reading_.error_percent),
                    count_text(reading_.requests, "request"), percent_text(limits_.error_percent));
  // Beyond the last boundary the quantile is not known, but that it lies above the limit is.
  const bool slow = reading_.slow > (1 - quantile) * static_cast<double>(reading_.requests);
  if (reading_.p95_ms && (slow || *reading_.p95_ms > limits_.latency_ms))
    why += fmt::format("{}P95 of {} is {}{:.0f} ms; limit {:.0f} ms", why.empty() ? "" : "; ",
                       count_text(reading_.requests, "request"),
                       *reading_.p95_ms > limits_.latency_ms ? "" : "above ", *reading_.p95_ms,
                       limits_.latency_ms);
  return why;
}

double Watch::log_evidence() const {
  return std::max(errors_.log_fail(), slow_.log_fail()) - std::log(2.0);
}

std::string Watch::proven() const {
  const bool errors = errors_.log_fail() >= proof();
  const bool slow = slow_.log_fail() >= proof();
  return errors || slow ? violated() : std::string();
}

}  // namespace linnet::cli
