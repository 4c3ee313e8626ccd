#include "stats/dispersion.h"

#include <algorithm>

#include "stats/numeric.h"

namespace linnet::stats {
namespace {

constexpr double enough_windows = 30;
constexpr double memory_windows = 360;  // an hour of windows of 10 s

}  // namespace

Result<void> InstanceDispersion::add(std::span<const Cell> instances) {
  double requests = 0, bad = 0, used = 0;
  for (const Cell& cell : instances) {
    TRY_VOID(check_counts(cell.requests, cell.bad));
    requests += cell.requests;
    bad += cell.bad;
    used += cell.requests > 0;
  }
  TRY_VOID(check_counts(requests, bad));
  if (bad == 0 || bad == requests || used < 2) return {};
  const double rate = bad / requests;
  double sum = 0;
  for (const Cell& cell : instances) {
    if (cell.requests == 0) continue;
    const double difference = cell.bad - cell.requests * rate;
    sum += difference * difference / (cell.requests * rate * (1 - rate));
  }
  pearson += sum;
  degrees += used - 1;
  windows += 1;
  return {};
}

std::optional<double> InstanceDispersion::phi() const {
  if (windows < enough_windows) return std::nullopt;
  return pearson / degrees;
}

Result<void> PooledDispersion::add(const Cell& cell) {
  TRY_VOID(check_counts(cell.requests, cell.bad));
  if (cell.requests == 0) return {};
  TRY_VOID(check_counts(requests + cell.requests, 0));
  // West's weighted update: Pearson's sum of squares without keeping the cells.
  const double rate = cell.bad / cell.requests;
  const double difference = rate - mean;
  requests += cell.requests;
  mean += difference * cell.requests / requests;
  spread += cell.requests * difference * (rate - mean);
  cells += 1;
  failing += cell.bad > 0;
  return {};
}

std::optional<double> PooledDispersion::phi() const {
  if (failing < enough_windows || !(mean > 0 && mean < 1)) return std::nullopt;
  return spread / (mean * (1 - mean)) / (cells - 1);
}

double phi_used(std::optional<double> estimate) {
  if (!estimate || !(*estimate > 1.2)) return 1;
  return std::min(1.25 * *estimate, max_phi);
}

Result<void> FrozenDispersion::add_window(std::span<const Cell> cells) {
  const FrozenDispersion before = *this;
  Result<void> added = instances.add(cells);
  for (const Cell& cell : cells)
    if (added) added = pooled.add(cell);
  if (!added) {
    *this = before;
    return added;
  }
  if (instances.windows > memory_windows) {
    instances.pearson /= 2;
    instances.degrees /= 2;
    instances.windows /= 2;
  }
  const double per_window = static_cast<double>(cells.size() > 1 ? cells.size() : 1);
  if (pooled.cells > memory_windows * per_window) {
    pooled.requests /= 2;
    pooled.spread /= 2;
    pooled.cells /= 2;
    pooled.failing /= 2;
  }
  return {};
}

double FrozenDispersion::compare_now() const {
  const std::optional<double> between = instances.phi();
  return phi_used(between ? between : pooled.phi());
}

void FrozenDispersion::freeze() {
  phi_compare = compare_now();
  phi_threshold = phi_used(pooled.phi());
}

}  // namespace linnet::stats
