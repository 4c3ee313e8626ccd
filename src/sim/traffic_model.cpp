#include "sim/traffic_model.h"

#include <cmath>

namespace linnet::sim {

Totals& Totals::operator+=(const Totals& more) {
  requests += more.requests;
  bad += more.bad;
  for (std::size_t i = 0; i < max_buckets; ++i) latency[i] += more.latency[i];
  return *this;
}

Totals& Totals::operator-=(const Totals& less) {
  requests -= less.requests;
  bad -= less.bad;
  for (std::size_t i = 0; i < max_buckets; ++i) latency[i] -= less.latency[i];
  return *this;
}

TrafficModel::TrafficModel(const Case& story, std::uint64_t seed)
    : story_(story), random_(seed), boundaries_(core::latency_boundaries(story.release)) {
  CHECK(boundaries_.size() < max_buckets);
  double slow_ms = 1500;
  double usual_ms = 15;
  for (const core::Check& check : story.release.checks) {
    const auto* latency = std::get_if<core::LatencyCheck>(&check.rule);
    if (latency == nullptr) continue;
    const auto limit_ms = static_cast<double>(latency->limit.count());
    slow_ms = std::max(slow_ms, 1.5 * limit_ms);
    usual_ms = std::min(usual_ms, 0.6 * limit_ms);
  }
  const auto bucket = [&](double ms) {
    return static_cast<std::size_t>(std::lower_bound(boundaries_.begin(), boundaries_.end(), ms) -
                                    boundaries_.begin());
  };
  fast_bucket_ = bucket(usual_ms / 2);
  usual_bucket_ = bucket(usual_ms);
  slow_bucket_ = bucket(slow_ms);
}

double TrafficModel::rate_at(std::int64_t ms) const {
  const Demand& demand = story_.demand;
  const auto within = [&](Duration period, std::int64_t part, std::int64_t of) {
    return period > 0ms && ms % period.count() * of < period.count() * part;
  };
  if (within(demand.silence_every, 1, 4)) return 0;
  double rate = demand.per_second;
  if (demand.day_swing > 0) {
    // A triangle is day enough, and exact everywhere.
    const double at =
        static_cast<double>(ms % demand.day.count()) / static_cast<double>(demand.day.count());
    rate *= 1 + demand.day_swing * (4 * std::abs(at - 0.5) - 1);
  }
  if (within(demand.burst_every, 1, 10)) rate *= demand.burst_factor;
  return rate;
}

TrackTotals TrafficModel::draw(const Flow& flow) {
  TrackTotals drawn;
  const double seconds = static_cast<double>(flow.to_ms - flow.from_ms) / 1000.0;
  const std::int64_t all = random_.poisson(rate_at((flow.from_ms + flow.to_ms) / 2) * seconds);
  if (all == 0) return drawn;
  drawn.canary.requests = random_.binomial(all, flow.canary_share);
  drawn.stable.requests = all - drawn.canary.requests;
  answer(flow.stable, flow, 0, drawn.stable);
  answer(flow.canary, flow, flow.canary_since_ms, drawn.canary);
  return drawn;
}

void TrafficModel::answer(const Behaviour* version, const Flow& flow, std::int64_t since_ms,
                          Totals& totals) {
  if (totals.requests == 0) return;
  double errors = 1;
  double slow = 0;
  if (version != nullptr) {
    using Kind = Behaviour::Kind;
    const std::int64_t age = flow.to_ms - since_ms;
    bool is_bad = version->kind != Kind::good;
    if (version->kind == Kind::bad_later) is_bad = age > version->turns_after.count();
    if (version->kind == Kind::recovering) is_bad = age <= version->turns_after.count();
    if (version->kind == Kind::bad_above_weight) is_bad = flow.canary_share > version->from_weight;
    if (version->kind == Kind::clumps)
      is_bad = flow.to_ms % (version->clump.count() * 10) < version->clump.count();
    errors = is_bad ? version->error_share : version->base_errors;
    slow = is_bad ? version->slow_share : 0;
  }
  const Demand& demand = story_.demand;
  if (demand.all_fail_share > 0 && flow.to_ms > demand.all_fail_from.count())
    errors = std::max(errors, demand.all_fail_share);
  totals.bad = random_.binomial(totals.requests, errors);
  const std::int64_t slow_ones = random_.binomial(totals.requests, slow);
  const std::int64_t fast_ones = random_.binomial(totals.requests - slow_ones, 0.25);
  totals.latency[slow_bucket_] += static_cast<std::int32_t>(slow_ones);
  totals.latency[fast_bucket_] += static_cast<std::int32_t>(fast_ones);
  totals.latency[usual_bucket_] +=
      static_cast<std::int32_t>(totals.requests - slow_ones - fast_ones);
}

Totals TrafficModel::answered(int good, int bad, int slow) const {
  Totals totals;
  totals.requests = good + bad + slow;
  totals.bad = bad;
  totals.latency[usual_bucket_] = good + bad;
  totals.latency[slow_bucket_] += slow;
  return totals;
}

core::Counts TrafficModel::counts(const Totals& newer, const Totals& older) const {
  core::Counts counts;
  counts.requests = newer.requests - older.requests;
  counts.bad = newer.bad - older.bad;
  const std::size_t buckets = boundaries_.size() + 1;
  counts.latency.resize(buckets);
  for (std::size_t i = 0; i < buckets; ++i) counts.latency[i] = newer.latency[i] - older.latency[i];
  return counts;
}

std::int64_t TrafficModel::above(const core::Counts& counts, double limit_ms) const {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < counts.latency.size(); ++i)
    if (i >= boundaries_.size() || boundaries_[i] > limit_ms) sum += counts.latency[i];
  return sum;
}

std::int64_t TrafficModel::above(const Totals& newer, const Totals& older, double limit_ms) const {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i <= boundaries_.size(); ++i)
    if (i == boundaries_.size() || boundaries_[i] > limit_ms)
      sum += newer.latency[i] - older.latency[i];
  return sum;
}

}  // namespace linnet::sim
