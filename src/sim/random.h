// The only source of chance in the simulation: xoshiro256++ and draws made of it by hand, because
// the distributions of the standard library differ from one library to the next and a seed must
// not.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "base/units.h"

namespace linnet::sim {

/// One step of splitmix64: turns any two numbers into an unrelated third.
constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b = 0) {
  std::uint64_t z = a + 0x9e3779b97f4a7c15ULL * (b + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (std::size_t i = 0; i < state_.size(); ++i) state_[i] = mix(seed, i + 1);
  }

  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  /// 0 <= result < n; n > 0. The bias of a few in 2^64 does not matter here.
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(n));
  }
  /// Both ends included.
  std::int64_t between(std::int64_t low, std::int64_t high) { return low + below(high - low + 1); }
  Duration between(Duration low, Duration high) {
    return Duration(between(low.count(), high.count()));
  }
  /// 0 <= result < 1.
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  double uniform(double low, double high) { return low + (high - low) * unit(); }
  bool chance(double p) { return p > 0 && unit() < p; }
  template <class List>
  const auto& one_of(const List& list) {
    return list[static_cast<std::size_t>(below(static_cast<std::int64_t>(list.size())))];
  }

  /// How many of n happen when each does with probability p. Exact in law below a mean of 12, a
  /// rounded normal law above.
  std::int64_t binomial(std::int64_t n, double p) {
    if (n <= 0 || p <= 0) return 0;
    if (p >= 1) return n;
    if (p > 0.5) return n - binomial(n, 1 - p);
    const double mean = static_cast<double>(n) * p;
    if (mean < 12) return by_gaps(n, p);
    const double drawn = mean + std::sqrt(mean * (1 - p)) * normal();
    return std::clamp<std::int64_t>(std::llround(drawn), 0, n);
  }
  /// Events of a steady stream with this mean.
  std::int64_t poisson(double mean) {
    if (mean <= 0) return 0;
    if (mean < 12) {
      std::int64_t count = 0;
      for (double left = std::exp(-mean), product = unit(); product > left; product *= unit())
        ++count;
      return count;
    }
    return std::max<std::int64_t>(0, std::llround(mean + std::sqrt(mean) * normal()));
  }

 private:
  // Jumps from one event to the next: as many steps as events.
  std::int64_t by_gaps(std::int64_t n, double p) {
    const double scale = 1 / std::log1p(-p);
    std::int64_t count = 0;
    for (double at = 0;; ++count) {
      at += std::floor(std::log1p(-unit()) * scale) + 1;
      if (at > static_cast<double>(n)) return count;
    }
  }
  // The sum of twelve evens: near enough, and the same everywhere.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += unit();
    return sum;
  }

  std::array<std::uint64_t, 4> state_{};
};

}  // namespace linnet::sim
