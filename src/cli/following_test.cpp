// Whose rollout a command follows, and when it ends: never with another's, never not at all.
#include <csignal>

#include "cli/command_test_case.h"

namespace linnet::cli {
namespace {

using namespace testing;

class Following : public CommandTest {
 protected:
  // The state is entered now, and not before the command began.
  static std::string entered_later(std::string status) {
    const std::string since = R"("since":"2026-11-23T21:00:00.000Z")";
    return status.replace(status.find(since), since.size(),
                          R"("since":"2026-11-23T21:00:09.000Z")");
  }

  static std::string with_cause(std::string status, const std::string& kind) {
    status.back() = ',';
    return status + R"("cause":{"kind":")" + kind + R"(","text":""}})";
  }

  // Stands in for a daemon that another deploy follows: the history has how ours ended.
  void ends_as(const std::string& outcome, const std::string& cause) {
    fake->answer("/v1/releases/shop/history", {history("operator", cause, outcome)});
  }

  const std::string held = with_cause(
      entered_later(status_json("holding", 0, "the weight is 0 % now, set by kubectl-patch")),
      "foreign_weight");
};

TEST_F(Following, APromotionThatIsHeldByAnothersWeightEndsWithFiveAndWhatToDoNext) {
  Outcome outcome;
  outcome.frames = {{status_json("promoting", 100), {"promoting: v1.1.0"}},
                    {held, {"holding: the weight is 0 % now"}}};
  daemon(status_json("awaiting_promotion", 100)).on("promote", outcome);
  const Ran ran = program.run({"promote"});
  EXPECT_EQ(ran.code, 5) << ran.out << ran.err;
  EXPECT_NE(ran.out.find("shop: held: the weight is 0 % now, set by kubectl-patch\n"
                         "next: `linnet promote` once more promotes all the same; `linnet "
                         "rollback` takes it back\n"),
            std::string::npos)
      << ran.out;
}

TEST_F(Following, APromotionOfWhatIsHeldDoesNotTakeTheStateBeforeForItsOutcome) {
  // The answer is there a moment before the status that goes with it.
  Outcome outcome = promotion();
  outcome.frames.insert(outcome.frames.begin(), {held, {}});
  daemon(held).on("promote", outcome);
  EXPECT_EQ(program.run({"promote"}).code, 0);
}

TEST_F(Following, TrafficThatSomebodyElseMovesMeanwhileEndsWithFive) {
  Outcome outcome;
  outcome.frames = {{status_json("holding", 5), {"holding: weight set to 25 % by anna"}},
                    {held, {"holding: the weight is 0 % now"}}};
  daemon(status_json("stepping", 5)).on("traffic", outcome);
  const Ran ran = program.run({"traffic", "25", "-n", "shop"});
  EXPECT_EQ(ran.code, 5) << ran.out << ran.err;
  EXPECT_NE(ran.out.find("next: `linnet traffic 25 --namespace shop` once more, or `linnet "
                         "rollback --namespace shop`\n"),
            std::string::npos)
      << ran.out;
}

TEST_F(Following, ACommandThatIsInterruptedBeforeItsAnswerTellsWhatGoesOn) {
  Outcome unanswered;
  unanswered.state = "pending";
  daemon(status_json("awaiting_promotion", 100)).on("promote", unanswered);
  const Ran ran =
      program.run_and_signal({"promote"}, SIGINT, [this] { return asked_for("/intents/1"); });
  EXPECT_EQ(ran.code, 130) << ran.err;
  EXPECT_NE(ran.err.find("interrupted; the daemon goes on"), std::string::npos) << ran.err;
}

TEST_F(Following, ACommandThatIsInterruptedEndsWithItsCodeAndNotByTheSignal) {
  Outcome outcome;
  outcome.frames = {{status_json("promoting", 100), {"promoting: v1.1.0"}}};
  for (const int signal : {SIGINT, SIGTERM}) {
    daemon(status_json("awaiting_promotion", 100)).on("promote", outcome);
    const Ran ran = program.run_and_signal({"promote"}, signal, [this] {
      return fake->intents().size() == 1 && asked_for("/journal?after=1&");
    });
    EXPECT_EQ(ran.code, 130) << ran.err;
    EXPECT_NE(ran.err.find("interrupted; the daemon goes on"), std::string::npos) << ran.err;
    fake.reset();
  }
}

TEST_F(Following, ARollbackEndsWithTheRolloutThatItTookBackThoughAnotherFollows) {
  Outcome outcome;
  outcome.frames = {{status_json("rolling_back", 0), {"rolling_back: rollback by anna"}},
                    {status_json("preparing", 0, "", "[]", "shop-2"), {"rolled_back: gone"}},
                    {status_json("stepping", 5, "", "[]", "shop-2"), {"preparing: shop-2"}}};
  // The history has it at 21:00:01, the line of the next rollout comes a second later.
  std::string ended = history("operator", "rollback by anna");
  ended.replace(ended.find("21:00:05"), 8, "21:00:01");
  daemon(status_json("stepping", 25)).on("rollback", outcome);
  fake->answer("/v1/releases/shop/history", {ended});
  const Ran ran = program.run({"rollback"});
  EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
  EXPECT_EQ(ran.out,
            "21:00:00  rolling back: rollback by anna\n"
            "21:00:01  rolled back: gone\n"
            "shop: v1.1.0 was taken back; another rollout has begun since\n");
}

TEST_F(Following, ALineOfTheNextRolloutIsNotShownThoughTheStatusStillTellsOfOurs) {
  Outcome outcome;
  outcome.frames = {{status_json("rolled_back", 0),
                     {"rolled_back: gone", "preparing: rollout shop-2 from v1.0.0 to v1.3.0"}}};
  daemon(status_json("stepping", 25)).on("rollback", outcome);
  const Ran ran = program.run({"rollback"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "21:00:00  rolled back: gone\nshop: all traffic is on stable, v1.0.0\n");
}

TEST_F(Following, ARollbackWithNothingToTakeBackWaitsForNoDeployThatBeginsMeanwhile) {
  Outcome outcome;
  outcome.rollout = "";
  outcome.text = "all traffic is on stable v1.0.0; nothing to take back";
  outcome.frames = {{status_json("stepping", 5), {"preparing: rollout shop-1 from v1"}}};
  daemon(status_json("idle")).on("rollback", outcome);
  fake->on("cleanup", outcome);
  for (const char* command : {"rollback", "cleanup"}) {
    const Ran ran = program.run({command});
    EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
    EXPECT_EQ(ran.out,
              "shop: all traffic is on stable v1.0.0; nothing to take back; another rollout has "
              "begun since\n");
  }
}

TEST_F(Following, APromotionThatAnotherRolloutFollowsTellsHowItEndedItself) {
  Outcome outcome;
  outcome.frames = {{status_json("promoting", 100), {"promoting: v1.1.0"}},
                    {status_json("stepping", 5, "", "[]", "shop-2"), {}}};
  daemon(status_json("awaiting_promotion", 100)).on("promote", outcome);
  ends_as("succeeded", "");
  const Ran good = program.run({"promote"});
  EXPECT_EQ(good.code, 0) << good.out << good.err;
  EXPECT_NE(good.out.find("shop: v1.1.0 was promoted; another rollout"), std::string::npos);
  fake->on("promote", outcome);
  ends_as("rolled_back", "superseded by bob");
  const Ran bad = program.run({"promote"});
  EXPECT_EQ(bad.code, 1) << bad.out << bad.err;
  EXPECT_NE(bad.err.find("not promoted: superseded by bob"), std::string::npos) << bad.err;
}

TEST_F(Following, ADeployShowsNoLineOfTheOneThatFollowsIt) {
  Outcome outcome;
  outcome.frames = {{status_json("stepping", 5), {"stepping: 5 %"}},
                    {status_json("stepping", 5, "", "[]", "shop-2"),
                     {"rolled_back: superseded", "preparing: shop-2"}}};
  std::string ended = history("superseded", "superseded by bob");
  ended.replace(ended.find("21:00:05"), 8, "21:00:01");
  daemon(status_json("idle")).on("deploy", outcome);
  fake->answer("/v1/releases/shop/history", {ended});
  const Ran ran = program.run({"deploy", "v1.1.0"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.out.find("rolled back: superseded"), std::string::npos) << ran.out;
  EXPECT_EQ(ran.out.find("preparing"), std::string::npos) << ran.out;
}

}  // namespace
}  // namespace linnet::cli
