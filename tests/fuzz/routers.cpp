// Objects of a cluster under the built-in routers: a recipe's name, then parameters and objects as
// JSON. Where a weight is read, every weight that the recipe writes comes back, and writing it once
// more changes nothing.
#include "fuzz/fuzz.h"
#include "fuzz/router_world.h"

using namespace linnet;

namespace {

const std::map<std::string, recipes::RouterRecipe>& routers() {
  static const auto all = [] {
    std::map<std::string, recipes::RouterRecipe> out;
    for (const auto& [name, yaml] : recipes::built_in_routers())
      out.emplace(name, recipes::RouterRecipe::read(yaml, name).value());
    return out;
  }();
  return all;
}

void set_and_read(const recipes::RouterRecipe& recipe, const recipes::Parameters& with,
                  std::vector<recipes::Seen>& seen, Percent weight, bool taken_back) {
  if (!recipe.carries(weight)) return;
  const auto writes = recipe.set_weight(with, seen, weight, taken_back);
  if (!writes) {
    CHECK(writes.error().code != Code::internal);
    return;
  }
  auto after = recipes::after_writes(seen, *writes);
  if (!after) return;  // objects of a shape that no API server has: it refuses the write
  const auto read = recipe.weight(with, *after);
  CHECK(read.has_value());
  CHECK(read->weight == weight && read->taken_back == taken_back);
  const auto again = recipe.set_weight(with, *after, weight, taken_back);
  CHECK(again.has_value() && again->empty());
  seen = *std::move(after);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const auto found = routers().find(std::string(input.part()));
  if (found == routers().end()) return 0;
  const recipes::RouterRecipe& recipe = found->second;
  const auto world = fuzz::RouterWorld::of(input.rest());
  auto seen = world.seen_by(recipe);
  if (!seen) return 0;
  if (const auto made = recipe.create(world.with, *seen)) (void)recipes::after_writes(*seen, *made);
  if (const auto gone = recipe.remove(world.with, *seen)) (void)recipes::after_writes(*seen, *gone);
  const auto read = recipe.weight(world.with, *seen);
  if (!read) {
    CHECK(!read.error().message.empty());
    return 0;
  }
  CHECK(read->weight >= Percent() && read->weight <= Percent::whole(100));
  CHECK(read->accepted == read->waits_for.empty());
  for (const int tenths : {250, 1000, 1, 333, 0})
    set_and_read(recipe, world.with, *seen, Percent::from_ppm(tenths * 1000), tenths == 0);
  return 0;
}
