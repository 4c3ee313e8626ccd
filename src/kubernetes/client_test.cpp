#include "kubernetes/client.h"

#include <signal.h>
#include <sys/stat.h>

#include <fstream>

#include "kubernetes/exec_plugin.h"
#include "kubernetes/kubernetes_testing.h"
#include "net/imposter.h"
#include "net/test_server.h"

namespace linnet::kubernetes {
namespace {

using boost::json::object;

struct ClientTest : ApiTest {
  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = directory.path + "/" + name;
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }
  /// A client whose plugin is this shell script, which may append to the file "$LOG".
  void use_plugin(const std::string& script) {
    Config config = api.config();
    config.exec.emplace();
    config.exec->api_version = "client.authentication.k8s.io/v1";
    config.exec->command = write("plugin", "#!/bin/sh\n" + script, 0700);
    config.exec->install_hint = "install it from example.com";
    config.exec->interactive = ExecPlugin::Interactive::never;
    config.exec->environment = {{"LOG", directory.path + "/log"}};
    config.exec->inherited = {"PATH=/usr/bin:/bin", "LOG=/dev/null"};
    client = std::make_unique<Client>(*curl, clock, config);
  }
  int plugin_runs() const {
    std::ifstream log(directory.path + "/log");
    return static_cast<int>(
        std::count(std::istreambuf_iterator<char>(log), std::istreambuf_iterator<char>(), '\n'));
  }
  void let_go() { write("log.go", ""); }
  std::string token_of(std::size_t request) {
    const std::string* found = net::find_header(api.asked().at(request).headers, "Authorization");
    return found == nullptr ? "" : *found;
  }
  Result<Json> get(const std::string& name) { return run(client->get(maps, name, soon())); }

  net::TestDirectory directory;
};

std::string credential(const std::string& status) {
  return R"(printf '%s' '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",)"
         R"("status":{)" +
         status + "}}'\n";
}

TEST_F(ClientTest, CreatesReadsChangesAndRemovesAnObject) {
  ASSERT_TRUE(run(client->create(maps, named("web", {{"data", object{{"a", "1"}}}}), soon())));
  auto got = get("web");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(text_at(*got, {"data", "a"}), "1");
  const auto patched = run(client->patch(maps, "web", PatchKind::merge,
                                         object{{"data", object{{"b", "2"}}}}, {}, soon()));
  ASSERT_TRUE(patched) << patched.error().message;
  EXPECT_EQ(text_at(*patched, {"data", "a"}), "1");
  EXPECT_EQ(text_at(*patched, {"data", "b"}), "2");
  const auto stale = run(client->replace(maps, *got, soon()));
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, Code::conflict);
  EXPECT_NE(stale.error().message.find("Conflict"), std::string::npos);
  EXPECT_TRUE(run(client->replace(maps, *patched, soon())));
  const auto again = run(client->create(maps, named("web"), soon()));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::conflict);
  EXPECT_NE(again.error().message.find("AlreadyExists"), std::string::npos);
  EXPECT_TRUE(run(client->remove(maps, "web", soon())));
  EXPECT_EQ(run(client->remove(maps, "web", soon())).error().code, Code::not_found);
  EXPECT_EQ(get("web").error().code, Code::not_found);
}

TEST_F(ClientTest, CreatesWhatIsMissingAndSaysWhatWasThere) {
  const auto made = run(client->create_missing(maps, named("web"), soon()));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(*made);
  const auto again = run(client->create_missing(maps, named("web"), soon()));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(*again);
  // The same status for another reason, whose message may say anything.
  api.instead() = [](const net::ServerRequest&) {
    return ApiImposter::status(409, "Conflict", "a quota: AlreadyExists");
  };
  const auto refused = run(client->create_missing(maps, named("api"), soon()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::conflict);
}

TEST_F(ClientTest, ListsAllPages) {
  for (int i = 0; i < 600; ++i) api.put(maps, named(fmt::format("m{:03}", i)));
  const auto list = run(client->list(maps, "", soon()));
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->at("items").as_array().size(), 600u);
  EXPECT_EQ(api.count("GET"), 3);
  EXPECT_EQ(text_at(list->at("items").as_array()[0], {"kind"}), "Thing");
}

TEST_F(ClientTest, PagesThatExpireAreReadFromTheStart) {
  for (int i = 0; i < 300; ++i) api.put(maps, named(fmt::format("m{:03}", i)));
  int expired = 0;
  api.instead() = [&](const net::ServerRequest& r) -> std::optional<net::ServerResponse> {
    if (r.target.find("continue=") == std::string::npos || expired++ > 0) return std::nullopt;
    return ApiImposter::status(410, "Expired", "the continue token is too old");
  };
  const auto list = run(client->list(maps, "", soon()));
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->at("items").as_array().size(), 300u);
  api.instead() = [&](const net::ServerRequest& r) -> std::optional<net::ServerResponse> {
    if (r.target.find("continue=") == std::string::npos) return std::nullopt;
    return ApiImposter::status(410, "Expired", "the continue token is too old");
  };
  EXPECT_EQ(run(client->list(maps, "", soon())).error().code, Code::conflict)
      << "it is not tried for ever";
}

TEST_F(ClientTest, ABusyServerIsAskedAgainWhenItSaysSo) {
  int refused = 0;
  api.instead() = [&](const net::ServerRequest&) -> std::optional<net::ServerResponse> {
    if (++refused > 3) return std::nullopt;
    auto busy = ApiImposter::status(refused == 2 ? 503 : 429, "TooManyRequests", "slow down");
    busy.headers.emplace_back("Retry-After", "0");
    return busy;
  };
  EXPECT_TRUE(run(client->create(maps, named("web"), soon())));
  EXPECT_EQ(api.count("POST"), 4);
}

TEST_F(ClientTest, ABusyServerIsNotWaitedForBeyondTheDeadline) {
  api.instead() = [&](const net::ServerRequest&) -> std::optional<net::ServerResponse> {
    auto busy = ApiImposter::status(429, "TooManyRequests", "slow down");
    busy.headers.emplace_back("Retry-After", "3600");
    return busy;
  };
  const auto got = get("web");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::unavailable);
  EXPECT_EQ(api.asked().size(), 1u);
  api.instead() = [](const net::ServerRequest&) {
    return ApiImposter::status(429, "TooManyRequests", "slow down");
  };
  EXPECT_FALSE(get("web"));
  EXPECT_EQ(api.asked().size(), 2u) << "without Retry-After the caller decides";
}

TEST_F(ClientTest, AReadWhoseConnectionBreaksIsAskedAgainAndAWriteIsNot) {
  api.put(maps, named("web"));
  int lost = 0;
  api.loses() = [&](const net::ServerRequest&) { return ++lost == 1; };
  EXPECT_TRUE(get("web"));
  EXPECT_EQ(api.asked().size(), 2u);
  api.loses() = [](const net::ServerRequest&) { return true; };
  const auto written = run(client->create(maps, named("api"), soon()));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::unknown_outcome) << written.error().message;
  EXPECT_EQ(api.count("POST"), 1);
  EXPECT_NE(written.error().message.find("create configmaps api in namespace shop"),
            std::string::npos);
}

TEST_F(ClientTest, AServerThatHangsOrIsGoneIsToldByItsCode) {
  api.hang(true);
  EXPECT_EQ(run(client->get(maps, "web", within(50ms))).error().code, Code::timed_out);
  EXPECT_EQ(run(client->create(maps, named("x"), within(50ms))).error().code,
            Code::unknown_outcome);
  EXPECT_EQ(run(client->get(maps, "web", within(-1ms))).error().code, Code::timed_out);
  Config config = api.config();
  const net::SilentPort refusing(false);
  config.server = fmt::format("http://127.0.0.1:{}", refusing.port());
  Client other(*curl, clock, config);
  EXPECT_EQ(run(other.create(maps, named("x"), soon())).error().code, Code::unavailable);
}

TEST_F(ClientTest, AnyStatusOfARawRequestIsAnAnswer) {
  ApiRequest request;
  request.target = "/api/v1/namespaces/shop/configmaps/none";
  const auto got = run(client->send(request, soon()));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->status, 404);
  EXPECT_EQ(got->content_type, "application/json");
  EXPECT_GT(client->last_heard().ms, 0);
}

TEST_F(ClientTest, ATokenFileThatChangedIsReadAgainAfterARefusal) {
  Config config = api.config();
  config.token_file = write("token", "old\n");
  client = std::make_unique<Client>(*curl, clock, config);
  api.put(maps, named("web"));
  api.instead() = [](const net::ServerRequest& r) -> std::optional<net::ServerResponse> {
    if (*net::find_header(r.headers, "Authorization") == "Bearer new") return std::nullopt;
    return ApiImposter::status(401, "Unauthorized", "");
  };
  const auto refused = get("web");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::denied);
  EXPECT_EQ(api.asked().size(), 1u) << "the same token is not tried twice";
  write("token", "new\n");
  EXPECT_TRUE(get("web"));
  EXPECT_EQ(token_of(2), "Bearer new");
}

TEST_F(ClientTest, ATokenFileThatIsMissingIsSaid) {
  Config config = api.config();
  config.token_file = directory.path + "/none";
  client = std::make_unique<Client>(*curl, clock, config);
  const auto got = get("web");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::denied);
  EXPECT_NE(got.error().message.find(config.token_file), std::string::npos);
  EXPECT_TRUE(api.asked().empty());
}

TEST_F(ClientTest, WhatAPluginGaveBeforehandIsUsedWithoutRunningItUntilItExpires) {
  use_plugin("echo ran >> \"$LOG\"\n" + credential(R"("token":"from-plugin")"));
  api.put(maps, named("web"));
  client->adopt({{"typed", "", ""}, {}});
  ASSERT_TRUE(get("web"));
  EXPECT_EQ(plugin_runs(), 0);
  EXPECT_EQ(token_of(0), "Bearer typed");
  client->adopt({{"typed", "", ""}, WallTime{1}});
  ASSERT_TRUE(get("web"));
  EXPECT_EQ(plugin_runs(), 1);
  EXPECT_EQ(token_of(1), "Bearer from-plugin");
}

TEST_F(ClientTest, APluginRunsOnceAndItsTokenIsKept) {
  use_plugin("echo ran >> \"$LOG\"\n" + credential(R"("token":"from-plugin")"));
  api.put(maps, named("web"));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(get("web"));
  EXPECT_EQ(plugin_runs(), 1);
  EXPECT_EQ(token_of(2), "Bearer from-plugin");
}

TEST_F(ClientTest, ATokenThatHasExpiredIsMadeAnew) {
  use_plugin("echo ran >> \"$LOG\"\n" +
             credential(R"("token":"t","expirationTimestamp":"2020-01-01T00:00:00Z")"));
  api.put(maps, named("web"));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(get("web"));
  EXPECT_EQ(plugin_runs(), 2);
}

TEST_F(ClientTest, ARefusedTokenIsMadeAnewOnce) {
  use_plugin(
      "echo ran >> \"$LOG\"\nn=$(wc -l < \"$LOG\")\n"
      "printf '{\"apiVersion\":\"client.authentication.k8s.io/v1\","
      "\"kind\":\"ExecCredential\",\"status\":{\"token\":\"t%s\"}}' $n\n");
  api.put(maps, named("web"));
  api.instead() = [](const net::ServerRequest& r) -> std::optional<net::ServerResponse> {
    if (*net::find_header(r.headers, "Authorization") == "Bearer t2") return std::nullopt;
    return ApiImposter::status(401, "Unauthorized", "");
  };
  EXPECT_TRUE(get("web"));
  EXPECT_EQ(plugin_runs(), 2);
  api.instead() = [](const net::ServerRequest&) {
    return ApiImposter::status(401, "Unauthorized", "");
  };
  EXPECT_EQ(get("web").error().code, Code::denied);
  EXPECT_EQ(plugin_runs(), 3);
}

TEST_F(ClientTest, CallsThatBeginTogetherRunThePluginOnce) {
  use_plugin("echo ran >> \"$LOG\"\n" + credential(R"("token":"t")"));
  api.put(maps, named("web"));
  int done = 0;
  for (int i = 0; i < 5; ++i) {
    tasks.spawn("get", [](Client& c, Resource r, Deadline d, int& count) -> Task<void> {
      std::string name = "web";
      auto got = co_await c.get(std::move(r), std::move(name), d);
      if (got) ++count;
    }(*client, maps, soon(), done));
  }
  EXPECT_TRUE(eventually([&] { return done == 5; }));
  EXPECT_EQ(plugin_runs(), 1);
}

TEST_F(ClientTest, APluginThatFailsIsToldWithItsWordsAndTheHint) {
  use_plugin("echo 'not logged in' >&2\nexit 3\n");
  auto got = get("web");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::denied);
  EXPECT_NE(got.error().message.find("it ended with 3: not logged in"), std::string::npos);
  EXPECT_NE(got.error().message.find("install it from example.com"), std::string::npos);
  for (const std::string& script :
       {std::string("echo nonsense\n"), credential(""), credential(R"("clientKeyData":"k")")}) {
    use_plugin(script);
    got = get("web");
    ASSERT_FALSE(got) << script;
    EXPECT_EQ(got.error().code, Code::denied);
  }
  Config config = client->config();
  config.exec->command = "linnet-plugin-that-is-not-there";
  Client other(*curl, clock, config);
  const auto missing = run(other.get(maps, "web", soon()));
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("install it from example.com"), std::string::npos);
  EXPECT_TRUE(api.asked().empty());
}

TEST_F(ClientTest, APluginThatHangsIsKilledAtItsLimit) {
  use_plugin("exec tail -f /dev/null\n");
  const auto got = run(run_plugin(client->config(), clock, within(100ms)));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::timed_out) << got.error().message;
}

// Waits until the test calls let_go().
const std::string wait_to_go = "until [ -e \"$LOG.go\" ]; do sleep 0.01; done\n";

TEST_F(ClientTest, WhoCannotWaitForAPluginDoesNotEndItForThoseWhoCan) {
  use_plugin("echo ran >> \"$LOG\"\n" + wait_to_go + credential(R"("token":"t")"));
  api.put(maps, named("web"));
  const auto hurried = run(client->get(maps, "web", within(50ms)));
  ASSERT_FALSE(hurried);
  EXPECT_EQ(hurried.error().code, Code::timed_out);
  EXPECT_NE(hurried.error().message.find("waiting for the credential plugin"), std::string::npos);
  let_go();
  EXPECT_TRUE(get("web"));
  EXPECT_EQ(plugin_runs(), 1);
}

TEST_F(ClientTest, CredentialsAreUsedUntilTheyExpireWhileNewOnesAreMade) {
  use_plugin("echo ran >> \"$LOG\"\n" + wait_to_go + credential(R"("token":"new")"));
  api.put(maps, named("web"));
  client->adopt({{"old", "", ""}, WallTime{clock.now().wall.ms + 8'000}});
  ASSERT_TRUE(get("web"));
  EXPECT_EQ(token_of(0), "Bearer old");
  ASSERT_TRUE(eventually([&] { return plugin_runs() == 1; })) << "made in time";
  let_go();
  ASSERT_TRUE(
      eventually([&] { return get("web") && token_of(api.asked().size() - 1) != "Bearer old"; }));
  EXPECT_EQ(token_of(api.asked().size() - 1), "Bearer new");
  EXPECT_EQ(plugin_runs(), 1);
}

TEST_F(ClientTest, APluginThatCannotRenewWhatIsStillGoodIsNotRunForEachCall) {
  use_plugin("echo ran >> \"$LOG\"\nexit 3\n");
  api.put(maps, named("web"));
  client->adopt({{"old", "", ""}, WallTime{clock.now().wall.ms + 8'000}});
  ASSERT_TRUE(get("web"));
  ASSERT_TRUE(eventually([&] { return plugin_runs() == 1; }));
  const MonoTime began = clock.now().mono;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(get("web"));
  EXPECT_LE(plugin_runs(), 2 + (clock.now().mono - began) / 2s) << "not ten times";
  EXPECT_EQ(token_of(10), "Bearer old");
}

TEST_F(ClientTest, APluginEndsWithTheClientThatRanIt) {
  use_plugin("echo $$ >> \"$LOG\"\nexec tail -f /dev/null\n");
  EXPECT_FALSE(run(client->get(maps, "web", within(20ms))));
  ASSERT_TRUE(eventually([&] { return plugin_runs() == 1; }));
  pid_t pid = 0;
  std::ifstream(directory.path + "/log") >> pid;
  ASSERT_GT(pid, 0);
  client.reset();
  EXPECT_TRUE(eventually([&] { return ::kill(pid, 0) != 0; }));
}

TEST_F(ClientTest, APluginFindsWhatItNeedsInItsEnvironment) {
  use_plugin("printf '%s' \"$KUBERNETES_EXEC_INFO\" > \"$LOG\"\n" + credential(R"("token":"t")"));
  Config config = client->config();
  config.exec->provide_cluster_info = true;
  config.exec->cluster_extension = R"({"audience":"x"})";
  config.tls.ca_pem = "CA";
  client = std::make_unique<Client>(*curl, clock, config);
  api.put(maps, named("web"));
  ASSERT_TRUE(get("web"));
  std::ifstream log(directory.path + "/log");
  std::string text((std::istreambuf_iterator<char>(log)), {});
  const Json info = boost::json::parse(text);
  EXPECT_EQ(text_at(info, {"kind"}), "ExecCredential");
  EXPECT_EQ(text_at(info, {"spec", "cluster", "server"}), config.server);
  EXPECT_EQ(text_at(info, {"spec", "cluster", "certificate-authority-data"}), "Q0E=");
  EXPECT_EQ(text_at(info, {"spec", "cluster", "config", "audience"}), "x");
  EXPECT_FALSE(info.at("spec").at("interactive").as_bool());
}

TEST(PluginTime, TakesFractionsAndOffsets) {
  EXPECT_EQ(parse_rfc3339("2026-11-23T21:02:07Z")->text(), "2026-11-23T21:02:07.000Z");
  EXPECT_EQ(parse_rfc3339("2026-11-23T21:02:07.123456789Z")->text(), "2026-11-23T21:02:07.000Z");
  EXPECT_EQ(parse_rfc3339("2026-11-23T21:02:07+01:30")->text(), "2026-11-23T19:32:07.000Z");
  EXPECT_EQ(parse_rfc3339("2026-11-23T21:02:07.5-02:00")->text(), "2026-11-23T23:02:07.000Z");
  for (const char* bad : {"", "2026-11-23", "2026-11-23T21:02:07", "2026-11-23T21:02:07+1:30",
                          "2026-11-23T21:02:07.Zx"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
}

}  // namespace
}  // namespace linnet::kubernetes
