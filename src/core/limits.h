// Which requests a check counts as bad, and how many of them it allows: the one reading of the spec
// that verdicts, evidence and what is learned from stable share.
#pragma once

#include <optional>
#include <vector>

#include "core/observation.h"
#include "core/release.h"

namespace linnet::core {

/// The share of bad requests that a check allows, and which requests are bad by it.
struct Limit {
  double share = 0;
  const LatencyCheck* latency = nullptr;  // none: HTTP 5xx
};

/// Nothing for checks that do not count requests (health).
std::optional<Limit> limit_of(const Check& check);

struct Share {
  std::int64_t requests = 0;
  std::int64_t bad = 0;
  [[nodiscard]] double value() const {
    return requests > 0 ? static_cast<double>(bad) / static_cast<double>(requests) : 0.0;
  }
};

/// What `limit` counts. `boundaries`: latency_boundaries(release); the limit's is one of them.
Share share_of(const Limit& limit, const Counts& counts, const std::vector<double>& boundaries);

/// Counts that can be true: not negative, not absurdly large, no more bad than requests.
bool is_sane(const Counts& counts);
bool is_sane(const Sample& sample);
/// Of any track: the source counts, whatever becomes of the canary.
bool has_requests(const Sample& sample);

}  // namespace linnet::core
