#include "runtime/clock.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "contract/clock_contract.h"

namespace linnet::runtime {
namespace {

class SystemClockUnderTest final : public contract::ClockUnderTest {
 public:
  Clock& clock() override { return clock_; }
  void pass(Duration length) override {
    boost::asio::io_context context;
    boost::asio::steady_timer timer(context, length + 1ms);  // a millisecond is cut off
    timer.async_wait([](const auto&) {});
    context.run();
  }

 private:
  SystemClock clock_;
};

TEST(SystemClock, AgreesWithTheSystemAboutTheCalendar) {
  SystemClock clock;
  const auto epoch_ms = [] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const auto before = epoch_ms();
  const auto read = clock.now().wall.ms;
  const auto after = epoch_ms();
  EXPECT_LE(before, read);
  EXPECT_LE(read, after);
}

}  // namespace
}  // namespace linnet::runtime

namespace linnet::contract {

INSTANTIATE_TEST_SUITE_P(System, ClockContract, testing::Values([] {
                           return std::make_unique<runtime::SystemClockUnderTest>();
                         }));

}  // namespace linnet::contract
