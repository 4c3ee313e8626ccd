// The requests of users: how many arrive, where they go by the weight in force, and how each
// version answers them. Counts are totals since the start, so that nothing can be counted twice
// unnoticed.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sim/case.h"
#include "sim/random.h"

namespace linnet::sim {

inline constexpr std::size_t max_buckets = 40;

/// Requests of one track since the start.
struct Totals {
  std::int64_t requests = 0;
  std::int64_t bad = 0;
  std::array<std::int32_t, max_buckets> latency{};

  Totals& operator+=(const Totals& more);
  Totals& operator-=(const Totals& less);
  friend bool operator==(const Totals&, const Totals&) = default;
};
struct TrackTotals {
  Totals stable;
  Totals canary;
};

class TrafficModel {
 public:
  TrafficModel(const Case& story, std::uint64_t seed);

  /// What the traffic of [from, to) looks like, in ms since the start.
  struct Flow {
    std::int64_t from_ms = 0;
    std::int64_t to_ms = 0;
    double canary_share = 0;
    const Behaviour* stable = nullptr;  // none ready: every request fails
    const Behaviour* canary = nullptr;
    std::int64_t canary_since_ms = 0;  // when the canary first got traffic
  };
  TrackTotals draw(const Flow& flow);

  /// Exactly these.
  [[nodiscard]] Totals answered(int good, int bad, int slow) const;

  /// Requests per second at this time.
  [[nodiscard]] double rate_at(std::int64_t ms) const;
  /// As handed to core.
  [[nodiscard]] core::Counts counts(const Totals& newer, const Totals& older) const;
  /// Of these, above the limit of the slowest latency check.
  [[nodiscard]] std::int64_t above(const core::Counts& counts, double limit_ms) const;
  [[nodiscard]] std::int64_t above(const Totals& newer, const Totals& older, double limit_ms) const;
  [[nodiscard]] const std::vector<double>& boundaries() const { return boundaries_; }

 private:
  void answer(const Behaviour* version, const Flow& flow, std::int64_t since_ms, Totals& totals);

  const Case& story_;
  Random random_;
  std::vector<double> boundaries_;
  std::size_t fast_bucket_ = 0;
  std::size_t usual_bucket_ = 0;
  std::size_t slow_bucket_ = 0;
};

}  // namespace linnet::sim
