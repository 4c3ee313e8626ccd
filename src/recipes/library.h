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

/// Texts of the user's own recipes that a release uses; empty: it uses the program's. Kept with its
/// spec, for who goes on with the release where the files are not.
struct OwnRecipes {
  std::string router, metric;
  friend bool operator==(const OwnRecipes&, const OwnRecipes&) = default;
};

/// As find_router() and find_metric() would find them as files. Code::invalid: one is larger than
/// what can be kept.
Result<OwnRecipes> own_recipes(const std::string& router, const std::string& metric,
                               const std::string& folder);
/// `own` if it is not empty, else the built-in of this name; errors as above.
Result<RouterRecipe> router_of(const std::string& name, const std::string& own);
Result<MetricRecipe> metric_of(const std::string& name, const std::string& own);

}  // namespace linnet::recipes
