// The store in ConfigMaps: the contract of all stores, and what is special to this one: other hands
// on the same object, lost answers, notes, foreign content, bounds.
#include "kubernetes/config_map_store.h"

#include "contract/journal_contract.h"
#include "kubernetes/config_map_store_test_support.h"

namespace linnet::kubernetes {
namespace {

using boost::json::object;

class ConfigMapJournalUnderTest final : public contract::JournalUnderTest {
 public:
  ConfigMapJournalUnderTest() {
    for (const char* release : {"shop", "api"})
      CHECK(contract::run(context, store_.put_spec(release, {"name: x\n", {}})).has_value());
  }
  Journal& journal() override { return store_; }
  Store& store() override { return store_; }
  std::vector<core::Entry> entries(const std::string& release) override {
    std::vector<core::Entry> found;
    const auto lines = contract::run(context, store_.journal(release, 0, 1000)).value();
    for (const auto& line : lines) found.push_back(line.entry);
    return found;
  }

 private:
  runtime::SystemClock clock_;
  ApiImposter api_{context};
  std::unique_ptr<net::Curl> curl_ = std::move(*net::Curl::load(context.get_executor()));
  Client client_{*curl_, clock_, api_.config()};
  ConfigMapStore store_{client_, clock_, "shop"};
};

struct ConfigMapStoreTest : ApiTest {
  ConfigMapStoreTest() {
    store = make();
    other = make();
  }
  ~ConfigMapStoreTest() override {
    tasks.cancel();
    io.restart();
    io.poll();
  }
  std::unique_ptr<ConfigMapStore> make(StoreTimes times = {}) {
    return std::make_unique<ConfigMapStore>(*client, clock, "shop", times);
  }
  void follow(ConfigMapStore& which) {
    const std::function<void()> changed = [this] { ++changes; };
    tasks.spawn("follow", which.follow("web", changed));
    ASSERT_TRUE(eventually([this] { return api.watches() > 0; }));
  }
  static Saving saving(const std::string& reason) {
    Saving out;
    out.status.reason = reason;
    out.at = WallTime{1'700'000'000'000};
    return out;
  }
  static core::Intent wish(const std::string& by) {
    core::Intent intent;
    intent.kind = core::Intent::Kind::promote;
    intent.by = by;
    return intent;
  }
  Result<std::int64_t> save(std::int64_t version, Saving what) {
    return run(store->save("web", version, std::move(what)));
  }
  std::vector<std::string> texts(std::int64_t after = 0) {
    std::vector<std::string> out;
    const auto lines = run(store->journal("web", after, 1000));
    if (!lines) return {lines.error().message};
    for (const auto& line : *lines) out.push_back(fmt::format("{} {}", line.seq, line.entry.text));
    return out;
  }
  std::string data(const std::string& key) const {
    const Json* found = api.find(maps, "linnet-web");
    return found == nullptr ? "" : text_at(*found, {"data", key});
  }
  std::unique_ptr<ConfigMapStore> store, other;
  int changes = 0;
};

TEST_F(ConfigMapStoreTest, IsOneObjectThatSaysWhoseItIs) {
  ASSERT_TRUE(run(store->put_spec("web", {"name: web\n", {}})));
  ASSERT_TRUE(save(0, saving("waits")));
  const Json* found = api.find(maps, "linnet-web");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(text_at(*found, {"metadata", "labels", "app.kubernetes.io/managed-by"}), "linnet");
  EXPECT_EQ(data("spec"), "name: web\n");
  EXPECT_NE(data("status").find("waits"), std::string::npos);
  EXPECT_EQ(run(other->spec("web")).value().yaml, "name: web\n");
  EXPECT_EQ(run(other->releases()).value(), std::vector<std::string>{"web"});
  EXPECT_EQ(run(other->spec("none")).error().code, Code::not_found);
  EXPECT_TRUE(run(store->remove_release("web")));
  EXPECT_EQ(run(store->remove_release("web")).error().code, Code::not_found);
  EXPECT_EQ(run(other->load("web"))->version, 0);
}

TEST_F(ConfigMapStoreTest, KeepsTheUsersRecipesWithTheSpecThatUsesThem) {
  ASSERT_TRUE(run(store->put_spec("web", {"name: web\n", {"name: r\n", "name: m\n"}})));
  EXPECT_EQ(data("router-recipe"), "name: r\n");
  ASSERT_TRUE(save(0, saving("one")));
  EXPECT_EQ(run(other->spec("web")).value().own, (recipes::OwnRecipes{"name: r\n", "name: m\n"}));
  ASSERT_TRUE(run(store->put_spec("web", {"name: web\n", {"", "name: m2\n"}})));
  EXPECT_EQ(data("router-recipe"), "") << "the program's own one is used now";
  EXPECT_EQ(data("metrics-recipe"), "name: m2\n");
}

TEST_F(ConfigMapStoreTest, ARolloutThatRunsKeepsTheSpecThatItBeganWith) {
  ASSERT_TRUE(run(store->put_spec("web", {"name: web\n", {}})));
  Saving runs = saving("");
  runs.status.phase = core::Stepping{};
  ASSERT_TRUE(save(0, std::move(runs)));
  ASSERT_TRUE(run(other->put_spec("web", {"name: web # another\n", {}})));
  EXPECT_EQ(data("spec"), "name: web\n");
  ASSERT_TRUE(run(other->put_spec("web", {"name: web\n", {"", "name: mended\n"}})));
  EXPECT_EQ(data("metrics-recipe"), "name: mended\n");
}

TEST_F(ConfigMapStoreTest, ADeployThatWaitsForItsEngineKeepsTheSpecThatItWasAskedWith) {
  ASSERT_TRUE(run(store->put_spec("web", {"name: web\n", {}})));
  core::Intent deploy = wish("alice");
  deploy.kind = core::Intent::Kind::deploy;
  ASSERT_TRUE(run(store->add_intent("web", deploy)));
  ASSERT_TRUE(run(other->put_spec("web", {"name: web # another\n", {}})));
  EXPECT_EQ(data("spec"), "name: web\n");
}

TEST_F(ConfigMapStoreTest, NeitherAWishNorALineOfTheJournalMakesTheObject) {
  store->note("web", {"trouble", "a"});
  EXPECT_EQ(run(store->flush("web")).error().code, Code::not_found);
  EXPECT_EQ(run(store->add_intent("web", wish("alice"))).error().code, Code::not_found);
  EXPECT_EQ(api.find(maps, "linnet-web"), nullptr);
  ASSERT_TRUE(run(store->put_spec("web", {"name: web\n", {}})));
  EXPECT_EQ(texts(), std::vector<std::string>{"1 a"}) << "it was kept until there was one";
}

TEST_F(ConfigMapStoreTest, PuttingTheSameSpecWritesNothing) {
  ASSERT_TRUE(run(store->put_spec("web", {"name: web\n", {}})));
  const int writes = api.count("PUT") + api.count("POST");
  ASSERT_TRUE(run(store->put_spec("web", {"name: web\n", {}})));
  EXPECT_EQ(api.count("PUT") + api.count("POST"), writes);
}

TEST_F(ConfigMapStoreTest, AnotherProcessMayAddAnIntentBetweenTwoSaves) {
  ASSERT_TRUE(save(0, saving("one")));
  const auto id = run(other->add_intent("web", wish("anna")));
  ASSERT_TRUE(id) << id.error().message;
  const auto next = save(1, saving("two"));
  ASSERT_TRUE(next) << next.error().message;
  const auto open = run(store->intents("web", 0));
  ASSERT_EQ(open->size(), 1u);
  EXPECT_EQ(open->front().by, "anna");
  Saving answered = saving("three");
  core::Answer yes;
  yes.intent = *id;
  yes.accepted = true;
  yes.text = "fine";
  answered.answers = {yes};
  ASSERT_TRUE(save(2, std::move(answered)));
  EXPECT_EQ(run(other->intent_state("web", *id)).value(), yes);
  EXPECT_TRUE(run(other->intents("web", 0))->empty());
  EXPECT_EQ(run(other->intent_state("web", 99)).error().code, Code::not_found);
}

TEST_F(ConfigMapStoreTest, AnIntentNeedsARelease) {
  EXPECT_EQ(run(store->add_intent("web", wish("anna"))).error().code, Code::not_found);
  EXPECT_EQ(api.find(maps, "linnet-web"), nullptr);
}

TEST_F(ConfigMapStoreTest, TooManyIntentsThatNobodyReadsAreRefused) {
  ASSERT_TRUE(run(store->put_spec("web", {"name: web\n", {}})));
  for (std::size_t i = 0; i < Kept{}.pending; ++i)
    ASSERT_TRUE(run(store->add_intent("web", wish("anna"))));
  const auto refused = run(store->add_intent("web", wish("ben")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unavailable);
}

TEST_F(ConfigMapStoreTest, TwoEnginesCannotBothSave) {
  ASSERT_TRUE(save(0, saving("one")));
  ASSERT_TRUE(run(other->save("web", 1, saving("of the other"))));
  const auto refused = save(1, saving("two"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::conflict);
  EXPECT_EQ(run(store->load("web"))->status.reason, "of the other");
}

TEST_F(ConfigMapStoreTest, ASaveWhoseAnswerIsLostIsFoundByLookingAgain) {
  ASSERT_TRUE(save(0, saving("one")));
  for (const char* method : {"PUT", "POST"}) {
    const bool is_new = std::string(method) == "POST";
    if (is_new) {
      ASSERT_TRUE(run(store->remove_release("web")));
    }
    int lost = 0;
    api.loses() = [&](const net::ServerRequest& r) { return r.method == method && ++lost == 1; };
    Saving what = saving("two");
    what.entries.push_back({"phase", "the line"});
    const auto saved = save(is_new ? 0 : 1, std::move(what));
    ASSERT_TRUE(saved) << saved.error().message;
    EXPECT_EQ(*saved, is_new ? 1 : 2);
    EXPECT_EQ(texts(), std::vector<std::string>{"1 the line"}) << "it is there once";
    api.loses() = nullptr;
  }
}

TEST_F(ConfigMapStoreTest, AnIntentWhoseAnswerIsLostIsThereOnceEvenWhenOthersWroteSince) {
  ASSERT_TRUE(run(store->put_spec("web", {"name: web\n", {}})));
  int lost = 0;
  api.loses() = [&](const net::ServerRequest& r) {
    if (r.method != "PUT" || ++lost != 1) return false;
    // Somebody writes before the loser looks again.
    Json changed = *api.find(maps, "linnet-web");
    ReleaseDocument document = *read_document(changed, "web");
    ++document.writes;
    document.marks.emplace_back("another");
    api.put(maps, *write_document(document, changed, "shop"));
    return true;
  };
  const auto id = run(store->add_intent("web", wish("anna")));
  ASSERT_TRUE(id) << id.error().message;
  const auto open = run(other->intents("web", 0));
  ASSERT_EQ(open->size(), 1u);
  EXPECT_EQ(open->front().id, *id);
}

TEST_F(ConfigMapStoreTest, WhatThisProcessAskedForAndNobodyAnsweredIsWithdrawn) {
  ASSERT_TRUE(run(store->put_spec("web", {"name: web\n", {}})));
  core::Intent back = wish("anna");
  back.kind = core::Intent::Kind::rollback;
  ASSERT_TRUE(run(store->add_intent("web", wish("anna"))));
  ASSERT_TRUE(run(other->add_intent("web", wish("bob"))));
  ASSERT_TRUE(run(store->add_intent("web", back)));
  const Record read = run(other->load("web")).value();
  ASSERT_TRUE(run(store->withdraw("web")));
  const auto open = run(other->intents("web", 0)).value();
  ASSERT_EQ(open.size(), 2u);
  EXPECT_EQ(open[0].by, "bob");
  EXPECT_EQ(open[1].kind, core::Intent::Kind::rollback) << "nobody is harmed by it later";
  const auto saved = run(other->save("web", read.version, saving("decided of all three")));
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, Code::conflict) << "what was read before is decided anew";
  const std::string before = data("status") + data("meta");
  ASSERT_TRUE(run(store->withdraw("web")));
  EXPECT_EQ(data("status") + data("meta"), before) << "nothing waits: nothing is written";
}

TEST_F(ConfigMapStoreTest, AnIntentWhoseOutcomeIsUnknownIsWithdrawnAsWell) {
  StoreTimes times;
  times.deadline = 300ms;
  store = make(times);
  ASSERT_TRUE(run(store->put_spec("web", {"name: web\n", {}})));
  api.loses() = [](const net::ServerRequest&) { return true; };
  const auto id = run(store->add_intent("web", wish("anna")));
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().code, Code::unknown_outcome) << id.error().message;
  api.loses() = nullptr;
  ASSERT_EQ(run(other->intents("web", 0))->size(), 1u);
  ASSERT_TRUE(run(store->withdraw("web")));
  EXPECT_TRUE(run(other->intents("web", 0))->empty());
}

TEST_F(ConfigMapStoreTest, ASaveThatCannotBeClearedUpHasAnUnknownOutcome) {
  StoreTimes times;
  times.deadline = 300ms;
  store = make(times);
  ASSERT_TRUE(save(0, saving("one")));
  api.loses() = [](const net::ServerRequest&) { return true; };
  const auto saved = save(1, saving("two"));
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, Code::unknown_outcome) << saved.error().message;
  api.loses() = nullptr;
  EXPECT_EQ(run(store->load("web"))->status.reason, "two");
}

TEST_F(ConfigMapStoreTest, AServerThatIsGoneIsUnavailable) {
  ASSERT_TRUE(save(0, saving("one")));
  api.instead() = [](const net::ServerRequest&) {
    return ApiImposter::status(503, "ServiceUnavailable", "etcd is away");
  };
  EXPECT_EQ(save(1, saving("two")).error().code, Code::unavailable);
  EXPECT_EQ(run(store->load("web")).error().code, Code::unavailable);
  EXPECT_EQ(run(store->intents("web", 0)).error().code, Code::unavailable);
}

TEST_F(ConfigMapStoreTest, WhenFollowedIntentsOfOthersAreSeenAndReadingAsksNothing) {
  ASSERT_TRUE(save(0, saving("one")));
  follow(*store);
  ASSERT_TRUE(eventually([this] { return changes > 0; }));
  const int before = changes;
  const auto id = run(other->add_intent("web", wish("anna")));
  ASSERT_TRUE(id);
  ASSERT_TRUE(eventually([&] { return changes > before; }));
  const std::size_t asked = api.asked().size();
  for (int i = 0; i < 20; ++i) {
    const auto open = run(store->intents("web", 0));
    ASSERT_EQ(open->size(), 1u);
    EXPECT_EQ(run(store->status("web"))->reason, "one");
  }
  EXPECT_EQ(api.asked().size(), asked);
  // What this process wrote itself is not forgotten because the watch is behind.
  api.hang(false);
  Saving answered = saving("two");
  core::Answer yes;
  yes.intent = *id;
  answered.answers = {yes};
  ASSERT_TRUE(save(1, std::move(answered)));
  EXPECT_TRUE(run(store->intents("web", 0))->empty());
}

TEST_F(ConfigMapStoreTest, AnObjectThatIsDeletedAndMadeAnewIsTakenAsItIs) {
  ASSERT_TRUE(save(0, saving("one")));
  ASSERT_TRUE(save(1, saving("two")));
  follow(*store);
  api.erase(maps, "linnet-web");
  ASSERT_TRUE(run(other->put_spec("web", {"name: web\n", {}})));
  ASSERT_TRUE(run(other->add_intent("web", wish("anna"))));
  EXPECT_TRUE(eventually([&] {
    const auto open = run(store->intents("web", 0));
    return open && open->size() == 1;
  }));
  EXPECT_EQ(save(2, saving("three")).error().code, Code::conflict);
}

TEST_F(ConfigMapStoreTest, NotesRideAlongWithTheNextSaveInTheirOrder) {
  ASSERT_TRUE(save(0, saving("one")));
  store->note("web", {"trouble", "a"});
  store->note("web", {"trouble", "b"});
  EXPECT_EQ(texts(), (std::vector<std::string>{"1 a", "2 b"})) << "seen before they are written";
  EXPECT_EQ(run(store->journal_end("web")).value(), 2);
  EXPECT_EQ(run(other->journal_end("web")).value(), 0);
  Saving next = saving("two");
  next.entries = {{"phase", "c"}};
  ASSERT_TRUE(save(1, std::move(next)));
  store->note("web", {"trouble", "d"});
  EXPECT_EQ(texts(1), (std::vector<std::string>{"2 b", "3 c", "4 d"}));
  ASSERT_TRUE(run(store->flush("web")));
  EXPECT_EQ(run(other->journal_end("web")).value(), 4);
  EXPECT_EQ(run(other->load("web"))->version, 2) << "notes leave the version alone";
  EXPECT_TRUE(save(2, saving("three")));
}

TEST_F(ConfigMapStoreTest, NotesThatNoSaveTakesAlongAreWrittenAfterAWhile) {
  StoreTimes times;
  times.notes_after = 10ms;
  times.writes_after = 30ms;
  store = make(times);
  ASSERT_TRUE(save(0, saving("one")));
  follow(*store);
  const int writes = api.count("PUT");
  for (int i = 0; i < 10; ++i) store->note("web", {"trouble", "again"});
  ASSERT_TRUE(eventually([&] { return api.count("PUT") > writes; }));
  EXPECT_EQ(api.count("PUT"), writes + 1);
  EXPECT_TRUE(eventually([&] { return run(other->journal_end("web")).value() == 10; }));
}

TEST_F(ConfigMapStoreTest, NotesThatCannotBeWrittenAreKept) {
  ASSERT_TRUE(save(0, saving("one")));
  api.instead() = [](const net::ServerRequest&) {
    return ApiImposter::status(503, "ServiceUnavailable", "away");
  };
  store->note("web", {"trouble", "a"});
  EXPECT_FALSE(run(store->flush("web")));
  EXPECT_FALSE(save(1, saving("two")));
  api.instead() = nullptr;
  ASSERT_TRUE(save(1, saving("two")));
  EXPECT_EQ(texts(), std::vector<std::string>{"1 a"});
}

TEST_F(ConfigMapStoreTest, NotesWhoseWriteTheWatchShowsBeforeItsAnswerAreToldOnce) {
  ASSERT_TRUE(save(0, saving("one")));
  follow(*store);
  ASSERT_TRUE(eventually([this] { return changes > 0; }));
  const int before = changes;
  store->note("web", {"trouble", "a"});
  api.loses() = [](const net::ServerRequest& request) { return request.method == "PUT"; };
  api.instead() = [](const net::ServerRequest& request) {
    std::optional<net::ServerResponse> away;
    if (request.method == "GET") away = ApiImposter::status(503, "ServiceUnavailable", "away");
    return away;
  };
  EXPECT_FALSE(run(store->flush("web"))) << "nobody answers, and it came through";
  api.loses() = nullptr;
  api.instead() = nullptr;
  ASSERT_TRUE(eventually([&] { return changes > before; }));
  EXPECT_EQ(texts(), std::vector<std::string>{"1 a"});
  Saving next = saving("two");
  next.entries = {{"phase", "b"}};
  ASSERT_TRUE(save(1, std::move(next)));
  EXPECT_EQ(texts(), (std::vector<std::string>{"1 a", "2 b"}));
}

TEST_F(ConfigMapStoreTest, WritesOfOneProcessWaitForEachOther) {
  ASSERT_TRUE(run(store->put_spec("web", {"name: web\n", {}})));
  int done = 0;
  const int before = api.count("PUT");
  for (int i = 0; i < 10; ++i)
    tasks.spawn("add", [](ConfigMapStore& s, core::Intent intent, int& count) -> Task<void> {
      std::string release = "web";
      auto id = co_await s.add_intent(std::move(release), std::move(intent));
      if (id) ++count;
    }(*store, wish("anna"), done));
  ASSERT_TRUE(eventually([&] { return done == 10; }));
  EXPECT_EQ(api.count("PUT") - before, 10) << "without a conflict among themselves";
  EXPECT_EQ(run(store->intents("web", 0))->size(), 10u);
}

TEST_F(ConfigMapStoreTest, HistoryIsNewestFirst) {
  for (int i = 0; i < 25; ++i) {
    Saving finished = saving("done");
    finished.finished.emplace().outcome = fmt::format("outcome {}", i);
    ASSERT_TRUE(save(i, std::move(finished)));
  }
  const auto all = run(store->history("web", 100));
  ASSERT_EQ(all->size(), 20u);
  EXPECT_EQ(all->front().outcome, "outcome 24");
  EXPECT_EQ(run(store->history("web", 2))->size(), 2u);
}

TEST_F(ConfigMapStoreTest, WhatIsNotLinnetsIsRefusedAndLeftAlone) {
  struct Row {
    object data;
    const char* told;
  };
  const std::string newer = R"({"format":2,"release":"web"})";
  const std::string fine =
      R"({"format":1,"release":"web","revision":3,"writes":3,"last_intent":0,"last_line":0})";
  for (const Row& row :
       {Row{{{"mine", "1"}}, "linnet has not written this"}, Row{{{"linnet", "x"}}, "damaged"},
        Row{{{"linnet", newer}}, "a newer linnet"},
        Row{{{"linnet", R"({"format":1,"release":"api"})"}}, "of release 'api'"},
        Row{{{"linnet", fine}}, "'status' is missing"},
        Row{{{"linnet", fine}, {"status", R"({"schema":9})"}}, "schema 9"}}) {
    api.put(maps, named("linnet-web", {{"data", row.data}}));
    const Json before = *api.find(maps, "linnet-web");
    const auto loaded = run(store->load("web"));
    ASSERT_FALSE(loaded) << row.told;
    EXPECT_EQ(loaded.error().code, Code::invalid);
    EXPECT_NE(loaded.error().message.find(row.told), std::string::npos) << loaded.error().message;
    EXPECT_FALSE(run(store->save("web", 0, saving("mine now"))));
    EXPECT_FALSE(run(store->put_spec("web", {"name: web\n", {}})));
    EXPECT_FALSE(run(store->add_intent("web", wish("anna"))));
    EXPECT_EQ(*api.find(maps, "linnet-web"), before);
  }
}

TEST_F(ConfigMapStoreTest, AnEmptyObjectMadeBeforehandIsUsedAndItsOtherPartsStay) {
  api.put(maps, Json(object{{"metadata", object{{"name", "linnet-web"},
                                                {"annotations", object{{"team", "a"}}}}}}));
  ASSERT_TRUE(save(0, saving("one")));
  EXPECT_EQ(text_at(*api.find(maps, "linnet-web"), {"metadata", "annotations", "team"}), "a");
  EXPECT_EQ(api.count("POST"), 0);
}

TEST(ReleaseDocument, StaysBelowItsBoundsAndKeepsTheNewest) {
  ReleaseDocument document;
  document.release = "web";
  document.revision = 1;
  for (int i = 0; i < 2000; ++i) {
    add_line(document, WallTime{i}, {"trouble", std::string(i % 7 == 0 ? 9000 : 40, 'x')});
    core::Answer answer;
    answer.intent = i;
    answer.text = std::string(2000, 'y');
    document.answers.push_back(answer);
    document.history.emplace_back().cause.text = std::string(10'000, 'z');
  }
  document.spec = std::string(200'000, 's');
  document.status.reason = std::string(300'000, 'r');
  const auto written = write_document(document, Json(), "shop");
  ASSERT_TRUE(written) << written.error().message;
  std::size_t bytes = 0;
  for (const auto& [key, value] : written->at("data").as_object())
    bytes += key.size() + value.as_string().size();
  EXPECT_LT(bytes, 950'000u);
  EXPECT_EQ(document.journal.back().seq, 2000);
  EXPECT_EQ(document.answers.back().intent, 1999);
  EXPECT_EQ(*read_document(*written, "web"), document);
  document.status.reason.resize(700'000);
  const auto refused = write_document(document, Json(), "shop");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::invalid);
}

TEST(ReleaseDocument, ALongLineIsCutOnceAndBetweenCharacters) {
  for (int before = 0; before < 5; ++before) {
    ReleaseDocument document;
    document.release = "web";
    std::string text(static_cast<std::size_t>(before), 'x');
    while (text.size() < 5000) text += "€";
    add_line(document, WallTime{1}, {"trouble", text});
    const auto written = write_document(document, Json(), "shop");
    ASSERT_TRUE(written) << written.error().message;
    auto read = read_document(*written, "web");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, document) << before;
    EXPECT_EQ(*write_document(*read, *written, "shop"), *written) << before;
  }
}

template <class Made>
contract::MakeStore maker() {
  return [] { return std::make_unique<Made>(); };
}

}  // namespace
}  // namespace linnet::kubernetes

namespace linnet::contract {

INSTANTIATE_TEST_SUITE_P(ConfigMap, StoreContract,
                         testing::Values(kubernetes::maker<kubernetes::ConfigMapStoreUnderTest>()));
INSTANTIATE_TEST_SUITE_P(ConfigMap, JournalContract, testing::Values([] {
                           return std::make_unique<kubernetes::ConfigMapJournalUnderTest>();
                         }));

}  // namespace linnet::contract
