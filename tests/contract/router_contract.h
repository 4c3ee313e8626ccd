// What the engine may rely on of every TrafficRouter: NGINX's symlink, a cluster's annotations, the
// simulation. Each adapter's test includes this once and instantiates RouterContract.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "contract/run_task.h"
#include "ports/ports.h"

namespace linnet::contract {

/// A router at weight 0, and the hands of a person beside it.
class RouterUnderTest {
 public:
  virtual ~RouterUnderTest() = default;
  virtual TrafficRouter& router() = 0;
  /// By the clock that the router uses.
  virtual Deadline soon() = 0;
  /// Somebody moves the weight without linnet.
  virtual void another_hand_sets(Percent weight) = 0;
  /// Lets go of the router and takes it up anew, as a restart of linnet does.
  virtual void reopen() = 0;

  boost::asio::io_context context;
};

using MakeRouter = std::function<std::unique_ptr<RouterUnderTest>()>;

class RouterContract : public testing::TestWithParam<MakeRouter> {
 protected:
  core::TrafficSeen read() {
    auto seen = run(under_test->context, under_test->router().read(under_test->soon()));
    EXPECT_TRUE(seen) << seen.error().message;
    return seen.value_or(core::TrafficSeen{});
  }
  void set(Percent weight, bool taken_back = false) {
    const core::SetWeight level{weight, taken_back};
    const auto done = run(under_test->context, under_test->router().set(level, under_test->soon()));
    EXPECT_TRUE(done) << done.error().message;
  }

  std::unique_ptr<RouterUnderTest> under_test = GetParam()();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RouterContract);

TEST_P(RouterContract, StartsAtWeightZeroWithoutAMark) {
  EXPECT_TRUE(read().weight.is_zero());
  EXPECT_FALSE(read().taken_back);
}

TEST_P(RouterContract, ReadsBackExactlyTheWeightThatWasSet) {
  for (const int tenths : {1, 50, 251, 333, 500, 999, 1000, 0}) {
    set(Percent::from_ppm(tenths * 1000));
    EXPECT_EQ(read().weight, Percent::from_ppm(tenths * 1000));
  }
}

TEST_P(RouterContract, SettingTheSameWeightAgainIsHarmless) {
  set(Percent::whole(25));
  set(Percent::whole(25));
  EXPECT_EQ(read().weight, Percent::whole(25));
  EXPECT_FALSE(read().taken_back);
}

TEST_P(RouterContract, KeepsTheMarkOfARollbackUntilTheNextWeight) {
  set(Percent::whole(25));
  set(Percent(), true);
  EXPECT_TRUE(read().weight.is_zero());
  EXPECT_TRUE(read().taken_back);
  under_test->reopen();
  EXPECT_TRUE(read().taken_back);
  set(Percent());
  EXPECT_FALSE(read().taken_back);
  EXPECT_TRUE(read().weight.is_zero());
}

TEST_P(RouterContract, ReadsWhatAnotherHandHasSet) {
  set(Percent::whole(25));
  under_test->another_hand_sets(Percent::whole(10));
  EXPECT_EQ(read().weight, Percent::whole(10));
  EXPECT_FALSE(read().taken_back);
  set(Percent::whole(5));
  EXPECT_EQ(read().weight, Percent::whole(5));
}

TEST_P(RouterContract, ARestartChangesNoWeight) {
  set(Percent::whole(50));
  under_test->reopen();
  EXPECT_EQ(read().weight, Percent::whole(50));
}

}  // namespace linnet::contract
