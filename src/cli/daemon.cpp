#include "cli/daemon.h"

#include <unistd.h>

#include "cli/documents.h"
#include "net/unix_client.h"
#include "runtime/background.h"
#include "runtime/paths.h"

namespace linnet::cli {
namespace {

class LocalDaemon : public Daemon {
 public:
  explicit LocalDaemon(int signal_fd) : signal_fd_(signal_fd) {
    paths_ = runtime::paths_for(runtime::Environment::of_process());
  }

  Result<std::string> request(std::string_view method, const std::string& path,
                              const std::string& body) override {
    if (!paths_) return fail(paths_.error());
    net::ClientRequest request;
    request.method = method;
    request.target = path;
    request.body = body;
    request.timeout = 30s;  // beyond the longest wait that is asked for
    heard_ = false;
    auto answer = net::UnixClient(paths_->socket, signal_fd_).send(request);
    if (!answer) return fail(std::move(answer).error());
    heard_ = true;
    if (answer->status >= 200 && answer->status < 300) return std::move(answer->body);
    return fail(read_error(answer->status, answer->body));
  }

  [[nodiscard]] bool heard() const override { return heard_; }

  Result<void> start() override {
    if (!paths_) return fail(paths_.error());
    TRY_VOID(runtime::make_directories(*paths_, ::geteuid()));
    char self[4096] = {};
    const ssize_t length = ::readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0)
      return fail(Code::internal, "starting a daemon: /proc/self/exe cannot be read");
    runtime::Background background;
    background.command = {std::string(self, static_cast<std::size_t>(length)), "serve"};
    background.log_file = paths_->serve_log;
    const net::UnixClient client(paths_->socket);
    background.answers = [&client] { return client.answers(); };
    auto started = runtime::start_in_background(background);
    if (!started) return fail(std::move(started).error().while_doing("starting a daemon"));
    return {};
  }

  [[nodiscard]] std::string address() const override {
    return paths_ ? paths_->socket : "its socket";
  }

 private:
  int signal_fd_;
  bool heard_ = false;
  Result<runtime::Paths> paths_ = fail(Code::internal, "not looked up yet");
};

}  // namespace

std::unique_ptr<Daemon> local_daemon(int signal_fd) {
  return std::make_unique<LocalDaemon>(signal_fd);
}

}  // namespace linnet::cli
