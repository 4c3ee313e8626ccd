#include "judge/judge.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>

#include "judge/files.h"
#include "judge/json_text.h"

namespace linnet::judge {
namespace {

namespace bj = boost::json;

class Judge : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const auto path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("judge_" + std::to_string(std::random_device{}()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

bj::object json(const Report& report) { return bj::parse(report.json).as_object(); }
double number(const bj::value& value) { return value.to_number<double>(); }

TEST_F(Judge, ThresholdReportsEvidenceRateAndDecision) {
  const auto file = write("a.csv", "requests,bad\n2,2\n1,1\n10,0\n");
  const Report report = *threshold({.file = file, .limit = 0.05});
  const auto result = json(report);
  EXPECT_EQ(result.at("decision"), "fail");
  EXPECT_EQ(number(result.at("decided_at")), 2);  // 3 bad of 3
  EXPECT_NEAR(number(result.at("rate")), 3.0 / 13, 1e-15);
  // By hand: ln sum_k w_k psi^3 / (1 + 0.05 (psi - 1))^13.
  double sum = 0;
  const double psi[] = {1.1, 1.4, 2, 3, 7, 20, 45, 150};
  const double weight[] = {.02, .04, .14, .15, .33, .16, .12, .04};
  for (int k = 0; k < 8; ++k)
    sum += weight[k] * std::pow(psi[k], 3) / std::pow(1 + 0.05 * (psi[k] - 1), 13);
  EXPECT_NEAR(number(result.at("log_evidence_fail")), std::log(sum), 1e-12);
  EXPECT_LT(number(result.at("interval").as_array()[0]), 3.0 / 13);
  EXPECT_EQ(report.exit_code, 1);
  EXPECT_NE(report.text.find("decision: fail at row 2"), std::string::npos);
}

TEST_F(Judge, ThresholdPassesAndStaysUndecided) {
  const auto pass = *threshold({.file = write("p.csv", "bad,requests\n0,108\n"), .limit = 0.05});
  EXPECT_EQ(json(pass).at("decision"), "pass");
  EXPECT_EQ(pass.exit_code, 0);
  const auto open =
      *threshold({.file = write("u.csv", "requests,bad\r\n20,1\r\n\r\n"), .limit = 0.05});
  EXPECT_EQ(json(open).at("decision"), "undecided");
  EXPECT_TRUE(json(open).at("decided_at").is_null());
  EXPECT_EQ(open.exit_code, 0);
  EXPECT_NE(open.text.find("more requests"), std::string::npos);
}

TEST_F(Judge, ThresholdWithoutRequestsIsNoData) {
  const auto none = *threshold({.file = write("n.csv", "requests,bad\n"), .limit = 0.05});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_TRUE(json(none).at("rate").is_null());
  EXPECT_EQ(number(json(none).at("interval").as_array()[1]), 1);
}

TEST_F(Judge, TraceAddsOneLineForEachRow) {
  const auto file = write("t.csv", "requests,bad\n2,2\n1,1\n");
  const Report report = *threshold({.file = file, .limit = 0.05, .trace = true});
  EXPECT_EQ(std::count(report.json.begin(), report.json.end(), '\n'), 2);
  const auto first = bj::parse(report.json.substr(0, report.json.find('\n'))).as_object();
  EXPECT_EQ(number(first.at("row")), 1);
  EXPECT_NE(report.text.find("row 2:"), std::string::npos);
}

TEST_F(Judge, ErrorsNameFileAndLine) {
  const auto error_of = [&](const std::string& text) {
    const auto report = threshold({.file = write("bad.csv", text), .limit = 0.05});
    return report ? std::string("no error") : report.error().message;
  };
  EXPECT_NE(error_of("requests,bad\n1,0\n\n1,2\n").find("bad.csv:4: "), std::string::npos);
  EXPECT_NE(error_of("requests,bad\n1,x\n").find("bad.csv:2: \"x\" is not a number"),
            std::string::npos);
  EXPECT_NE(
      error_of("requests,bda\n").find("bad.csv:1: unknown column \"bda\" (did you mean bad?)"),
      std::string::npos);
  EXPECT_NE(error_of("requests\n").find("column bad is missing"), std::string::npos);
  EXPECT_NE(error_of("requests,requests\n").find("stands twice"), std::string::npos);
  EXPECT_NE(error_of("requests,bad\n1\n").find("bad.csv:2: 1 field"), std::string::npos);
  EXPECT_NE(error_of("").find("bad.csv:1: the header is missing"), std::string::npos);
  for (const char* cell : {"-1", "nan", "inf", "1e300", "0x10", "1 2", "", "99999999999999999999"})
    EXPECT_NE(error_of(std::string("requests,bad\n") + cell + ",0\n").find("bad.csv:2: "),
              std::string::npos)
        << cell;
  EXPECT_EQ(threshold({.file = "/nonexistent/x.csv", .limit = 0.05}).error().code, Code::not_found);
  EXPECT_FALSE(threshold({.file = folder_.string(), .limit = 0.05}));
}

TEST_F(Judge, OptionsOutOfRangeAreErrors) {
  const auto file = write("a.csv", "requests,bad\n2,2\n");
  EXPECT_FALSE(threshold({.file = file, .limit = 0}));
  EXPECT_FALSE(threshold({.file = file, .limit = 0.05, .alpha = 0}));
  EXPECT_FALSE(threshold({.file = file, .limit = 0.05, .beta = 1}));
  EXPECT_FALSE(threshold({.file = file, .limit = 0.05, .phi = 0.5}));
  EXPECT_FALSE(compare({.file = file, .tolerance = 0.5}));
  EXPECT_FALSE(plan({.limit = 0.05, .rate = 0}));
}

TEST_F(Judge, CompareFindsAWorseCanaryWithBothNormalisers) {
  std::string text = "canary_requests,canary_bad,stable_requests,stable_bad\n";
  for (int i = 0; i < 10; ++i) text += "5,3,95,0\n";
  const auto file = write("c.csv", text);
  const auto exact = json(*compare({.file = file}));
  const auto bound = json(*compare({.file = file, .exact_never = true}));
  EXPECT_EQ(exact.at("decision"), "fail");
  EXPECT_LE(number(exact.at("decided_at")), 3);
  EXPECT_LE(number(bound.at("log_evidence_worse")), number(exact.at("log_evidence_worse")));
  EXPECT_EQ(number(exact.at("canary").at("bad")), 30);
  EXPECT_EQ(compare({.file = file})->exit_code, 1);
}

TEST_F(Judge, CompareRefusesFractions) {
  const auto file =
      write("c.csv", "canary_requests,canary_bad,stable_requests,stable_bad\n5,0.5,9,0\n");
  EXPECT_NE(compare({.file = file}).error().message.find("c.csv:2: canary"), std::string::npos);
}

TEST_F(Judge, LatencyNamesTheSlowestBoundary) {
  const auto file =
      write("l.csv", "le,canary,stable\n100,50,1800\n500,60,1890\n1000,98,1899\n+Inf,100,1900\n");
  const Report report = *latency({.file = file});
  const auto result = json(report);
  EXPECT_EQ(result.at("decision"), "fail");
  EXPECT_EQ(number(result.at("slowest_boundary")), 500);
  EXPECT_EQ(report.exit_code, 1);
}

TEST_F(Judge, LatencyAveragesOverMoreThan32Boundaries) {
  // Boundaries without information have evidence 1: the mean is known from the one that has some.
  std::string few = "le,canary,stable\n1,5,1000\n2,10,1000\n", many = few;
  few += "+Inf,10,1000\n";
  for (int i = 3; i <= 80; ++i) many += std::to_string(i) + ",10,1000\n";
  many += "+Inf,10,1000\n";
  const double at_two =
      number(json(*latency({.file = write("f.csv", few)})).at("log_evidence_slower"));
  const double at_80 =
      number(json(*latency({.file = write("m.csv", many)})).at("log_evidence_slower"));
  EXPECT_NEAR(std::exp(at_80), (2 * std::exp(at_two) + 78) / 80, 1e-9 * std::exp(at_two));
}

TEST_F(Judge, LatencyErrorsNameTheLine) {
  const auto error_of = [&](const std::string& rows) {
    return latency({.file = write("l.csv", "le,canary,stable\n" + rows)}).error().message;
  };
  EXPECT_NE(error_of("100,5,5\n50,6,6\n+Inf,7,7\n").find("l.csv:3: "), std::string::npos);
  EXPECT_NE(error_of("100,5,5\n200,4,6\n+Inf,7,7\n").find("l.csv:3: "), std::string::npos);
  EXPECT_NE(error_of("100,5,5\n200,6,6\n").find("l.csv:3: "), std::string::npos);
  EXPECT_NE(error_of("+Inf,7,7\n").find("l.csv"), std::string::npos);
  EXPECT_NE(error_of("100,5,5\n+Inf,7,7\n200,9,9\n").find("l.csv:3: "), std::string::npos);
}

TEST_F(Judge, PlanShowsExpectedTimeBesideTheBound) {
  const auto result = json(*plan({.limit = 0.05, .true_rate = 0.1, .rate = 5}));
  EXPECT_NEAR(number(result.at("expected_requests")), 293, 6);
  EXPECT_NEAR(number(result.at("expected_seconds")), 293.0 / 5, 1.5);
  EXPECT_NEAR(number(result.at("lower_bound_requests")), 223.0, 0.1);
  EXPECT_EQ(result.at("decision"), "fail");
  const auto table = json(*plan({.limit = 0.05, .rate = 5}));
  EXPECT_GE(table.at("rates").as_array().size(), 10U);
  EXPECT_FALSE(table.contains("true_rate"));
}

TEST_F(Judge, PlanChargesForChecksAndStages) {
  const auto one = json(*plan({.limit = 0.05, .true_rate = 0.5, .rate = 5}));
  const auto eight =
      json(*plan({.limit = 0.05, .true_rate = 0.5, .rate = 5, .checks = 2, .stages = 4}));
  EXPECT_GT(number(eight.at("expected_requests")), number(one.at("expected_requests")) + 1);
}

const char* const config = R"({
  "name": "shop", "applications": ["ad-hoc"],
  "judge": {"name": "NetflixACAJudge-v1.0", "judgeConfigurations": {}},
  "metrics": [
    {"name": "errors", "groups": ["Errors"], "scopeName": "default",
     "query": {"type": "prometheus"},
     "analysisConfigurations": {"canary": {"direction": "increase", "nanStrategy": "replace",
       "critical": true, "effectSize": {"allowedIncrease": 1.1, "criticalIncrease": 5}}}},
    {"name": "latency", "groups": ["Latency"],
     "analysisConfigurations": {"canary": {"direction": "increase"}}}],
  "classifier": {"groupWeights": {"Errors": 60, "Latency": 40},
                 "scoreThresholds": {"pass": 95, "marginal": 30}}})";
const char* const quiet =
    R"({"errors": [1,2,1,null,3,2,1,2,1,2], "latency": [10,11,12,13,11,12,10,11,12,13]})";

TEST_F(Judge, KayentaScoresAndClassifies) {
  const auto c = write("config.json", config), control = write("control.json", quiet);
  const auto slow =
      write("slow.json",
            R"({"errors": [2,1,2,1,2,null,3,1,1,2], "latency": [20,21,22,23,21,22,20,21,22,23]})");
  const Report report = *kayenta({.config = c, .control = control, .experiment = slow});
  const auto result = json(report);
  EXPECT_EQ(number(result.at("score")), 60);
  EXPECT_EQ(result.at("classification"), "Marginal");
  const auto& latency_result = result.at("metrics").as_array()[1];
  EXPECT_EQ(latency_result.at("classification"), "High");
  EXPECT_GT(number(latency_result.at("interval").as_array()[0]), 2.5);
  EXPECT_EQ(report.exit_code, 0);
  const Report strict =
      *kayenta({.config = c, .control = control, .experiment = slow, .pass = 95, .marginal = 90});
  EXPECT_EQ(json(strict).at("classification"), "Fail");
  EXPECT_EQ(strict.exit_code, 1);
}

TEST_F(Judge, KayentaRefusesWhatItDoesNotUnderstand) {
  const auto good = write("v.json", quiet);
  const auto with_config = [&](const std::string& text) {
    return kayenta({.config = write("c.json", text), .control = good, .experiment = good});
  };
  EXPECT_TRUE(with_config(config));
  for (
      const char* text :
      {"", "[]", "{", "{\"metrics\": []}", "{\"metrics\": [1]}", "{\"metrics\": [{\"name\": 1}]}",
       R"({"metrics": [{"name": "errors"}, {"name": "errors"}]})",
       R"({"metrics": [{"name": "errors", "groups": 5}]})",
       R"({"metrics": [{"name": "errors", "analysisConfigurations": {"canary": {"direction": "up"}}}]})",
       R"({"metrics": [{"name": "errors", "analysisConfigurations": {"canary": {"critical": 1}}}]})",
       R"({"metrics": [{"name": "errors"}], "classifier": {"groupWeights": {"a": -1}}})",
       R"({"metrics": [{"name": "errors"}], "classifier": {"groupWeights": {"a": 61, "b": 40}}})"})
    EXPECT_FALSE(with_config(text)) << text;
  const auto c = write("config.json", config);
  for (const char* text : {R"({"errors": 1})", R"({"errors": ["1"]})", R"({"other": [1]})", "{} x",
                           "{\n\n\"errors\": [1,,2]}"}) {
    const auto report =
        kayenta({.config = c, .control = write("x.json", text), .experiment = good});
    ASSERT_FALSE(report) << text;
    EXPECT_NE(report.error().message.find("x.json"), std::string::npos);
  }
  const auto broken =
      kayenta({.config = c, .control = write("x.json", "{\n\n\"a\": [1,,2]}"), .experiment = good});
  EXPECT_NE(broken.error().message.find("x.json:3: not JSON"), std::string::npos);
  std::string deep(100'000, '[');
  EXPECT_FALSE(kayenta({.config = write("deep.json", deep), .control = good, .experiment = good}));
}

TEST(JsonText, EscapesHostileText) {
  EXPECT_EQ(json_value("a\"b\\\n"), R"("a\"b\\\u000a")");
  EXPECT_EQ(json_value(std::string("\xff\xc3\xa9\xed\xa0\x80")),
            "\"\\ufffd\xc3\xa9\\ufffd\\ufffd\\ufffd\"");
  EXPECT_EQ(json_value(std::nan("")), "null");
}

RC_GTEST_PROP(Csv, AnyBytesGiveATableOrAnErrorWithTheFileName, ()) {
  auto text = *rc::gen::container<std::string>(
      rc::gen::oneOf(rc::gen::arbitrary<char>(), rc::gen::element('\n', ',', '1', '.', 'e', '-')));
  if (*rc::gen::arbitrary<bool>()) text = "requests,bad\n" + text;
  const auto table = parse_table("x.csv", text, {"requests", "bad"});
  if (table)
    RC_ASSERT(table->cells.size() == 2 * table->rows());
  else
    RC_ASSERT(table.error().message.find("x.csv") == 0);
}

}  // namespace
}  // namespace linnet::judge
