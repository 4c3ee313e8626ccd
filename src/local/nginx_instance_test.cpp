#include "local/nginx_instance.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/detached.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "local/nginx_file_router.h"
#include "local/proc_view.h"
#include "local/testing/world.h"

namespace linnet::local {
namespace {

using namespace testing;  // NOLINT: the world of these tests

using Role = NginxProcess::Role;

/// Keep-alive clients in threads; counts what they saw.
class Crowd {
 public:
  Crowd(std::uint16_t port, int clients, std::string path = "/") {
    for (int i = 0; i < clients; ++i)
      threads_.emplace_back([this, port, path] {
        HttpClient client(port);
        const auto ask = [&] {
          const auto reply = client.get(path);
          ++asked_;
          if (reply.status != 200) ++failed_;
          if (reply.body == "canary") ++canary_;
          return reply.status == 200;
        };
        bool answered = true;
        while (!stop_) answered = ask();
        // Who was cut off by the last answer connects again as all others did.
        if (!answered) ask();
        reconnects_ += client.reconnects();
      });
  }
  ~Crowd() { stop(); }
  void stop() {
    stop_ = true;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }
  std::atomic<int> asked_ = 0, failed_ = 0, canary_ = 0, reconnects_ = 0;

 private:
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

/// A world with one instance of each track behind two slots each.
struct ServingWorld : World {
  explicit ServingWorld(core::Sticky sticky = {})
      : World(2, 2, std::move(sticky)),
        stable(release().slots.stable[1], "stable"),
        canary(release().slots.canary[0], "canary") {
    const auto applied = apply();
    EXPECT_TRUE(applied) << applied.error().message;
    CHECK(applied->what == Applied::What::started);
  }
  TinyServer stable;
  TinyServer canary;
};

TEST(NginxInstance, SendsTheAskedShareToTheCanary) {
  ServingWorld world;
  HttpClient client(world.port);
  for (const int ppm : {0, 1000, 50'000, 250'000, 750'000, 1'000'000}) {
    ASSERT_TRUE(world.weight->set(Percent::from_ppm(ppm), false));
    const int asked = ppm == 1000 ? 8000 : 2500;
    int canary = 0;
    for (int i = 0; i < asked; ++i) {
      const auto reply = client.get("/");
      ASSERT_EQ(reply.status, 200);
      canary += reply.body == "canary" ? 1 : 0;
    }
    const double share = ppm / 1e6;
    const double sigma = std::sqrt(asked * share * (1 - share));
    EXPECT_LE(std::abs(canary - asked * share), 5 * sigma + (share == 0.001 ? 5 : 0)) << ppm;
  }
  EXPECT_EQ(client.reconnects(), 0);
}

TEST(NginxInstance, ChangesWeightsUnderKeepAliveClientsWithoutOneFailure) {
  ServingWorld world;
  Crowd crowd(world.port, 8);
  NginxFileRouter router(*world.weight);
  for (int i = 0; i < 100; ++i) {
    const auto weight = i % 4 == 3 ? Percent() : Percent::whole(25 * (i % 4 + 1));
    ASSERT_TRUE(run(world.io, router.set({weight, weight.is_zero()}, world.soon())));
    const auto seen = run(world.io, router.read(world.soon()));
    EXPECT_EQ(seen->weight, weight);
    EXPECT_EQ(seen->taken_back, weight.is_zero());
    const int asked = crowd.asked_;
    ASSERT_TRUE(until(world.io, [&] { return crowd.asked_ > asked + 20; }));
  }
  // The last change was to 0: what starts from now on goes to stable.
  const int served = world.canary.requests();
  HttpClient client(world.port);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.get("/").body, "stable");
  crowd.stop();
  EXPECT_LE(world.canary.requests() - served, 8) << "only those under way when the switch fell";
  EXPECT_EQ(crowd.failed_, 0);
  EXPECT_EQ(crowd.reconnects_, 0);
  EXPECT_GT(crowd.canary_, 0);
}

TEST(NginxInstance, StickyCookiesStayWhenTheWeightGrowsAndLeaveOnRollback) {
  ServingWorld world({core::Sticky::By::cookie, "lane"});
  struct User {
    std::string cookie;
    bool canary = false;
  };
  std::vector<User> users(60);
  ASSERT_TRUE(world.weight->set(Percent::whole(30), false));
  HttpClient client(world.port);
  for (auto& user : users) {
    const auto reply = client.get("/");
    const auto at = reply.head.find("Set-Cookie: lane=");
    ASSERT_NE(at, std::string::npos) << reply.head;
    const auto value = at + std::string("Set-Cookie: ").size();
    user.cookie = reply.head.substr(value, reply.head.find(';', at) - value);
    user.canary = reply.body == "canary";
  }
  for (const int weight : {30, 50, 80, 100}) {
    ASSERT_TRUE(world.weight->set(Percent::whole(weight), false));
    for (auto& user : users) {
      const auto reply = client.get("/", "Cookie: " + user.cookie + "\r\n");
      EXPECT_EQ(reply.head.find("Set-Cookie"), std::string::npos);
      if (user.canary) {
        EXPECT_EQ(reply.body, "canary") << "who was in stays in";
      }
      user.canary = reply.body == "canary";
    }
  }
  ASSERT_TRUE(world.weight->set(Percent(), true));
  for (const auto& user : users)
    EXPECT_EQ(client.get("/", "Cookie: " + user.cookie + "\r\n").body, "stable");
}

TEST(NginxInstance, KeepsAClientAddressOnOneTrack) {
  ServingWorld world({core::Sticky::By::client_address, ""});
  ASSERT_TRUE(world.weight->set(Percent::whole(50), false));
  HttpClient client(world.port);
  const auto first = client.get("/").body;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.get("/").body, first);
}

TEST(NginxInstance, LetsStableAnswerWhenNoCanaryCanBeReached) {
  World world;
  TinyServer stable(world.release().slots.stable[0], "stable");
  ASSERT_TRUE(world.apply());
  ASSERT_TRUE(world.weight->set(Percent::whole(100), false));
  HttpClient client(world.port);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client.get("/").body, "stable");
    EXPECT_EQ(client.get("/", "Content-Length: 0\r\n", "POST").body, "stable");
  }
}

TEST(NginxInstance, OneBrokenAnswerTakesTheOnlyStableInstanceOutForNobody) {
  World world(1, 1);
  TinyServer stable(world.release().slots.stable[0], "stable");
  ASSERT_TRUE(world.apply());
  HttpClient client(world.port);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(client.get("/cut").status, 502);
    EXPECT_EQ(client.get("/").body, "stable");
  }
}

TEST(NginxInstance, PassesHostAndForwardedHeadersOn) {
  ServingWorld world;
  HttpClient client(world.port);
  const auto head = client.get("/echo?a=%20b//c", "Upgrade: websocket\r\n").body;
  EXPECT_NE(head.find("GET /echo?a=%20b//c HTTP/1.1"), std::string::npos) << head;
  EXPECT_NE(head.find("Host: test\r\n"), std::string::npos);
  EXPECT_NE(head.find("X-Forwarded-For: 127.0.0.1"), std::string::npos);
  EXPECT_NE(head.find("Connection: upgrade"), std::string::npos);
  EXPECT_EQ(client.get("/echo").body.find("Connection:"), std::string::npos);
}

TEST(NginxInstance, IsFoundAgainByTheNextLinnetAndLeftAloneWhenNothingChanged) {
  ServingWorld world;
  const auto master = *world.nginx->master();
  NginxInstance later(world.io, world.clock, {*find_nginx(""), world.own.prefix});
  EXPECT_EQ(later.master(), master);
  const auto applied = run(world.io, later.apply(world.own, world.soon()));
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(applied->what, Applied::What::unchanged);
  EXPECT_EQ(applied->master, master);
}

TEST(NginxInstance, TakesAForeignPidFileForNothing) {
  World world;
  std::filesystem::create_directory(world.own.prefix);
  std::ofstream(world.own.prefix + "/nginx.pid") << ::getpid() << '\n';
  EXPECT_FALSE(world.nginx->master());
  EXPECT_EQ(world.nginx->reopen_logs().error().code, Code::unavailable);
}

TEST(NginxInstance, ReloadsWhenSlotsAreAddedAndSaysWhatThatMeans) {
  ServingWorld world;
  Crowd crowd(world.port, 4);
  const auto more = free_ports(1);
  TinyServer added(more[0], "stable");
  world.release().slots.stable.push_back(more[0]);
  const auto applied = world.apply();
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(applied->what, Applied::What::reloaded);
  EXPECT_NE(applied->text.find("keep-alive"), std::string::npos);
  EXPECT_TRUE(until(world.io, [&] { return added.requests() > 0; }));
  crowd.stop();
  // A client that met a closing connection had to connect again, nothing worse.
  EXPECT_LE(crowd.failed_, crowd.reconnects_);
}

TEST(NginxInstance, RefusesAConfigurationThatNginxRefusesAndGoesOn) {
  ServingWorld world;
  world.own.worker_user = "no-such-user-here";
  const auto before = *world.nginx->master();
  const auto applied = world.apply();
  if (::geteuid() == 0) {
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, Code::invalid);
    EXPECT_NE(applied.error().message.find("no-such-user-here"), std::string::npos)
        << applied.error().message;
  }
  EXPECT_EQ(world.nginx->master(), before);
  HttpClient client(world.port);
  EXPECT_EQ(client.get("/").status, 200);
}

TEST(NginxInstance, SaysWhoHoldsAPort) {
  World world;
  TinyServer other(world.port, "other");
  const auto applied = world.apply();
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, Code::conflict);
  EXPECT_NE(applied.error().message.find(std::to_string(world.port)), std::string::npos);
  EXPECT_NE(applied.error().message.find(fmt::format("pid {}", ::getpid())), std::string::npos)
      << applied.error().message;
}

TEST(NginxInstance, RefusesToStartWhereItsWorkersCouldNotSeeTheSwitch) {
  if (::geteuid() != 0) GTEST_SKIP() << "workers of an ordinary user are that user";
  World world;
  ::chmod((world.folder.path() + "/traffic").c_str(), 0700);
  const auto applied = world.apply();
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, Code::denied);
  EXPECT_NE(applied.error().message.find("chmod o+x"), std::string::npos)
      << applied.error().message;
}

TEST(NginxInstance, TakesOverFromWorkersWhoseMasterWasKilledWithoutRefusingAnyone) {
  ServingWorld world;
  std::vector<std::string> said;
  boost::asio::co_spawn(world.io,
                        world.nginx->keep_running([&](std::string text) { said.push_back(text); }),
                        boost::asio::detached);
  Crowd crowd(world.port, 4);
  ASSERT_TRUE(until(world.io, [&] { return crowd.asked_ > 100; }));
  std::vector<pid_t> old;
  for (const auto& process : nginx_processes(world.own.prefix)) old.push_back(process.pid);
  ASSERT_EQ(::kill(*world.nginx->master(), SIGKILL), 0);
  ASSERT_TRUE(until(world.io, [&] { return !said.empty(); }));
  EXPECT_NE(said[0].find("started again"), std::string::npos) << said[0];
  // The orphans finish and leave; a new master serves alone.
  ASSERT_TRUE(until(world.io, [&] {
    for (const auto& process : nginx_processes(world.own.prefix))
      if (std::find(old.begin(), old.end(), process.pid) != old.end()) return false;
    return true;
  }));
  const int asked = crowd.asked_;
  ASSERT_TRUE(until(world.io, [&] { return crowd.asked_ > asked + 100; }));
  crowd.stop();
  // As at a reload: idle connections of the old workers are closed, none is refused.
  EXPECT_LE(crowd.failed_, crowd.reconnects_);
  EXPECT_LE(crowd.failed_, 4);
  EXPECT_TRUE(run(world.io, world.nginx->quit(world.soon())));
  EXPECT_FALSE(world.nginx->master());
}

TEST(NginxInstance, StartsAgainAfterEverythingOfItWasKilled) {
  ServingWorld world;
  std::vector<std::string> said;
  boost::asio::co_spawn(world.io,
                        world.nginx->keep_running([&](std::string text) { said.push_back(text); }),
                        boost::asio::detached);
  until(world.io, [] { return true; });
  const auto all = nginx_processes(world.own.prefix);
  for (const auto& process : all)
    if (process.role == Role::master) ::kill(process.pid, SIGKILL);
  for (const auto& process : all) ::kill(process.pid, SIGKILL);
  ASSERT_TRUE(until(world.io, [&] { return !said.empty(); }));
  HttpClient client(world.port);
  EXPECT_EQ(client.get("/").status, 200);
  EXPECT_TRUE(run(world.io, world.nginx->quit(world.soon())));
}

TEST(NginxInstance, SaysHowToInstallNginxWhenThereIsNone) {
  EXPECT_TRUE(find_nginx("/usr/bin:/usr/sbin"));
  const auto missing = find_nginx("/nowhere:relative", "/nowhere/either");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
  EXPECT_NE(missing.error().message.find("apt-get install nginx-light"), std::string::npos);
}

TEST(NginxInstance, AcceptsTheIncludeInsideAnNginxOfOthers) {
  World world;
  TinyServer stable(world.release().slots.stable[0], "stable");
  const auto include = include_config(world.release());
  ASSERT_TRUE(include);
  std::filesystem::create_directory(world.own.prefix);
  const auto other = free_ports(1)[0];
  std::ofstream(world.own.prefix + "/shop.conf") << include->http;
  std::ofstream(world.own.prefix + "/shop.conf.location") << include->location;
  std::ofstream(world.own.prefix + "/nginx.conf") << fmt::format(
      "pid {0}/nginx.pid; error_log {0}/error.log; events {{}}\nhttp {{ access_log off; "
      "include {0}/shop.conf; server {{ listen 127.0.0.1:{1}; location / {{ include "
      "{0}/shop.conf.location; }} }} }}",
      world.own.prefix, other);
  // As its owner would start it; the test's world ends it.
  const auto command =
      fmt::format("cd {0} && {1} -p {0} -c {0}/nginx.conf", world.own.prefix, *find_nginx(""));
  ASSERT_EQ(std::system(command.c_str()), 0);
  ASSERT_TRUE(until(world.io, [&] { return HttpClient(other).get("/").body == "stable"; }));
  EXPECT_EQ(HttpClient(world.port).get("/").body, "stable");
}

}  // namespace
}  // namespace linnet::local
