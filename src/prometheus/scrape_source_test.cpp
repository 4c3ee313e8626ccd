#include "prometheus/scrape_source.h"

#include <gtest/gtest.h>

#include "contract/run_task.h"
#include "prometheus/testing_pods.h"

namespace linnet::prometheus {
namespace {

struct ScrapeTest : ::testing::Test, testing::PodWorld {
  Result<core::Sample> since(const std::string& cursor) {
    clock.pass(1s);
    return contract::run(io, source->since(cursor, clock.soon()));
  }
  boost::asio::io_context io;
};

TEST_F(ScrapeTest, StableIsToldByPod) {
  const std::string start = since("")->cursor;
  pods[stable].good += 5;
  pods[stable_2].bad += 2;
  pods[canary].good += 1;
  const auto sample = since(start);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->stable.requests, 7);
  ASSERT_EQ(sample->stable_instances.size(), 2U);
  EXPECT_EQ(sample->stable_instances[0].id, stable);
  EXPECT_EQ(sample->stable_instances[1].counts.bad, 2);
}

TEST_F(ScrapeTest, APageThatFailsBringsItsRequestsLater) {
  std::string cursor = since("")->cursor;
  pods[canary].good += 5;
  pods[stable].good += 3;
  pods[canary].answers = false;
  auto sample = since(cursor);
  ASSERT_TRUE(sample) << sample.error().message;
  EXPECT_EQ(sample->canary.requests, 0);
  EXPECT_EQ(sample->stable.requests, 3);
  EXPECT_EQ(source->pages().size(), 3U);
  EXPECT_NE(source->pages()[2].trouble, "");
  const auto tells = [](const std::string& text) {
    return text.find("no answer") != std::string::npos;
  };
  EXPECT_TRUE(std::any_of(told.begin(), told.end(), tells));
  pods[canary].answers = true;
  pods[canary].good += 2;
  sample = since(sample->cursor);
  EXPECT_EQ(sample->canary.requests, 7);
  EXPECT_EQ(source->pages()[2].trouble, "");
}

TEST_F(ScrapeTest, APageThatHangsKeepsNobodyWaiting) {
  const std::string cursor = since("")->cursor;
  pods[stable_2].hangs = true;
  pods[canary].good += 5;
  const auto sample = since(cursor);
  ASSERT_TRUE(sample) << sample.error().message;
  EXPECT_EQ(sample->canary.requests, 5);
  EXPECT_NE(source->pages()[1].trouble.find("took longer than 100ms"), std::string::npos)
      << source->pages()[1].trouble;
}

TEST_F(ScrapeTest, NoPageAtAllIsNoData) {
  const std::string cursor = since("")->cursor;
  for (auto& [name, pod] : pods) pod.answers = false;
  const auto sample = since(cursor);
  ASSERT_FALSE(sample);
  EXPECT_EQ(sample.error().code, Code::unavailable);
  EXPECT_NE(sample.error().message.find("none of 3"), std::string::npos) << sample.error().message;
  pods.clear();
  EXPECT_EQ(since(cursor).error().code, Code::unavailable);
}

TEST_F(ScrapeTest, ALimitThatIsNoBoundIsToldOnce) {
  std::string cursor = since("")->cursor;
  pods[canary].good += 5;
  cursor = since(cursor)->cursor;
  (void)since(cursor);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find("no bucket that ends at 1000 ms"), std::string::npos) << told[0];
}

TEST_F(ScrapeTest, ACursorOfAnotherSourceStartsAnewAndSaysSo) {
  const auto sample = since("12:34:5");
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->lost, 1);
  EXPECT_FALSE(told.empty());
}

}  // namespace
}  // namespace linnet::prometheus
