#include "prometheus/query_answer.h"

#include <gtest/gtest.h>

#include <cmath>

namespace linnet::prometheus {
namespace {

TEST(QueryAnswer, ReadsVectorsAndScalars) {
  const auto vector = read_query_answer(200, R"({"status":"success","data":{"resultType":"vector",
    "result":[{"metric":{"__name__":"a_total","code":"200"},"value":[1760000000.1,"1027"]},
              {"metric":{},"value":[1760000000,"NaN"]}]},"infos":["PromQL info: x"]})");
  ASSERT_TRUE(vector) << vector.error().message;
  ASSERT_EQ(vector->series.size(), 2U);
  EXPECT_EQ(vector->series[0].metric, "a_total");
  EXPECT_EQ(vector->series[0].labels, (recipes::Labels{{"code", "200"}}));
  EXPECT_EQ(vector->series[0].value, 1027);
  EXPECT_TRUE(std::isnan(vector->series[1].value));
  const auto scalar = read_query_answer(
      200, R"({"status":"success","data":{"resultType":"scalar","result":[1,"+Inf"]}})");
  ASSERT_TRUE(scalar);
  EXPECT_TRUE(std::isinf(scalar->series.at(0).value));
}

TEST(QueryAnswer, AnEmptyVectorIsAnAnswer) {
  const auto empty =
      read_query_answer(200, R"({"status":"success","data":{"resultType":"vector","result":[]}})");
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->series.empty());
}

TEST(QueryAnswer, NativeHistogramsAreNamedAndNotRead) {
  const auto answer = read_query_answer(200, R"({"status":"success","data":{"resultType":"vector",
    "result":[{"metric":{"__name__":"h"},
               "histogram":[1,{"count":"5","sum":"1","buckets":[]}]}]}})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->native_histograms, 1U);
  EXPECT_TRUE(answer->series.empty());
}

TEST(QueryAnswer, PartialDataIsNoData) {
  const auto answer = read_query_answer(200, R"({"status":"success","data":{"resultType":"vector",
    "result":[{"metric":{},"value":[1,"1"]}]},"warnings":["store x:\n unreachable"]})");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::unavailable);
  EXPECT_EQ(answer.error().message, "partial data: store x:  unreachable");
}

TEST(QueryAnswer, OfAVictoriaMetricsClusterWithoutOneStorageIsNoData) {
  const auto answer = [](const char* partial) {
    return read_query_answer(
        200, fmt::format(R"({{"status":"success","isPartial":{},"data":{{"resultType":"vector",
    "result":[{{"metric":{{}},"value":[1,"1"]}}]}}}})",
                         partial));
  };
  EXPECT_TRUE(answer("false"));
  ASSERT_FALSE(answer("true"));
  EXPECT_EQ(answer("true").error().code, Code::unavailable);
}

TEST(QueryAnswer, ErrorsKeepTheirKind) {
  const auto code = [](int status, const char* body) {
    const auto answer = read_query_answer(status, body);
    EXPECT_FALSE(answer) << body;
    return answer ? Code::internal : answer.error().code;
  };
  const char* bad = R"({"status":"error","errorType":"bad_data","error":"parse error"})";
  EXPECT_EQ(code(400, bad), Code::invalid);
  EXPECT_EQ(code(422, R"({"status":"error","errorType":"execution","error":"too many samples"})"),
            Code::unavailable);
  EXPECT_EQ(code(503, R"({"status":"error","errorType":"timeout","error":"query timed out"})"),
            Code::unavailable);
  EXPECT_EQ(code(503, "<html>"), Code::unavailable);
  EXPECT_EQ(code(429, ""), Code::unavailable);
  EXPECT_EQ(code(401, ""), Code::denied);
  EXPECT_EQ(code(403, "no"), Code::denied);
  EXPECT_EQ(code(404, "not found"), Code::invalid);
  EXPECT_EQ(code(302, ""), Code::invalid);
  EXPECT_EQ(code(200, "{}"), Code::invalid);
  EXPECT_EQ(code(200, R"({"status":"success"})"), Code::invalid);
  for (const char* data :
       {"{}", "[]", R"({"resultType":"matrix","result":[]})", R"({"resultType":"vector"})",
        R"({"resultType":"vector","result":[1]})",
        R"({"resultType":"vector","result":[{"metric":{},"value":[1,2]}]})",
        R"({"resultType":"vector","result":[{"metric":{"a":1},"value":[1,"2"]}]})",
        R"({"resultType":"scalar","result":[1]})"})
    EXPECT_EQ(code(200, (R"({"status":"success","data":)" + std::string(data) + "}").c_str()),
              Code::invalid)
        << data;
}

}  // namespace
}  // namespace linnet::prometheus
