#include "stats/dispersion.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <random>
#include <type_traits>

namespace linnet::stats {
namespace {

static_assert(std::is_trivially_copyable_v<FrozenDispersion>);

TEST(Dispersion, OfIndependentErrorsIsAboutOne) {
  std::mt19937_64 random(1);
  std::binomial_distribution<int> errors(100, 0.05);
  InstanceDispersion instances;
  PooledDispersion pooled;
  for (int window = 0; window < 500; ++window) {
    std::array<Cell, 10> cells;
    for (Cell& cell : cells) {
      cell = {100, double(errors(random))};
      ASSERT_TRUE(pooled.add(cell));
    }
    ASSERT_TRUE(instances.add(cells));
  }
  EXPECT_NEAR(*instances.phi(), 1, 0.1);
  EXPECT_NEAR(*pooled.phi(), 1, 0.1);
  EXPECT_EQ(phi_used(instances.phi()), 1);
}

TEST(Dispersion, OfErrorsInClustersIsTheClusterSize) {
  std::mt19937_64 random(2);
  std::binomial_distribution<int> clusters(50, 0.05);
  PooledDispersion pooled;
  InstanceDispersion instances;
  for (int window = 0; window < 1000; ++window) {
    std::array<Cell, 4> cells;
    for (Cell& cell : cells) {
      cell = {200, 4.0 * clusters(random)};
      ASSERT_TRUE(pooled.add(cell));
    }
    ASSERT_TRUE(instances.add(cells));
  }
  EXPECT_NEAR(*pooled.phi(), 4, 0.3);
  EXPECT_NEAR(*instances.phi(), 4, 0.3);
  EXPECT_DOUBLE_EQ(phi_used(pooled.phi()), 1.25 * *pooled.phi());
}

TEST(Dispersion, CommonIncidentsCountOnlyInThePooledForm) {
  InstanceDispersion instances;
  PooledDispersion pooled;
  for (int window = 0; window < 100; ++window) {
    const double bad = window % 10 == 0 ? 60 : 2;
    const std::array<Cell, 2> cells{Cell{100, bad}, Cell{100, bad}};
    ASSERT_TRUE(instances.add(cells));
    for (const Cell& cell : cells) ASSERT_TRUE(pooled.add(cell));
  }
  EXPECT_LT(*instances.phi(), 1);
  EXPECT_GT(*pooled.phi(), 10);
}

TEST(Dispersion, IsUnknownBeforeThirtyWindows) {
  InstanceDispersion instances;
  PooledDispersion pooled;
  const std::array<Cell, 2> cells{Cell{100, 50}, Cell{100, 0}};
  for (int window = 0; window < 29; ++window) {
    ASSERT_TRUE(instances.add(cells));
    ASSERT_TRUE(pooled.add(cells[0]));
  }
  EXPECT_FALSE(instances.phi());
  EXPECT_FALSE(pooled.phi());
  EXPECT_EQ(phi_used(instances.phi()), 1);
}

TEST(Dispersion, OneIncidentOfAStableThatIsElseFreeOfFailuresIsNoHabit) {
  FrozenDispersion dispersion;
  for (int window = 0; window < 116; ++window) {
    const std::array<Cell, 1> all{Cell{400, window >= 50 && window < 53 ? 88.0 : 0.0}};
    ASSERT_TRUE(dispersion.add_window(all));
  }
  dispersion.freeze();
  EXPECT_EQ(dispersion.phi_threshold, 1);
  EXPECT_EQ(dispersion.phi_compare, 1);
}

TEST(Dispersion, IsTakenOverOnlyWhenAStageStarts) {
  FrozenDispersion dispersion;
  const std::array<Cell, 2> cells{Cell{100, 50}, Cell{100, 0}};
  for (int window = 0; window < 40; ++window) {
    ASSERT_TRUE(dispersion.instances.add(cells));
    for (const Cell& cell : cells) ASSERT_TRUE(dispersion.pooled.add(cell));
  }
  EXPECT_EQ(dispersion.phi_compare, 1);
  dispersion.freeze();
  EXPECT_GT(dispersion.phi_compare, 10);
  EXPECT_GT(dispersion.phi_threshold, 10);
}

TEST(Dispersion, CorruptCellsGiveAnErrorAndChangeNothing) {
  FrozenDispersion d;
  const std::array<Cell, 2> good{Cell{100, 5}, Cell{100, 1}};
  ASSERT_TRUE(d.instances.add(good));
  ASSERT_TRUE(d.pooled.add(good[0]));
  const FrozenDispersion before = d;
  for (const double broken : {std::numeric_limits<double>::quiet_NaN(), -1.0, 1e300,
                              std::numeric_limits<double>::infinity()}) {
    const std::array<Cell, 2> cells{Cell{100, 5}, Cell{100, broken}};
    EXPECT_FALSE(d.instances.add(cells));
    EXPECT_FALSE(d.pooled.add(cells[1]));
    EXPECT_FALSE(d.pooled.add({broken, 0}));
  }
  EXPECT_EQ(d.instances.pearson, before.instances.pearson);
  EXPECT_EQ(d.instances.windows, before.instances.windows);
  EXPECT_EQ(d.pooled.spread, before.pooled.spread);
  EXPECT_EQ(d.pooled.cells, before.pooled.cells);
}

}  // namespace
}  // namespace linnet::stats
