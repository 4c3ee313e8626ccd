// What a deploy would do, step by step: the same wherever the release runs.
#pragma once

#include <string>
#include <vector>

#include "api/backend.h"

namespace linnet::api {

/// Pure. `status` tells what runs now.
std::vector<PlanStep> plan_of(const core::Release& release, const core::Status& status,
                              const std::string& version);

}  // namespace linnet::api
