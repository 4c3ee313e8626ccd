#include "kubernetes/events.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "kubernetes/objects.h"

namespace linnet::kubernetes {
namespace {

const EventSource source{"market", "web", "1234", "ci-4711"};
const WallTime noon{1'790'000'000'123};

TEST(Events, AChangeOfPhaseIsTold) {
  EXPECT_EQ(event_of({"phase", "rolled_back: v2 taken back to v1"}),
            (EventText{"RolledBack", "v2 taken back to v1", true}));
  EXPECT_EQ(event_of({"phase", "awaiting_promotion: all 4 steps passed"}),
            (EventText{"AwaitingPromotion", "all 4 steps passed", false}));
  EXPECT_EQ(event_of({"weight", "5 % -> 25 %: step 2"}),
            (EventText{"TrafficWeight", "5 % -> 25 %: step 2", false}));
  EXPECT_EQ(event_of({"verdict", "errors"}), (EventText{"CheckFailed", "errors", true}));
  EXPECT_EQ(event_of({"trouble", "x"}), std::nullopt);
  EXPECT_EQ(event_of({"phase", "nothing"}), std::nullopt);
}

TEST(Events, AnObjectIsWhatTheApiWants) {
  const Json event = event_object(source, {"RolledBack", "v2 taken back", true}, noon, 1);
  EXPECT_EQ(text_at(event, {"apiVersion"}), "events.k8s.io/v1");
  EXPECT_EQ(text_at(event, {"type"}), "Warning");
  EXPECT_EQ(text_at(event, {"regarding", "name"}), "web");
  EXPECT_EQ(text_at(event, {"regarding", "uid"}), "1234");
  EXPECT_TRUE(text_at(event, {"eventTime"}).ends_with(".123000Z")) << event;
  for (const char* needed :
       {"action", "reason", "note", "reportingController", "reportingInstance"})
    EXPECT_NE(text_at(event, {needed}), "") << needed;
  const Json other = event_object(source, {"RolledBack", "v2 taken back", true}, noon, 2);
  EXPECT_NE(name_of(event), name_of(other));
}

TEST(Events, LongNotesAreCutWithinACharacter) {
  std::string text = "holding: ";
  for (int i = 0; i < 900; ++i) text += "\xC3\xA4";
  const auto event = event_of({"phase", text});
  ASSERT_TRUE(event);
  EXPECT_LE(event->note.size(), 1024U);
  EXPECT_TRUE(event->note.ends_with("\xA4..."));
}

TEST(Events, ASeriesCountsUp) {
  EXPECT_EQ(boost::json::serialize(series_patch(3, WallTime{0})),
            R"({"series":{"count":3,"lastObservedTime":"1970-01-01T00:00:00.000000Z"}})");
}

}  // namespace
}  // namespace linnet::kubernetes
