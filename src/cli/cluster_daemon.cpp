#include "cli/cluster_daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "cli/documents.h"
#include "cli/exit_code.h"
#include "cli/leftovers.h"
#include "cluster/log_in.h"
#include "net/unix_client.h"
#include "runtime/paths.h"

namespace linnet::cli {
namespace {

/// Two ends that are connected: of the engine, and of the command.
struct Line {
  int engine = -1;
  int command = -1;
};

Result<Line> make_line() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(Code::unavailable, "starting the engine: {}", std::strerror(errno));
  return Line{ends[0], ends[1]};
}

class ClusterDaemon : public Daemon {
 public:
  ClusterDaemon(cluster::DriveOptions options, int signal_fd,
                std::function<void(std::string_view)> tell)
      : options_(std::move(options)), signal_fd_(signal_fd), tell_(std::move(tell)) {}
  ~ClusterDaemon() override { end(); }
  ClusterDaemon(const ClusterDaemon&) = delete;
  ClusterDaemon& operator=(const ClusterDaemon&) = delete;

  Result<std::string> request(std::string_view method, const std::string& path,
                              const std::string& body) override {
    heard_ = false;
    if (pid_ <= 0) TRY_VOID(begin());
    net::ClientRequest request;
    request.method = method;
    request.target = path;
    request.body = body;
    request.timeout = 40s;  // beyond the longest wait that is asked for, and a slow API server
    auto answer = net::UnixClient(options_.socket, signal_fd_).send(request);
    if (!answer) return fail(std::move(answer).error());
    heard_ = true;
    if (answer->status >= 200 && answer->status < 300) {
      // From now on the engine drives, and so must one that takes its place.
      if (method == "POST" && path.ends_with("/intents")) options_.engages = true;
      return std::move(answer->body);
    }
    return fail(read_error(answer->status, answer->body));
  }

  [[nodiscard]] bool heard() const override { return heard_; }
  [[nodiscard]] bool is_shared() const override { return false; }

  Result<void> start() override {
    end();
    options_.login.reset();  // the engine has run for a while: it may have expired
    return begin();
  }

  [[nodiscard]] std::string address() const override { return options_.socket; }

 private:
  Result<void> begin() {
    TRY(paths, runtime::paths_for(runtime::Environment::of_process()));
    TRY_VOID(runtime::make_private_directory(paths.runtime_dir, ::geteuid()));
    remove_leftovers(paths.runtime_dir);
    options_.socket = fmt::format("{}/cluster-{}.sock", paths.runtime_dir, ::getpid());
    if (options_.socket.size() > runtime::max_socket_path)
      return fail(Code::invalid, "the socket path {} is too long: set LINNET_RUNTIME_DIR",
                  options_.socket);
    TRY(life, make_line());
    TRY(ready, make_line());
    if (!options_.login) {
      TRY(login, cluster::log_in(options_.cluster));
      options_.login = std::move(login);
    }
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) be_the_engine(parent, life, ready);
    ::close(life.engine);
    ::close(ready.engine);
    life_ = life.command;
    if (pid_ < 0) return fail(Code::unavailable, "starting the engine: {}", std::strerror(errno));
    return wait_until_ready(ready.command);
  }

  // A fork without exec: it shares nothing with the command but what was read so far.
  [[noreturn]] void be_the_engine(pid_t parent, const Line& life, const Line& ready) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    ::setsid();  // Ctrl-C is the command's business
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_IGN);
    ::close(life.command);
    ::close(ready.command);
    if (const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC); null >= 0)
      for (const int fd : {0, 1}) ::dup2(null, fd);
    ::prctl(PR_SET_NAME, "linnet-engine");
    options_.life_fd = life.engine;
    options_.ready_fd = ready.engine;
    ::_exit(cluster::drive(options_));
  }

  Result<void> wait_until_ready(int fd) {
    std::string said;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(fd, buffer, sizeof buffer)) != 0;) {
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) break;
      said.append(buffer, static_cast<std::size_t>(got));
    }
    ::close(fd);
    if (said == "\n") return {};
    end();
    const std::size_t space = said.find(' ');
    if (space == std::string::npos)
      return fail(Code::internal, "the engine ended before it served");
    return fail(Error{code_named(said.substr(0, space)), said.substr(space + 1)});
  }

  void end() {
    if (life_ >= 0) {
      // A command that is killed says no goodbye: then nothing is given back, whichever of its end
      // and the kernel's signal reaches the engine first.
      [[maybe_unused]] const ssize_t told = ::write(life_, "\n", 1);
      hear_out();
      ::close(std::exchange(life_, -1));
    }
    if (pid_ > 0) {
      ::waitpid(pid_, nullptr, 0);
      ::unlink((options_.socket + ".lock").c_str());  // it has our number: nobody else's
    }
    pid_ = -1;
  }

  // Until the engine has ended. It may wait for receivers of notices, but no longer than the user.
  void hear_out() {
    std::string words;
    char buffer[4096];
    for (bool hurried = false;;) {
      pollfd ends[2] = {{life_, POLLIN, 0}, {hurried ? -1 : signal_fd_, POLLIN, 0}};
      if (::poll(ends, 2, -1) < 0 && errno != EINTR) break;
      if (ends[1].revents != 0) {
        hurried = true;
        [[maybe_unused]] const ssize_t told = ::write(life_, "\n", 1);
      }
      if (ends[0].revents == 0) continue;
      const ssize_t got = ::read(life_, buffer, sizeof buffer);
      if (got <= 0) break;
      words.append(buffer, static_cast<std::size_t>(got));
    }
    if (!words.empty()) tell_(words);
  }

  cluster::DriveOptions options_;
  int signal_fd_;
  std::function<void(std::string_view)> tell_;
  pid_t pid_ = -1;
  int life_ = -1;
  bool heard_ = false;
};

}  // namespace

std::unique_ptr<Daemon> cluster_daemon(cluster::DriveOptions options, int signal_fd,
                                       std::function<void(std::string_view)> tell) {
  return std::make_unique<ClusterDaemon>(std::move(options), signal_fd, std::move(tell));
}

}  // namespace linnet::cli
