// `linnet deploy` against a scripted daemon: in a CI job, in a terminal, interrupted, and refused.
#include <csignal>

#include "cli/command_test_case.h"

namespace linnet::cli {
namespace {

using namespace testing;

class Deploy : public CommandTest {};

TEST_F(Deploy, WithoutATerminalNeverAsksAndNamesTheNextCommand) {
  Outcome outcome;
  outcome.frames = good_steps();
  daemon(status_json("idle")).on("deploy", outcome);
  const Ran ran = program.run({"deploy", "v1.1.0"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.out,
            "21:00:00  rollout shop-1 to v1.1.0 starts\n"
            "21:00:01  canary weight is 5 %\n"
            "21:00:02  canary weight is 100 %\n"
            "21:00:03  all steps passed; waiting for promotion\n"
            "shop: v1.1.0 passed all steps and waits for promotion\n"
            "next: `linnet promote` or `linnet rollback`\n");
  EXPECT_EQ(fake->intents(),
            std::vector<std::string>{R"({"kind":"deploy","version":"v1.1.0","by":"anna"})"});
}

TEST_F(Deploy, SendsTheSpecBeforeItsIntent) {
  Outcome outcome;
  outcome.frames = good_steps();
  daemon(status_json("idle")).on("deploy", outcome);
  EXPECT_EQ(program.run({"deploy", "v1.1.0"}).code, 0);
  bool sent = false;
  for (const Asked& each : fake->asked()) {
    if (each.method == "PUT") {
      sent = true;
      EXPECT_EQ(each.target, "/v1/releases/shop");
      EXPECT_NE(each.body.find("linnet.yaml"), std::string::npos);
    }
    EXPECT_TRUE(sent || each.method != "POST");
  }
  EXPECT_TRUE(sent);
}

TEST_F(Deploy, WithPromoteGoesOnToTheEnd) {
  Outcome outcome;
  outcome.frames = good_steps();
  for (Frame& frame : promotion().frames) outcome.frames.push_back(frame);
  daemon(status_json("idle")).on("deploy", outcome);
  const Ran ran = program.run({"deploy", "v1.1.0", "--promote", "--hold", "--force"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("shop: v1.1.0 is stable now\n"), std::string::npos) << ran.out;
  EXPECT_EQ(
      fake->intents().at(0),
      R"({"kind":"deploy","version":"v1.1.0","promote":true,"hold":true,"force":true,"by":"anna"})");
}

TEST_F(Deploy, ThatIsRolledBackExitsWithOneAndTheReason) {
  Outcome outcome = taking_back("error_rate: 21.5 % of 65 requests failed; limit 5 %");
  outcome.frames.insert(outcome.frames.begin(),
                        {status_json("stepping", 5, "", failed_check), {"canary weight is 5 %"}});
  daemon(status_json("idle")).on("deploy", outcome);
  fake->answer("/v1/releases/shop/history", {history("error_rate", "too many errors")});
  const Ran ran = program.run({"deploy", "v1.1.0"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.out.find("shop: v1.1.0 was rolled back: error_rate: 21.5 % of 65"),
            std::string::npos)
      << ran.out;
}

TEST_F(Deploy, ThatEndsWithoutDataExitsWithThree) {
  daemon(status_json("idle")).on("deploy", taking_back("no request in 5m"));
  fake->answer("/v1/releases/shop/history", {history("no_data", "no request in 5m")});
  EXPECT_EQ(program.run({"deploy", "v1.1.0"}).code, 3);
}

TEST_F(Deploy, OfWhatRunsAlreadyHasNothingToDo) {
  Outcome outcome;
  outcome.rollout = "";
  outcome.text = "stable already runs v1.0.0; nothing to do";
  daemon(status_json("idle")).on("deploy", outcome);
  const Ran ran = program.run({"deploy", "v1.0.0"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "shop: stable already runs v1.0.0; nothing to do\n");
}

TEST_F(Deploy, RefusedAsBusyExitsWithFive) {
  Outcome outcome;
  outcome.state = "refused";
  outcome.code = "conflict";
  outcome.text = "rollout shop-1 by bob runs; use --supersede";
  daemon(status_json("stepping", 5)).on("deploy", outcome);
  const Ran ran = program.run({"deploy", "v1.2.0"});
  EXPECT_EQ(ran.code, 5);
  EXPECT_EQ(ran.err, "linnet: rollout shop-1 by bob runs; use --supersede\n");
  EXPECT_EQ(ran.out, "");
}

TEST_F(Deploy, WithSupersedeWaitsForTheOneBeforeToBeTakenBack) {
  Outcome outcome;
  outcome.rollout = "shop-2";
  outcome.frames = {{status_json("rolling_back", 0), {"superseded"}},
                    {status_json("rolled_back", 0), {"shop-1 is taken back"}},
                    {status_json("stepping", 5, "", "[]", "shop-2"), {"shop-2 starts"}},
                    {status_json("awaiting_promotion", 100, "", "[]", "shop-2"), {"passed"}}};
  daemon(status_json("stepping", 25)).on("deploy", outcome);
  const Ran ran = program.run({"deploy", "v1.1.0", "--supersede"});
  EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
  EXPECT_NE(ran.out.find("waits for promotion"), std::string::npos) << ran.out;
}

TEST_F(Deploy, ThatIsSupersededSaysHowItEnded) {
  Outcome outcome;
  outcome.frames = {{status_json("stepping", 5), {"canary weight is 5 %"}},
                    {status_json("stepping", 5, "", "[]", "shop-2"), {"shop-2 starts"}}};
  daemon(status_json("idle")).on("deploy", outcome);
  fake->answer("/v1/releases/shop/history", {history("superseded", "superseded by bob")});
  const Ran ran = program.run({"deploy", "v1.1.0"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.out.find("v1.1.0 was taken back: superseded by bob"), std::string::npos) << ran.out;
}

TEST_F(Deploy, ThatIsHeldByAFailedCheckDoesNotHangAJob) {
  Outcome outcome;
  outcome.frames = {
      {status_json("holding", 50, "error_rate failed; held", failed_check), {"held"}}};
  daemon(status_json("idle")).on("deploy", outcome);
  const Ran ran = program.run({"deploy", "v1.1.0"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.out.find("shop: held: error_rate failed; held"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("`linnet rollback`"), std::string::npos) << ran.out;
}

TEST_F(Deploy, AsJsonPrintsOneDocument) {
  Outcome outcome;
  outcome.frames = good_steps();
  daemon(status_json("idle")).on("deploy", outcome);
  const Ran ran = program.run({"-o", "json", "deploy", "v1.1.0"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out,
            status_json("awaiting_promotion", 100, "all steps passed", error_check) + "\n");
}

TEST_F(Deploy, InterruptedDeployTakesTheRolloutBackAndSeesItThrough) {
  Outcome outcome;
  outcome.frames = {{status_json("stepping", 5), {"canary weight is 5 %"}}};
  daemon(status_json("idle")).on("deploy", outcome);
  fake->on("interrupt", taking_back("interrupted by anna"));
  for (const int signal : {SIGINT, SIGTERM}) {
    const Ran ran = program.run_and_signal({"deploy", "v1.1.0"}, signal,
                                           [this] { return asked_for("/status"); });
    EXPECT_EQ(ran.code, 130) << ran.err;
    EXPECT_NE(ran.out.find("was rolled back: interrupted by anna"), std::string::npos) << ran.out;
    EXPECT_EQ(fake->intents().back(), R"({"kind":"interrupt","version":"v1.1.0","by":"anna"})");
    fake.reset();
    daemon(status_json("idle")).on("deploy", outcome);
    fake->on("interrupt", taking_back("interrupted by anna"));
  }
}

TEST_F(Deploy, InterruptedDeployWithHoldLeavesAtOnce) {
  Outcome outcome;
  outcome.frames = {{status_json("stepping", 5), {"canary weight is 5 %"}}};
  daemon(status_json("idle")).on("deploy", outcome);
  fake->on("interrupt", Outcome{});
  const Ran ran = program.run_and_signal({"deploy", "v1.1.0", "--hold"}, SIGINT,
                                         [this] { return asked_for("/status"); });
  EXPECT_EQ(ran.code, 130);
  EXPECT_NE(ran.err.find("leaving the rollout"), std::string::npos) << ran.err;
}

TEST_F(Deploy, InterruptedBeforeItBeganItTellsNothingOfTheRolloutBefore) {
  Outcome unanswered;
  unanswered.state = "pending";
  Outcome nothing;
  nothing.rollout = "";
  nothing.text = "all traffic is on stable v1.0.0; nothing to take back";
  daemon(status_json("rolled_back", 0, "too many errors")).on("deploy", unanswered);
  fake->on("interrupt", nothing);
  const Ran ran = program.run_and_signal({"deploy", "v1.1.0"}, SIGINT,
                                         [this] { return asked_for("/intents/1"); });
  EXPECT_EQ(ran.code, 130) << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("stable v1.0.0; nothing to take back"), std::string::npos) << ran.err;
}

TEST_F(Deploy, InterruptedWhileTheAnswerYesIsOnItsWayItTakesTheRolloutBack) {
  Outcome outcome;
  outcome.frames = good_steps();
  Outcome unanswered;
  unanswered.state = "pending";
  daemon(status_json("idle")).on("deploy", outcome);
  fake->on("promote", unanswered);
  fake->on("interrupt", taking_back("interrupted by anna"));
  bool typed = false;
  bool interrupted = false;
  const Ran ran = program.run_in_terminal(
      {"deploy", "v1.1.0"},
      [&](const std::string& text) {
        if (typed || text.find("[y/N]") == text.npos) return "";
        typed = true;
        return "y\n";
      },
      [&] {
        if (interrupted || !asked_for("/intents/2")) return "";
        interrupted = true;
        return "\x03";
      });
  EXPECT_EQ(ran.code, 130) << ran.out;
  EXPECT_NE(ran.out.find("shop: v1.1.0 was rolled back"), std::string::npos) << ran.out;
}

TEST_F(Deploy, InATerminalDeployAsksAndPromotesOnYes) {
  Outcome outcome;
  outcome.frames = good_steps();
  daemon(status_json("idle")).on("deploy", outcome);
  fake->on("promote", promotion());
  bool typed = false;
  const Ran ran = program.run_in_terminal({"deploy", "v1.1.0"}, [&](const std::string& text) {
    if (typed || text.find("Promote v1.1.0 to stable? [y/N] ") == text.npos) return "";
    typed = true;
    return "y\n";
  });
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_NE(ran.out.find("v1.1.0 is stable now"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("error_rate  "), std::string::npos) << "the live block: " << ran.out;
  EXPECT_TRUE(ran.out.rfind("\x1b[?25h") > ran.out.rfind("\x1b[?25l")) << "the cursor is back";
}

TEST_F(Deploy, InATerminalNoMeansThatTheCanaryWaits) {
  Outcome outcome;
  outcome.frames = good_steps();
  daemon(status_json("idle")).on("deploy", outcome);
  bool typed = false;
  const Ran ran = program.run_in_terminal({"deploy", "v1.1.0"}, [&](const std::string& text) {
    if (typed || text.find("[y/N]") == text.npos) return "";
    typed = true;
    return "\n";
  });
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.out.find("next: `linnet promote`"), std::string::npos) << ran.out;
  EXPECT_EQ(fake->intents().size(), 1U);
}

TEST_F(Deploy, ACanaryThatTurnsBadWhileTheQuestionStandsMakesItMoot) {
  Outcome outcome;
  outcome.frames = good_steps();
  daemon(status_json("idle")).on("deploy", outcome);
  bool turned = false;
  const Ran ran = program.run_in_terminal({"deploy", "v1.1.0"}, [&](const std::string& text) {
    if (!turned && text.find("[y/N]") != text.npos) {
      turned = true;
      fake->answer("/v1/releases/shop/status", {status_json("rolled_back", 0, "it turned bad")});
    }
    return "";
  });
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.out.find("it turned bad"), std::string::npos) << ran.out;
}

TEST_F(Deploy, ADaemonThatDiesMidwayIsWaitedForAndThenReported) {
  Outcome outcome;
  outcome.frames = {{status_json("stepping", 5), {"canary weight is 5 %"}}};
  outcome.dies_after = true;
  daemon(status_json("idle")).on("deploy", outcome);
  const Ran ran = program.run({"deploy", "v1.1.0", "--no-start"});
  EXPECT_EQ(ran.code, 4) << ran.err;
  EXPECT_NE(ran.err.find("waiting for it to come back"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("did not come back in 10s"), std::string::npos) << ran.err;
}

TEST_F(Deploy, NoStartRefusesToStartADaemon) {
  const Ran ran = program.run({"init", "--no-start"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_NE(ran.err.find("--no-start forbids"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace linnet::cli
