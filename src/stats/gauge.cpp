#include "stats/gauge.h"

#include <cmath>

namespace linnet::stats {

Result<void> GaugeComparison::add(double difference) {
  if (!(std::abs(difference) <= 1e150))
    return fail(Code::invalid, "difference {}: must be finite", difference);
  batches += 1;
  const double step = difference - mean;
  mean += step / batches;
  squares += step * (difference - mean);
  return {};
}

std::optional<Interval> GaugeComparison::interval(double alpha, double tightest_at) const {
  if (batches < 20 || !(alpha > 0 && alpha < 1) || !(tightest_at >= 1)) return std::nullopt;
  const double spread = std::sqrt(squares / (batches - 1));
  const double nats = -2 * std::log(alpha);
  const double r = (nats + std::log1p(nats)) / tightest_at;
  const double tr = batches * r + 1;
  const double half =
      spread * std::sqrt(2 * tr / (batches * batches * r) * std::log(std::sqrt(tr) / alpha));
  return Interval{mean - half, mean + half};
}

GaugeComparison::Advice GaugeComparison::advice(double alpha) const {
  const auto range = interval(alpha);
  if (!range) return Advice::too_early;
  if (range->low > 0) return Advice::canary_higher;
  if (range->high < 0) return Advice::canary_lower;
  return Advice::no_difference;
}

}  // namespace linnet::stats
