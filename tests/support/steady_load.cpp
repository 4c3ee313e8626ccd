// Users at a steady pace: keepalive HTTP/1.1 clients that together send so many requests a second
// and record each outcome. Nothing is ever retried, and a connection that the server closes
// unannounced is counted: linnet's promise is that not one request is lost, so the measure must not
// forgive any.
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <csignal>
#include <cstring>
#include <deque>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arguments.h"
#include "load_tally.h"

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t max_answer_bytes = 4 * 1024 * 1024;
constexpr long max_seconds = 3600;
constexpr std::int64_t max_events = 20'000'000;

struct Target {
  tcp::endpoint address;
  std::string request;  // the bytes of every request
};

/// Splits http://127.0.0.1:8080/path; exits with 2 on anything but loopback: this is no weapon.
/// `host_header` is asked for instead of the address when it is not empty: an ingress routes by it.
Target parse_url(const std::string& url, const std::string& host_header,
                 const std::string& header) {
  const std::string_view scheme = "http://";
  if (!url.starts_with(scheme)) support::refuse("--url must begin with http://");
  const auto slash = url.find('/', scheme.size());
  std::string host = url.substr(scheme.size(), slash - scheme.size());
  const std::string path = slash == std::string::npos ? "/" : url.substr(slash);
  const auto colon = host.rfind(':');
  unsigned short port = 80;
  if (colon != std::string::npos) {
    const char* end = host.data() + host.size();
    if (std::from_chars(host.data() + colon + 1, end, port).ptr != end) support::refuse("bad port");
  }
  const std::string name = host.substr(0, colon);
  error_code error;
  const auto address = asio::ip::make_address(name == "localhost" ? "127.0.0.1" : name, error);
  if (error || !address.is_loopback()) support::refuse("--url must be an address of this machine");
  const std::string& asked = host_header.empty() ? host : host_header;
  std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + asked + "\r\n";
  if (!header.empty()) request += header + "\r\n";
  return {tcp::endpoint(address, port), request + "\r\n"};
}

/// The head of an answer as far as this client needs it.
struct Answer {
  int status = 0;
  std::string version = "none";
  bool close = false;
  bool chunked = false;
  std::size_t head_bytes = 0;
  std::size_t body_bytes = 0;
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& letter : out) letter = static_cast<char>(std::tolower(letter));
  return out;
}

/// Fills `answer` when `input` holds a whole head; false: more bytes are needed.
bool parse_head(std::string_view input, Answer& answer) {
  const auto end = input.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  answer.head_bytes = end + 4;
  if (input.size() > 12) std::from_chars(input.data() + 9, input.data() + 12, answer.status);
  std::size_t at = input.find("\r\n") + 2;
  while (at < end + 2) {
    const auto stop = input.find("\r\n", at);
    const std::string_view line = input.substr(at, stop - at);
    at = stop + 2;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string name = lower(line.substr(0, colon));
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    if (name == "x-version") answer.version = value;
    if (name == "connection") answer.close = lower(value) == "close";
    if (name == "transfer-encoding") answer.chunked = lower(value) == "chunked";
    if (name == "content-length") {
      std::from_chars(value.data(), value.data() + value.size(), answer.body_bytes);
    }
  }
  return true;
}

/// One line an outcome: start and end in us, client, status (0: none), version, what happened.
class EventLog {
 public:
  EventLog(const std::string& path, support::Tally& tally) : tally_(tally) {
    if (!path.empty()) file_ = std::fopen(path.c_str(), "we");
    if (!path.empty() && file_ == nullptr) support::refuse(path + ": cannot be written");
    if (file_ != nullptr) std::setvbuf(file_, nullptr, _IOFBF, 1 << 16);
  }
  ~EventLog() {
    if (file_ != nullptr) std::fclose(file_);
  }
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  void add(std::int64_t start, std::int64_t end, int client, int status, const char* version,
           const char* what) {
    if (file_ == nullptr) return;
    if (++events_ > max_events) {
      ++tally_.events_dropped;
      return;
    }
    std::fprintf(file_, "%ld %ld %d %d %s %s\n", start, end, client, status, version, what);
  }
  void flush() {
    if (file_ != nullptr) std::fflush(file_);
  }

 private:
  support::Tally& tally_;
  std::FILE* file_ = nullptr;
  std::int64_t events_ = 0;
};

/// One user with one keepalive connection. While connected a wait for "readable" is always pending,
/// so that a close between two requests is seen at once and not at the next request.
class Client {
 public:
  Client(asio::io_context& io, int id, const Target& target, support::Tally& tally, EventLog& log,
         std::function<void(int)> on_free)
      : socket_(io),
        id_(id),
        target_(target),
        tally_(tally),
        log_(log),
        on_free_(std::move(on_free)) {}

  /// Begins one request; the caller knows that this client is free.
  void begin(std::int64_t due_us) {
    start_us_ = due_us;
    busy_ = true;
    if (socket_.is_open()) return send();
    ++tally_.connects;
    socket_.async_connect(target_.address, [this, turn = ++turn_](error_code error) {
      if (turn != turn_) return;
      if (error) return fail("connect");
      socket_.set_option(tcp::no_delay(true), error);
      socket_.non_blocking(true, error);
      watch();
      send();
    });
  }
  void fail_if_older_than(std::int64_t limit_us, std::int64_t now) {
    if (busy_ && now - start_us_ > limit_us) fail("timeout");
  }
  [[nodiscard]] bool busy() const { return busy_; }

 private:
  void send() {
    error_code error;
    const std::size_t sent = socket_.write_some(asio::buffer(target_.request), error);
    if (error || sent != target_.request.size()) {
      ++tally_.closed_in_use;
      fail("send");
    }
  }
  void watch() {
    socket_.async_wait(tcp::socket::wait_read, [this, turn = turn_](error_code error) {
      if (turn == turn_ && !error) read();
    });
  }
  void read() {
    char bytes[16 * 1024];
    error_code error;
    const std::size_t got = socket_.read_some(asio::buffer(bytes), error);
    if (error == asio::error::would_block) return watch();
    if (error) return closed();
    input_.append(bytes, got);
    const auto turn = turn_;
    if (!busy_ || input_.size() > max_answer_bytes) return fail("malformed");
    take_answer();
    if (turn == turn_) watch();
  }
  void closed() {
    if (busy_) {
      ++tally_.closed_in_use;
      return fail(input_.empty() ? "closed" : "cut");
    }
    ++tally_.closed_idle;
    log_.add(support::now_us(), support::now_us(), id_, 0, "none", "closed_idle");
    disconnect();
  }
  void take_answer() {
    Answer answer;
    if (!parse_head(input_, answer)) return;
    const std::string_view body = std::string_view(input_).substr(answer.head_bytes);
    if (answer.chunked ? !body.ends_with("0\r\n\r\n") : body.size() < answer.body_bytes) return;
    if (answer.status < 100) return fail("malformed");
    const std::int64_t now = support::now_us();
    tally_.answer(answer.version, answer.status, start_us_, now);
    log_.add(start_us_, now, id_, answer.status, answer.version.c_str(), "answered");
    input_.clear();
    if (answer.close) {
      ++tally_.closed_announced;
      disconnect();
    }
    free();
  }
  void fail(const char* kind) {
    const bool counted = busy_;
    if (counted) {
      ++tally_.failures[kind];
      log_.add(start_us_, support::now_us(), id_, 0, "none", kind);
    }
    disconnect();
    if (counted) free();
  }
  void disconnect() {
    error_code ignored;
    ++turn_;  // what is still pending belongs to the past
    socket_.close(ignored);
    input_.clear();
  }
  void free() {
    busy_ = false;
    on_free_(id_);
  }

  tcp::socket socket_;
  int id_;
  const Target& target_;
  support::Tally& tally_;
  EventLog& log_;
  std::function<void(int)> on_free_;
  std::string input_;
  std::int64_t start_us_ = 0;
  std::uint64_t turn_ = 0;
  bool busy_ = false;
};

struct Options {
  long rate = 100;  // requests a second of all clients together; 0: each as fast as it can
  long clients = 16;
  long seconds = 0;  // 0: until a signal, an hour at most
  long timeout_ms = 10'000;
  std::string summary;
};

class Load {
 public:
  Load(asio::io_context& io, const Options& options, Target target, const std::string& log)
      : options_(options),
        target_(std::move(target)),
        log_(log, tally_),
        pace_(io),
        sweep_(io),
        signals_(io, SIGTERM, SIGINT, SIGUSR1) {
    for (int id = 0; id < options.clients; ++id) {
      clients_.push_back(std::make_unique<Client>(io, id, target_, tally_, log_,
                                                  [this](int free) { freed(free); }));
      free_.push_back(id);
    }
  }

  void start() {
    started_us_ = support::now_us();
    const long seconds = options_.seconds == 0 ? max_seconds : options_.seconds;
    end_us_ = started_us_ + seconds * 1'000'000;
    wait_for_signal();
    // Its presence tells a script that signals are understood from now on.
    if (!options_.summary.empty()) write_summary(false);
    sweep();
    if (options_.rate > 0) return tick();
    for (auto& client : clients_) client->begin(started_us_);
  }

 private:
  /// Sends what is due. The schedule is kept when a tick comes late: the average rate holds.
  void tick() {
    if (ending_) return;
    const std::int64_t now = support::now_us();
    const std::int64_t due = (now - started_us_) * options_.rate / 1'000'000;
    for (; sent_ < due; ++sent_) {
      if (free_.empty()) {
        ++tally_.missed;
        continue;
      }
      const int id = free_.front();
      free_.pop_front();
      clients_[static_cast<std::size_t>(id)]->begin(support::now_us());
    }
    const std::int64_t next = started_us_ + (sent_ + 1) * 1'000'000 / options_.rate;
    pace_.expires_after(std::chrono::microseconds(std::max<std::int64_t>(next - now, 50)));
    pace_.async_wait([this](error_code error) {
      if (!error) tick();
    });
  }
  void freed(int id) {
    if (ending_) return finish_when_quiet();
    if (options_.rate > 0) return free_.push_back(id);
    // Through the queue: an answer that is there at once must not recurse.
    asio::post(pace_.get_executor(), [this, id] {
      if (ending_) return finish_when_quiet();
      clients_[static_cast<std::size_t>(id)]->begin(support::now_us());
    });
  }
  void sweep() {
    const std::int64_t now = support::now_us();
    for (auto& client : clients_) client->fail_if_older_than(options_.timeout_ms * 1000, now);
    log_.flush();
    if (now >= end_us_) end();
    if (ended_) return;
    sweep_.expires_after(std::chrono::milliseconds(50));
    sweep_.async_wait([this](error_code error) {
      if (!error) sweep();
    });
  }
  void wait_for_signal() {
    signals_.async_wait([this](error_code error, int signal) {
      if (error) return;
      if (signal == SIGUSR1) {
        log_.flush();
        write_summary(false);
      } else {
        end();
      }
      if (!ended_) wait_for_signal();
    });
  }
  /// No new requests; those on their way are waited for, as long as the timeout allows.
  void end() {
    ending_ = true;
    pace_.cancel();
    finish_when_quiet();
  }
  void finish_when_quiet() {
    if (ended_) return;
    for (const auto& client : clients_) {
      if (client->busy()) return;
    }
    ended_ = true;
    log_.flush();
    write_summary(true);
    ::_exit(0);
  }
  void write_summary(bool done) {
    const std::string text = tally_.json(started_us_, support::now_us(), done);
    if (options_.summary.empty()) {
      std::cout << text << std::flush;
      return;
    }
    // Renamed into place: a reader never sees half of it.
    const std::string draft = options_.summary + ".new";
    std::ofstream(draft) << text;
    if (std::rename(draft.c_str(), options_.summary.c_str()) != 0) {
      support::refuse(options_.summary + ": " + std::strerror(errno));
    }
  }

  Options options_;
  Target target_;
  support::Tally tally_;
  EventLog log_;
  asio::steady_timer pace_;
  asio::steady_timer sweep_;
  asio::signal_set signals_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::deque<int> free_;
  std::int64_t started_us_ = 0;
  std::int64_t end_us_ = 0;
  std::int64_t sent_ = 0;
  bool ending_ = false;
  bool ended_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  const support::Arguments arguments(
      argc, argv,
      {"url", "rate", "clients", "seconds", "timeout-ms", "summary", "log", "host", "header"},
      {"help"});
  if (arguments.has("help") || !arguments.has("url")) {
    std::cout << "steady_load --url http://127.0.0.1:PORT/ [--rate 100] [--clients 16]\n"
                 "            [--seconds S] [--timeout-ms 10000] [--header 'Name: value']\n"
                 "            [--host NAME] [--summary FILE] [--log FILE]\n"
                 "Without --seconds it runs until SIGTERM, an hour at most. --rate 0: as fast as\n"
                 "the answers come. The summary (JSON) is written at the end and at SIGUSR1.\n";
    return arguments.has("help") ? 0 : 2;
  }
  Options options;
  options.rate = arguments.number("rate", options.rate, 0, 50'000);
  options.clients = arguments.number("clients", options.clients, 1, 1024);
  options.seconds = arguments.number("seconds", 0, 1, max_seconds);
  options.timeout_ms = arguments.number("timeout-ms", options.timeout_ms, 1, 600'000);
  options.summary = arguments.text("summary");
  Target target =
      parse_url(arguments.text("url"), arguments.text("host"), arguments.text("header"));

  asio::io_context io(1);
  Load load(io, options, std::move(target), arguments.text("log"));
  load.start();
  io.run();
  return 0;
}
