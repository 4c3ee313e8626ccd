// Caches against an API server in memory that forgets, breaks off, hangs and talks nonsense.
#include "kubernetes/kubernetes_testing.h"

namespace linnet::kubernetes {
namespace {

using boost::json::object;

CacheTimes quick() {
  CacheTimes times;
  times.first_backoff = 10ms;
  times.longest_backoff = 40ms;
  return times;
}

struct CacheTest : ApiTest {
  ~CacheTest() override {
    tasks.cancel();
    io.restart();
    io.poll();
  }
  void start(CacheTimes times = quick(), std::string labels = "", std::string fields = "",
             Resource resource = {"v1", "configmaps", "shop"}) {
    cache = std::make_unique<Cache>(
        *client, std::move(resource), std::move(labels), [this] { ++changes; }, std::move(fields),
        times);
    tasks.spawn("cache", cache->run());
  }
  bool watching() {
    return eventually([this] { return api.watches() > 0 && cache->fresh(); });
  }
  bool holds(const std::string& name) const { return cache->objects().contains(name); }
  std::string value(const std::string& name) const {
    const auto found = cache->objects().find(name);
    return found == cache->objects().end() ? "" : text_at(found->second, {"data", "a"});
  }
  void set(const std::string& name, const std::string& text) {
    api.put(maps, named(name, {{"data", object{{"a", text}}}}));
  }
  std::unique_ptr<Cache> cache;
  int changes = 0;
};

TEST_F(CacheTest, HoldsWhatIsThereAndWhatComesChangesAndGoes) {
  set("one", "1");
  start();
  EXPECT_FALSE(cache->fresh());
  ASSERT_TRUE(watching());
  EXPECT_EQ(value("one"), "1");
  EXPECT_EQ(text_at(cache->objects().at("one"), {"kind"}), "Thing");
  const int before = changes;
  set("two", "2");
  ASSERT_TRUE(eventually([&] { return holds("two"); }));
  set("one", "11");
  ASSERT_TRUE(eventually([&] { return value("one") == "11"; }));
  api.erase(maps, "one");
  ASSERT_TRUE(eventually([&] { return !holds("one"); }));
  EXPECT_EQ(changes, before + 3);
  EXPECT_EQ(api.count("GET", "limit="), 1);
}

TEST_F(CacheTest, OfAClientThatLooksOnceItListsAndDoesNotWatch) {
  set("one", "1");
  client = std::make_unique<Client>(*curl, clock, api.config(), "linnet", true);
  start();
  ASSERT_TRUE(eventually([this] { return tasks.running() == 0; }));
  EXPECT_TRUE(cache->fresh());
  EXPECT_EQ(value("one"), "1");
  EXPECT_EQ(api.count("GET", "limit="), 1);
  EXPECT_EQ(api.count("GET", "watch="), 0);
}

TEST_F(CacheTest, FollowsOnlyWhatItsSelectorsName) {
  api.put(maps, named("one"));
  start(quick(), "", "metadata.name=two");
  ASSERT_TRUE(watching());
  EXPECT_TRUE(cache->objects().empty());
  set("three", "3");
  set("two", "2");
  ASSERT_TRUE(eventually([&] { return holds("two"); }));
  EXPECT_EQ(cache->objects().size(), 1u);
}

TEST_F(CacheTest, OfAllNamespacesTheKeyNamesBoth) {
  const Resource pods{"v1", "pods", ""};
  api.put(pods, Json(object{{"metadata", object{{"name", "a"}, {"namespace", "n"}}}}));
  start(quick(), "", "", pods);
  ASSERT_TRUE(watching());
  EXPECT_TRUE(holds("n/a"));
}

TEST_F(CacheTest, AWatchThatEndsGoesOnWhereItWas) {
  set("one", "1");
  start();
  ASSERT_TRUE(watching());
  for (const bool broken : {false, true}) {
    api.end_watches(broken);
    set("one", broken ? "broken" : "ended");
    ASSERT_TRUE(eventually([&] { return value("one") == (broken ? "broken" : "ended"); }));
  }
  EXPECT_EQ(api.count("GET", "limit="), 1) << "nothing was listed again";
}

TEST_F(CacheTest, AWatchThatEndsInOrderLeavesAFreshCopyThoughItWasLongQuiet) {
  CacheTimes times = quick();
  times.ask_after = 100ms;
  times.limit = 1s;
  start(times);
  ASSERT_TRUE(watching());
  const MonoTime listed = clock.now().mono;
  ASSERT_TRUE(eventually([&] { return clock.now().mono - listed > 1300ms; }));
  ASSERT_TRUE(cache->fresh()) << "by its answers to others";
  api.hang(true);  // the next watch has no head yet
  api.end_watches();
  ASSERT_TRUE(eventually([&] { return api.count("GET", "watch=1") == 2; }));
  EXPECT_TRUE(cache->fresh()) << cache->trouble().message;
}

TEST_F(CacheTest, WatchesThatEndAtOnceWithoutAnEventAreBegunAgainWithPauses) {
  CacheTimes times = quick();
  times.first_backoff = 200ms;
  times.longest_backoff = 400ms;
  api.instead() = [](const net::ServerRequest& r) -> std::optional<net::ServerResponse> {
    if (r.target.find("watch=1") == std::string::npos) return std::nullopt;
    return net::ServerResponse();
  };
  start(times);
  ASSERT_TRUE(eventually([&] { return api.count("GET", "watch=1") >= 1; }));
  const MonoTime began = clock.now().mono;
  ASSERT_TRUE(eventually([&] { return api.count("GET", "watch=1") >= 5; }));
  EXPECT_GE(clock.now().mono - began, 3 * 200ms);
  EXPECT_EQ(api.count("GET", "limit="), 1) << "nothing is listed again for that";
  EXPECT_TRUE(cache->fresh());
  EXPECT_NE(cache->trouble().message.find("ended at once"), std::string::npos);
}

TEST_F(CacheTest, ABookmarkMovesThePlaceToGoOnFrom) {
  start();
  ASSERT_TRUE(watching());
  api.say(R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7777"}}})"
          "\n");
  api.end_watches();
  ASSERT_TRUE(eventually([&] { return api.count("GET", "resourceVersion=7777") > 0; }));
  EXPECT_EQ(changes, 1) << "a bookmark changes nothing";
}

TEST_F(CacheTest, AForgottenVersionIsListedAnewWhetherToldAsStatusOrAsEvent) {
  set("one", "1");
  set("two", "2");
  start();
  ASSERT_TRUE(watching());
  api.erase(maps, "one");
  ASSERT_TRUE(eventually([&] { return !holds("one"); }));
  int lists = api.count("GET", "limit=");
  // As status: the watch ends, and the server has forgotten what was.
  api.end_watches();
  api.erase(maps, "two");
  set("three", "3");
  api.compact();
  ASSERT_TRUE(eventually([&] { return holds("three"); }));
  EXPECT_FALSE(holds("two")) << "what went unseen is gone";
  EXPECT_GT(api.count("GET", "limit="), lists);
  // As event.
  ASSERT_TRUE(watching());
  lists = api.count("GET", "limit=");
  api.say(R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})"
          "\n");
  ASSERT_TRUE(eventually([&] { return api.count("GET", "limit=") > lists; }));
  ASSERT_TRUE(watching());
}

TEST_F(CacheTest, NonsenseInTheStreamIsListedAnew) {
  set("one", "1");
  start();
  ASSERT_TRUE(watching());
  const int lists = api.count("GET", "limit=");
  api.say("{\"type\": oops\n");
  ASSERT_TRUE(eventually([&] { return api.count("GET", "limit=") > lists; }));
  EXPECT_NE(cache->trouble().message.find("not JSON"), std::string::npos);
  ASSERT_TRUE(watching());
  EXPECT_EQ(value("one"), "1");
}

TEST_F(CacheTest, AServerThatComesBackIsFollowedAgain) {
  set("one", "1");
  start();
  ASSERT_TRUE(watching());
  api.instead() = [](const net::ServerRequest&) {
    return ApiImposter::status(503, "ServiceUnavailable", "starting");
  };
  const std::size_t asked = api.asked().size();
  api.end_watches(true);
  ASSERT_TRUE(eventually([&] { return api.asked().size() > asked + 2; }));
  EXPECT_NE(cache->trouble().message.find("starting"), std::string::npos);
  api.instead() = nullptr;
  set("one", "back");
  EXPECT_TRUE(eventually([&] { return value("one") == "back"; }));
  EXPECT_TRUE(cache->fresh());
}

TEST_F(CacheTest, AListThatIsRefusedForNowIsAskedAgainWhenTheServerSaysSo) {
  const auto refuses = [](const char* seconds) {
    return [seconds](const net::ServerRequest&) {
      auto busy = ApiImposter::status(429, "TooManyRequests", "slow down");
      busy.headers.emplace_back("Retry-After", seconds);
      return busy;
    };
  };
  CacheTimes times = quick();
  times.list = 100ms;  // a second is too long for the list to wait itself
  api.instead() = refuses("1");
  start(times);
  const MonoTime began = clock.now().mono;
  ASSERT_TRUE(eventually([&] { return api.count("GET", "limit=") >= 2; }));
  EXPECT_GE(clock.now().mono - began, 1s);
  EXPECT_FALSE(cache->fresh());
  api.instead() = nullptr;
  ASSERT_TRUE(watching());
}

TEST_F(CacheTest, AWatchThatIsRefusedForNowIsBegunAgainWhenTheServerSaysSo) {
  start();
  ASSERT_TRUE(watching());
  const auto again_after_a_second = [&](int watches) {
    const MonoTime began = clock.now().mono;
    if (!eventually([&] { return api.count("GET", "watch=1") > watches; })) return false;
    return clock.now().mono - began >= 900ms;
  };
  // As status.
  int watches = api.count("GET", "watch=1");
  api.instead() = [](const net::ServerRequest&) {
    auto busy = ApiImposter::status(503, "ServiceUnavailable", "starting");
    busy.headers.emplace_back("Retry-After", "1");
    return busy;
  };
  api.end_watches();
  ASSERT_TRUE(eventually([&] { return api.count("GET", "watch=1") > watches; }));
  api.instead() = nullptr;
  EXPECT_TRUE(again_after_a_second(watches + 1));
  // As event.
  ASSERT_TRUE(watching());
  watches = api.count("GET", "watch=1");
  api.say(R"({"type":"ERROR","object":{"kind":"Status","code":429,)"
          R"("reason":"TooManyRequests","details":{"retryAfterSeconds":1}}})"
          "\n");
  EXPECT_TRUE(again_after_a_second(watches));
}

TEST_F(CacheTest, NoServerIsWaitedForLongerThanTheLimit) {
  CacheTimes times = quick();
  times.list = 100ms;
  times.longest_asked = 20ms;
  api.instead() = [](const net::ServerRequest&) {
    auto busy = ApiImposter::status(503, "ServiceUnavailable", "come back tomorrow");
    busy.headers.emplace_back("Retry-After", "86400");
    return busy;
  };
  start(times);
  EXPECT_TRUE(eventually([&] { return api.count("GET", "limit=") >= 4; }, 10s));
}

TEST_F(CacheTest, AMissingRightIsTold) {
  api.instead() = [](const net::ServerRequest&) {
    return ApiImposter::status(403, "Forbidden", "no");
  };
  start();
  ASSERT_TRUE(eventually([&] { return cache->trouble().code == Code::denied; }));
  EXPECT_FALSE(cache->fresh());
  EXPECT_NE(cache->trouble().message.find("list configmaps"), std::string::npos);
}

TEST_F(CacheTest, AServerThatHangsIsNoticedAndItsCopyIsNotFresh) {
  set("one", "1");
  CacheTimes times = quick();
  times.ask_after = 60ms;
  times.limit = 200ms;
  start(times);
  ASSERT_TRUE(watching());
  api.hang(true);
  ASSERT_TRUE(eventually([&] { return !cache->fresh(); }));
  const auto given_up = [&] {
    return cache->trouble().message.find("says nothing") != std::string::npos;
  };
  ASSERT_TRUE(eventually(given_up)) << cache->trouble().message;
  api.hang(false);
  api.end_watches();
  set("one", "again");
  ASSERT_TRUE(eventually([&] { return value("one") == "again" && cache->fresh(); }));
}

TEST_F(CacheTest, AQuietServerStaysFreshByAskingItForItsVersionNowAndThen) {
  CacheTimes times = quick();
  times.ask_after = 40ms;
  times.limit = 2s;
  start(times);
  ASSERT_TRUE(watching());
  ASSERT_TRUE(eventually([&] { return api.count("GET", "/version") >= 3; }));
  EXPECT_TRUE(cache->fresh());
  EXPECT_EQ(api.count("GET", "watch=1"), 1);
}

TEST_F(CacheTest, AWatchWithoutAByteIsRenewedAfterTheStallLimit) {
  CacheTimes times = quick();
  times.stall = 50ms;
  start(times);
  ASSERT_TRUE(watching());
  EXPECT_TRUE(eventually([&] { return api.count("GET", "watch=1") >= 3; }));
}

TEST_F(CacheTest, MayGoBeforeItsRunHasEnded) {
  start();
  ASSERT_TRUE(watching());
  cache.reset();
  const int before = changes;
  set("one", "1");
  eventually([] { return false; }, 50ms);
  EXPECT_EQ(changes, before);
}

}  // namespace
}  // namespace linnet::kubernetes
