// Finds recipes: files of the user's beside the spec first, then those in the program.
#pragma once

#include <string>

#include "recipes/metric.h"
#include "recipes/router.h"

namespace linnet::recipes {

/// FOLDER/routers/NAME.yaml if there is one (`folder` may be empty: none is looked for), else the
/// built-in. Code::not_found names the nearest; Code::invalid: its mistakes.
Result<RouterRecipe> find_router(const std::string& name, const std::string& folder);
/// The same for FOLDER/metrics/NAME.yaml.
Result<MetricRecipe> find_metric(const std::string& name, const std::string& folder);

}  // namespace linnet::recipes
