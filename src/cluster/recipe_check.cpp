#include "cluster/recipe_check.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "cluster/metrics.h"
#include "recipes/library.h"
#include "recipes/metric_json.h"

namespace linnet::cluster {
namespace {

using Mistakes = std::vector<RecipeMistake>;

// A recipe of the user's with several mistakes names each in a line of its own.
void add_lines(const std::string& key, const std::string& lines, Mistakes& mistakes) {
  for (std::string_view rest = lines; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    if (const std::string_view line = rest.substr(0, end); !line.empty())
      mistakes.push_back({key, std::string(line)});
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
}

void check_steps(const core::Release& release, const recipes::RouterRecipe& router,
                 Mistakes& mistakes) {
  const std::int32_t step = router.smallest_step().ppm();
  for (std::size_t i = 0; i < release.steps.size(); ++i) {
    const Percent weight = release.steps[i].weight;
    if (router.carries(weight)) continue;
    const auto near = Percent::from_ppm(std::max(step, (weight.ppm() + step / 2) / step * step));
    mistakes.push_back(
        {fmt::format("spec.steps[{}].weight", i),
         fmt::format("{} cannot carry {}: its weights go in steps of {}; the "
                     "nearest is {}",
                     router.name(), weight.text(), router.smallest_step().text(), near.text())});
  }
}

void check_router(const core::Release& release, const core::RecipeTraffic& traffic,
                  kubernetes::Names& names, const std::string& folder, Mistakes& mistakes) {
  const auto router = recipes::find_router(traffic.router, folder);
  if (!router) {
    add_lines("spec.traffic.router", router.error().message, mistakes);
    return;
  }
  if (const auto checked = router->check(router_parameters(traffic, names)); !checked)
    add_lines("spec.traffic.with", checked.error().message, mistakes);
  kubernetes::take_defaults(names, router->with_defaults(router_parameters(traffic, names)));
  check_steps(release, *router, mistakes);
}

// Which of the built-in recipes could read this release's requests with what it gives already.
std::string recipes_that_fit(const recipes::Parameters& with) {
  std::vector<std::string> fit;
  for (const auto& [name, yaml] : recipes::built_in_metrics()) {
    const auto recipe = recipes::MetricRecipe::read(yaml, name);
    if (recipe && recipe->json() == nullptr && recipe->check(with)) fit.push_back(name);
  }
  return fmt::format("{}", fmt::join(fit, ", "));
}

// A name that nothing reads and that looks like one that is read is a mistyped one.
void check_names(const core::Release& release, const recipes::MetricRecipe& recipe,
                 Mistakes& mistakes) {
  std::vector<std::string_view> known;
  for (const recipes::MetricParameter& each : recipe.parameters()) known.push_back(each.name);
  for (const auto& [name, values] : release.metrics.with) {
    const std::string_view near = nearest_word(name, known);
    if (near.empty() || near == name) continue;
    mistakes.push_back(
        {"spec.metrics.with",
         fmt::format("{} has no parameter '{}'; did you mean '{}'?", recipe.name(), name, near)});
  }
}

// A store tells of a request when `lag` and the rest of an interval went by.
void check_patience(const core::Release& release, const recipes::MetricRecipe& recipe,
                    Mistakes& mistakes) {
  const Duration late = recipe.json()->lag + recipe.json()->interval;
  if (release.no_data.hold > late) return;
  mistakes.push_back(
      {"spec.no_data.hold",
       fmt::format("{} knows of requests up to {} late, so that {} without any would take every "
                   "version back: take more",
                   recipe.name(), duration_text(late), duration_text(release.no_data.hold))});
}

void check_metrics(const core::Release& release, const std::string& router,
                   const kubernetes::Names& names, const std::string& folder, Mistakes& mistakes) {
  const core::Metrics& metrics = release.metrics;
  const bool series = metrics.source == "prometheus" || metrics.source == "scrape";
  const std::string& name = series ? metrics.recipe : metrics.source;
  const std::string key = series ? "spec.metrics.recipe" : "spec.metrics.source";
  const recipes::Parameters with = metric_parameters(release, names);
  const auto recipe = recipes::find_metric(name, folder);
  if (!recipe && name == router && recipes::find_router(router, folder)) {
    mistakes.push_back({key, fmt::format("the router {} is served by several programs, each with "
                                         "metrics of its own: choose the recipe of yours ({})",
                                         router, recipes_that_fit(with))});
    return;
  }
  if (!recipe) {
    add_lines(key, recipe.error().message, mistakes);
    return;
  }
  check_names(release, *recipe, mistakes);
  if (const auto checked = recipe->check(with); !checked)
    mistakes.push_back({"spec.metrics.with", checked.error().message});
  else if (series && recipe->json() != nullptr)
    mistakes.push_back(
        {key, fmt::format("{} is a store of its own: write `source: {}`", name, name)});
  else if (!series && recipe->json() == nullptr)
    mistakes.push_back({key, fmt::format("{} names series: write `recipe: {}` with `source: "
                                         "prometheus` or `source: scrape`",
                                         name, name)});
  else if (const auto place = recipe->scrape(with); metrics.source == "scrape" && !place)
    mistakes.push_back({"spec.metrics.source", place.error().message});
  if (!series && recipe->json() != nullptr) check_patience(release, *recipe, mistakes);
}

}  // namespace

std::vector<RecipeMistake> recipe_mistakes(const core::Release& release,
                                           const std::string& spec_file) {
  Mistakes mistakes;
  const auto* traffic = std::get_if<core::RecipeTraffic>(&release.traffic);
  if (traffic == nullptr || !std::holds_alternative<core::DeploymentsWorkload>(release.workload))
    return mistakes;
  kubernetes::Names names = kubernetes::names_of(release, "default");
  const std::string folder = recipe_folder(spec_file);
  check_router(release, *traffic, names, folder, mistakes);
  for (kubernetes::NameMistake& one : kubernetes::name_mistakes(names))
    mistakes.push_back({std::move(one.key), std::move(one.text)});
  check_metrics(release, traffic->router, names, folder, mistakes);
  return mistakes;
}

std::string recipe_folder(const std::string& spec_file) {
  const std::size_t slash = spec_file.rfind('/');
  return (slash == std::string::npos ? std::string(".") : spec_file.substr(0, slash)) + "/recipes";
}

recipes::Parameters router_parameters(const core::RecipeTraffic& traffic,
                                      const kubernetes::Names& names) {
  recipes::Parameters with = traffic.with;
  with["namespace"] = {names.name_space};
  with["release"] = {names.release};
  return with;
}

}  // namespace linnet::cluster
