// What the engine may rely on of every Store, whatever keeps it: SQLite, a cluster, the simulation.
// Each adapter's test includes this once and instantiates StoreContract with a way to make one.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "contract/run_task.h"
#include "ports/ports.h"

namespace linnet::contract {

/// An empty store, and the hands of a person beside it. Releases "shop" and "api" exist.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual Store& store() = 0;
  virtual Result<std::int64_t> add_intent(const std::string& release,
                                          const core::Intent& intent) = 0;
  /// None: not answered.
  virtual std::optional<core::Answer> answer_of(std::int64_t intent) = 0;
  /// Lets go of the store and opens it anew, as a restart does.
  virtual void reopen() = 0;

  boost::asio::io_context context;
};

using MakeStore = std::function<std::unique_ptr<StoreUnderTest>()>;

class StoreContract : public testing::TestWithParam<MakeStore> {
 protected:
  Record load(const std::string& release) {
    auto record = run(under_test->context, under_test->store().load(release));
    EXPECT_TRUE(record) << record.error().message;
    return record.value_or(Record{});
  }
  Result<std::int64_t> save(const std::string& release, std::int64_t version, Saving saving) {
    return run(under_test->context, under_test->store().save(release, version, std::move(saving)));
  }
  std::vector<core::Intent> intents(const std::string& release, std::int64_t after = 0) {
    auto found = run(under_test->context, under_test->store().intents(release, after));
    EXPECT_TRUE(found) << found.error().message;
    return found.value_or(std::vector<core::Intent>{});
  }
  std::int64_t add(const std::string& release, core::Intent::Kind kind, std::string by) {
    core::Intent intent;
    intent.kind = kind;
    intent.by = std::move(by);
    const auto id = under_test->add_intent(release, intent);
    EXPECT_TRUE(id) << id.error().message;
    return id.value_or(0);
  }
  static Saving saving(std::string reason) {
    Saving out;
    out.status.reason = std::move(reason);
    out.at = WallTime{1'700'000'000'000};
    return out;
  }
  static core::Answer yes(std::int64_t intent) {
    core::Answer answer;
    answer.intent = intent;
    answer.accepted = true;
    answer.text = "as you wish";
    answer.rollout = "shop-1";
    return answer;
  }

  std::unique_ptr<StoreUnderTest> under_test = GetParam()();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

TEST_P(StoreContract, AReleaseNeverSavedIsEmptyAtVersionZero) {
  const Record record = load("shop");
  EXPECT_EQ(record.version, 0);
  EXPECT_EQ(record.status, core::Status{});
}

TEST_P(StoreContract, WhatWasSavedIsLoadedWithItsVersion) {
  Saving first = saving("waits for 20 requests: \"12\" so far,\nß € 😀");
  first.status.phase = core::RollingBack{{"error_rate", "7 %"}, {}, 3s};
  first.status.weight = Percent::from_ppm(1000);
  first.status.stage.canary = {7, 1, {1, 2, 4}};
  first.status.rollout.emplace().id = "shop-1";
  const core::Status expected = first.status;
  const auto version = save("shop", 0, std::move(first));
  ASSERT_TRUE(version) << version.error().message;
  EXPECT_NE(*version, 0);
  EXPECT_EQ(load("shop").status, expected);
  EXPECT_EQ(load("shop").version, *version);
}

TEST_P(StoreContract, EachSaveHasANewVersion) {
  std::int64_t version = 0;
  for (int i = 0; i < 5; ++i) {
    const auto next = save("shop", version, saving(std::to_string(i)));
    ASSERT_TRUE(next) << next.error().message;
    EXPECT_NE(*next, version);
    version = *next;
  }
  EXPECT_EQ(load("shop").status.reason, "4");
}

TEST_P(StoreContract, ASaveDecidedOnAnOldVersionIsAConflictAndChangesNothing) {
  const auto asked = add("shop", core::Intent::Kind::promote, "anna");
  const auto first = save("shop", 0, saving("first"));
  ASSERT_TRUE(first);
  const auto second = save("shop", *first, saving("second"));
  ASSERT_TRUE(second);
  for (const std::int64_t stale : {std::int64_t{0}, *first, *second + 1000}) {
    Saving late = saving("late");
    late.answers.push_back(yes(asked));
    const auto refused = save("shop", stale, std::move(late));
    ASSERT_FALSE(refused) << stale;
    EXPECT_EQ(refused.error().code, Code::conflict);
  }
  EXPECT_EQ(load("shop").status.reason, "second");
  EXPECT_EQ(load("shop").version, *second);
  EXPECT_EQ(intents("shop").size(), 1u);
  EXPECT_FALSE(under_test->answer_of(asked));
}

TEST_P(StoreContract, ReleasesDoNotTouchEachOther) {
  ASSERT_TRUE(save("shop", 0, saving("of shop")));
  add("shop", core::Intent::Kind::pause, "anna");
  EXPECT_EQ(load("api").version, 0);
  EXPECT_TRUE(intents("api").empty());
  ASSERT_TRUE(save("api", 0, saving("of api")));
  EXPECT_EQ(load("shop").status.reason, "of shop");
}

TEST_P(StoreContract, IntentsComeOldestFirstWithGrowingNumbers) {
  std::vector<std::int64_t> ids;
  for (const char* by : {"anna", "ben", "cleo"})
    ids.push_back(add("shop", core::Intent::Kind::promote, by));
  add("api", core::Intent::Kind::promote, "dora");
  const auto all = intents("shop");
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].by, "anna");
  EXPECT_EQ(all[2].by, "cleo");
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].id, ids[i]);
  EXPECT_LT(all[0].id, all[1].id);
  EXPECT_LT(all[1].id, all[2].id);
  const auto later = intents("shop", ids[1]);
  ASSERT_EQ(later.size(), 1u);
  EXPECT_EQ(later[0].by, "cleo");
}

TEST_P(StoreContract, AnIntentKeepsAllThatWasWished) {
  core::Intent wish;
  wish.kind = core::Intent::Kind::deploy;
  wish.by = "anna@build-7";
  wish.version = "v1.2.0";
  wish.weight = Percent::from_ppm(251'000);
  wish.promote = wish.supersede = wish.hold = wish.skip_steps = wish.force = true;
  wish.why = "it is \"urgent\"";
  const auto id = under_test->add_intent("shop", wish);
  ASSERT_TRUE(id);
  wish.id = *id;
  ASSERT_EQ(intents("shop").size(), 1u);
  EXPECT_EQ(intents("shop")[0], wish);
}

TEST_P(StoreContract, AnAnsweredIntentIsNotHandedOutAgain) {
  const auto one = add("shop", core::Intent::Kind::pause, "anna");
  const auto two = add("shop", core::Intent::Kind::resume, "ben");
  Saving turn = saving("paused");
  turn.answers.push_back(yes(one));
  ASSERT_TRUE(save("shop", 0, std::move(turn)));
  const auto open = intents("shop");
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].id, two);
  EXPECT_EQ(under_test->answer_of(one), yes(one));
  EXPECT_FALSE(under_test->answer_of(two));
}

TEST_P(StoreContract, ARestartLosesNothing) {
  const auto answered = add("shop", core::Intent::Kind::pause, "anna");
  Saving turn = saving("paused by anna");
  turn.answers.push_back(yes(answered));
  const auto version = save("shop", 0, std::move(turn));
  ASSERT_TRUE(version);
  const auto open = add("shop", core::Intent::Kind::resume, "ben");
  under_test->reopen();
  EXPECT_EQ(load("shop").status.reason, "paused by anna");
  EXPECT_EQ(load("shop").version, *version);
  ASSERT_EQ(intents("shop").size(), 1u);
  EXPECT_EQ(intents("shop")[0].id, open);
  EXPECT_EQ(under_test->answer_of(answered), yes(answered));
  EXPECT_GT(add("shop", core::Intent::Kind::pause, "cleo"), open);
  EXPECT_TRUE(save("shop", *version, saving("goes on")));
}

TEST_P(StoreContract, ALongStatusIsKeptWhole) {
  Saving large = saving(std::string(100'000, 'x'));
  const core::Status expected = large.status;
  ASSERT_TRUE(save("shop", 0, std::move(large)));
  EXPECT_EQ(load("shop").status, expected);
}

}  // namespace linnet::contract
