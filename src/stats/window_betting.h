// Evidence against a limit that trusts no model of how errors arise: it bets on each window's rate
// and needs only that the mean rate respects the limit. Immune to bursts, 2-4 times slower. F12, 2e
// (2).
#pragma once

#include <array>

#include "base/result.h"

namespace linnet::stats {

inline constexpr std::array<double, 5> bet_sizes{.05, .12, .3, .6, .9};

/// Plain state; save every field, load it, and it goes on bit for bit. Windows of at least 5 s,
/// longer than a usual burst; each counts once, however many requests it holds.
struct WindowBetting {
  double limit = 0.05;
  std::array<double, bet_sizes.size()> log_wealth{};  // sum of ln(1 + (c / limit) (rate - limit))

  /// Code::invalid unless 1e-9 <= limit <= 1 - 1e-9.
  static Result<WindowBetting> make(double limit);
  /// A window without requests changes nothing. Code::invalid for counts that are not sane.
  Result<void> add(double requests, double bad);
  /// ln of the evidence against "each window's expected rate is <= limit".
  [[nodiscard]] double log_fail() const;
};

}  // namespace linnet::stats
