// The daemon's side of the guardian: starts it, starts it again when it dies, sends it home.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "local/child_process.h"
#include "local/guardian.h"

namespace linnet::local {

namespace asio = boost::asio;

struct GuardianKeeper::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& io, Options given) : options(std::move(given)), gone(io), timer(io) {}

  Result<void> start() {
    int ends[2];
    // Close-on-exec: a service that inherited the write end would hide the daemon's death.
    if (::pipe2(ends, O_CLOEXEC) != 0)
      return fail(Code::unavailable, "starting the guardian: {}", std::strerror(errno));
    ChildCommand command;
    command.arguments = options.command;
    for (std::string word :
         {std::string("--pipe-fd"), std::to_string(first_inherited), std::string("--limit-ms"),
          std::to_string(options.limit.count()), std::string("--root"), options.root,
          std::string("--lock"), options.lock, std::string("--daemon"),
          DaemonLock::holder(options.lock)})
      command.arguments.push_back(std::move(word));
    command.inherited = {ends[0]};
    auto child = start_child(command);
    ::close(ends[0]);
    if (!child) {
      ::close(ends[1]);
      return fail(std::move(child).error().while_doing("starting the guardian"));
    }
    ::close(child->stderr_fd);
    pid = child->pid;
    pipe = ends[1];
    watch();
    return {};
  }

  void watch() {
    const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (fd < 0) return died();
    gone.assign(fd);
    gone.async_wait(asio::posix::stream_descriptor::wait_read,
                    [self = shared_from_this()](const boost::system::error_code& error) {
                      if (!error && !self->stopped) self->died();
                    });
  }

  void died() {
    boost::system::error_code ignored;
    gone.close(ignored);
    ::waitpid(pid, nullptr, WNOHANG);
    if (pipe >= 0) ::close(std::exchange(pipe, -1));
    pid = 0;
    if (options.say) options.say("the guardian died and is started again");
    retry();
  }

  void retry() {
    timer.expires_after(pause);
    pause = std::min(pause * 2, Duration(10s));
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (error || self->stopped) return;
      const auto started = self->start();
      if (started) return;
      if (self->options.say) self->options.say(started.error().message);
      self->retry();
    });
  }

  void stop(bool goodbye) {
    if (std::exchange(stopped, true)) return;
    if (pipe >= 0) {
      [[maybe_unused]] const auto sent = goodbye ? ::write(pipe, "b", 1) : 0;
      ::close(std::exchange(pipe, -1));
    }
    boost::system::error_code ignored;
    gone.close(ignored);
    timer.cancel();
    // It ends by itself and fast; a zombie for the rest of our life would be untidy.
    if (goodbye && pid > 0) ::waitpid(pid, nullptr, 0);
    pid = 0;
  }

  Options options;
  asio::posix::stream_descriptor gone;
  asio::steady_timer timer;
  pid_t pid = 0;
  int pipe = -1;
  Duration pause = 100ms;
  bool stopped = false;
};

GuardianKeeper::GuardianKeeper(asio::io_context& io, Options options)
    : impl_(std::make_shared<Impl>(io, std::move(options))) {}
GuardianKeeper::~GuardianKeeper() { impl_->stop(false); }
Result<void> GuardianKeeper::start() { return impl_->start(); }
void GuardianKeeper::goodbye() { impl_->stop(true); }
pid_t GuardianKeeper::pid() const { return impl_->pid; }

}  // namespace linnet::local
