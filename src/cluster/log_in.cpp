#include "cluster/log_in.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "runtime/clock.h"

namespace linnet::cluster {
namespace {

constexpr Duration longest_login = 5min;  // a browser, a second factor

}  // namespace

Result<std::optional<kubernetes::PluginCredentials>> log_in(
    const kubernetes::ConfigChoice& choice) {
  using Given = std::optional<kubernetes::PluginCredentials>;
  TRY(config, kubernetes::load_config(choice));
  if (!kubernetes::may_ask(config)) return Given();
  boost::asio::io_context io(1);
  runtime::SystemClock clock;
  Result<kubernetes::PluginCredentials> answer = fail(Code::internal, "no answer");
  const Deadline deadline = clock.now().mono + longest_login;
  boost::asio::co_spawn(
      io, kubernetes::run_plugin(std::move(config), clock, deadline),
      [&](const std::exception_ptr& failed, Result<kubernetes::PluginCredentials> got) {
        if (!failed) answer = std::move(got);
        io.stop();
      });
  io.run();
  if (!answer) return fail(std::move(answer).error());
  return Given(*std::move(answer));
}

}  // namespace linnet::cluster
