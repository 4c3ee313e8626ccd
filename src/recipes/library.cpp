#include "recipes/library.h"

#include <fmt/ranges.h>

#include <fstream>
#include <sstream>
#include <tuple>

#include "base/units.h"
#include "spec/formats.h"

namespace linnet::recipes {
namespace {

constexpr const char* routers = "routers";
constexpr const char* metrics = "metrics";

// What a release's ConfigMap takes along: far more than any recipe has, and two leave it room.
constexpr std::size_t longest_kept = 64u << 10;

Result<void> check_name(const std::string& name) {
  // A name becomes part of a path.
  if (name.empty() || spec::recipe_name.problem(name))
    return fail(Code::invalid, "{} is no recipe's name: {}", spec::shown(name),
                spec::recipe_name.expects);
  return {};
}

std::string path_of(const std::string& name, const std::string& folder, const char* kind) {
  return fmt::format("{}/{}/{}.yaml", folder, kind, name);
}

// Empty when there is none.
std::string own_text(const std::string& name, const std::string& folder, const char* kind) {
  if (folder.empty() || !check_name(name)) return "";
  std::ifstream stream(path_of(name, folder, kind));
  std::stringstream text;
  if (stream) text << stream.rdbuf();
  return text.str();
}

template <class Recipe>
Result<Recipe> find_built_in(const std::string& name, const char* kind,
                             const std::map<std::string, std::string>& built_in) {
  if (const auto found = built_in.find(name); found != built_in.end())
    return Recipe::read(found->second, name + ".yaml");
  std::vector<std::string_view> known;
  for (const auto& [other, text] : built_in) known.push_back(other);
  const std::string_view near = nearest_word(name, known);
  return fail(Code::not_found, "there is no recipe {} among the {}; {}", spec::shown(name), kind,
              near.empty() ? fmt::format("known: {}; one of your own is recipes/{}/{}.yaml beside "
                                         "the spec",
                                         fmt::join(known, ", "), kind, name)
                           : fmt::format("did you mean '{}'?", near));
}

template <class Recipe>
Result<Recipe> find(const std::string& name, const std::string& folder, const char* kind,
                    const std::map<std::string, std::string>& built_in) {
  TRY_VOID(check_name(name));
  if (const std::string own = own_text(name, folder, kind); !own.empty())
    return Recipe::read(own, path_of(name, folder, kind));
  return find_built_in<Recipe>(name, kind, built_in);
}

template <class Recipe>
Result<Recipe> find_kept(const std::string& name, const std::string& own, const char* kind,
                         const std::map<std::string, std::string>& built_in) {
  TRY_VOID(check_name(name));
  if (!own.empty()) return Recipe::read(own, fmt::format("{}/{}.yaml", kind, name));
  return find_built_in<Recipe>(name, kind, built_in);
}

}  // namespace

Result<RouterRecipe> find_router(const std::string& name, const std::string& folder) {
  return find<RouterRecipe>(name, folder, routers, built_in_routers());
}

Result<MetricRecipe> find_metric(const std::string& name, const std::string& folder) {
  return find<MetricRecipe>(name, folder, metrics, built_in_metrics());
}

Result<OwnRecipes> own_recipes(const std::string& router, const std::string& metric,
                               const std::string& folder) {
  OwnRecipes own{own_text(router, folder, routers), own_text(metric, folder, metrics)};
  for (const auto& [text, name, kind] :
       {std::tuple(&own.router, &router, routers), std::tuple(&own.metric, &metric, metrics)})
    if (text->size() > longest_kept)
      return fail(Code::invalid, "{} is larger than {} KiB, which no recipe is",
                  path_of(*name, folder, kind), longest_kept >> 10);
  return own;
}

Result<RouterRecipe> router_of(const std::string& name, const std::string& own) {
  return find_kept<RouterRecipe>(name, own, routers, built_in_routers());
}

Result<MetricRecipe> metric_of(const std::string& name, const std::string& own) {
  return find_kept<MetricRecipe>(name, own, metrics, built_in_metrics());
}

}  // namespace linnet::recipes
