#include "local/nginx_instance.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "local/child_process.h"
#include "local/inherited_sockets.h"
#include "local/proc_view.h"

namespace linnet::local {
namespace {

using Role = NginxProcess::Role;

constexpr Duration poll = 5ms;
constexpr Duration patience = 10s;  // for a start that nobody set a deadline for

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Result<void> write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text << std::flush;
  if (!file) return fail(Code::unavailable, "writing {}: {}", path, std::strerror(errno));
  ::chmod(path.c_str(), 0644);
  return {};
}

Result<void> make_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return fail(errno == EACCES ? Code::denied : Code::unavailable, "creating {}: {}", path,
                std::strerror(errno));
  if (::chmod(path.c_str(), mode) != 0)
    return fail(Code::denied, "setting the mode of {}: {}", path, std::strerror(errno));
  return {};
}

/// NGINX's own words without the lines that say nothing.
std::string complaint(const std::string& errors) {
  std::string text;
  std::istringstream lines(errors);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("test failed") != std::string::npos || line.find("[notice]") != std::string::npos)
      continue;
    const auto level = line.find("nginx: [");
    if (!text.empty()) text += "; ";
    text += level == 0 ? line.substr(7) : line;
    if (text.size() > 600) break;
  }
  return text.empty() ? "no reason given" : text.substr(0, 600);
}

/// Zero, or why an address cannot be listened on.
int bind_error(const ListenAddress& address) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_in);
  if (address.host.starts_with('[')) {
    auto& six = reinterpret_cast<sockaddr_in6&>(storage);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(address.port);
    if (::inet_pton(AF_INET6, address.host.substr(1, address.host.size() - 2).c_str(),
                    &six.sin6_addr) != 1)
      return 0;
    size = sizeof six;
  } else {
    auto& four = reinterpret_cast<sockaddr_in&>(storage);
    four.sin_family = AF_INET;
    four.sin_port = htons(address.port);
    const std::string host = address.host == "localhost" ? "127.0.0.1" : address.host;
    if (!host.empty() && host != "*" && ::inet_pton(AF_INET, host.c_str(), &four.sin_addr) != 1)
      return 0;  // a name: NGINX resolves it and complains itself
  }
  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  const int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  // listen() as well: two sockets with SO_REUSEADDR may both bind, but not both listen.
  int error = 0;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&storage), size) != 0 || ::listen(fd, 1) != 0)
    error = errno;
  ::close(fd);
  return error;
}

Result<void> check_ports(const NginxOwn& own) {
  std::set<pid_t> ours;
  for (const auto& process : nginx_processes(own.prefix)) ours.insert(process.pid);
  for (const auto& release : own.releases) {
    TRY(address, parse_listen(release.listen));
    const int error = bind_error(address);
    if (error == EACCES)
      return fail(Code::denied,
                  "listening on {} for {}: permission denied; ports below 1024 need root",
                  release.listen, release.name);
    if (error == EADDRNOTAVAIL)
      return fail(Code::invalid, "listening on {} for {}: this machine has no such address",
                  release.listen, release.name);
    if (error != EADDRINUSE) continue;
    std::string who;
    bool is_ours = false;
    for (const auto& holder : port_holders(address.port)) {
      is_ours |= ours.contains(holder.pid);
      who += (who.empty() ? "" : ", ") + holder.text;
    }
    if (!is_ours)
      return fail(Code::conflict,
                  "port {} for {} is taken by {}: stop that, or choose another `listen`",
                  address.port, release.name, who.empty() ? "somebody" : who);
  }
  return {};
}

}  // namespace

Result<std::string> find_nginx(const std::string& path, const std::string& further) {
  std::istringstream folders(path + ":" + further);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (folder.empty() || folder.front() != '/') continue;
    auto candidate = folder + "/nginx";
    struct stat seen {};
    if (::stat(candidate.c_str(), &seen) == 0 && S_ISREG(seen.st_mode) &&
        ::access(candidate.c_str(), X_OK) == 0)
      return candidate;
  }
  return fail(Code::not_found,
              "NGINX is not installed (looked in {}:{}): apt-get install nginx-light", path,
              further);
}

Result<WorkerUser> nginx_worker_user() {
  WorkerUser user;
  user.uid = ::geteuid();
  const passwd* entry = nullptr;
  if (user.uid == 0) {
    for (const char* name : {"www-data", "nginx", "nobody"})
      if ((entry = ::getpwnam(name)) != nullptr) break;
    if (entry == nullptr)
      return fail(Code::not_found,
                  "no user for NGINX's workers: create www-data (adduser --system www-data)");
    user.name = entry->pw_name;
    user.uid = entry->pw_uid;
  } else {
    entry = ::getpwuid(user.uid);
  }
  if (entry == nullptr) {
    user.groups = {::getegid()};
    return user;
  }
  int count = 64;
  user.groups.resize(static_cast<std::size_t>(count));
  if (::getgrouplist(entry->pw_name, entry->pw_gid, user.groups.data(), &count) < 0) count = 64;
  user.groups.resize(static_cast<std::size_t>(count));
  return user;
}

NginxInstance::NginxInstance(boost::asio::io_context& io, Clock& clock,
                             NginxInstanceOptions options)
    : io_(io), clock_(clock), options_(std::move(options)) {}

std::optional<pid_t> NginxInstance::master() const {
  const auto text = read_file(options_.prefix + "/nginx.pid");
  const pid_t pid = static_cast<pid_t>(std::strtol(text.c_str(), nullptr, 10));
  if (pid <= 1) return std::nullopt;
  // The number may have been given to another process since: title and working directory tell.
  const auto process = nginx_process(pid, options_.prefix);
  if (!process || process->role != Role::master) return std::nullopt;
  return pid;
}

Result<void> NginxInstance::reopen_logs() const {
  const auto pid = master();
  if (!pid || ::kill(*pid, SIGUSR1) != 0)
    return fail(Code::unavailable, "asking NGINX to reopen its logs: it does not run");
  return {};
}

Result<void> NginxInstance::make_directories(const NginxOwn& own) const {
  // 0711: workers of another user pass through. own/ is for linnet alone: whoever else read the
  // status page would make the count of requests wrong.
  TRY_VOID(make_directory(own.prefix, 0711));
  TRY_VOID(make_directory(own.prefix + "/temp", 0711));
  TRY_VOID(make_directory(own.prefix + "/own", 0700));
  if (own.worker_user.empty()) return {};
  TRY(worker, nginx_worker_user());
  for (const auto& release : own.releases) {
    TRY_VOID(check_searchable(release.switch_directory, worker));
    const auto folder = release.access_log.substr(0, release.access_log.rfind('/'));
    TRY_VOID(check_searchable(folder, worker));
  }
  return check_searchable(own.prefix + "/temp", worker);
}

Task<Result<void>> NginxInstance::test(std::string file, Deadline deadline) {
  ChildCommand command;
  command.arguments = {options_.binary, "-t", "-q", "-p", options_.prefix, "-c", file};
  command.directory = options_.prefix;
  const auto end = co_await run_child(io_, clock_, std::move(command), deadline);
  if (!end) co_return fail(end.error().while_doing("testing the NGINX configuration"));
  if (end->status != 0)
    co_return fail(Code::invalid, "NGINX refuses the configuration {}: {}", file,
                   complaint(end->errors));
  co_return Result<void>{};
}

Task<Result<Applied>> NginxInstance::apply(NginxOwn own, Deadline deadline) {
  CO_TRY(text, own_config(own));
  if (own.prefix != options_.prefix)
    co_return fail(Code::internal, "configuration for {} given to the NGINX of {}", own.prefix,
                   options_.prefix);
  CO_TRY_VOID(make_directories(own));
  CO_TRY_VOID(check_ports(own));
  const std::string file = options_.prefix + "/nginx.conf";
  const auto running = master();
  if (running && read_file(file) == text) {
    applied_ = std::move(own);
    co_return Applied{Applied::What::unchanged, *running, "NGINX runs with this configuration"};
  }
  const std::string next = file + ".new";
  CO_TRY_VOID(write_file(next, text));
  CO_TRY_VOID(co_await test(next, deadline));
  if (::rename(next.c_str(), file.c_str()) != 0)
    co_return fail(Code::unavailable, "replacing {}: {}", file, std::strerror(errno));
  if (running) {
    CO_TRY_VOID(co_await reload(*running, deadline));
    applied_ = std::move(own);
    co_return Applied{
        Applied::What::reloaded, *running,
        "NGINX was reloaded: requests under way are finished, but idle keep-alive "
        "connections are closed, and a client that uses one at that moment must retry"};
  }
  auto started = co_await start(own, deadline);
  if (!started) co_return fail(std::move(started).error());
  applied_ = std::move(own);
  co_return Applied{Applied::What::started, *started,
                    fmt::format("NGINX was started (pid {})", *started)};
}

Task<Result<pid_t>> NginxInstance::start(NginxOwn own, Deadline deadline) {
  // Workers whose master was killed still serve. Their sockets are handed to the new master, so
  // that no connection is refused in between; only then are they sent home.
  std::vector<pid_t> orphans;
  for (const auto& process : nginx_processes(own.prefix))
    if (process.role != Role::master) orphans.push_back(process.pid);
  int errors = -1;
  InheritedSockets sockets = take_listening_sockets(orphans);
  ChildCommand command;
  command.arguments = {options_.binary, "-p", own.prefix, "-c", own.prefix + "/nginx.conf"};
  command.directory = own.prefix;
  if (sockets.fds().empty()) {
    for (const pid_t pid : orphans) ::kill(pid, SIGQUIT);  // their sockets close at once
    ::unlink((own.prefix + "/own/status.sock").c_str());   // left behind by a kill
    auto end = co_await run_child(io_, clock_, std::move(command), deadline);
    if (!end) co_return fail(std::move(end).error().while_doing("starting NGINX"));
    if (end->status != 0)
      co_return fail(Code::unavailable, "starting NGINX: {}", complaint(end->errors));
  } else {
    // NGINX's way to replace its program without a gap; it then does not detach by itself.
    std::string list = "NGINX=";
    for (std::size_t i = 0; i < sockets.fds().size(); ++i)
      list += fmt::format("{};", first_inherited + static_cast<int>(i));
    command.environment = {list};
    command.inherited = sockets.fds();
    auto child = start_child(command);
    if (!child) co_return fail(std::move(child).error());
    // Its early words go into a pipe; without a reader they would kill it.
    errors = child->stderr_fd;
  }
  auto up = co_await master_is_up(deadline);
  if (errors >= 0) ::close(errors);
  CO_TRY_VOID(std::move(up));
  for (const pid_t pid : orphans) ::kill(pid, SIGQUIT);
  co_return *master();
}

Task<Result<void>> NginxInstance::master_is_up(Deadline deadline) {
  while (!master()) {
    if (clock_.now().mono >= deadline)
      co_return fail(Code::timed_out, "starting NGINX: no master process; see {}/error.log",
                     options_.prefix);
    co_await sleep_for(io_, poll);
  }
  co_return co_await workers_are_new(*master(), {}, deadline);
}

Task<Result<void>> NginxInstance::workers_are_new(pid_t master_pid, std::vector<pid_t> old,
                                                  Deadline deadline) {
  while (true) {
    bool any = false;
    bool stale = false;
    for (const auto& process : nginx_processes(options_.prefix)) {
      if (process.parent != master_pid || process.role != Role::worker) continue;
      const bool known = std::find(old.begin(), old.end(), process.pid) != old.end();
      stale |= known;
      any |= !known;
    }
    if (any && !stale) co_return Result<void>{};
    if (clock_.now().mono >= deadline)
      co_return fail(Code::timed_out, "NGINX did not take up its configuration; see {}/error.log",
                     options_.prefix);
    co_await sleep_for(io_, poll);
  }
}

Task<Result<void>> NginxInstance::reload(pid_t master_pid, Deadline deadline) {
  std::vector<pid_t> old;
  for (const auto& process : nginx_processes(options_.prefix))
    if (process.parent == master_pid) old.push_back(process.pid);
  if (::kill(master_pid, SIGHUP) != 0)
    co_return fail(Code::unavailable, "reloading NGINX: {}", std::strerror(errno));
  co_return co_await workers_are_new(master_pid, std::move(old), deadline);
}

Task<Result<void>> NginxInstance::quit(Deadline deadline) {
  quitting_ = true;
  const auto pid = master();
  if (!pid) co_return Result<void>{};
  if (::kill(*pid, SIGQUIT) != 0)
    co_return fail(Code::unavailable, "stopping NGINX: {}", std::strerror(errno));
  auto gone = co_await wait_gone(io_, *pid, deadline - clock_.now().mono);
  ::waitpid(*pid, nullptr, WNOHANG);
  if (!gone && gone.error().code == Code::timed_out)
    co_return fail(Code::timed_out, "NGINX (pid {}) still finishes requests and ends by itself",
                   *pid);
  co_return Result<void>{};
}

Task<void> NginxInstance::keep_running(std::function<void(std::string)> say) {
  Duration back_off = 100ms;
  while (applied_ && !quitting_) {
    if (const auto pid = master()) {
      // An hour, for a cancelled wait to be noticed; nothing happens when it has passed.
      const auto gone = co_await wait_gone(io_, *pid, 1h);
      if (!gone && gone.error().code == Code::timed_out) continue;
      ::waitpid(*pid, nullptr, WNOHANG);
      if (quitting_) co_return;
    }
    const Deadline deadline = clock_.now().mono + patience;
    auto started = co_await start(*applied_, deadline);
    if (started) {
      say(fmt::format("NGINX had died and was started again (pid {})", *started));
      back_off = 100ms;
      continue;
    }
    say(fmt::format("NGINX died and cannot be started: {}", started.error().message));
    co_await sleep_for(io_, back_off);
    back_off = std::min(back_off * 2, Duration(5s));
  }
}

}  // namespace linnet::local
