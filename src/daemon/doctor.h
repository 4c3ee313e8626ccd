// Looks for the usual causes of trouble on one machine and names the remedy.
#pragma once

#include <string>
#include <vector>

#include "daemon/served_release.h"

namespace linnet::daemon {

/// One finding per question, in the order in which a person would ask them.
std::vector<api::Finding> examine(const ServedRelease& served, const Shared& shared);

}  // namespace linnet::daemon
