#include "runtime/with_deadline.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "runtime/run_in_test.h"

namespace linnet::runtime {
namespace {

struct WithDeadlineTest : testing::Test {
  boost::asio::io_context io;
};

Task<Result<std::string>> at_once() { co_return "done"; }
Task<Result<std::string>> refuses() { co_return fail(Code::conflict, "busy"); }
Task<Result<std::string>> throws() {
  throw std::runtime_error("broken");
  co_return "never";
}
Task<Result<std::string>> slow(std::shared_ptr<int> held) {
  co_await sleep_for(std::chrono::hours(10));
  co_return std::to_string(*held);
}
Task<Result<void>> slow_nothing() {
  co_await sleep_for(1ms);
  co_return Result<void>();
}

TEST_F(WithDeadlineTest, GivesTheAnswerOfWorkThatIsInTime) {
  EXPECT_EQ(run_in_test(io, with_deadline(at_once(), 10s, "work")).value(), "done");
  EXPECT_EQ(run_in_test(io, with_deadline(refuses(), 10s, "work")).error().code, Code::conflict);
  EXPECT_TRUE(run_in_test(io, with_deadline(slow_nothing(), 10s, "work")));
}

TEST_F(WithDeadlineTest, SlowWorkIsCancelledAndLeavesNothingBehind) {
  auto held = std::make_shared<int>(1);
  const auto result = run_in_test(io, with_deadline(slow(held), 5ms, "reading the weight"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::timed_out);
  EXPECT_EQ(result.error().message, "reading the weight took longer than 5ms");
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(WithDeadlineTest, ADeadlineThatIsPastStillAnswers) {
  const auto result = run_in_test(io, with_deadline(slow(std::make_shared<int>(1)), -5s, "work"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::timed_out);
}

TEST_F(WithDeadlineTest, AnExceptionBecomesAnErrorAndDoesNotWaitForTheDeadline) {
  const auto result = run_in_test(io, with_deadline(throws(), std::chrono::hours(10), "work"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), (Error{Code::internal, "broken"}));
}

Task<void> throws_in_a_while() {
  co_await sleep_for(1ms);
  throw std::runtime_error("broken");
}
Task<Error> race(Task<void> work) {
  using namespace boost::asio::experimental::awaitable_operators;
  auto first = co_await (as_result(std::move(work)) || sleep_for(std::chrono::hours(10)));
  co_return first.index() == 0 ? std::get<0>(first).error() : Error{};
}

TEST_F(WithDeadlineTest, AnExceptionOutOfWorkWithoutAnAnswerEndsWhatRunsBesideIt) {
  EXPECT_EQ(run_in_test(io, race(throws_in_a_while())), (Error{Code::internal, "broken"}));
}

Task<Result<std::string>> nested(std::shared_ptr<int> held) {
  co_return co_await with_deadline(slow(held), std::chrono::hours(9), "the inner one");
}

TEST_F(WithDeadlineTest, TheOuterDeadlineEndsTheInnerOne) {
  auto held = std::make_shared<int>(1);
  const auto result = run_in_test(io, with_deadline(nested(held), 5ms, "the outer one"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "the outer one took longer than 5ms");
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace linnet::runtime
