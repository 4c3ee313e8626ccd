#include "core/limits.h"

#include <algorithm>
#include <variant>

namespace linnet::core {
namespace {

std::int64_t total(const std::vector<std::int64_t>& buckets) {
  std::int64_t sum = 0;
  for (std::int64_t count : buckets) sum += count;
  return sum;
}

// Requests above `limit_ms`, which is one of the boundaries.
std::int64_t above(const Counts& counts, const std::vector<double>& boundaries, double limit_ms) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < counts.latency.size(); ++i)
    if (i >= boundaries.size() || boundaries[i] > limit_ms) sum += counts.latency[i];
  return sum;
}

}  // namespace

std::optional<Limit> limit_of(const Check& check) {
  if (const auto* errors = std::get_if<ErrorRateCheck>(&check.rule))
    return Limit{errors->limit.fraction(), nullptr};
  if (const auto* latency = std::get_if<LatencyCheck>(&check.rule))
    return Limit{1.0 - latency->quantile.fraction(), latency};
  return std::nullopt;
}

Share share_of(const Limit& limit, const Counts& counts, const std::vector<double>& boundaries) {
  if (limit.latency == nullptr) return {counts.requests, counts.bad};
  const auto limit_ms = static_cast<double>(limit.latency->limit.count());
  return {total(counts.latency), above(counts, boundaries, limit_ms)};
}

bool is_sane(const Counts& counts) {
  if (counts.requests < 0 || counts.bad < 0 || counts.bad > counts.requests) return false;
  if (counts.requests > 1'000'000'000'000) return false;
  return std::all_of(counts.latency.begin(), counts.latency.end(),
                     [](std::int64_t n) { return n >= 0 && n <= 1'000'000'000'000; });
}

bool is_sane(const Sample& sample) {
  return is_sane(sample.stable) && is_sane(sample.canary) && sample.lost >= 0;
}

bool has_requests(const Sample& sample) {
  return sample.stable.requests > 0 || sample.canary.requests > 0;
}

}  // namespace linnet::core
