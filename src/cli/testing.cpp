#include "cli/testing.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/result.h"

namespace linnet::cli::testing {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto patience = std::chrono::seconds(30);

std::string between(const std::string& text, const std::string& before, const std::string& after) {
  const std::size_t begin = text.find(before);
  if (begin == std::string::npos) return {};
  const std::size_t from = begin + before.size();
  return text.substr(from, text.find(after, from) - from);
}

// One process, its pipes or terminal, and whatever it writes until it ends.
struct Child {
  pid_t pid = -1;
  int out = -1;
  int err = -1;  // -1: in a terminal
  int in = -1;

  bool read(int& fd, std::string& to) const {
    char buffer[65536];
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count > 0) {
      to.append(buffer, static_cast<std::size_t>(count));
      return true;
    }
    ::close(fd);  // ended; a terminal says EIO
    fd = -1;
    return false;
  }

  // Calls `tick` every few milliseconds and after each piece of text.
  Ran finish(const std::function<void(const Ran&)>& tick) {
    Ran ran;
    const auto deadline = Clock::now() + patience;
    while ((out >= 0 || err >= 0) && Clock::now() < deadline) {
      pollfd fds[2] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
      ::poll(fds, 2, 10);
      if (out >= 0 && fds[0].revents != 0) read(out, ran.out);
      if (err >= 0 && fds[1].revents != 0) read(err, ran.err);
      tick(ran);
    }
    if (Clock::now() >= deadline) ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, 0);
    ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    if (in >= 0 && in != out) ::close(in);
    return ran;
  }
};

[[noreturn]] void execute(const std::string& executable, const std::vector<std::string>& words,
                          const std::string& directory,
                          const std::map<std::string, std::string>& environment) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  std::vector<char*> arguments{const_cast<char*>(executable.c_str())};
  std::vector<char*> settings;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& each : variables) settings.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  settings.push_back(nullptr);
  if (::chdir(directory.c_str()) != 0) ::_exit(126);
  ::execve(executable.c_str(), arguments.data(), settings.data());
  ::_exit(127);
}

}  // namespace

Scratch::Scratch() {
  char name[] = "/tmp/linnet-cli-XXXXXX";
  CHECK(::mkdtemp(name) != nullptr);
  path_ = name;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Scratch::write(const std::string& name, const std::string& text) const {
  const std::string file = path_ + "/" + name;
  std::ofstream(file, std::ios::binary) << text;
  return file;
}

FakeDaemon::FakeDaemon(const std::string& directory, std::string status)
    : status_(std::move(status)), socket_(directory + "/linnet.sock") {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  CHECK(socket_.size() < sizeof address.sun_path);
  std::strcpy(address.sun_path, socket_.c_str());
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  CHECK(::listen(listener_, 64) == 0);
  CHECK(::pipe2(stop_, O_CLOEXEC) == 0);
  answer("/v1/version", {R"({"version":"0.1.0","pid":1,"started":"2026-11-23T21:00:00.000Z"})"});
  thread_ = std::thread([this] { serve(); });
}

FakeDaemon::~FakeDaemon() {
  die();
  thread_.join();
  ::close(stop_[0]);
  ::close(stop_[1]);
}

void FakeDaemon::on(const std::string& kind, Outcome outcome) {
  const std::lock_guard lock(mutex_);
  outcomes_.insert_or_assign(kind, std::move(outcome));
}

void FakeDaemon::answer(const std::string& target, std::vector<std::string> bodies,
                        int http_status) {
  const std::lock_guard lock(mutex_);
  canned_.insert_or_assign(target, Canned{http_status, {bodies.begin(), bodies.end()}});
}

void FakeDaemon::answer_put(int http_status, std::string body) {
  const std::lock_guard lock(mutex_);
  put_ = {http_status, std::move(body)};
}

std::vector<Asked> FakeDaemon::asked() {
  const std::lock_guard lock(mutex_);
  return asked_;
}

std::vector<std::string> FakeDaemon::intents() {
  std::vector<std::string> bodies;
  for (const Asked& each : asked())
    if (each.method == "POST" && each.target.ends_with("/intents")) bodies.push_back(each.body);
  return bodies;
}

void FakeDaemon::die() { CHECK(::write(stop_[1], "x", 1) == 1); }

void FakeDaemon::serve() {
  for (;;) {
    pollfd fds[2] = {{listener_, POLLIN, 0}, {stop_[0], POLLIN, 0}};
    ::poll(fds, 2, -1);
    if (fds[1].revents != 0) break;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) serve_one(fd);
  }
  ::close(listener_);
  ::unlink(socket_.c_str());
}

void FakeDaemon::serve_one(int fd) {
  std::string text;
  char buffer[65536];
  const auto whole = [&text] {
    const std::size_t head = text.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    const std::string length = between(text, "Content-Length: ", "\r\n");
    return text.size() - head - 4 >= (length.empty() ? 0 : std::stoul(length));
  };
  while (!whole()) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count <= 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
  }
  Asked request;
  const std::size_t space = text.find(' ');
  if (space != std::string::npos && whole()) {
    request.method = text.substr(0, space);
    request.target = between(text, " ", " ");
    request.body = text.substr(text.find("\r\n\r\n") + 4);
    const auto [status, body] = respond(request);
    if (status != 0) {
      const std::string reply = fmt::format(
          "HTTP/1.1 {} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n"
          "Connection: close\r\n\r\n{}",
          status, body.size(), body);
      (void)!::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL);
    }
  }
  ::close(fd);
}

std::pair<int, std::string> FakeDaemon::respond(const Asked& request) {
  const std::lock_guard lock(mutex_);
  asked_.push_back(request);
  for (auto& [target, canned] : canned_) {
    if (!request.target.starts_with(target)) continue;
    std::string body = canned.bodies.front();
    if (canned.bodies.size() > 1) canned.bodies.pop_front();
    return {canned.http_status, body};
  }
  const std::string& target = request.target;
  if (request.method == "PUT") return put_;
  if (target == "/v1/releases") return {200, "[" + status_ + "]"};
  if (target.ends_with("/status")) return {200, status_};
  if (target.ends_with("/intents")) return {202, post_intent(request.body)};
  if (target.find("/journal?") != std::string::npos) {
    const std::string body = respond_journal(target);
    return {body.empty() ? 0 : 200, body};
  }
  if (target.find("/intents/") != std::string::npos) {
    const std::size_t number = std::stoul(between(target, "/intents/", "?"));
    const Outcome& outcome = answered_.at(number - 1);
    return {200,
            fmt::format(R"({{"intent":{},"state":"{}","code":"{}","text":"{}","rollout":"{}"}})",
                        number, outcome.state, outcome.code, outcome.text, outcome.rollout)};
  }
  return {404, R"({"error":{"code":"not_found","message":"no such thing here"}})"};
}

std::string FakeDaemon::post_intent(const std::string& body) {
  Outcome outcome = outcomes_[between(body, R"("kind":")", "\"")];
  frames_.insert(frames_.end(), outcome.frames.begin(), outcome.frames.end());
  dies_ = dies_ || outcome.dies_after;
  if (outcome.state == "accepted") next_frame();
  answered_.push_back(std::move(outcome));
  return fmt::format(R"({{"intent":{}}})", answered_.size());
}

bool FakeDaemon::next_frame() {
  if (frames_.empty()) return false;
  status_ = frames_.front().status;
  for (const std::string& line : frames_.front().journal) journal_.push_back(line);
  frames_.pop_front();
  return true;
}

// A client that waits gets the next frame at once; with none left it is answered empty.
std::string FakeDaemon::respond_journal(const std::string& target) {
  if (between(target, "after=", "&") == "-1")
    return fmt::format(R"({{"entries":[],"next":{}}})", journal_.size());
  const std::size_t after = std::stoul(between(target, "after=", "&"));
  if (after >= journal_.size() && !target.ends_with("wait=0")) {
    if (!next_frame() && dies_) {
      die();
      return {};
    }
  }
  std::string entries;
  for (std::size_t i = after; i < journal_.size(); ++i)
    entries += fmt::format(
        R"({}{{"seq":{},"at":"2026-11-23T21:00:{:02}.000Z","kind":"phase","text":"{}"}})",
        entries.empty() ? "" : ",", i + 1, i % 60, journal_[i]);
  return fmt::format(R"({{"entries":[{}],"next":{}}})", entries, std::max(after, journal_.size()));
}

std::string status_json(const std::string& phase, double weight, const std::string& reason,
                        const std::string& checks, const std::string& rollout) {
  const bool stepping = phase == "stepping";
  return fmt::format(
      R"({{"release":"shop","phase":"{}","step":{},"steps":4,"step_hold_ms":{},"step_held_ms":{},)"
      R"("weight_wanted":{},"weight_in_force":{},"versions":{{"stable":"{}","canary":"v1.1.0"}},)"
      R"("replicas":{{"stable":{{"wanted":2,"ready":2}},"canary":{{"wanted":{},"ready":{}}}}},)"
      R"("checks":{},"reason":"{}","since":"2026-11-23T21:00:00.000Z",)"
      R"("rollout":{{"id":"{}","by":"anna","started":"2026-11-23T20:58:00.000Z","from":"v1.0.0","to":"v1.1.0"}}}})",
      phase, stepping ? 2 : 0, stepping ? 60000 : 0, stepping ? 12000 : 0, weight, weight,
      phase == "succeeded" ? "v1.1.0" : "v1.0.0", weight > 0 ? 1 : 0, weight > 0 ? 1 : 0, checks,
      reason, rollout);
}

Program::Program(const Scratch& scratch) : executable(LINNET_PROGRAM), directory_(scratch.path()) {
  environment = {{"HOME", scratch.path()},
                 {"PATH", "/usr/bin:/bin"},
                 {"TZ", "UTC"},
                 {"LANG", "C.UTF-8"},
                 {"LINNET_RUNTIME_DIR", scratch.path()},
                 {"LINNET_STATE_DIR", scratch.path() + "/state"},
                 {"GITHUB_ACTOR", "anna"}};
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS"})
    if (const char* value = std::getenv(name)) environment[name] = value;
}

Ran Program::run(std::vector<std::string> words) {
  return run_and_signal(std::move(words), 0, [] { return false; });
}

Ran Program::run_and_signal(std::vector<std::string> words, int signal,
                            const std::function<bool()>& when) {
  int out[2];
  int err[2];
  CHECK(::pipe2(out, O_CLOEXEC) == 0 && ::pipe2(err, O_CLOEXEC) == 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(::open("/dev/null", O_RDONLY), 0);
    ::dup2(out[1], 1);
    ::dup2(err[1], 2);
    execute(executable, words, directory_, environment);
  }
  ::close(out[1]);
  ::close(err[1]);
  bool sent = false;
  return Child{pid, out[0], err[0]}.finish([&](const Ran&) {
    if (sent || !when()) return;
    sent = true;
    ::kill(pid, signal);
  });
}

Ran Program::run_in_terminal(std::vector<std::string> words,
                             const std::function<std::string(const std::string&)>& act,
                             const std::function<std::string()>& also) {
  winsize size{};
  size.ws_row = 30;
  size.ws_col = 100;
  int terminal = -1;
  std::map<std::string, std::string> variables = environment;
  variables["TERM"] = "xterm";
  const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (pid == 0) execute(executable, words, directory_, variables);
  ::fcntl(terminal, F_SETFD, FD_CLOEXEC);
  std::size_t seen = 0;
  const int keyboard = ::dup(terminal);
  return Child{pid, terminal, -1, keyboard}.finish([&](const Ran& ran) {
    std::string typed = also();
    if (ran.out.size() != seen) typed += act(ran.out);
    seen = ran.out.size();
    (void)!::write(keyboard, typed.data(), typed.size());
  });
}

}  // namespace linnet::cli::testing
