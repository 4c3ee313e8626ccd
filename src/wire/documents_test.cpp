// The documents are what docs/api.md says, byte for byte where other programs read them.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <boost/json.hpp>
#include <limits>

#include "wire/json.h"

namespace linnet::wire {
namespace {

core::Release shop() {
  core::Release release;
  release.name = "shop";
  release.workload = core::ProcessWorkload{.replicas = 2};
  release.steps = core::default_steps();
  return release;
}

core::Status stepping() {
  core::Status status;
  status.stable_version = "v1.0.0";
  status.phase = core::Stepping{.index = 1, .in_force = true, .held = 12s};
  status.since = WallTime{1795467727123};
  status.reason = "holding 25 % for 60 s: 12 s done";
  status.weight = status.weight_seen = Percent::whole(25);
  status.canary_replicas = 1;
  status.rollout = core::Rollout{.id = "shop-7",
                                 .from = "v1.0.0",
                                 .to = "v1.1.0",
                                 .by = "anna",
                                 .started = WallTime{1795467607123}};
  return status;
}

Result<core::WorkloadSeen> two_and_one() {
  const core::Instance ready{.version = "v1.0.0", .state = core::Instance::State::ready};
  return core::WorkloadSeen{{{ready, ready}}, {{ready}}};
}

TEST(StatusDocumentTest, IsAsDocumented) {
  EXPECT_EQ(
      text(status_document(shop(), stepping(), two_and_one())),
      R"({"release":"shop","phase":"stepping","ready":true,"step":2,"steps":4,"step_hold_ms":60000,)"
      R"("step_held_ms":12000,"weight_wanted":25,"weight_in_force":25,)"
      R"("versions":{"stable":"v1.0.0","canary":"v1.1.0"},)"
      R"("replicas":{"stable":{"wanted":2,"ready":2},"canary":{"wanted":1,"ready":1}},)"
      R"("checks":[],"placebo":{"watched":0,"alarms":0,"log_evidence":0,"worst":"","broken":false,)"
      R"("text":"not watched yet: it takes two instances of stable and some failed requests on them"},)"
      R"("reason":"holding 25 % for 60 s: 12 s done","cause":null,)"
      R"("since":"2026-11-23T21:02:07.123Z",)"
      R"("rollout":{"id":"shop-7","by":"anna","started":"2026-11-23T21:00:07.123Z",)"
      R"("from":"v1.0.0","to":"v1.1.0"}})");
}

TEST(StatusDocumentTest, BeforeTheFirstRolloutThereIsNone) {
  const auto json = status_document(shop(), core::Status{}, fail(Code::unavailable, "no"));
  const auto& object = json.get_object();
  EXPECT_TRUE(object.at("rollout").is_null());
  EXPECT_EQ(object.at("ready"), false);
  EXPECT_EQ(object.at("step"), 0);
  EXPECT_EQ(object.at("versions").at("canary"), "");
  EXPECT_EQ(object.at("replicas").at("stable").at("wanted"), 0);
  EXPECT_TRUE(object.at("replicas").at("stable").at("ready").is_null());
}

TEST(StatusDocumentTest, TheStepFollowsThePhase) {
  core::Status status = stepping();
  const auto step_in = [&](core::Phase phase) {
    status.phase = std::move(phase);
    return status_document(shop(), status, two_and_one()).at("step").as_int64();
  };
  using From = core::Holding::From;
  EXPECT_EQ(step_in(core::Preparing{}), 0);
  EXPECT_EQ(step_in(core::Holding{.from = From::stepping, .index = 2}), 3);
  EXPECT_EQ(step_in(core::Holding{.from = From::preparing}), 0);
  EXPECT_EQ(step_in(core::RollingBack{}), 0);
  EXPECT_EQ(step_in(core::AwaitingPromotion{}), 4);
  status.rollout->steps.push_back({.index = 1, .weight = Percent::whole(25), .held = 3s});
  EXPECT_EQ(step_in(core::RollingBack{}), 2);
  EXPECT_EQ(step_in(core::RolledBack{}), 0);
  // A spec with fewer steps than the rollout that runs by it.
  EXPECT_EQ(step_in(core::Stepping{.index = 9}), 10);
}

TEST(StatusDocumentTest, WhatStandsStillOrEndedBadlyHasItsCause) {
  core::Status status = stepping();
  const core::Cause cause{"no_data", "no metrics for 5 m"};
  for (const core::Phase& phase :
       {core::Phase(core::Holding{.cause = cause}), core::Phase(core::RollingBack{.cause = cause}),
        core::Phase(core::RolledBack{cause}), core::Phase(core::Failed{cause})}) {
    status.phase = phase;
    EXPECT_EQ(text(status_document(shop(), status, two_and_one()).at("cause")),
              R"({"kind":"no_data","text":"no metrics for 5 m"})")
        << core::phase_name(phase);
  }
  status.phase = core::Succeeded{};
  EXPECT_TRUE(status_document(shop(), status, two_and_one()).at("cause").is_null());
}

TEST(CheckDocumentTest, EvidenceWithoutBoundIsStillANumber) {
  core::CheckReport check{.name = "error_rate", .verdict = core::Verdict::fail};
  check.log_evidence = 1e6;
  EXPECT_TRUE(std::isfinite(check_document(check).at("evidence").as_double()));
}

TEST(HistoryDocumentTest, ComesBackButForWhatItLeavesOut) {
  core::RolloutRecord record;
  record.rollout = *stepping().rollout;
  record.rollout.steps.push_back({.index = 0,
                                  .weight = Percent::from_ppm(1000),
                                  .held = 60s,
                                  .outcome = "passed",
                                  .canary = {100, 3, {90, 9, 1}}});
  record.rollout.steps[0].checks.push_back({.name = "latency_p95",
                                            .verdict = core::Verdict::pass,
                                            .value = 12.25,
                                            .limit = 1000,
                                            .unit = "ms",
                                            .requests = 100,
                                            .bad = 1,
                                            .log_evidence = -3.5,
                                            .interval_low = 0.5,
                                            .interval_high = 5.25,
                                            .text = "P95 12 ms"});
  record.ended = WallTime{1795467907000};
  record.outcome = "rolled_back";
  record.cause = {"error_rate", "7 % of 100 requests failed"};
  const std::string written = text(history_document(record));
  const auto parsed = parse(written, 1 << 20);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(read_history(*parsed), record);
  EXPECT_NE(written.find(R"("steps":[{"step":1,"weight":0.1,"held_ms":60000,)"), std::string::npos);
}

TEST(HistoryDocumentTest, WhatIsMissingIsNamed) {
  const auto record = read_history(*parse(R"({"id":"a","from":"b"})", 100));
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().message, "history: 'to' is missing");
  EXPECT_FALSE(read_history(*parse("[]", 100)));
}

TEST(AnswerDocumentTest, AllThreeStatesComeBack) {
  const core::Answer accepted{.intent = 12, .accepted = true, .text = "ok", .rollout = "shop-7"};
  const core::Answer refused{.intent = 13, .code = Code::conflict, .text = "busy"};
  EXPECT_EQ(text(answer_document(12, std::nullopt)),
            R"({"intent":12,"state":"pending","code":"","text":"","rollout":""})");
  EXPECT_EQ(read_answer(answer_document(12, std::nullopt)).value(), std::nullopt);
  EXPECT_EQ(read_answer(answer_document(12, accepted)).value(), accepted);
  EXPECT_EQ(read_answer(answer_document(13, refused)).value(), refused);
  EXPECT_FALSE(read_answer(*parse(R"({"intent":1,"state":"lost","text":"","rollout":""})", 100)));
}

TEST(JournalDocumentTest, TheNextPageStartsAfterTheLastLine) {
  const JournalLine line{16, WallTime{1795467727123}, {"phase", "stepping: \"5 %\""}};
  EXPECT_EQ(text(journal_document({line}, 3)),
            R"({"entries":[{"seq":16,"at":"2026-11-23T21:02:07.123Z","kind":"phase",)"
            R"("text":"stepping: \"5 %\""}],"next":16})");
  EXPECT_EQ(text(journal_document({}, 3)), R"({"entries":[],"next":3})");
  EXPECT_EQ(read_line(line_document(line)), line);
}

TEST(ErrorDocumentTest, IsAsDocumented) {
  EXPECT_EQ(text(error_document({Code::timed_out, "too late"})),
            R"({"error":{"code":"timed_out","message":"too late"}})");
}

TEST(JsonTextTest, NumbersAreInTheirShortestForm) {
  const Json json{25.0, 0.1, 1e300, -0.5, 7, std::numeric_limits<double>::infinity(), true};
  EXPECT_EQ(text(json), "[25,0.1,1e+300,-0.5,7,null,true]");
}

TEST(JsonTextTest, BytesThatAreNoUtf8BecomeTheReplacementCharacter) {
  EXPECT_EQ(text(Json("a\xff\xc3(\xe2\x82z\xed\xa0\x80")),
            "\"a\xEF\xBF\xBD\xEF\xBF\xBD("
            "\xEF\xBF\xBD\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(text(Json("é€😀\n\x1b")), "\"é€😀\\n\\u001b\"");
}

RC_GTEST_PROP(JsonTextTest, AnyStringGivesJsonThatParses, (const std::string& bytes)) {
  const auto parsed = parse(text(Json(boost::json::string(bytes))), 1 << 20);
  RC_ASSERT(parsed.has_value());
}

RC_GTEST_PROP(WallTimeTest, ComesBack, ()) {
  const WallTime time{*rc::gen::inRange<std::int64_t>(0, 253402300800000)};  // to the year 9999
  RC_ASSERT(parse_wall_time(time.text()) == time);
}

TEST(WallTimeTest, OtherTextIsRefused) {
  for (const char* wrong : {"", "2026-11-23", "2026-02-30T00:00:00Z", "2026-11-23T24:00:00Z",
                            "2026-11-23T21:02:07.1Z", "2026-11-23T21:02:07Z ", "x"})
    EXPECT_FALSE(parse_wall_time(wrong)) << wrong;
  EXPECT_TRUE(parse_wall_time("2026-11-23T21:02:07Z"));
}

}  // namespace
}  // namespace linnet::wire
