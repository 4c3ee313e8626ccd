// What a spec for a cluster can get wrong beyond its own rules: whether the recipes that it names
// exist, get the parameters that they need, and can carry its steps. Asks no cluster.
#pragma once

#include <string>
#include <vector>

#include "core/release.h"
#include "kubernetes/names.h"
#include "recipes/router.h"

namespace linnet::cluster {

struct RecipeMistake {
  std::string key;  // as in the spec: "spec.steps[0].weight"
  std::string message;
};

/// Empty for a release that runs as processes. `spec_file` tells where recipes of one's own stand.
std::vector<RecipeMistake> recipe_mistakes(const core::Release& release,
                                           const std::string& spec_file);

/// recipes/ beside the spec.
std::string recipe_folder(const std::string& spec_file);

/// What the router's recipe is given: `traffic.with` and what is always there.
recipes::Parameters router_parameters(const core::RecipeTraffic& traffic,
                                      const kubernetes::Names& names);

}  // namespace linnet::cluster
