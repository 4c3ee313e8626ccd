#include "cluster/drive.h"

#include <signal.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api/changes.h"
#include "api/routes.h"
#include "cluster/cluster_backend.h"
#include "net/http_server.h"
#include "runtime/clock.h"
#include "runtime/signals.h"

#ifndef LINNET_VERSION
#define LINNET_VERSION "0.0.0"
#endif

namespace linnet::cluster {
namespace {

namespace asio = boost::asio;

void say_to(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Waits for the command's next byte; true: for none any more.
Task<bool> hears_end(asio::posix::stream_descriptor& life) {
  char byte = 0;
  boost::system::error_code ended;
  co_await life.async_read_some(asio::buffer(&byte, 1),
                                asio::redirect_error(asio::use_awaitable, ended));
  co_return static_cast<bool>(ended);
}

Task<void> live(asio::io_context& io, ClusterBackend& backend, net::HttpServer& server,
                const DriveOptions& options) {
  using namespace asio::experimental::awaitable_operators;
  runtime::TaskGroup tasks(io.get_executor(), {});
  tasks.spawn("api", server.run());
  backend.start();
  if (options.engages) backend.engage();
  say_to(options.ready_fd, "\n");
  ::close(options.ready_fd);
  asio::posix::stream_descriptor life(io, options.life_fd);
  // The command was killed, and so is its engine: the Lease runs out.
  if (co_await hears_end(life)) ::_exit(4);
  co_await (backend.deliver_last() || hears_end(life));
  say_to(options.life_fd, backend.undelivered());
  co_await backend.wind_down();
  server.stop();
  tasks.cancel();
  co_await tasks.join();
  io.stop();
}

}  // namespace

int drive(const DriveOptions& options) {
  runtime::SystemClock clock;
  runtime::Log log(clock, runtime::Log::Level::error);
  runtime::ignore_failed_writes();
  asio::io_context io(1);
  const auto give_up = [&](const Error& error) {
    say_to(options.ready_fd, fmt::format("{} {}", code_name(error.code), error.message));
    return 4;
  };
  api::Changes changes(io.get_executor());
  auto parts = Parts::make({io, clock, log, changes}, options);
  if (!parts) return give_up(parts.error());
  ClusterBackend backend(std::move(*parts), changes, LINNET_VERSION, options.socket);
  api::Routes routes(backend, changes, clock);
  auto server = net::HttpServer::on_unix_socket(
      io.get_executor(), options.socket,
      [&routes](net::ServerRequest request) { return routes.answer(std::move(request)); });
  if (!server) return give_up(server.error());
  int code = 0;
  asio::co_spawn(io, live(io, backend, **server, options), [&](std::exception_ptr failed) {
    if (!failed) return;
    try {
      std::rethrow_exception(failed);
    } catch (const std::exception& error) {
      log.error("the engine of {} ends: {}", options.release.name, error.what());
    }
    code = 4;
    io.stop();
  });
  io.run();
  return code;
}

}  // namespace linnet::cluster
