#include "kubernetes/events.h"

#include <boost/json.hpp>

#include "kubernetes/kubernetes_testing.h"
#include "kubernetes/objects.h"

namespace linnet::kubernetes {
namespace {

const EventSource source{"market", "web", "ci-4711", [] { return std::string("1234"); }};
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

struct EventPosterTest : ApiTest {
  ~EventPosterTest() override {
    tasks.cancel();
    io.restart();
    io.poll();
  }
  void start(EventTimes times) {
    poster = std::make_unique<EventPoster>(
        io.get_executor(), *client, clock,
        EventSource{"shop", "web", "ci-4711", [this] { return uid; }},
        [this](std::string line) { said = std::move(line); }, times);
    tasks.spawn("events", poster->run());
  }
  int written() { return api.count("POST", "events") - refused; }
  /// Each request, until `limit` of them were.
  void refuse(int code, int limit) {
    api.instead() = [=, this](const net::ServerRequest&) -> std::optional<net::ServerResponse> {
      if (refused >= limit) return std::nullopt;
      ++refused;
      return ApiImposter::status(code, code == 401 ? "Unauthorized" : "Forbidden", "no");
    };
  }
  std::string uid, said;
  int refused = 0;
  std::unique_ptr<EventPoster> poster;
};

TEST_F(EventPosterTest, AnEventCarriesTheUidThatTheDeploymentHasThen) {
  start({});
  for (const char* now : {"", "uid-of-the-first", "uid-of-the-next"}) {
    uid = now;
    const int before = written();
    poster->tell({"verdict", std::string("seen of ") + now});
    ASSERT_TRUE(eventually([&] { return written() > before; }));
    const Json sent = boost::json::parse(api.asked().back().body);
    EXPECT_EQ(text_at(sent, {"regarding", "uid"}), now);
  }
}

TEST_F(EventPosterTest, ARefusalThatPassesLosesNoEvent) {
  for (const int code : {403, 401}) {
    refused = 0;
    refuse(code, 3);
    start({1ms, 20s});
    const std::size_t before = api.asked().size();
    poster->tell({"verdict", "first"});
    poster->tell({"verdict", "second"});
    ASSERT_TRUE(eventually([&] { return api.asked().size() >= before + 5; }));
    EXPECT_EQ(text_at(boost::json::parse(api.asked()[before + 3].body), {"note"}), "first");
    EXPECT_EQ(text_at(boost::json::parse(api.asked()[before + 4].body), {"note"}), "second");
    EXPECT_EQ(said, "");
  }
}

TEST_F(EventPosterTest, ARefusalThatLastsIsSaidOnceAndEndsThem) {
  refuse(403, 1'000'000);
  start({1ms, 30ms});
  poster->tell({"verdict", "first"});
  ASSERT_TRUE(eventually([&] { return !said.empty(); }));
  EXPECT_GT(refused, 1);
  EXPECT_EQ(said.find("no events are written: create events"), 0U) << said;
  const int before = refused;
  poster->tell({"verdict", "second"});
  eventually([] { return false; }, 20ms);
  EXPECT_EQ(refused, before);
}

}  // namespace
}  // namespace linnet::kubernetes
