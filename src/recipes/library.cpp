#include "recipes/library.h"

#include <fmt/ranges.h>

#include <fstream>
#include <sstream>

#include "base/units.h"
#include "spec/formats.h"

namespace linnet::recipes {
namespace {

template <class Recipe>
Result<Recipe> find(const std::string& name, const std::string& folder, const char* kind,
                    const std::map<std::string, std::string>& built_in) {
  // A name becomes part of a path.
  if (name.empty() || spec::recipe_name.problem(name))
    return fail(Code::invalid, "{} is no recipe's name: {}", spec::shown(name),
                spec::recipe_name.expects);
  if (!folder.empty()) {
    const std::string file = fmt::format("{}/{}/{}.yaml", folder, kind, name);
    if (std::ifstream stream(file); stream) {
      std::stringstream text;
      text << stream.rdbuf();
      return Recipe::read(text.str(), file);
    }
  }
  if (const auto found = built_in.find(name); found != built_in.end())
    return Recipe::read(found->second, name + ".yaml");
  std::vector<std::string_view> known;
  for (const auto& [other, text] : built_in) known.push_back(other);
  const std::string_view near = nearest_word(name, known);
  return fail(Code::not_found, "there is no recipe {} among the {}; {}", spec::shown(name), kind,
              near.empty() ? fmt::format("known: {}", fmt::join(known, ", "))
                           : fmt::format("did you mean '{}'?", near));
}

}  // namespace

Result<RouterRecipe> find_router(const std::string& name, const std::string& folder) {
  return find<RouterRecipe>(name, folder, "routers", built_in_routers());
}

Result<MetricRecipe> find_metric(const std::string& name, const std::string& folder) {
  return find<MetricRecipe>(name, folder, "metrics", built_in_metrics());
}

}  // namespace linnet::recipes
