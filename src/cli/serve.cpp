// linnet serve: the daemon. Everything else talks to it over its socket.
#include <unistd.h>

#include <cstdlib>

#include "cli/commands.h"
#include "cli/session.h"
#include "daemon/daemon.h"

namespace linnet::cli {
namespace {

std::string this_program() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : "linnet";
}

Result<Exit> run_serve(Session& session) {
  const Arguments& arguments = session.arguments();
  daemon::ServeOptions options;
  TRY(paths, runtime::paths_for(runtime::Environment::of_process()));
  options.paths = paths;
  const char* path = std::getenv("PATH");
  options.search_path = path != nullptr ? path : "";
  options.program = this_program();
  options.metrics_listen = arguments.text("--metrics-listen").value_or("");
  options.hold = arguments.has("--hold");
  if (const auto limit = arguments.text("--guardian-limit")) {
    TRY(duration, parse_duration(*limit));
    if (duration < 1s || duration > 10min)
      return fail(Code::invalid, "--guardian-limit {} is outside 1s to 10m", *limit);
    options.guardian_limit = duration;
  }
  return static_cast<Exit>(daemon::serve(options));
}

constexpr Option serve_options[] = {
    {"--hold", "", "At the end leave a running rollout as it is; else it is taken back"},
    {"--guardian-limit", "TIME",
     "Traffic returns to stable when the daemon is dead this long (10s)"},
    {"--metrics-listen", "ADDRESS", "Prometheus text at http://ADDRESS/metrics, loopback only"},
};

}  // namespace

constexpr Command serve_command{
    .name = "serve",
    .summary = "Run the daemon of this machine",
    .description =
        "Serves every release of this user: keeps its processes and NGINX running, watches "
        "rollouts "
        "and answers the other commands on a socket. Commands start it in the background when none "
        "runs; under systemd use packaging/linnet.service. SIGTERM and SIGINT take a running "
        "rollout "
        "back (unless --hold) and leave the services running.",
    .examples =
        "linnet serve                                    # in the foreground\n"
        "linnet serve --metrics-listen 127.0.0.1:9478    # for Prometheus\n",
    .options = serve_options,
    .run = run_serve,
};

}  // namespace linnet::cli
