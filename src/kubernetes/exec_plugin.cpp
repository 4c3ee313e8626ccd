#include "kubernetes/exec_plugin.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "kubernetes/base64.h"
#include "net/listen.h"
#include "runtime/with_deadline.h"
#include "wire/json.h"

namespace linnet::kubernetes {
namespace {

namespace asio = boost::asio;
namespace js = boost::json;
using net::Descriptor;

constexpr std::size_t max_printed = 1u << 20;

struct SpawnSetup {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  SpawnSetup() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    sigset_t all, none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes,
                               static_cast<short>(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
};

/// A process that is killed and reaped at the latest with its owner.
struct Plugin {
  pid_t pid = 0;
  int status = 0;
  Descriptor printed;  // its standard output
  Descriptor errors;   // its standard error, unless that is a terminal
  ~Plugin() {
    if (pid > 0) {
      ::kill(pid, SIGKILL);
      reap();
    }
  }
  Plugin() = default;
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;
  void reap() {
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    pid = 0;
  }
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

Result<void> make_pipe(Descriptor& read_end, Descriptor& write_end) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return fail(Code::unavailable, "making a pipe: {}", std::strerror(errno));
  read_end = Descriptor(ends[0]);
  write_end = Descriptor(ends[1]);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {};
}

/// `out` is filled; its pid is 0 when this fails.
Result<void> start(const ExecPlugin& plugin, const std::string& info, bool interactive,
                   Plugin& out) {
  std::vector<std::string> words{plugin.command};
  words.insert(words.end(), plugin.arguments.begin(), plugin.arguments.end());
  std::vector<std::string> environment = plugin_environment(plugin, info);
  Descriptor printed, errors;
  TRY_VOID(make_pipe(out.printed, printed));
  TRY_VOID(make_pipe(out.errors, errors));
  SpawnSetup setup;
  ::posix_spawn_file_actions_adddup2(&setup.actions, printed.get(), 1);
  if (interactive) {
    out.errors = Descriptor();
  } else {
    ::posix_spawn_file_actions_addopen(&setup.actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&setup.actions, errors.get(), 2);
  }
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> envp = pointers(environment);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, plugin.command.c_str(), &setup.actions, &setup.attributes,
                                    argv.data(), envp.data());
  if (failed != 0) {
    const std::string hint = plugin.install_hint.empty() ? "" : "\n" + plugin.install_hint;
    return fail(Code::denied, "starting it: {}{}", std::strerror(failed), hint);
  }
  out.pid = pid;
  return {};
}

/// All that comes until the other side closes. What exceeds the limit is dropped.
Task<Result<std::string>> read_to_end(Descriptor from) {
  auto executor = co_await asio::this_coro::executor;
  asio::posix::stream_descriptor stream(executor, from.release());
  std::string all;
  std::array<char, 8192> chunk{};
  for (;;) {
    auto buffer = asio::buffer(chunk);
    auto got = co_await stream.async_read_some(buffer, asio::as_tuple(asio::use_awaitable));
    const auto error = std::get<0>(got);
    const std::size_t size = std::get<1>(got);
    if (error == asio::error::operation_aborted) co_return fail(Code::cancelled, "cancelled");
    if (error) co_return all;
    all.append(chunk.data(), std::min(size, max_printed - std::min(max_printed, all.size())));
  }
}

/// Until the process has ended; the Plugin that owns it reaps it.
Task<Result<void>> wait_for_end(pid_t pid) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) co_return fail(Code::unavailable, "watching it: {}", std::strerror(errno));
  auto executor = co_await asio::this_coro::executor;
  asio::posix::stream_descriptor gone(executor, fd);
  auto waited = co_await gone.async_wait(asio::posix::stream_descriptor::wait_read,
                                         asio::as_tuple(asio::use_awaitable));
  if (std::get<0>(waited)) co_return fail(Code::cancelled, "cancelled");
  co_return Result<void>();
}

struct Ended {
  std::string printed, errors;
  int status = 0;
};

Task<Result<Ended>> run_to_end(ExecPlugin plugin, std::string info, bool interactive) {
  Plugin running;
  CO_TRY_VOID(start(plugin, info, interactive, running));
  Ended out;
  auto printed = co_await read_to_end(std::move(running.printed));
  if (!printed) co_return fail(printed.error());
  out.printed = std::move(*printed);
  if (running.errors.get() >= 0) {
    // What it says beyond a pipe's 64 KiB would stop it; read_to_end of the output ends only when
    // it closes that, so a plugin that floods its errors runs into the deadline.
    auto errors = co_await read_to_end(std::move(running.errors));
    if (errors) out.errors = std::move(*errors);
  }
  auto ended = co_await wait_for_end(running.pid);
  if (!ended) co_return fail(ended.error());
  running.reap();
  out.status = running.status;
  co_return out;
}

std::string end_text(int status) {
  if (WIFSIGNALED(status)) return fmt::format("it was killed by signal {}", WTERMSIG(status));
  return fmt::format("it ended with {}", WEXITSTATUS(status));
}

std::string last_words(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.pop_back();
  if (text.size() > 1000) text.erase(0, text.size() - 1000);
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F; }, ' ');
  return text;
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream all;
  all << in.rdbuf();
  if (!in) return fail(Code::unavailable, "reading {}: {}", path, std::strerror(errno));
  return all.str();
}

}  // namespace

bool may_ask(const Config& config) {
  return config.exec && config.exec->interactive != ExecPlugin::Interactive::never &&
         ::isatty(STDIN_FILENO) == 1;
}

Result<std::string> exec_info(const Config& config, bool interactive) {
  const ExecPlugin& plugin = *config.exec;
  js::object spec{{"interactive", interactive}};
  if (plugin.provide_cluster_info) {
    js::object cluster{{"server", config.server}};
    if (!config.tls_server_name.empty()) cluster["tls-server-name"] = config.tls_server_name;
    if (!config.tls.verify) cluster["insecure-skip-tls-verify"] = true;
    if (config.proxy && !config.proxy->empty()) cluster["proxy-url"] = *config.proxy;
    std::string ca = config.tls.ca_pem;
    if (ca.empty() && !config.tls.ca_file.empty()) {
      TRY(read, read_file(config.tls.ca_file));
      ca = read;
    }
    if (!ca.empty()) cluster["certificate-authority-data"] = encode_base64(ca);
    if (!plugin.cluster_extension.empty()) {
      TRY(extension, parse_json(plugin.cluster_extension));
      cluster["config"] = extension;
    }
    spec["cluster"] = cluster;
  }
  return js::serialize(
      js::object{{"apiVersion", plugin.api_version}, {"kind", "ExecCredential"}, {"spec", spec}});
}

std::vector<std::string> plugin_environment(const ExecPlugin& plugin, const std::string& info) {
  std::vector<std::string> out = plugin.inherited;
  const auto set = [&out](const std::string& name, const std::string& value) {
    std::erase_if(out, [&](const std::string& one) { return one.starts_with(name + "="); });
    out.push_back(name + "=" + value);
  };
  for (const auto& [name, value] : plugin.environment) set(name, value);
  set("KUBERNETES_EXEC_INFO", info);
  return out;
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  constexpr std::size_t seconds_end = 19;  // "2026-11-23T21:02:07"
  const auto wrong = [&] { return fail(Code::invalid, "'{:.64}' is not a time", text); };
  if (text.size() < seconds_end + 1) return wrong();
  std::string_view zone = text.substr(seconds_end);
  if (zone.front() == '.')
    zone.remove_prefix(std::min(zone.find_first_not_of("0123456789", 1), zone.size()));
  TRY(local, wire::parse_wall_time(std::string(text.substr(0, seconds_end)) + "Z"));
  if (zone == "Z" || zone == "z") return local;
  const bool shaped = zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':';
  const auto digit = [&](std::size_t i) { return zone[i] >= '0' && zone[i] <= '9'; };
  if (!shaped || !digit(1) || !digit(2) || !digit(4) || !digit(5)) return wrong();
  const std::int64_t hours = (zone[1] - '0') * 10 + (zone[2] - '0');
  const std::int64_t minutes = (zone[4] - '0') * 10 + (zone[5] - '0');
  const std::int64_t offset = (hours * 60 + minutes) * 60'000;
  return WallTime{local.ms + (zone[0] == '+' ? -offset : offset)};
}

Result<PluginCredentials> read_plugin(const ExecPlugin& plugin, const std::string& printed) {
  const Result<Json> json = parse_json(printed);
  if (!json) return fail(Code::denied, "it printed no JSON object");
  const std::string kind = text_at(*json, {"kind"});
  const std::string version = text_at(*json, {"apiVersion"});
  if (kind != "ExecCredential" || version != plugin.api_version)
    return fail(Code::denied, "it printed a {:.64} of {:.64}, not an ExecCredential of {}",
                kind.empty() ? "thing without kind" : kind,
                version.empty() ? "no apiVersion" : version, plugin.api_version);
  PluginCredentials out;
  out.credentials.token = text_at(*json, {"status", "token"});
  out.credentials.client_certificate_pem = text_at(*json, {"status", "clientCertificateData"});
  out.credentials.client_key_pem = text_at(*json, {"status", "clientKeyData"});
  if (out.credentials.client_certificate_pem.empty() != out.credentials.client_key_pem.empty())
    return fail(Code::denied, "it gave a client certificate or a key without the other");
  if (out.credentials == Credentials{})
    return fail(Code::denied, "it gave neither a token nor a client certificate");
  if (const std::string expires = text_at(*json, {"status", "expirationTimestamp"});
      !expires.empty()) {
    auto at = parse_rfc3339(expires);
    if (!at) return fail(Code::denied, "its expirationTimestamp: {}", at.error().message);
    out.expires = *at;
  }
  return out;
}

Task<Result<PluginCredentials>> run_plugin(Config config, Clock& clock, Deadline deadline) {
  const ExecPlugin& plugin = *config.exec;
  const std::string what = fmt::format("running the credential plugin '{}'", plugin.command);
  const bool interactive = may_ask(config);
  // Also what the engine beside a command meets when the credentials of its start have expired.
  if (plugin.interactive == ExecPlugin::Interactive::always && !interactive)
    co_return fail(Code::denied,
                   "{}: it wants to ask something, and there is no terminal here: run the command "
                   "in a terminal, or give this user credentials that need nobody",
                   what);
  auto info = exec_info(config, interactive);
  if (!info) co_return fail(std::move(info).error().while_doing(what));
  const Duration limit = deadline - clock.now().mono;
  Task<Result<Ended>> work = run_to_end(plugin, *info, interactive);
  auto ended = co_await runtime::with_deadline(std::move(work), limit, what);
  if (!ended && ended.error().code == Code::timed_out) co_return fail(ended.error());
  if (!ended) co_return fail(std::move(ended).error().while_doing(what));
  if (ended->status != 0) {
    const std::string words = last_words(ended->errors);
    const std::string hint = plugin.install_hint.empty() ? "" : "\n" + plugin.install_hint;
    co_return fail(Code::denied, "{}: {}{}{}{}", what, end_text(ended->status),
                   words.empty() ? "" : ": ", words, hint);
  }
  auto read = read_plugin(plugin, ended->printed);
  if (!read) co_return fail(std::move(read).error().while_doing(what));
  co_return std::move(*read);
}

}  // namespace linnet::kubernetes
