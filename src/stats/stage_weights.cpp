#include "stats/stage_weights.h"

#include <cmath>

namespace linnet::stats {

Result<StageWeights> StageWeights::uniform(int stages) {
  if (stages < 1 || stages > max_stages)
    return fail(Code::invalid, "{} stages: must be between 1 and {}", stages, max_stages);
  StageWeights made;
  made.stages = stages;
  made.weight.fill(0);
  for (int s = 0; s < stages; ++s) made.weight[s] = 1.0 / stages;
  return made;
}

Result<StageWeights> StageWeights::given(std::span<const double> weights) {
  if (weights.empty() || weights.size() > max_stages)
    return fail(Code::invalid, "{} stages: must be between 1 and {}", weights.size(), max_stages);
  StageWeights made;
  made.stages = static_cast<std::int32_t>(weights.size());
  made.weight.fill(0);
  for (std::size_t s = 0; s < weights.size(); ++s) made.weight[s] = weights[s];
  TRY_VOID(made.check());
  return made;
}

StageWeights StageWeights::open_ended() {
  StageWeights made;
  made.stages = max_stages;
  for (int s = 0; s < max_stages; ++s) made.weight[s] = std::ldexp(1.0, -(s + 1));
  return made;
}

double StageWeights::unstarted(int stage) const {
  double sum = 0;
  for (int s = stages - 1; s > stage; --s) sum += weight[s];
  return sum;
}

Result<void> StageWeights::check() const {
  if (stages < 1 || stages > max_stages)
    return fail(Code::invalid, "{} stages: must be between 1 and {}", stages, max_stages);
  double sum = 0;
  for (int s = 0; s < stages; ++s) {
    if (!(weight[s] > 0 && weight[s] <= 1))
      return fail(Code::invalid, "stage weight {}: must be above 0 and at most 1", weight[s]);
    sum += weight[s];
  }
  if (sum > 1 + 1e-12) return fail(Code::invalid, "stage weights sum to {}, above 1", sum);
  return {};
}

}  // namespace linnet::stats
