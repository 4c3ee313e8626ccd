// Recipes that users write: a router's or a metric's YAML, and behind it the objects and parameters
// as JSON. Whatever a recipe that reads makes of them, it ends in values or in an error; numbers
// stay within their bounds.
#include <boost/json.hpp>
#include <cmath>

#include "fuzz/fuzz.h"
#include "fuzz/router_world.h"
#include "recipes/metric.h"
#include "recipes/metric_json.h"

using namespace linnet;

namespace {

void use_router(const recipes::RouterRecipe& recipe, const fuzz::RouterWorld& world) {
  CHECK(!recipe.name().empty() && recipe.smallest_step() > Percent());
  CHECK(recipe.settles() >= Duration::zero());
  (void)recipe.parameters();
  (void)recipe.check(world.with);
  const auto seen = world.seen_by(recipe);
  if (!seen) return;
  (void)recipe.carriers(world.with);
  if (const auto read = recipe.weight(world.with, *seen))
    CHECK(read->weight >= Percent() && read->weight <= Percent::whole(100));
  (void)recipe.create(world.with, *seen);
  (void)recipe.remove(world.with, *seen);
  for (const int tenths : {0, 1, 250, 333, 1000})
    if (const auto writes =
            recipe.set_weight(world.with, *seen, Percent::from_ppm(tenths * 1000), tenths == 0))
      (void)recipes::after_writes(*seen, *writes);
}

void use_metric(const recipes::MetricRecipe& recipe, const fuzz::RouterWorld& world) {
  CHECK(!recipe.name().empty());
  (void)recipe.check(world.with);
  (void)recipe.selectors(world.with);
  (void)recipe.scrape(world.with);
  for (const auto& parameter : recipe.parameters()) CHECK(!parameter.name.empty());
  if (const auto roles = recipe.roles(world.with))
    for (const boost::json::value& object : world.objects) {
      if (!object.is_object()) continue;
      std::vector<std::pair<std::string, std::string>> texts;
      for (const auto& [name, value] : object.get_object())
        if (value.is_string())
          texts.emplace_back(std::string(name), std::string(value.get_string()));
      const std::vector<recipes::LabelView> labels(texts.begin(), texts.end());
      for (const auto& [metric, ignored] : texts) {
        const auto role = roles->of(metric, labels);
        if (role && role->counts == recipes::Role::Counts::latency_bucket)
          CHECK(!std::isnan(role->le_ms));
      }
    }
  const recipes::JsonDialect* json = recipe.json();
  if (json == nullptr) return;
  const recipes::JsonWindow window{{1'700'000'000'000}, {1'700'000'060'000}, {1'700'000'090'000}};
  for (const auto& query : json->queries)
    if (const auto request = render(*json, query, world.with, window))
      CHECK(!request->method.empty());
}

template <class Recipe>
void check_mistakes(const Result<Recipe>& recipe) {
  if (recipe) return;
  CHECK(recipe.error().code == Code::invalid);
  CHECK(fuzz::is_printable(recipe.error().message));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string yaml(input.part());
  const auto world = fuzz::RouterWorld::of(input.rest());
  const auto router = recipes::RouterRecipe::read(yaml, "mine.yaml");
  check_mistakes(router);
  if (router) use_router(*router, world);
  const auto metric = recipes::MetricRecipe::read(yaml, "mine.yaml");
  check_mistakes(metric);
  if (metric) use_metric(*metric, world);
  return 0;
}
