#include "api/routes.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>

#include "api/metrics_text.h"
#include "runtime/clock.h"
#include "runtime/run_in_test.h"
#include "runtime/task_group.h"

namespace linnet::api {
namespace {

/// A backend with one release, "shop", whose answers the test sets.
struct FakeBackend : Backend {
  DaemonInfo info() override { return {"0.1.0", 42, WallTime{0}}; }
  Task<Result<PutSpec>> put_spec(std::string release, std::string yaml, std::string file) override {
    put = release + "|" + yaml + "|" + file;
    co_return put_answer;
  }
  Task<Result<std::vector<StatusView>>> releases() override {
    co_return std::vector<StatusView>{view()};
  }
  Task<Result<StatusView>> status(std::string release) override {
    if (release != "shop") co_return missing(release);
    co_return view();
  }
  Task<Result<std::string>> spec(std::string) override { co_return "kind: Release\n"; }
  Task<Result<std::int64_t>> add_intent(std::string, core::Intent given) override {
    intent = given;
    co_return 12;
  }
  Task<Result<std::optional<core::Answer>>> intent_state(std::string, std::int64_t id) override {
    ++asked;
    if (id != 12) co_return missing("intent");
    co_return answer;
  }
  Task<Result<std::vector<wire::JournalLine>>> journal(std::string, std::int64_t after,
                                                       int limit) override {
    ++asked;
    std::vector<wire::JournalLine> found;
    for (const auto& line : lines)
      if (line.seq > after && static_cast<int>(found.size()) < limit) found.push_back(line);
    co_return found;
  }
  Task<Result<std::int64_t>> journal_end(std::string) override {
    co_return lines.empty() ? 0 : lines.back().seq;
  }
  Task<Result<std::vector<core::RolloutRecord>>> history(std::string, int limit) override {
    co_return std::vector<core::RolloutRecord>(static_cast<std::size_t>(limit));
  }
  Task<Result<CountsView>> counts(std::string) override {
    CountsView counts;
    counts.boundaries_ms = {1000};
    counts.canary = {.requests = 5, .bad = 1, .latency = {4, 1}};
    counts.at = WallTime{17};
    co_return counts;
  }
  Task<Result<std::vector<InstanceView>>> instances(std::string) override {
    InstanceView one;
    one.instance.id = "canary-0";
    one.instance.state = core::Instance::State::backoff;
    one.instance.trouble = "exited with \"1\"";
    one.track = core::Track::canary;
    one.pid = 77;
    co_return std::vector<InstanceView>{one};
  }
  Task<Result<LogsView>> logs(std::string, LogsWish wish, std::int64_t after) override {
    if (!wish.track) co_return fail(Code::unavailable, "not asked for here");
    co_return LogsView{{{"canary-0", "\tok"}}, after + wish.lines, 1, "one is starting"};
  }
  Task<Result<std::vector<Finding>>> doctor(std::string) override {
    co_return std::vector<Finding>{
        {"nginx", false, "it is not installed", "apt-get install nginx"}};
  }
  Task<Result<Plan>> plan(std::string, std::string version) override {
    Plan plan;
    plan.steps = {{"start " + version, "ready within 30s"}};
    FieldChange field{"spec.replicas", {"null", "0", "1"}};
    plan.changes = {{"Deployment", "shop-canary", "change", {field}}};
    co_return plan;
  }
  Task<Result<MetricsView>> metrics() override { co_return MetricsView{}; }
  void shutdown(bool hold) override { stopped = hold ? "hold" : "take back"; }

  static tl::unexpected<Error> missing(const std::string& name) {
    return fail(Code::not_found, "there is no '{}'", name);
  }
  static StatusView view() {
    StatusView view{{}, {}, core::WorkloadSeen{}};
    view.release.name = "shop";
    return view;
  }

  std::string put, stopped;
  Result<PutSpec> put_answer = PutSpec{true, {}};
  core::Intent intent;
  std::optional<core::Answer> answer;
  std::vector<wire::JournalLine> lines;
  int asked = 0;
};

struct RoutesTest : testing::Test {
  boost::asio::io_context io;
  FakeBackend backend;
  Changes changes{io.get_executor()};
  runtime::SystemClock clock;
  Routes routes{backend, changes, clock};

  net::ServerResponse ask(std::string method, std::string target, std::string body = "") {
    net::ServerRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.peer = 1000;
    return runtime::run_in_test(io, routes.answer(std::move(request)));
  }
  static boost::json::value json(const net::ServerResponse& response) {
    return boost::json::parse(response.body);
  }
  static std::string message(const net::ServerResponse& response) {
    return std::string(json(response).at("error").at("message").as_string());
  }
};

TEST_F(RoutesTest, EveryRouteOfTheContractAnswers) {
  const std::map<std::string, std::string> gets{
      {"/v1/version", R"({"version":"0.1.0","pid":42,"started":"1970-01-01T00:00:00.000Z"})"},
      {"/v1/releases/shop/spec", R"({"spec":"kind: Release\n"})"},
      {"/v1/releases/shop/counts",
       R"({"boundaries_ms":[1000],"stable":{"requests":0,"bad":0,"latency":[]},)"
       R"("canary":{"requests":5,"bad":1,"latency":[4,1]},"lost":0,"at_ms":17})"},
      {"/v1/releases/shop/instances",
       R"([{"id":"canary-0","track":"canary","version":"","state":"backoff","restarts":0,)"
       R"("crash_loop":false,"trouble":"exited with \"1\"","pid":77,"port":0,"log":""}])"},
      {"/v1/releases/shop/logs?track=canary&lines=5&after=2",
       R"({"lines":[{"instance":"canary-0","line":"\u0009ok"}],"next":7,"lost":1,)"
       R"("trouble":"one is starting"})"},
      {"/v1/releases/shop/doctor", R"([{"check":"nginx","ok":false,"cause":"it is not installed",)"
                                   R"("remedy":"apt-get install nginx"}])"},
      {"/v1/releases/shop/plan?version=v1.2.0",
       R"({"steps":[{"what":"start v1.2.0","needs":"ready within 30s"}],)"
       R"("changes":[{"kind":"Deployment","name":"shop-canary","change":"change",)"
       R"("fields":[{"path":"spec.replicas","values":[null,0,1]}]}],"unknown":""})"},
      {"/v1/releases/shop/journal", R"({"entries":[],"next":0})"},
  };
  for (const auto& [target, body] : gets) {
    const auto response = ask("GET", target);
    EXPECT_EQ(response.status, 200) << target;
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_EQ(response.body, body + "\n") << target;
  }
  EXPECT_EQ(json(ask("GET", "/v1/releases")).as_array().size(), 1U);
  EXPECT_EQ(json(ask("GET", "/v1/releases/shop/status")).at("release"), "shop");
  EXPECT_EQ(json(ask("GET", "/v1/releases/shop/history?limit=3")).as_array().size(), 3U);
  EXPECT_EQ(json(ask("GET", "/v1/releases/shop/history")).as_array().size(), 20U);
  const auto metrics = ask("GET", "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_EQ(metrics.content_type, metrics_content_type);
}

TEST_F(RoutesTest, PutTakesASpecAndGivesAllItsMistakes) {
  auto response = ask("PUT", "/v1/releases/shop", R"({"spec": "a: b", "file": "linnet.yaml"})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"release":"shop","changed":true})"
                           "\n");
  EXPECT_EQ(backend.put, "shop|a: b|linnet.yaml");

  backend.put_answer = PutSpec{false, {{"linnet.yaml", 3, 7, "spec.steps", "too many"}}};
  response = ask("PUT", "/v1/releases/shop", R"({"spec": "a: b"})");
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(message(response), "the spec has 1 mistake");
  EXPECT_EQ(json(response).at("mistakes").at(0).at("line"), 3);

  backend.put_answer = fail(Code::conflict, "a rollout runs");
  EXPECT_EQ(ask("PUT", "/v1/releases/shop", R"({"spec": "a: b"})").status, 409);
}

TEST_F(RoutesTest, ABodyThatIsNotWhatTheRouteReadsIsRefused) {
  for (const char* body : {"", "{", "[]", "null", R"({"file": "x"})", R"({"spec": 1})",
                           R"({"spec": "a", "file": 1})", "{\"spec\": \"\xff\"}"}) {
    EXPECT_EQ(ask("PUT", "/v1/releases/shop", body).status, 422) << body;
  }
  EXPECT_EQ(message(ask("PUT", "/v1/releases/shop", R"({"spec": "a", "fiel": "x"})")),
            "unknown key 'fiel'; did you mean 'file'?");
  EXPECT_EQ(backend.put, "");
}

TEST_F(RoutesTest, AnIntentIsPassedOnWithWhoItIsFrom) {
  auto response = ask("POST", "/v1/releases/shop/intents",
                      R"({"kind": "deploy", "version": "v1.1.0", "by": "anna"})");
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.body, R"({"intent":12})"
                           "\n");
  EXPECT_EQ(backend.intent.version, "v1.1.0");
  EXPECT_EQ(backend.intent.by, "anna");
  ask("POST", "/v1/releases/shop/intents", R"({"kind": "rollback"})");
  EXPECT_EQ(backend.intent.by, "user 1000");
  response = ask("POST", "/v1/releases/shop/intents", R"({"kind": "deploi"})");
  EXPECT_EQ(response.status, 422);
  EXPECT_NE(message(response).find("did you mean 'deploy'?"), std::string::npos);
}

TEST_F(RoutesTest, ShutdownSaysWhetherRolloutsStay) {
  EXPECT_EQ(ask("POST", "/v1/shutdown", R"({"hold": true})").status, 202);
  EXPECT_EQ(backend.stopped, "hold");
  EXPECT_EQ(ask("POST", "/v1/shutdown").status, 202);
  EXPECT_EQ(backend.stopped, "take back");
  EXPECT_EQ(ask("POST", "/v1/shutdown", R"({"hold": "yes"})").status, 422);
}

TEST_F(RoutesTest, AnUnknownPathNamesTheNearestOne) {
  const auto response = ask("GET", "/v1/releases/shop/jurnal");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(message(response),
            "there is no '/v1/releases/shop/jurnal'; did you mean '/v1/releases/shop/journal'?");
  EXPECT_EQ(message(ask("GET", "/metric")), "there is no '/metric'; did you mean '/metrics'?");
  EXPECT_EQ(message(ask("GET", "/favicon.ico")), "there is no '/favicon.ico'");
  EXPECT_EQ(ask("GET", "/").status, 404);
}

TEST_F(RoutesTest, AMethodThatIsNotPossibleNamesThoseThatAre) {
  const auto response = ask("DELETE", "/v1/releases/shop");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers, (net::Headers{{"Allow", "PUT"}}));
  EXPECT_EQ(ask("POST", "/metrics").status, 405);
  EXPECT_EQ(ask("get", "/metrics").status, 405);
}

TEST_F(RoutesTest, APathThatClimbsIsRefused) {
  for (const char* target :
       {"/v1/releases/../version", "/v1/releases/%2e%2e/status", "/v1/releases/a%2f..%2fb/status",
        "/v1//version", "/v1/releases/shop/", "http://evil/v1/version", "*"})
    EXPECT_EQ(ask("GET", target).status, 400) << target;
  for (const char* target :
       {"/v1/releases/SHOP/status", "/v1/releases/a%20b/status", "/v1/releases/a.b/status"})
    EXPECT_EQ(ask("GET", target).status, 422) << target;
  EXPECT_EQ(ask("GET", "/v1/releases/" + std::string(64, 'a') + "/status").status, 422);
  EXPECT_EQ(ask("GET", "/v1/releases/s%68op/status").status, 200) << "escapes are decoded";
}

TEST_F(RoutesTest, ParametersAreCheckedForNameAndRange) {
  for (const char* query : {"after=-2", "after=x", "after=", "limit=0", "limit=5001", "wait=61",
                            "wait=1.5", "after=99999999999999999999", "after=1&after=2"})
    EXPECT_NE(ask("GET", std::string("/v1/releases/shop/journal?") + query).status, 200) << query;
  EXPECT_EQ(message(ask("GET", "/v1/releases/shop/journal?afte=1")),
            "unknown parameter 'afte'; did you mean 'after'?");
  EXPECT_EQ(ask("GET", "/v1/version?x=1").status, 422);
  EXPECT_EQ(ask("GET", "/v1/version?=1").status, 422);
  EXPECT_EQ(ask("GET", "/v1/releases/shop/plan").status, 422);
  EXPECT_EQ(ask("GET", "/v1/releases/shop/plan?version=-rf").status, 422);
  EXPECT_EQ(ask("GET", "/v1/releases/shop/intents/abc").status, 422);
}

TEST_F(RoutesTest, TheBackendsErrorsKeepTheirCodes) {
  const auto response = ask("GET", "/v1/releases/mail/status");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, R"({"error":{"code":"not_found","message":"there is no 'mail'"}})"
                           "\n");
  EXPECT_EQ(ask("GET", "/v1/releases/shop/intents/13").status, 404);
  EXPECT_EQ(http_status(Code::unavailable), 503);
  EXPECT_EQ(http_status(Code::timed_out), 504);
  EXPECT_EQ(http_status(Code::internal), 500);
}

// Named coroutine functions: a capturing lambda beside co_await is miscompiled by GCC 12.
Task<void> poll(Routes& routes, std::string target, net::ServerResponse* response) {
  net::ServerRequest request;
  request.method = "GET";
  request.target = std::move(target);
  *response = co_await routes.answer(std::move(request));
}
Task<void> answer_later(FakeBackend& backend, Changes& changes) {
  changes.ring("shop");  // a change of something else first
  backend.answer =
      core::Answer{.intent = 12, .accepted = true, .text = "deploying", .rollout = "r"};
  changes.ring("shop");
  co_return;
}
Task<void> write_later(FakeBackend& backend, Changes& changes) {
  backend.lines.push_back({17, WallTime{0}, {"phase", "stepping"}});
  changes.ring("shop");
  co_return;
}

TEST_F(RoutesTest, ALongPollForAnIntentIsAnsweredOnItsChange) {
  net::ServerResponse response;
  runtime::TaskGroup group(io.get_executor());
  group.spawn("poll", poll(routes, "/v1/releases/shop/intents/12?wait=60", &response));
  group.spawn("answer", answer_later(backend, changes));
  runtime::run_in_test(io, group.join());
  EXPECT_EQ(json(response).at("state"), "accepted");
  EXPECT_EQ(json(response).at("rollout"), "r");
}

TEST_F(RoutesTest, ALongPollForTheJournalIsAnsweredOnItsChange) {
  net::ServerResponse response;
  runtime::TaskGroup group(io.get_executor());
  group.spawn("poll", poll(routes, "/v1/releases/shop/journal?after=16&wait=60", &response));
  group.spawn("write", write_later(backend, changes));
  runtime::run_in_test(io, group.join());
  EXPECT_EQ(json(response).at("next"), 17);
  EXPECT_EQ(json(response).at("entries").at(0).at("text"), "stepping");
}

TEST_F(RoutesTest, AFollowerBeginsAtTheEndOfTheJournal) {
  EXPECT_EQ(ask("GET", "/v1/releases/shop/journal?after=-1").body, R"({"entries":[],"next":0})"
                                                                   "\n");
  for (int seq = 1; seq <= 6000; ++seq)
    backend.lines.push_back({seq, WallTime{0}, {"phase", "stepping"}});
  EXPECT_EQ(ask("GET", "/v1/releases/shop/journal?after=-1&wait=60").body,
            R"({"entries":[],"next":6000})"
            "\n");
}

TEST_F(RoutesTest, ALongPollWithoutAChangeIsAnsweredAtItsEnd) {
  const auto begin = clock.now().mono;
  const auto response = ask("GET", "/v1/releases/shop/intents/12?wait=1");
  EXPECT_GE(clock.now().mono - begin, 1s);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(json(response).at("state"), "pending");
  EXPECT_EQ(backend.asked, 2) << "it looks again at the end";
}

TEST_F(RoutesTest, OnThePortOfScrapersThereAreMetricsAndNothingElse) {
  for (const char* target : {"/v1/version", "/v1/releases", "/"}) {
    net::ServerRequest request;
    request.method = "GET";
    request.target = target;
    EXPECT_EQ(runtime::run_in_test(io, routes.answer_scrape(request)).status, 404) << target;
  }
  net::ServerRequest request;
  request.method = "GET";
  request.target = "/metrics";
  EXPECT_EQ(runtime::run_in_test(io, routes.answer_scrape(request)).status, 200);
}

}  // namespace
}  // namespace linnet::api
