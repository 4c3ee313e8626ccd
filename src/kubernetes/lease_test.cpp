#include "kubernetes/lease.h"

#include "kubernetes/kubernetes_testing.h"

namespace linnet::kubernetes {
namespace {

const Resource leases{"coordination.k8s.io/v1", "leases", "shop"};

LeaseTimes quick() {
  LeaseTimes times;
  times.lease = 300ms;
  times.renew_deadline = 200ms;
  times.retry = 20ms;
  return times;
}

struct LeaseTest : ApiTest {
  LeaseTest() {
    mine = make("anna@one 1");
    theirs = make("ben@two 2");
  }
  ~LeaseTest() override {
    tasks.cancel();
    io.restart();
    io.poll();
  }
  std::unique_ptr<Lease> make(const std::string& identity, LeaseTimes times = quick()) {
    return std::make_unique<Lease>(*client, clock, "shop", "linnet-web", identity, times);
  }
  Result<std::optional<LeaseHolder>> acquire(Lease& lease) { return run(lease.acquire(soon())); }
  void keep(Lease& lease) {
    tasks.spawn("keep", [](Lease& kept, std::optional<Error>& why) -> Task<void> {
      auto ended = co_await kept.keep();
      why = ended;
    }(lease, lost));
  }
  std::string spec(const std::string& key) const {
    const Json* found = api.find(leases, "linnet-web");
    return found == nullptr ? "(none)" : text_at(*found, {"spec", key});
  }
  std::unique_ptr<Lease> mine, theirs;
  std::optional<Error> lost;
};

TEST_F(LeaseTest, IsTakenHeldRenewedAndGivenBack) {
  EXPECT_FALSE(mine->held());
  const auto taken = acquire(*mine);
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_FALSE(*taken) << "from nobody";
  EXPECT_TRUE(mine->held());
  EXPECT_EQ(spec("holderIdentity"), "anna@one 1");
  EXPECT_EQ(spec("renewTime").size(), std::string("2026-11-23T21:02:07.123456Z").size());
  keep(*mine);
  const int renewals = api.count("PUT");
  ASSERT_TRUE(eventually([&] { return api.count("PUT") >= renewals + 3; }));
  EXPECT_TRUE(mine->held());
  ASSERT_TRUE(run(mine->release(soon())));
  EXPECT_FALSE(mine->held());
  EXPECT_EQ(spec("holderIdentity"), "");
  EXPECT_TRUE(acquire(*theirs).has_value()) << "at once";
  EXPECT_TRUE(theirs->held());
}

TEST_F(LeaseTest, OneThatIsRenewedIsRefusedAtOnceWithItsHolder) {
  ASSERT_TRUE(acquire(*mine));
  keep(*mine);
  const auto refused = acquire(*theirs);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::conflict);
  EXPECT_NE(refused.error().message.find("anna@one 1 since 20"), std::string::npos);
  EXPECT_FALSE(theirs->held());
  EXPECT_TRUE(mine->held());
}

TEST_F(LeaseTest, OneWhoseHolderDiedIsTakenAfterItsTimeAndSaidFromWhom) {
  ASSERT_TRUE(acquire(*mine));  // and never renewed
  std::string waited_for;
  const std::function<void(const LeaseHolder&)> waiting = [&](const LeaseHolder& holder) {
    waited_for += holder.identity;
  };
  const MonoTime began = clock.now().mono;
  const auto taken = run(theirs->acquire(soon(), waiting));
  ASSERT_TRUE(taken) << taken.error().message;
  ASSERT_TRUE(*taken);
  EXPECT_EQ((*taken)->identity, "anna@one 1");
  EXPECT_FALSE((*taken)->since.empty());
  EXPECT_EQ(waited_for, "anna@one 1") << "told once";
  EXPECT_GE(clock.now().mono - began, 1000ms) << "the whole second that the record promises";
  EXPECT_FALSE(mine->held());
  keep(*mine);
  ASSERT_TRUE(eventually([&] { return lost.has_value(); }));
  EXPECT_TRUE(theirs->held());
}

TEST_F(LeaseTest, AHolderWhoseRecordIsOldByItsClockIsNotTakenForDead) {
  api.put(leases,
          named("linnet-web",
                {{"spec", boost::json::object{{"holderIdentity", "old clock"},
                                              {"leaseDurationSeconds", 15},
                                              {"renewTime", "2001-01-01T00:00:00.000000Z"}}}}));
  const auto refused = run(theirs->acquire(within(100ms)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::timed_out);
  EXPECT_EQ(spec("holderIdentity"), "old clock");
}

TEST_F(LeaseTest, WhoLooksSeesWhetherAnybodyHoldsIt) {
  const auto left = [this] { return run(theirs->left_by(soon())); };
  ASSERT_TRUE(left());
  EXPECT_EQ((*left())->identity, "") << "there is no Lease yet";
  ASSERT_TRUE(acquire(*mine));
  EXPECT_FALSE(*left()) << "it was taken just now";
  keep(*mine);
  Json slow = *api.find(leases, "linnet-web");
  slow.as_object()["spec"].as_object()["renewTime"] = "2001-01-01T00:00:00.000000Z";
  api.put(leases, std::move(slow));
  EXPECT_FALSE(*left()) << "whatever the clocks say, it is renewed";
  ASSERT_TRUE(run(mine->release(soon())));
  EXPECT_EQ((*left())->identity, "") << "it was given back";
  EXPECT_FALSE((*left())->renewed.empty());
  EXPECT_FALSE(theirs->held());
}

TEST_F(LeaseTest, WhoLooksSeesWhoseItWasThatDied) {
  api.put(leases,
          named("linnet-web",
                {{"spec", boost::json::object{{"holderIdentity", "anna@one 1"},
                                              {"leaseDurationSeconds", 15},
                                              {"renewTime", "2026-01-01T00:00:00.000000Z"}}}}));
  const auto left = run(theirs->left_by(soon()));
  ASSERT_TRUE(left) << left.error().message;
  ASSERT_TRUE(*left);
  EXPECT_EQ((*left)->identity, "anna@one 1");
  EXPECT_EQ((*left)->renewed, "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(api.count("PUT"), 0) << "looking takes nothing";
}

TEST_F(LeaseTest, OfTwoThatTakeItAtTheSameTimeOneGetsIt) {
  mine = make("anna@one 1", LeaseTimes{20s, 10s, 20ms});
  theirs = make("ben@two 2", LeaseTimes{20s, 10s, 20ms});
  int got = 0, refused = 0;
  for (Lease* lease : {mine.get(), theirs.get()})
    tasks.spawn("acquire", [](Lease& l, Deadline d, int& good, int& bad) -> Task<void> {
      auto taken = co_await l.acquire(d);
      if (taken) ++good;
      if (!taken) ++bad;
    }(*lease, within(200ms), got, refused));
  ASSERT_TRUE(eventually([&] { return got + refused == 2; }));
  EXPECT_EQ(got, 1);
  EXPECT_NE(mine->held(), theirs->held());
}

TEST_F(LeaseTest, OneThatAnotherHandTookIsLostAtTheNextRenewal) {
  ASSERT_TRUE(acquire(*mine));
  keep(*mine);
  Json stolen = *api.find(leases, "linnet-web");
  stolen.as_object()["spec"].as_object()["holderIdentity"] = "thief";
  api.put(leases, std::move(stolen));
  ASSERT_TRUE(eventually([&] { return lost.has_value(); }));
  EXPECT_EQ(lost->code, Code::conflict);
  EXPECT_NE(lost->message.find("thief"), std::string::npos);
  EXPECT_FALSE(mine->held());
  EXPECT_TRUE(run(mine->release(soon())));
  EXPECT_EQ(spec("holderIdentity"), "thief") << "what is not ours is not given back";
}

TEST_F(LeaseTest, AnAnnotationOfAnotherHandDoesNotLoseIt) {
  ASSERT_TRUE(acquire(*mine));
  keep(*mine);
  Json marked = *api.find(leases, "linnet-web");
  marked.as_object()["metadata"].as_object()["annotations"] = boost::json::object{{"a", "b"}};
  api.put(leases, std::move(marked));
  const std::string version = text_at(*api.find(leases, "linnet-web"), {"spec", "renewTime"});
  ASSERT_TRUE(eventually([&] { return spec("renewTime") != version; }));
  EXPECT_TRUE(mine->held());
  EXPECT_FALSE(lost);
  api.erase(leases, "linnet-web");
  ASSERT_TRUE(eventually([&] { return spec("holderIdentity") == "anna@one 1"; }))
      << "deleted: made anew";
}

TEST_F(LeaseTest, WithoutTheServerItIsNotHeldBeforeAnotherMayTakeIt) {
  ASSERT_TRUE(acquire(*mine));
  keep(*mine);
  api.instead() = [](const net::ServerRequest&) {
    return ApiImposter::status(503, "ServiceUnavailable", "etcd is away");
  };
  const MonoTime began = clock.now().mono;
  ASSERT_TRUE(eventually([&] { return lost.has_value(); }));
  EXPECT_LT(clock.now().mono - began, 20s);
  EXPECT_EQ(lost->code, Code::unavailable);
  EXPECT_NE(lost->message.find("etcd is away"), std::string::npos);
  EXPECT_FALSE(mine->held());
}

TEST_F(LeaseTest, OneThatNobodyTookMeanwhileIsTakenAgainAtOnce) {
  mine = make("anna@one 1", LeaseTimes{60s, 50ms, 20ms});
  ASSERT_TRUE(acquire(*mine));
  ASSERT_TRUE(eventually([&] { return !mine->held(); }));
  const auto taken = acquire(*mine);
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_FALSE(*taken) << "from nobody but itself";
  EXPECT_TRUE(mine->held());
}

TEST_F(LeaseTest, OneRenewalThatHangsDoesNotLoseIt) {
  mine = make("anna@one 1", LeaseTimes{20s, 2s, 800ms});  // as the product's, faster
  ASSERT_TRUE(acquire(*mine));
  const MonoTime taken = clock.now().mono;
  keep(*mine);
  const std::string before = spec("renewTime");
  api.hang(true);
  ASSERT_TRUE(eventually([&] { return api.count("PUT") == 1; }));
  api.hang(false);  // the next is answered, that one never
  ASSERT_TRUE(eventually([&] { return spec("renewTime") != before || lost; }));
  EXPECT_FALSE(lost) << lost->message;
  EXPECT_LT(clock.now().mono - taken, 2s);
  EXPECT_TRUE(mine->held());
}

TEST_F(LeaseTest, AShortOutageDoesNotLoseIt) {
  mine = make("anna@one 1", LeaseTimes{20s, 10s, 20ms});
  ASSERT_TRUE(acquire(*mine));
  keep(*mine);
  int refused = 0;
  api.instead() = [&](const net::ServerRequest&) -> std::optional<net::ServerResponse> {
    if (++refused > 3) return std::nullopt;
    return ApiImposter::status(503, "ServiceUnavailable", "etcd is away");
  };
  const std::string before = spec("renewTime");
  ASSERT_TRUE(eventually([&] { return spec("renewTime") != before; }));
  EXPECT_TRUE(mine->held());
  EXPECT_FALSE(lost);
}

TEST_F(LeaseTest, AnAnswerThatIsLostIsClearedUp) {
  int lost_answers = 0;
  api.loses() = [&](const net::ServerRequest& r) { return r.method == "POST" && ++lost_answers; };
  const auto taken = acquire(*mine);
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_TRUE(mine->held());
  EXPECT_EQ(lost_answers, 1);
}

TEST_F(LeaseTest, AMissingRightIsTold) {
  api.instead() = [](const net::ServerRequest&) {
    return ApiImposter::status(403, "Forbidden", "no");
  };
  const auto refused = acquire(*mine);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::denied);
  EXPECT_NE(refused.error().message.find("leases.coordination.k8s.io"), std::string::npos);
}

}  // namespace
}  // namespace linnet::kubernetes
