// Looks for the usual causes of trouble on one machine and names the remedy; and tells what a
// deploy would do.
#pragma once

#include <string>
#include <vector>

#include "daemon/served_release.h"

namespace linnet::daemon {

/// One finding per question, in the order in which a person would ask them.
std::vector<api::Finding> examine(const ServedRelease& served, const Shared& shared);

std::vector<api::PlanStep> plan_of(const core::Release& release, const core::Status& status,
                                   const std::string& version);

}  // namespace linnet::daemon
