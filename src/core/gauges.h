// CPU and memory of the canary beside stable's: sampled, so judged by batches and advisory. A hard
// limit on memory is a plain rule without statistics. facts: docs/how-linnet-decides.md.
#pragma once

#include "core/observation.h"
#include "core/release.h"
#include "core/status.h"

namespace linnet::core {

/// Adds what was seen in one turn of a running rollout; instances whose gauge is not known are left
/// out.
void take_gauges(const Release& release, Evidence& evidence, const WorkloadSeen& workload,
                 const Sample& sample, Duration elapsed);

/// `complete`: a period is over, so that a hard limit that is no advice may fail.
CheckReport judge_gauge(const Release& release, const Check& check, const GaugeEvidence& gauge,
                        bool complete);
void explain_gauge(const Release& release, const Check& check, const GaugeEvidence& gauge,
                   CheckReport& report);

}  // namespace linnet::core
