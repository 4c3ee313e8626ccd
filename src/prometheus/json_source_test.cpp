#include "prometheus/json_source.h"

#include <gtest/gtest.h>

#include "contract/run_task.h"
#include "net/imposter.h"
#include "prometheus/testing.h"

namespace linnet::prometheus {
namespace {

using recipes::JsonDialect;

JsonDialect dialect(std::string path, JsonDialect::Pick pick = JsonDialect::Pick::sum) {
  JsonDialect made;
  made.value_path = std::move(path);
  made.pick = pick;
  return made;
}

std::optional<std::int64_t> number(const JsonDialect& from, std::string_view body) {
  const auto found = number_of(from, body);
  EXPECT_TRUE(found) << found.error().message;
  return found.value_or(std::nullopt);
}

TEST(JsonNumber, IsPickedByPathAndRule) {
  using Pick = JsonDialect::Pick;
  const char* points = R"([{"datapoints":[[null,10],[3,20],[4.4,30],[null,40]]}])";
  EXPECT_EQ(number(dialect("/*/datapoints/*/0"), points), 7);
  EXPECT_EQ(number(dialect("/*/datapoints/*/0", Pick::oldest), points), 3);
  EXPECT_EQ(number(dialect("/*/datapoints/*/0", Pick::last_non_null), points), 4);
  EXPECT_EQ(number(dialect("/*/datapoints/*/0", Pick::first), points), std::nullopt);
  EXPECT_EQ(number(dialect("/0/datapoints/1/1"), points), 20);
  EXPECT_EQ(number(dialect("/a~1b/~0"), R"({"a/b":{"~":"12"}})"), 12);
  EXPECT_EQ(number(dialect("/x"), R"({"x":"NaN"})"), std::nullopt);
  EXPECT_EQ(number(dialect("/nowhere"), "{}"), std::nullopt);
}

TEST(JsonNumber, IsNoCountWhenItIsNone) {
  for (const char* body :
       {"", "nonsense", R"({"x":-1})", R"({"x":1e30})", R"({"x":{}})", R"({"x":"many"})"})
    EXPECT_EQ(number_of(dialect("/x"), body).error().code, Code::invalid) << body;
  JsonDialect strict = dialect("/x");
  strict.null_is_error = true;
  EXPECT_EQ(number_of(strict, "{}").error().code, Code::unavailable);
  strict.error_path = "/errors/0/message";
  EXPECT_EQ(number_of(strict, R"({"x":1,"errors":[{"message":"quota\n"}]})").error().message,
            "the store says: quota ");
}

TEST(JsonNumber, OfNewRelicIsNotZeroWhereTheQueryForgotItsAlias) {
  const JsonDialect newrelic = *testing::built_in("newrelic").json();
  const auto answer = [](const char* row) {
    return fmt::format(R"({{"data":{{"actor":{{"account":{{"nrql":{{"results":[{}]}}}}}}}}}})",
                       row);
  };
  EXPECT_EQ(number(newrelic, answer(R"({"n":0})")), 0);
  EXPECT_EQ(number_of(newrelic, answer(R"({"count":42})")).error().code, Code::unavailable);
}

TEST(JsonNumber, IsNotTakenFromAnAnswerThatIsNotWhole) {
  const JsonDialect cloudwatch = *testing::built_in("cloudwatch").json();
  const auto said = [&](std::string_view status, std::string_view token) {
    const auto found = number_of(
        cloudwatch, fmt::format(R"({{"MetricDataResults":[{{"StatusCode":"{}","Values":[7]}}]{}}})",
                                status, token));
    return found ? fmt::format("{}", found->value()) : found.error().message;
  };
  EXPECT_EQ(said("Complete", ""), "7");
  EXPECT_EQ(said("Complete", R"(,"NextToken":null)"), "7");
  EXPECT_EQ(said("PartialData", ""), "the store's answer is not whole: PartialData");
  EXPECT_EQ(said("Complete", R"(,"NextToken":"abc")"),
            "the store's answer has more pages than one");
}

Task<net::ServerResponse> answer_with(std::string body, int status) {
  net::ServerResponse response;
  response.status = status;
  response.body = std::move(body);
  co_return response;
}

/// Answers as Graphite does: requests_... 40, bad_... 3.
struct JsonSourceTest : ::testing::Test {
  JsonSourceTest() {
    curl = net::Curl::load(io.get_executor()).value();
    imposter.answer = [this](const net::ServerRequest& request, std::size_t) {
      const bool is_bad = request.target.find("bad") != std::string::npos;
      const std::string number = is_bad ? bad : "40";
      return answer_with("[{\"target\":\"x\",\"datapoints\":[[" + number + ",1],[null,2]]}]",
                         status);
    };
    core::Metrics metrics;
    metrics.address = imposter.url("");
    StoreClient client([this]() -> Result<net::Curl*> { return curl.get(); }, clock, metrics, "",
                       read_secret_file);
    recipes::Parameters with{{"stable_requests", {"requests_stable"}},
                             {"stable_bad", {"bad_stable"}},
                             {"canary_requests", {"requests_canary"}},
                             {"canary_bad", {"bad_canary"}}};
    source = JsonHttpSource::make(clock, {testing::built_in("graphite"), with}, std::move(client),
                                  [this](const core::Entry& entry) { told.push_back(entry.text); })
                 .value();
  }
  Result<core::Sample> since(const std::string& cursor) {
    return contract::run(io, source->since(cursor, clock.soon()));
  }
  boost::asio::io_context io;
  net::Imposter imposter{io};
  std::unique_ptr<net::Curl> curl;
  testing::ManualClock clock;
  std::string bad = "3";
  int status = 200;
  std::vector<std::string> told;
  std::unique_ptr<JsonHttpSource> source;
};

TEST_F(JsonSourceTest, CountsWholeWindowsThatTheStoreKnowsAllAbout) {
  const auto first = since("");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->cursor, "t1760000000000");
  clock.pass(25s);  // the lag is 20 s, a window 10 s
  const auto early = since(first->cursor);
  EXPECT_EQ(early->canary.requests, 0);
  EXPECT_EQ(early->cursor, first->cursor);
  EXPECT_TRUE(imposter.asked.empty());
  clock.pass(18s);
  const auto sample = since(early->cursor);
  ASSERT_TRUE(sample) << sample.error().message;
  EXPECT_EQ(sample->canary.requests, 40);
  EXPECT_EQ(sample->canary.bad, 3);
  EXPECT_EQ(sample->stable.requests, 40);
  EXPECT_EQ(sample->reach, 43s);
  EXPECT_TRUE(sample->canary.latency.empty());
  EXPECT_EQ(sample->cursor, "t1760000020000");
  ASSERT_EQ(imposter.asked.size(), 4U);
  const auto asks = [](const net::ServerRequest& asked) {
    return asked.target ==
           "/render?target=requests_stable&from=1760000000&until=1760000020&format=json";
  };
  EXPECT_EQ(std::count_if(imposter.asked.begin(), imposter.asked.end(), asks), 1);
}

TEST_F(JsonSourceTest, AFailureLeavesTheWindowForTheNextCall) {
  const std::string cursor = since("")->cursor;
  clock.pass(60s);
  status = 500;
  EXPECT_EQ(since(cursor).error().code, Code::unavailable);
  status = 403;
  EXPECT_EQ(since(cursor).error().code, Code::denied);
  status = 404;
  EXPECT_EQ(since(cursor).error().code, Code::invalid);
  status = 200;
  EXPECT_EQ(since(cursor)->canary.requests, 40);
}

TEST_F(JsonSourceTest, FailedRequestsAreNeverMoreThanRequests) {
  const std::string cursor = since("")->cursor;
  clock.pass(60s);
  bad = "41";
  EXPECT_EQ(since(cursor)->canary.bad, 40);
  EXPECT_EQ(told.size(), 1U);
}

TEST_F(JsonSourceTest, ACursorOfAnotherSourceStartsAnew) {
  for (const char* cursor : {"garbage", "t", "t-5", "12:4:5"}) {
    const auto sample = since(cursor);
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->lost, 1);
    EXPECT_EQ(sample->canary.requests, 0);
  }
}

}  // namespace
}  // namespace linnet::prometheus
