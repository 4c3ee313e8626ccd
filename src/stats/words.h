// Evidence in words, for people who know no statistics. Used by every report, so that status,
// monitor, history and judge say the same thing the same way.
#pragma once

#include <optional>
#include <string>

namespace linnet::stats {

/// "1 in 4,000": how seldom evidence this strong arises when the canary is within its limit, given
/// ln E. "nothing unusual" for ln E < ln 2.
std::string likelihood_words(double log_evidence);

/// "about 40 more requests"; "no more requests" for 0; "more requests would not tell" for nothing,
/// that is, when at the measured rate the evidence does not grow.
std::string requests_words(std::optional<double> requests);

/// "5.25 %", "0.04 %", "0 %", "100 %": a fraction as a percentage with about three digits.
std::string percent_words(double fraction);

/// "4,000", "12", "1,250,000": rounded to whole numbers, thousands separated.
std::string count_words(double count);

}  // namespace linnet::stats
