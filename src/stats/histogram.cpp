#include "stats/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "stats/numeric.h"

namespace linnet::stats {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

Result<Histogram> Histogram::make(std::span<const double> boundaries_ms) {
  Histogram made;
  made.upper_ms.assign(boundaries_ms.begin(), boundaries_ms.end());
  if (made.upper_ms.empty() || made.upper_ms.back() != infinity) made.upper_ms.push_back(infinity);
  made.count.assign(made.upper_ms.size(), 0);
  TRY_VOID(made.check());
  return made;
}

Result<Histogram> Histogram::from_cumulative(std::span<const double> boundaries_ms,
                                             std::span<const double> cumulative) {
  if (boundaries_ms.size() != cumulative.size())
    return fail(Code::invalid, "{} boundaries but {} counts", boundaries_ms.size(),
                cumulative.size());
  Histogram made;
  made.upper_ms.assign(boundaries_ms.begin(), boundaries_ms.end());
  double before = 0;
  for (std::size_t i = 0; i < cumulative.size(); ++i) {
    if (!(cumulative[i] >= before))
      return fail(Code::invalid, "cumulative count {} at boundary {} is below the one before, {}",
                  cumulative[i], boundaries_ms[i], before);
    made.count.push_back(cumulative[i] - before);
    before = cumulative[i];
  }
  TRY_VOID(made.check());
  return made;
}

Result<void> Histogram::observe(double latency_ms) {
  if (!(latency_ms >= 0)) return fail(Code::invalid, "latency {} ms", latency_ms);
  const auto bucket = std::lower_bound(upper_ms.begin(), upper_ms.end(), latency_ms);
  count[static_cast<std::size_t>(bucket - upper_ms.begin())] += 1;
  return {};
}

Result<void> Histogram::add(const Histogram& other) {
  if (upper_ms != other.upper_ms)
    return fail(Code::invalid, "histograms with different boundaries cannot be added");
  TRY_VOID(other.check());
  if (total() + other.total() > max_count)
    return fail(Code::invalid, "more than {:g} observations in one histogram", max_count);
  for (std::size_t i = 0; i < count.size(); ++i) count[i] += other.count[i];
  return {};
}

double Histogram::total() const { return std::accumulate(count.begin(), count.end(), 0.0); }

double Histogram::cumulative(std::size_t i) const {
  return std::accumulate(count.begin(), count.begin() + static_cast<std::ptrdiff_t>(i) + 1, 0.0);
}

std::optional<double> Histogram::quantile(double q) const {
  const double all = total();
  if (!(all > 0) || !(q >= 0 && q <= 1) || count.size() < 2) return std::nullopt;
  const double rank = q * all;
  double below = 0;
  for (std::size_t i = 0; i + 1 < count.size(); ++i) {
    if (below + count[i] >= rank) {
      const double lower = i == 0 ? 0 : upper_ms[i - 1];
      // An empty first bucket and q = 0: the rank is met without any observation.
      if (count[i] == 0) return lower;
      return lower + (upper_ms[i] - lower) * ((rank - below) / count[i]);
    }
    below += count[i];
  }
  return upper_ms[upper_ms.size() - 2];
}

Above Histogram::above(double limit_ms) const {
  Above result;
  const double all = total();
  const auto at = std::lower_bound(upper_ms.begin(), upper_ms.end(), limit_ms);
  const auto i = static_cast<std::size_t>(at - upper_ms.begin());
  // Beyond +inf only for a NaN limit: nothing is certain, everything possible.
  if (i >= upper_ms.size()) return {0, all, 0, infinity};
  result.upper_ms = upper_ms[i];
  result.certain = all - cumulative(i);
  if (upper_ms[i] == limit_ms) {
    result.lower_ms = limit_ms;
    result.possible = result.certain;
  } else {
    result.lower_ms = i == 0 ? 0 : upper_ms[i - 1];
    result.possible = i == 0 ? all : all - cumulative(i - 1);
  }
  return result;
}

Result<void> Histogram::check() const {
  if (upper_ms.size() != count.size() || upper_ms.empty() || upper_ms.size() > max_boundaries + 1)
    return fail(Code::invalid, "histogram with {} boundaries and {} counts", upper_ms.size(),
                count.size());
  if (upper_ms.back() != infinity)
    return fail(Code::invalid, "the last boundary is {}, not +inf", upper_ms.back());
  double before = 0, sum = 0;
  for (std::size_t i = 0; i < upper_ms.size(); ++i) {
    if (!(upper_ms[i] > before))
      return fail(Code::invalid, "boundary {} after {}: boundaries must ascend from above 0",
                  upper_ms[i], before);
    if (!(count[i] >= 0 && (sum += count[i]) <= max_count))
      return fail(Code::invalid, "count {} at boundary {}", count[i], upper_ms[i]);
    before = upper_ms[i];
  }
  return {};
}

}  // namespace linnet::stats
