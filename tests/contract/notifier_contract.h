// What the engine may rely on of every Notifier: it sends a notice in each turn until it is told
// that it was delivered. Each adapter's test includes this once and instantiates NotifierContract.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "ports/ports.h"

namespace linnet::contract {

/// A notifier with one receiver who takes everything.
class NotifierUnderTest {
 public:
  virtual ~NotifierUnderTest() = default;
  virtual Notifier& notifier() = 0;
  /// Lets a little time pass (10 to 100 ms): virtual, or on the context.
  virtual void wait_a_little() = 0;

  boost::asio::io_context context;
};

using MakeNotifier = std::function<std::unique_ptr<NotifierUnderTest>()>;

class NotifierContract : public testing::TestWithParam<MakeNotifier> {
 protected:
  void send(std::int64_t id) {
    core::Notice notice;
    notice.id = id;
    notice.event = "step";
    notice.text = "step 1 of 4";
    notice.rollout = "shop-1";
    under_test->notifier().send(notice);
  }
  /// What is told until `count` have ended (about a minute at most), and a little later.
  std::vector<std::int64_t> told(std::size_t count) {
    std::vector<std::int64_t> all;
    const auto look = [&] {
      for (const std::int64_t id : under_test->notifier().delivered()) all.push_back(id);
    };
    look();
    for (int i = 0; i < 3000 && all.size() < count; ++i) {
      under_test->wait_a_little();
      look();
    }
    under_test->wait_a_little();
    look();
    std::sort(all.begin(), all.end());
    return all;
  }

  std::unique_ptr<NotifierUnderTest> under_test = GetParam()();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NotifierContract);

TEST_P(NotifierContract, TellsEachNoticeOnceWhenItIsDelivered) {
  EXPECT_TRUE(under_test->notifier().delivered().empty());
  send(1);
  send(2);
  EXPECT_EQ(told(2), (std::vector<std::int64_t>{1, 2}));
  EXPECT_TRUE(told(0).empty());
}

TEST_P(NotifierContract, ANoticeSentInEachTurnIsToldOnce) {
  for (int turn = 0; turn < 3; ++turn) send(7);
  EXPECT_EQ(told(1), (std::vector<std::int64_t>{7}));
}

// The turn that dropped it from the outbox could not be saved: the next one sends it again.
TEST_P(NotifierContract, AnEndedNoticeThatIsSentAgainIsToldAgain) {
  send(7);
  EXPECT_EQ(told(1), (std::vector<std::int64_t>{7}));
  send(7);
  EXPECT_EQ(told(1), (std::vector<std::int64_t>{7}));
}

}  // namespace linnet::contract
