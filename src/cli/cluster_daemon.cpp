#include "cli/cluster_daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
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

struct Pipe {
  int read = -1;
  int write = -1;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return fail(Code::unavailable, "starting the engine: {}", std::strerror(errno));
  return Pipe{ends[0], ends[1]};
}

class ClusterDaemon : public Daemon {
 public:
  ClusterDaemon(cluster::DriveOptions options, int signal_fd)
      : options_(std::move(options)), signal_fd_(signal_fd) {}
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
    if (answer->status >= 200 && answer->status < 300) return std::move(answer->body);
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
    TRY(life, make_pipe());
    TRY(ready, make_pipe());
    if (!options_.login) {
      TRY(login, cluster::log_in(options_.cluster));
      options_.login = std::move(login);
    }
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) be_the_engine(parent, life, ready);
    ::close(life.read);
    ::close(ready.write);
    life_ = life.write;
    if (pid_ < 0) return fail(Code::unavailable, "starting the engine: {}", std::strerror(errno));
    return wait_until_ready(ready.read);
  }

  // A fork without exec: it shares nothing with the command but what was read so far.
  [[noreturn]] void be_the_engine(pid_t parent, const Pipe& life, const Pipe& ready) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);
    ::setsid();  // Ctrl-C is the command's business
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_IGN);
    ::close(life.write);
    ::close(ready.read);
    if (const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC); null >= 0)
      for (const int fd : {0, 1}) ::dup2(null, fd);
    ::prctl(PR_SET_NAME, "linnet-engine");
    options_.life_fd = life.read;
    options_.ready_fd = ready.write;
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
      ::close(std::exchange(life_, -1));
    }
    if (pid_ > 0) {
      ::waitpid(pid_, nullptr, 0);
      ::unlink((options_.socket + ".lock").c_str());  // it has our number: nobody else's
    }
    pid_ = -1;
  }

  cluster::DriveOptions options_;
  int signal_fd_;
  pid_t pid_ = -1;
  int life_ = -1;
  bool heard_ = false;
};

}  // namespace

std::unique_ptr<Daemon> cluster_daemon(cluster::DriveOptions options, int signal_fd) {
  return std::make_unique<ClusterDaemon>(std::move(options), signal_fd);
}

}  // namespace linnet::cli
