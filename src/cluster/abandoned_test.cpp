// What is said of a rollout whose engine is gone.
#include "cluster/abandoned.h"

#include <gtest/gtest.h>

namespace linnet::cluster {
namespace {

api::Abandoned left_in(core::Phase phase) {
  core::Status status;
  status.phase = std::move(phase);
  status.rollout.emplace();
  status.rollout->to = "v1.1.0";
  return abandoned_by(
      {"anna@ci 4711", "2026-11-23T21:00:00.000000Z", "2026-11-23T21:02:07.123456Z"}, status);
}

TEST(Abandoned, SaysSinceWhenWhoItWasAndWhatToDo) {
  const api::Abandoned left = left_in(core::Stepping{.index = 1});
  EXPECT_EQ(left.by, "anna@ci 4711");
  EXPECT_EQ(left.since, "2026-11-23T21:02:07Z");
  EXPECT_EQ(left.text,
            "nobody drives it since 2026-11-23T21:02:07Z (anna@ci 4711 did), its traffic stays as "
            "it is");
  EXPECT_EQ(left.next, "`linnet deploy v1.1.0` goes on with it, `linnet rollback` takes it back");
}

TEST(Abandoned, EachPhaseHasItsNextCommand) {
  const auto next = [](core::Phase phase) { return left_in(std::move(phase)).next; };
  EXPECT_EQ(next(core::AwaitingPromotion{}),
            "`linnet promote` ends it, `linnet rollback` takes it back");
  using From = core::Holding::From;
  const auto held = [&](From from) {
    core::Holding holding;
    holding.from = from;
    return next(holding);
  };
  EXPECT_EQ(held(From::awaiting),
            "`linnet resume` goes on with it, `linnet promote` ends it, `linnet rollback` takes it "
            "back");
  EXPECT_EQ(held(From::stepping),
            "`linnet resume` goes on with it, `linnet promote --skip-steps` ends it, `linnet "
            "rollback` takes it back");
  EXPECT_EQ(held(From::preparing),
            "`linnet resume` goes on with it, `linnet rollback` takes it back");
  EXPECT_EQ(next(core::Promoting{}), "`linnet promote` goes on with it");
  EXPECT_EQ(next(core::RollingBack{}), "`linnet rollback` goes on with it");
  EXPECT_TRUE(waits_for_people(core::AwaitingPromotion{}));
  EXPECT_FALSE(waits_for_people(core::Preparing{}));
}

TEST(Abandoned, OfALeaseThatWasDeletedLessIsKnown) {
  core::Status status;
  status.phase = core::RollingBack{};
  EXPECT_EQ(abandoned_by({}, status).text, "nobody drives it, its traffic stays as it is");
}

}  // namespace
}  // namespace linnet::cluster
