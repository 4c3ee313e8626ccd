// What stable teaches, rollout or not: how much its bad requests come in clumps, and whether the
// comparison would take stable itself back (the placebo). facts: docs/how-linnet-decides.md.
#pragma once

#include "core/observation.h"
#include "core/release.h"
#include "core/status.h"
#include "stats/placebo.h"

namespace linnet::core {

/// Adds one window of `elapsed` of stable's counts. Counts that cannot be true are left out, and
/// those of a first look (`elapsed` 0), which are of an unknown time.
void watch_stable(const Release& release, Evidence& evidence, const Sample& sample,
                  Duration elapsed);

/// The frozen dispersion that a comparison with stable is divided by: that of the checks of its
/// kind, else of any.
double comparison_phi(const Release& release, const Evidence& evidence, bool latency);

stats::Placebo::Verdict placebo_verdict(const Release& release, const Evidence& evidence);
/// What the placebo found, in a sentence or two for people.
std::string placebo_text(const Release& release, const Evidence& evidence);

}  // namespace linnet::core
