// The life of the daemon: what is made, in which order it starts and ends.
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstring>

#include "api/routes.h"
#include "daemon/daemon.h"
#include "daemon/store_journal.h"
#include "local/guardian.h"
#include "local/nginx_config.h"
#include "net/http_server.h"
#include "runtime/clock.h"
#include "runtime/signals.h"
#include "runtime/with_deadline.h"
#include "runtime/zone_calendar.h"

#ifndef LINNET_VERSION
#define LINNET_VERSION "0.0.0"
#endif

namespace linnet::daemon {
namespace {

namespace asio = boost::asio;

// NGINX's workers look through the switches, as another user when linnet runs as root: they may
// pass these folders, not list them.
Result<void> make_passable(const std::string& state_dir, uid_t uid) {
  for (const std::string& directory :
       {state_dir, state_dir + "/switches", state_dir + "/releases"}) {
    if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
      return fail(Code::unavailable, "creating {}: {}", directory, std::strerror(errno));
    if (uid == 0 && chmod(directory.c_str(), 0711) != 0)
      return fail(Code::unavailable, "opening {} to NGINX's workers: {}", directory,
                  std::strerror(errno));
  }
  return {};
}

// A daemon that was killed while it started an instance leaves its locks to that child until the
// child sees that nobody is there and ends: milliseconds.
template <class Take>
auto patiently(Take take) {
  constexpr int attempts = 100;
  constexpr int pause_ms = 20;
  for (int attempt = 1;; ++attempt) {
    auto taken = take();
    if (taken || taken.error().code != Code::conflict || attempt == attempts) return taken;
    ::poll(nullptr, 0, pause_ms);
  }
}

Result<std::unique_ptr<net::HttpServer>> scrape_server(asio::io_context& io, api::Routes& routes,
                                                       const std::string& listen) {
  if (listen.empty()) return std::unique_ptr<net::HttpServer>();
  TRY(address, local::parse_listen(listen));
  return net::HttpServer::on_loopback(
      io.get_executor(), address.host, address.port,
      [&routes](net::ServerRequest request) { return routes.answer_scrape(std::move(request)); });
}

Task<bool> told_to_stop(Daemon& daemon, runtime::Signals& signals, bool hold) {
  using namespace asio::experimental::awaitable_operators;
  const auto told = co_await (signals.next() || daemon.shutdown_asked());
  co_return told.index() == 1 ? std::get<1>(told) || hold : hold;
}

struct Parts {
  asio::io_context& io;
  runtime::Log& log;
  Daemon& daemon;
  net::HttpServer& server;
  net::HttpServer* scrape;
  local::GuardianKeeper& guardian;
  runtime::TaskGroup& tasks;
};

Task<void> live(Parts parts, bool hold) {
  runtime::Signals signals(parts.io.get_executor(), {SIGTERM, SIGINT});
  co_await parts.daemon.take_up();
  parts.tasks.spawn("api", parts.server.run());
  if (parts.scrape != nullptr) parts.tasks.spawn("metrics", parts.scrape->run());
  const bool leave = co_await told_to_stop(parts.daemon, signals, hold);
  parts.log.info("ending{}", leave ? "; a running rollout is left as it is" : "");
  co_await parts.daemon.wind_down(leave);
  parts.server.stop();
  if (parts.scrape != nullptr) parts.scrape->stop();
  parts.guardian.goodbye();
  parts.tasks.cancel();
  co_await parts.tasks.join();
  parts.io.stop();
}

}  // namespace

int serve(const ServeOptions& options) {
  runtime::SystemClock clock;
  runtime::Log log(clock, runtime::Log::Level::info);
  const auto give_up = [&](const Error& error) {
    log.error("{}", error.message);
    return error.code == Code::conflict ? 5 : error.code == Code::invalid ? 2 : 4;
  };
  runtime::ignore_failed_writes();
  const uid_t uid = geteuid();
  if (auto made = runtime::make_directories(options.paths, uid); !made)
    return give_up(made.error());
  const std::string switches = options.paths.state_dir + "/switches";
  if (auto made = make_passable(options.paths.state_dir, uid); !made) return give_up(made.error());
  auto store = patiently([&] { return local::SqliteStore::open(options.paths.store); });
  if (!store) return give_up(store.error());
  const std::string lock_file = options.paths.state_dir + "/daemon.lock";
  auto lock = patiently([&] { return local::DaemonLock::take(lock_file); });
  if (!lock) return give_up(lock.error());

  asio::io_context io(1);
  api::Changes changes(io.get_executor());
  runtime::AsioDoorbell doorbell(io.get_executor());
  StoreJournal journal(**store, clock, log, changes);
  runtime::ZoneCalendar calendar;
  std::unique_ptr<net::Curl> curl;
  const auto get_curl = [&]() -> Result<net::Curl*> {
    if (!curl) {
      TRY(loaded, net::Curl::load(io.get_executor()));
      curl = std::move(loaded);
    }
    return curl.get();
  };
  Daemon daemon(Shared{io, clock, log, doorbell, **store, journal, calendar, get_curl,
                       options.paths.state_dir, options.search_path},
                changes, LINNET_VERSION);
  api::Routes routes(daemon, changes, clock);
  auto server = net::HttpServer::on_unix_socket(
      io.get_executor(), options.paths.socket,
      [&routes](net::ServerRequest request) { return routes.answer(std::move(request)); }, {},
      [&log](const std::string& text) { log.warning("api: {}", text); });
  if (!server) return give_up(server.error());
  auto scrape = scrape_server(io, routes, options.metrics_listen);
  if (!scrape) return give_up(scrape.error());

  local::GuardianKeeper guardian(io,
                                 {{options.program, "guardian"},
                                  switches,
                                  lock_file,
                                  options.guardian_limit,
                                  [&log](std::string text) { log.warning("guardian: {}", text); }});
  if (auto started = guardian.start(); !started) return give_up(started.error());

  runtime::TaskGroup tasks(io.get_executor(),
                           [&log](const std::string& name, const std::string& what) {
                             log.error("{} ended: {}", name, what);
                           });
  log.info("linnet {} serves on {}, process {}", LINNET_VERSION, options.paths.socket, getpid());
  int code = 0;
  asio::co_spawn(
      io, live(Parts{io, log, daemon, **server, scrape->get(), guardian, tasks}, options.hold),
      [&](std::exception_ptr failed) {
        if (!failed) return;
        try {
          std::rethrow_exception(failed);
        } catch (const std::exception& error) {
          log.error("the daemon ends: {}", error.what());
        }
        code = 4;
        io.stop();
      });
  io.run();
  log.info("ended");
  return code;
}

}  // namespace linnet::daemon
