// Windows and freezes by this machine's time zones; the rules are tested in src/spec/calendar_test.
#include "runtime/zone_calendar.h"

#include <gtest/gtest.h>

#include "contract/calendar_contract.h"

namespace linnet::runtime {
namespace {

constexpr std::int64_t noon = 1'797'768'000'000;  // 2026-12-20 12:00 UTC
constexpr std::int64_t day = 86'400'000;

class ZoneCalendarUnderTest final : public contract::CalendarUnderTest {
 public:
  Calendar& calendar() override { return calendar_; }
  core::Release release() override {
    core::Release shop;
    shop.name = "shop";
    shop.freezes = {{"2026-12-20", "2026-12-20", "inventory"}};
    return shop;
  }
  WallTime before() override { return {noon - day}; }
  WallTime within() override { return {noon}; }
  WallTime after() override { return {noon + day}; }

 private:
  ZoneCalendar calendar_;
};

TEST(ZoneCalendar, KnowsTheZonesOfThisMachine) {
  core::Release shop;
  shop.name = "shop";
  shop.windows = {{0x7f, 9 * 60, 17 * 60, "Asia/Tokyo"}};  // 00:00 to 08:00 UTC
  ZoneCalendar calendar;
  EXPECT_EQ(calendar.closed(shop, {noon - day / 2}), "");
  EXPECT_NE(calendar.closed(shop, {noon}), "");
}

}  // namespace
}  // namespace linnet::runtime

namespace linnet::contract {

INSTANTIATE_TEST_SUITE_P(Zone, CalendarContract, testing::Values([] {
                           return std::make_unique<runtime::ZoneCalendarUnderTest>();
                         }));

}  // namespace linnet::contract
