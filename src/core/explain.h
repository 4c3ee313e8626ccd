// Verdicts in words, for people who know no statistics, with the numbers for those who do. The
// words themselves are those of stats/words.h, as everywhere.
#pragma once

#include <vector>

#include "core/release.h"
#include "core/status.h"

namespace linnet::core {

/// The status' checks with interval and text filled in. Not done each turn: it costs more than the
/// verdict itself.
std::vector<CheckReport> explained(const Release& release, const Status& status);

}  // namespace linnet::core
