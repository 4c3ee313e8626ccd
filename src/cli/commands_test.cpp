// The shipped program against a scripted daemon: what each command asks, prints, and exits with.
#include <fmt/format.h>
#include <unistd.h>

#include "cli/command_test_case.h"

namespace linnet::cli {
namespace {

using namespace testing;

class Commands : public CommandTest {};

TEST_F(Commands, StatusIsOneScreenFromOneRequest) {
  daemon(status_json("stepping", 25, "holding 25 % for 60 s: 12 s done", error_check));
  const Ran ran = program.run({"status"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  const std::string head =
      "shop  stepping  step 2/4, 12s of 1m  since 21:00:00\n"
      "holding 25 % for 60 s: 12 s done\n"
      "\n"
      "stable  v1.0.0  2/2 ready  75 %  [#####################-------]\n"
      "canary  v1.1.0  1/1 ready  25 %  [#######---------------------]\n"
      "\n"
      "CHECK       VERDICT  MEASURED  AGAINST  REQUESTS  EVIDENCE\n"
      "error_rate  pass        0.4 %      5 %       412  none\n"
      "\n"
      "rollout shop-1: v1.0.0 -> v1.1.0 by anna, started 2026-11-23 20:58 (";
  EXPECT_EQ(ran.out.substr(0, head.size()), head);
  EXPECT_EQ(fake->asked().size(), 1U);
}

TEST_F(Commands, FollowedAsJsonEachChangeIsADocumentOnALine) {
  daemon(status_json("stepping", 25));
  fake->answer("/v1/releases/shop/status",
               {status_json("stepping", 25), status_json("stepping", 25),
                status_json("promoting", 100), status_json("succeeded", 0)});
  const Ran ran = program.run_and_signal({"status", "--follow", "-o", "json"}, SIGINT, [this] {
    const auto asked = fake->asked();
    return std::count_if(asked.begin(), asked.end(), [](const Asked& one) {
             return one.target == "/v1/releases/shop/status";
           }) > 5;
  });
  EXPECT_EQ(ran.out.substr(0, ran.out.find("{\"error\"")),
            status_json("stepping", 25) + "\n" + status_json("promoting", 100) + "\n" +
                status_json("succeeded", 0) + "\n");
}

TEST_F(Commands, ColoursHonourNoColor) {
  daemon(status_json("rolled_back", 0, "too many errors"));
  const auto status = [&] {
    return program.run_in_terminal({"status"}, [](const std::string&) { return std::string(); });
  };
  EXPECT_NE(status().out.find("\x1b[31mrolled back\x1b[0m"), std::string::npos);
  program.environment["NO_COLOR"] = "1";
  EXPECT_EQ(status().out.find('\x1b'), std::string::npos);
}

TEST_F(Commands, OnATerminalTheCausesOfTheHistoryStandBelow) {
  daemon(status_json("idle"));
  program.environment["NO_COLOR"] = "1";
  fake->answer("/v1/releases/shop/history", {history("error_rate", "too many errors")});
  const Ran ran =
      program.run_in_terminal({"history"}, [](const std::string&) { return std::string(); });
  EXPECT_NE(ran.out.find("TOOK\r\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("2m5s\r\n  too many errors\r\n"), std::string::npos) << ran.out;
}

TEST_F(Commands, StatusWithoutADaemonStartsNoneAndExitsWithFour) {
  const Ran ran = program.run({"status"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_NE(ran.err.find("no daemon answers at"), std::string::npos);
  EXPECT_NE(ran.err.find("linnet serve"), std::string::npos);
}

TEST_F(Commands, StatusWithoutSpecAndDaemonNamesBothOnce) {
  ASSERT_EQ(::unlink((scratch.path() + "/linnet.yaml").c_str()), 0);
  const Ran ran = program.run({"status"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_NE(ran.err.find("there is no spec at linnet.yaml"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("no daemon answers at"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("`linnet serve`"), std::string::npos) << ran.err;
  const Ran named = program.run({"status", "-f", "/nonexistent.yaml", "-o", "json"});
  EXPECT_EQ(named.code, 2) << "a wrong argument";
  EXPECT_NE(named.out.find("there is no spec at /nonexistent.yaml"), std::string::npos);
  EXPECT_NE(named.out.find("no daemon answers at"), std::string::npos) << named.out;
  EXPECT_EQ(named.err.find("there is no spec"), named.err.rfind("there is no spec")) << named.err;
  const Ran cluster = program.run({"status", "-n", "shop"});
  EXPECT_EQ(cluster.code, 2) << cluster.err;
  EXPECT_NE(cluster.err.find("there is no spec"), std::string::npos) << cluster.err;
  EXPECT_EQ(cluster.err.find("there is no spec"), cluster.err.rfind("there is no spec"));
}

TEST_F(Commands, StatusWithoutASpecShowsWhatTheDaemonHas) {
  daemon(status_json("idle"));
  program.environment["LINNET_SPEC"] = scratch.path() + "/none.yaml";
  const Ran ran = program.run({"status"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.out.find("shop  idle"), std::string::npos) << ran.out;
  fake->answer("/v1/releases", {"[]"});
  EXPECT_NE(program.run({"status"}).out.find("no release yet"), std::string::npos);
}

TEST_F(Commands, AStrangersTextCannotDriveTheTerminal) {
  daemon(status_json("idle", 0, R"(\u001b[2J\u0007gone)"));
  EXPECT_EQ(program.run({"status"}).out.find('\x1b'), std::string::npos);
}

TEST_F(Commands, ADaemonOfAnotherKindIsReportedAndNotCrashedOn) {
  daemon(status_json("idle"));
  for (const char* body :
       {"", "[]", "null", "nonsense", R"({"phase":7,"checks":{},"rollout":[]})"}) {
    fake->answer("/v1/releases/shop/status", {body});
    const Ran ran = program.run({"status"});
    EXPECT_TRUE(ran.code == 4 || ran.code == 0) << body << ran.code;
  }
}

TEST_F(Commands, TrafficRefusesWhatIsNoShareAndSaysWhy) {
  daemon(status_json("stepping", 5));
  for (const char* weight : {"-1", "101", "5.55", "abc", "", "1e1", "nan"}) {
    const Ran ran = program.run({"traffic", weight});
    EXPECT_EQ(ran.code, 2) << weight;
    EXPECT_NE(ran.err.find(fmt::format("weight '{}'", weight)), std::string::npos) << ran.err;
  }
  EXPECT_TRUE(fake->intents().empty());
}

TEST_F(Commands, TrafficWaitsUntilTheShareIsInForce) {
  Outcome outcome;
  outcome.frames = {{status_json("holding", 5), {"weight set to 12.5 % by anna"}},
                    {status_json("holding", 12.5), {"canary weight is 12.5 %"}}};
  daemon(status_json("stepping", 5)).on("traffic", outcome);
  const Ran ran = program.run({"traffic", "12.5"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("shop: the canary has 12.5 % of the traffic\n"), std::string::npos);
  EXPECT_EQ(fake->intents().at(0), R"({"kind":"traffic","weight":"12.5%","by":"anna"})");
}

TEST_F(Commands, RollbackIsDoneWhenAllTrafficIsOnStable) {
  daemon(status_json("stepping", 25)).on("rollback", taking_back("rollback by anna: slow"));
  const Ran ran = program.run({"rollback", "--why", "slow"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("shop: all traffic is on stable, v1.0.0\n"), std::string::npos) << ran.out;
  EXPECT_EQ(fake->intents().at(0), R"({"kind":"rollback","why":"slow","by":"anna"})");
}

TEST_F(Commands, RollbackSaysWhenStableIsNotReadyThough) {
  const std::string lacks =
      "v1.1.0 is taken back, but stable does not get ready on v1.0.0: 0 of 2 instances ready";
  Outcome failed;
  failed.frames = {{status_json("rolling_back", 0, "rollback by anna"), {}},
                   {status_json("failed", 0, lacks), {}}};
  daemon(status_json("stepping", 25)).on("rollback", failed);
  const Ran ran = program.run({"rollback"});
  EXPECT_EQ(ran.code, 1) << ran.out;
  EXPECT_NE(ran.err.find(lacks), std::string::npos) << ran.err;
}

TEST_F(Commands, PromoteEndsWithTheNewStable) {
  daemon(status_json("awaiting_promotion", 100)).on("promote", promotion());
  const Ran ran = program.run({"promote", "--skip-steps"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("shop: v1.1.0 is stable now\n"), std::string::npos) << ran.out;
  EXPECT_EQ(fake->intents().at(0), R"({"kind":"promote","skip_steps":true,"by":"anna"})");
}

TEST_F(Commands, RefusalsGiveTheirExitCodes) {
  daemon(status_json("idle"));
  for (const auto& [code, exit] : std::map<std::string, int>{
           {"conflict", 5}, {"invalid", 2}, {"unavailable", 4}, {"denied", 4}}) {
    Outcome outcome;
    outcome.state = "refused";
    outcome.code = code;
    outcome.text = "because";
    for (const char* command : {"promote", "rollback", "pause", "resume", "cleanup", "init"}) {
      fake->on(command, outcome);
      const Ran ran = program.run({command});
      EXPECT_EQ(ran.code, exit) << command << " " << code;
      EXPECT_EQ(ran.err, "linnet: because\n") << command;
    }
  }
}

TEST_F(Commands, InitPauseResumeAndCleanupSayWhatHappened) {
  daemon(status_json("idle"));
  Outcome up;
  up.frames = {{status_json("idle", 0, "stable runs v1.0.0"), {"stable runs v1.0.0"}}};
  fake->on("init", up);
  EXPECT_NE(program.run({"init"}).out.find("shop: stable runs v1.0.0 with 2 replicas\n"),
            std::string::npos);
  Outcome paused;
  paused.frames = {{status_json("holding", 5, "paused by anna"), {}}};
  fake->on("pause", paused);
  EXPECT_EQ(program.run({"pause"}).out, "shop: holding, paused by anna\n");
  Outcome resumed;
  resumed.frames = {{status_json("stepping", 5, "resumed by anna"), {}}};
  fake->on("resume", resumed);
  EXPECT_EQ(program.run({"resume"}).out, "shop: stepping, resumed by anna\n");
  fake->on("cleanup", taking_back("cleanup by anna"));
  EXPECT_NE(
      program.run({"cleanup"}).out.find("the canary is gone, stable v1.0.0 has all the traffic"),
      std::string::npos);
}

TEST_F(Commands, ASpecWithMistakesIsNotSentAndAllAreNamed) {
  daemon(status_json("idle"));
  scratch.write("linnet.yaml", std::string(shop_spec) + "  min_requets: 3\n  turn: soon\n");
  const Ran ran = program.run({"deploy", "v1.1.0"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("linnet.yaml:9:"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("linnet.yaml:10:"), std::string::npos) << ran.err;
  EXPECT_TRUE(fake->asked().empty());
  const Ran checked = program.run({"validate"});
  EXPECT_EQ(checked.code, 2);
  EXPECT_NE(checked.out.find("min_requests"), std::string::npos) << checked.out;
  EXPECT_NE(program.run({"validate", "-o", "json"}).out.find(R"("valid":false)"),
            std::string::npos);
}

TEST_F(Commands, ARollbackDoesNotFailOverASpecThatIsBeingEdited) {
  daemon(status_json("stepping", 5)).on("rollback", taking_back("x"));
  scratch.write("linnet.yaml", "spec: [half");
  EXPECT_EQ(program.run({"rollback"}).code, 2);
  const Ran named = program.run({"rollback", "--release", "shop"});
  EXPECT_EQ(named.code, 0) << named.err;
  EXPECT_NE(named.err.find("going on without the spec"), std::string::npos) << named.err;
  scratch.write("linnet.yaml", shop_spec);
  fake->answer_put(409, R"({"error":{"code":"conflict","message":"a rollout runs"}})");
  const Ran changed = program.run({"rollback"});
  EXPECT_EQ(changed.code, 0) << changed.err;
  EXPECT_NE(changed.err.find("spec that the rollout began with"), std::string::npos) << changed.err;
  EXPECT_EQ(program.run({"deploy", "v1.1.0"}).code, 5);
}

TEST_F(Commands, SeveralReleasesInAFileNeedAName) {
  daemon(status_json("idle"));
  std::string other = shop_spec;
  other.replace(other.find("shop }"), 4, "cart");
  scratch.write("linnet.yaml", std::string(shop_spec) + "---\n" + other);
  const Ran ran = program.run({"rollback"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("holds 2 releases (shop, cart)"), std::string::npos) << ran.err;
  fake->on("rollback", taking_back("x"));
  EXPECT_EQ(program.run({"rollback", "--release", "shop"}).code, 0);
}

TEST_F(Commands, HistoryIsATable) {
  daemon(status_json("idle"));
  fake->answer("/v1/releases/shop/history", {history("error_rate", "too many errors")});
  EXPECT_EQ(
      program.run({"history"}).out,
      "ROLLOUT  FROM    TO      OUTCOME      BY    STARTED           TOOK  CAUSE\n"
      "shop-1   v1.0.0  v1.1.0  rolled back  anna  2026-11-23 20:58  2m5s  too many errors\n");
  EXPECT_EQ(program.run({"history", "--limit", "0"}).code, 2);
}

TEST_F(Commands, DoctorNamesCauseAndRemedy) {
  const Ran alone = program.run({"doctor"});
  EXPECT_EQ(alone.code, 1);
  EXPECT_NE(alone.out.find("FAIL  daemon"), std::string::npos) << alone.out;
  daemon(status_json("idle"));
  fake->answer(
      "/v1/releases/shop/doctor",
      {R"([{"check":"nginx","ok":false,"cause":"port 8080 is taken","remedy":"free it"}])"});
  const Ran ran = program.run({"doctor"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.out.find("FAIL  nginx: port 8080 is taken\n      -> free it\n"), std::string::npos);
  fake->answer("/v1/releases/shop/doctor", {"[]"});
  EXPECT_EQ(program.run({"doctor"}).code, 0);
}

TEST_F(Commands, LogsAreReadFromTheFilesThatTheApiNames) {
  daemon(status_json("idle"));
  const std::string file = scratch.write("canary.log", "one\ntwo\nthree\n");
  fake->answer("/v1/releases/shop/instances",
               {R"([{"id":"canary-0","track":"canary","version":"v1.1.0","state":"ready","log":")" +
                file + R"("}])"});
  EXPECT_EQ(program.run({"logs", "--lines", "2"}).out, "two\nthree\n");
  EXPECT_EQ(program.run({"logs", "--lines", "1", "-o", "json"}).out,
            "{\"instance\":\"canary-0\",\"line\":\"three\"}\n");
  const Ran none = program.run({"logs", "--track", "stable"});
  EXPECT_EQ(none.code, 3) << "there is nothing to read, and nothing was asked wrongly";
  EXPECT_NE(none.err.find("shop has no stable instance with a log now"), std::string::npos);
  EXPECT_EQ(program.run({"logs", "--track", "stale"}).code, 2);
}

std::string counts(int requests, int bad, int at_ms) {
  return fmt::format(
      R"({{"boundaries_ms":[100,1000],"stable":{{"requests":0,"bad":0,"latency":[0,0,0]}},)"
      R"("canary":{{"requests":{0},"bad":{1},"latency":[{0},0,0]}},"lost":0,"at_ms":{2}}})",
      requests, bad, at_ms);
}

TEST_F(Commands, MonitorTellsGoodViolatedAndNoDataApart) {
  daemon(status_json("stepping", 5));
  const std::string path = "/v1/releases/shop/counts";
  const std::vector<std::string> words{"monitor", "--duration", "0.3", "--interval", "0.1"};
  fake->answer(path, {counts(0, 0, 0), counts(500, 2, 300)});
  const Ran good = program.run(words);
  EXPECT_EQ(good.code, 0) << good.out;
  EXPECT_NE(good.out.find("good: 500 requests of the canary in"), std::string::npos) << good.out;
  fake->answer(path, {counts(0, 0, 0), counts(500, 100, 300)});
  EXPECT_EQ(program.run(words).code, 1);
  fake->answer(path, {counts(7, 0, 0), counts(9, 0, 300)});
  const Ran none = program.run(words);
  EXPECT_EQ(none.code, 3);
  EXPECT_NE(none.out.find("at least 20 are needed"), std::string::npos) << none.out;
}

TEST_F(Commands, MonitorDoesNotCallGoodWhatItCouldNotMeasure) {
  daemon(status_json("stepping", 5));
  const std::string path = "/v1/releases/shop/counts";
  std::vector<std::string> words{"monitor", "--duration", "0.3", "--interval", "0.1"};
  std::string untimed = counts(500, 2, 300);
  untimed.replace(untimed.find("[500,0,0]"), 9, "[0,0,0]");
  fake->answer(path, {counts(0, 0, 0), untimed});
  const Ran errors = program.run(words);
  EXPECT_EQ(errors.code, 0) << errors.out;
  EXPECT_NE(errors.out.find("no latency was measured"), std::string::npos) << errors.out;
  words.insert(words.end(), {"--latency-threshold", "500"});
  fake->answer(path, {counts(0, 0, 0), untimed});
  const Ran asked = program.run(words);
  EXPECT_EQ(asked.code, 3) << asked.out;
  EXPECT_EQ(asked.out.find("good"), std::string::npos) << asked.out;
}

TEST_F(Commands, MonitorWatchesOnWhenTheCountsCannotBeReadForAWhile) {
  daemon(status_json("stepping", 5));
  const std::string path = "/v1/releases/shop/counts";
  const std::vector<std::string> words{"monitor", "--duration", "0.5", "--interval", "0.1"};
  fake->answer(path, {counts(0, 0, 0), "no counts", "no counts", counts(500, 2, 300)});
  const Ran good = program.run(words);
  EXPECT_EQ(good.code, 0) << good.out << good.err;
  EXPECT_NE(good.err.find("nothing is measured: "), std::string::npos) << good.err;
  EXPECT_EQ(good.err.find("nothing is measured: "), good.err.rfind("nothing is measured: "));
  EXPECT_NE(good.err.find("the counts are read again"), std::string::npos) << good.err;
  fake->answer(path, {counts(0, 0, 0), counts(500, 2, 300), "no counts"});
  const Ran blind = program.run(words);
  EXPECT_EQ(blind.code, 3) << blind.out << blind.err;
}

TEST_F(Commands, MonitorRollsBackAndAlertsWhenItShall) {
  daemon(status_json("stepping", 5)).on("rollback", taking_back("monitor"));
  fake->answer("/v1/releases/shop/counts", {counts(0, 0, 0), counts(500, 100, 300)});
  const Ran ran =
      program.run({"monitor", "--auto-rollback", "--alert-on-error", "--interval", "0.1",
                   "--prometheus", "http://p", "--deployment", "d", "--namespace", "n"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("ALERT: shop: 20 % of 500 requests failed; limit 5 %"), std::string::npos)
      << ran.err;
  EXPECT_NE(ran.err.find("--prometheus is not used on one machine"), std::string::npos) << ran.err;
  EXPECT_NE(fake->intents().at(0).find(R"("kind":"rollback")"), std::string::npos);
}

TEST_F(Commands, PlanChangesNothingOfAReleaseThatTheDaemonKnows) {
  daemon(status_json("idle"));
  fake->answer("/v1/releases/shop/spec", {R"({"spec":"another"})"});
  fake->answer(
      "/v1/releases/shop/plan",
      {R"({"steps":[{"what":"start v1.1.0","needs":"ready"},{"what":"5 %","needs":"60s"}]})"});
  const Ran ran = program.run({"plan", "v1.1.0"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "1.  start v1.1.0  ready\n2.  5 %           60s\n");
  EXPECT_NE(ran.err.find("differs from the spec that the daemon has"), std::string::npos);
  for (const Asked& each : fake->asked()) EXPECT_EQ(each.method, "GET");
}

TEST_F(Commands, PlanShowsObjectsFieldByField) {
  daemon(status_json("idle"));
  fake->answer("/v1/releases/shop/spec", {R"({"spec":"another"})"});
  fake->answer("/v1/releases/shop/plan", {R"({"steps":[{"what":"one","needs":""}],"changes":[
      {"kind":"Deployment","name":"web-canary","change":"change","fields":[
        {"path":"spec.replicas","values":[0,1,0]},
        {"path":"spec.image","values":["web:v1\u001b[2J","web:v2"]}]},
      {"kind":"Service","name":"web-canary","change":"create","fields":[
        {"path":"spec.ports[http].port","values":[null,80]}]},
      {"kind":"Ingress","name":"web","change":"change","fields":[
        {"path":"spec.mark","values":[null,"set"]}]}]})"});
  EXPECT_EQ(program.run({"plan", "v1.1.0"}).out,
            "1.  one\n"
            "\n"
            "Deployment web-canary\n"
            "  spec.replicas:  0 -> 1 -> 0\n"
            "  spec.image:     web:v1?[2J -> web:v2\n"
            "Service web-canary: created\n"
            "  spec.ports[http].port:  80\n"
            "Ingress web\n"
            "  spec.mark:  (none) -> set\n");
}

TEST_F(Commands, KubernetesOptionsAreNotedAsUnusedOnOneMachine) {
  daemon(status_json("stepping", 5)).on("rollback", taking_back("x"));
  const Ran ran = program.run({"rollback", "--context", "staging"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.err.find("--context is ignored"), std::string::npos) << ran.err;
}

TEST_F(Commands, ErrorsAreDocumentsToo) {
  const Ran ran = program.run({"traffic", "101", "-o", "json"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_TRUE(ran.out.starts_with(R"({"error":{"code":"invalid","message":"weight)")) << ran.out;
}

TEST_F(Commands, JudgeReadsRecordedDataAndExitsByItsVerdict) {
  const std::string good = scratch.write("good.csv", "requests,bad\n1000,2\n1000,3\n");
  const std::string bad = scratch.write("bad.csv", "requests,bad\n1000,300\n");
  EXPECT_EQ(program.run({"judge", "threshold", "--limit", "5%", good}).code, 0);
  const Ran ran = program.run({"judge", "threshold", "--limit", "5%", bad, "-o", "json"});
  EXPECT_EQ(ran.code, 1) << ran.err;
  EXPECT_NE(ran.out.find("\"decision\": \"fail\""), std::string::npos) << ran.out;
  EXPECT_EQ(program.run({"judge", "plan", "--limit", "5%", "--rate", "5"}).code, 0);
  EXPECT_EQ(program.run({"judge", "threshold", bad}).code, 2);
  EXPECT_EQ(program.run({"judge", "kayenta"}).code, 2);
  EXPECT_EQ(program.run({"judge", "guess"}).code, 2);
}

TEST_F(Commands, SimulateSaysWhatWouldBecomeOfARelease) {
  const std::vector<std::string> asked{
      "simulate", "--canary-error-rate", "50%", "--rps", "40", "--seed", "7", "--runs", "20"};
  auto as_json = asked, pictured = asked;
  as_json.insert(as_json.end(), {"-o", "json"});
  pictured.insert(pictured.end(), {"--svg", scratch.path() + "/run.svg"});
  const Ran ran = program.run(as_json);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find(R"("runs":20,"passed":0,"rolled_back":20)"), std::string::npos) << ran.out;
  EXPECT_EQ(program.run(as_json).out, ran.out);
  const Ran table = program.run(pictured);
  EXPECT_NE(table.out.find("50 % errors"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("picture of one run (50 % errors): "), std::string::npos) << table.out;
  EXPECT_EQ(::access((scratch.path() + "/run.svg").c_str(), R_OK), 0);
  EXPECT_NE(program.run({"simulate", "--runs", "2"}).out.find("as good as stable"),
            std::string::npos);
  for (const auto& wrong : std::vector<std::vector<std::string>>{
           {"simulate", "--runs", "0"},
           {"simulate", "--runs", "1.5"},
           {"simulate", "--rps", "0"},
           {"simulate", "--canary-error-rate", "101%"},
           {"simulate", "--spec", "missing.yaml"},
           {"simulate", "--runs", "1", "--svg", "/nowhere/run.svg"}})
    EXPECT_EQ(program.run(wrong).code, 2) << wrong[1] << " " << wrong[2];
}

TEST_F(Commands, LaunchersHandOnWhatTheyAreGiven) {
  const std::string source = LINNET_SOURCE_DIR;
  daemon(status_json("stepping", 5)).on("rollback", taking_back("rollback by anna"));
  fake->answer("/v1/releases/shop/counts", {counts(0, 0, 0), counts(500, 100, 300)});
  program.environment["LINNET"] = LINNET_PROGRAM;
  program.environment["LINNET_SPEC"] = scratch.path() + "/linnet.yaml";
  program.executable = source + "/k8s/canary-deploy.sh";
  EXPECT_EQ(program.run({"rollback"}).code, 0);
  EXPECT_EQ(program.run({"traffic", "101"}).code, 2);
  EXPECT_NE(program.run({}).out.find("Commands:"), std::string::npos);
  program.executable = source + "/monitor_canary.py";
  const Ran ran =
      program.run({"--duration", "0.3", "--interval", "0.1", "--error-threshold", "10"});
  EXPECT_EQ(ran.code, 1) << ran.err;
  EXPECT_NE(ran.out.find("20 % of 500 requests failed; limit 10 %"), std::string::npos) << ran.out;
  EXPECT_NE(program.run({"--help"}).out.find("--latency-threshold MS"), std::string::npos);
  EXPECT_EQ(program.run({"--nonsense"}).code, 2);
}

TEST_F(Commands, StatusTellsThatNobodyDrivesTheRollout) {
  std::string left = status_json("stepping", 25, "holding 25 % for 60 s: 12 s done");
  left.back() = ',';
  daemon(left + R"("abandoned":{"by":"anna","since":"","text":"nobody drives it","next":"`x`"}})");
  EXPECT_NE(program.run({"status"}).out.find("\nnobody drives it: `x`\n"), std::string::npos);
}

TEST_F(Commands, ValidateTellsMistakesOfRecipesBesideTheOthers) {
  scratch.write("linnet.yaml",
                "metadata: { name: shop }\nspec:\n  steps:\n    - { weight: 101% }\n"
                "  workload: { deployments: { image: 'shop:{{version}}' } }\n"
                "  metrics: { source: scrape, recipe: no-such-recipe }\n");
  const Ran ran = program.run({"validate"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.out.find("linnet.yaml:4:"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("spec.metrics.recipe"), std::string::npos) << ran.out;
}

TEST_F(Commands, RbacRefusesAServiceAccountThatCannotBe) {
  scratch.write("linnet.yaml",
                "metadata: { name: shop, namespace: shop }\nspec:\n  workload: { deployments: { "
                "image: 'shop:{{version}}' } }\n  traffic: { router: ingress-nginx, with: { "
                "ingress: [shop], canary_ingress: shop-canary, stable_service: shop, "
                "canary_service: shop-canary, port: 80 } }\n");
  const Ran good = program.run({"rbac", "--service-account", "ci.linnet"});
  EXPECT_EQ(good.code, 0) << good.err;
  for (const char* name : {"Bad_Name", "", "-a", "a/b", "a\nb"}) {
    const Ran ran = program.run({"rbac", "--service-account", name});
    EXPECT_EQ(ran.code, 2) << name;
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find("must be 1 to 253 of a-z, 0-9, '-' and '.'"), std::string::npos)
        << ran.err;
  }
}

TEST_F(Commands, AReleaseOfAClusterIsNeverLookedForOnThisMachine) {
  ASSERT_EQ(::unlink((scratch.path() + "/linnet.yaml").c_str()), 0);
  const Ran nowhere = program.run(
      {"pause", "-n", "shop", "--release", "shop", "--kubeconfig", scratch.path() + "/none"});
  EXPECT_EQ(nowhere.code, 2) << nowhere.err;
  EXPECT_NE(nowhere.err.find("there is no file"), std::string::npos) << nowhere.err;
  EXPECT_EQ(nowhere.err.find("starting"), std::string::npos) << nowhere.err;
  scratch.write("linnet.yaml",
                "metadata: { name: shop }\nspec:\n  workload: { deployments: { image: "
                "'shop:{{version}}' } }\n");
  const Ran other = program.run({"status", "--release", "cart"});
  EXPECT_EQ(other.code, 2) << other.err;
  EXPECT_NE(other.err.find("holds no release 'cart', only shop"), std::string::npos) << other.err;
}

TEST_F(Commands, AdoptTakesADeploymentHoweverItsKindIsWritten) {
  scratch.write("linnet.yaml",
                "metadata: { name: shop }\nspec:\n  workload: { deployments: { image: "
                "'shop:{{version}}' } }\n");
  for (const char* kind : {"", "deploy/", "deployment/", "deployments/", "deployment.apps/"}) {
    const Ran ran = program.run({"init", "--adopt", std::string(kind) + "web"});
    EXPECT_NE(ran.err.find("set spec.workload.deployments.stable: web"), std::string::npos)
        << ran.err;
  }
  const Ran ran = program.run({"init", "--adopt", "statefulset/shop-stable"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("--adopt takes a Deployment"), std::string::npos) << ran.err;
}

TEST_F(Commands, VersionAndHelpNeedNothing) {
  EXPECT_EQ(program.run({"help", "deploy"}).out, program.run({"deploy", "--help"}).out);
  EXPECT_EQ(program.run({"help"}).out, program.run({"--help"}).out);

  EXPECT_TRUE(program.run({"version"}).out.starts_with("linnet "));
  EXPECT_NE(program.run({"--help"}).out.find("Commands:"), std::string::npos);
  EXPECT_NE(program.run({"deploy", "--help"}).out.find("Examples:"), std::string::npos);
  EXPECT_EQ(program.run({}).code, 2);
}

TEST_F(Commands, SpecPrintsASpecAgain) {
  const Ran ran = program.run({"spec", "--defaults"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  scratch.write("again.yaml", ran.out);
  EXPECT_EQ(program.run({"validate", "again.yaml"}).out, "again.yaml: valid (shop)\n");
  EXPECT_TRUE(program.run({"spec", "--schema"}).out.starts_with("{"));
}

}  // namespace
}  // namespace linnet::cli
