// Verdicts in words, for people who know no statistics, with the numbers for those who do.
#pragma once

#include <string>
#include <vector>

#include "core/release.h"
#include "core/status.h"

namespace linnet::core {

/// The status' checks with interval and text filled in. Not done each turn: it costs more than the
/// verdict itself.
std::vector<CheckReport> explained(const Release& release, const Status& status);

/// "1 in 4,000", "1 in 12 million", "nothing against it": how likely such counts are at most, were
/// the canary within its limit. log_evidence is natural.
std::string likelihood_text(double log_evidence);

}  // namespace linnet::core
