// How the error probability of a rollout is shared among its stages. A copy of the evidence starts
// anew with each stage, so that a long good past cannot hide a canary that turns bad, and the
// copies are averaged with these weights, so that the promise holds for the whole rollout.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace linnet::stats {

inline constexpr int max_stages = 32;

/// Plain value: the weights v_1 .. v_stages, each positive, their sum at most 1.
struct StageWeights {
  std::int32_t stages = 1;
  std::array<double, max_stages> weight{1.0};

  /// 1/stages each. Code::invalid unless 1 <= stages <= max_stages.
  static Result<StageWeights> uniform(int stages);
  /// As given. Code::invalid unless 1..max_stages positive numbers with sum <= 1.
  static Result<StageWeights> given(std::span<const double> weights);
  /// 1/2, 1/4, 1/8 ...: for a number of stages that is not known beforehand.
  static StageWeights open_ended();

  /// Sum of the weights of the stages after `stage` (0-based): evidence held back for them.
  [[nodiscard]] double unstarted(int stage) const;
  /// Code::invalid when the values are not what the functions above can make (say, after loading).
  [[nodiscard]] Result<void> check() const;

  friend bool operator==(const StageWeights&, const StageWeights&) = default;
};

}  // namespace linnet::stats
