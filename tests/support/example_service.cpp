// A small web service to release: it says its version in every answer, and a table says how a
// version misbehaves (`v1.2.0 fail_every=5`). The demo, the end-to-end tests and the benchmarks run
// it as an ordinary process; the table is read again when it changes, so that a running version can
// turn bad.
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "arguments.h"

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Milliseconds = std::chrono::milliseconds;

namespace {

constexpr std::size_t max_head_bytes = 16 * 1024;
constexpr std::size_t max_body_bytes = 1024 * 1024;
constexpr auto table_is_read_every = Milliseconds(50);

/// How one version misbehaves; all zero: it does not.
struct Behaviour {
  long fail_every = 0;                // every n-th answer is a 500
  long delay_ms = 0;                  // answers take this long ...
  double delay_share = 1.0;           // ... this share of them, spread evenly
  long crash_after_ms = 0;            // exits with status 3
  long crash_after_requests = 0;      // exits with status 3, before answering
  long start_delay_ms = 0;            // the port is opened only then
  bool never_ready = false;           // /health answers 503
  bool health_ok_but_500 = false;     // all but /health answers 500
  bool exit_at_once_on_term = false;  // drops what it is answering
  bool ignore_term = false;
};

/// Reads the lines of `version` from the table; exits with 2 on anything it does not know.
Behaviour read_behaviour(const std::string& path, const std::string& version) {
  Behaviour found;
  if (path.empty()) return found;
  std::ifstream table(path);
  std::string line;
  while (std::getline(table, line)) {
    std::istringstream words(line);
    std::string word;
    if (!(words >> word) || word != version) continue;
    while (words >> word) {
      const auto equals = word.find('=');
      const std::string key = word.substr(0, equals);
      const std::string value = equals == std::string::npos ? "1" : word.substr(equals + 1);
      const long number = std::strtol(value.c_str(), nullptr, 10);
      if (key == "fail_every")
        found.fail_every = number;
      else if (key == "delay_ms")
        found.delay_ms = number;
      else if (key == "delay_share")
        found.delay_share = std::strtod(value.c_str(), nullptr);
      else if (key == "crash_after_ms")
        found.crash_after_ms = number;
      else if (key == "crash_after_requests")
        found.crash_after_requests = number;
      else if (key == "start_delay_ms")
        found.start_delay_ms = number;
      else if (key == "never_ready")
        found.never_ready = number != 0;
      else if (key == "health_ok_but_500")
        found.health_ok_but_500 = number != 0;
      else if (key == "exit_at_once_on_term")
        found.exit_at_once_on_term = number != 0;
      else if (key == "ignore_term")
        found.ignore_term = number != 0;
      else
        support::refuse(path + ": unknown behaviour '" + key + "'");
    }
  }
  return found;
}

struct Request {
  std::string path;
  bool keep_alive = true;
  std::size_t body_bytes = 0;
  bool valid = false;
};

Request parse_head(std::istream& head) {
  Request request;
  std::string line;
  std::string method;
  std::string protocol;
  if (!std::getline(head, line)) return request;
  std::istringstream first(line);
  if (!(first >> method >> request.path >> protocol)) return request;
  request.keep_alive = protocol == "HTTP/1.1";
  while (std::getline(head, line) && line != "\r") {
    for (char& letter : line) letter = static_cast<char>(std::tolower(letter));
    if (line.starts_with("connection:")) {
      if (line.find("close") != std::string::npos) request.keep_alive = false;
      if (line.find("keep-alive") != std::string::npos) request.keep_alive = true;
    } else if (line.starts_with("content-length:")) {
      request.body_bytes = std::strtoul(line.c_str() + 15, nullptr, 10);
    }
  }
  request.valid = request.body_bytes <= max_body_bytes;
  return request;
}

class Service;

/// One client connection; keeps itself alive by its pending operation.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Service& service)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), service_(service) {}

  void read_request();
  /// For shutdown: a connection between two requests has nothing to lose.
  void close_if_idle() {
    error_code ignored;
    if (idle_) socket_.close(ignored);
  }

 private:
  void skip_body(Request request);
  void answer(const Request& request);
  void write(int status, const Request& request);

  tcp::socket socket_;
  asio::steady_timer timer_;
  asio::streambuf input_{max_head_bytes + max_body_bytes};
  std::string output_;
  Service& service_;
  bool idle_ = true;
};

class Service {
 public:
  Service(asio::io_context& io, std::string version, unsigned short port, std::string table)
      : acceptor_(io),
        signals_(io, SIGTERM, SIGINT),
        table_timer_(io),
        life_timer_(io),
        version_(std::move(version)),
        table_(std::move(table)),
        port_(port) {}

  void start() {
    reload_table();
    started_ = std::chrono::steady_clock::now();
    wait_for_signal();
    if (behaviour_.start_delay_ms == 0) return open();
    life_timer_.expires_after(Milliseconds(behaviour_.start_delay_ms));
    life_timer_.async_wait([this](error_code error) {
      if (!error && !stopping_) open();
    });
  }

  /// The status to answer with; counts the request unless it asks for health.
  int next_status(const std::string& path) {
    if (path == "/health") return behaviour_.never_ready ? 503 : 200;
    ++answered_;
    if (behaviour_.crash_after_requests > 0 && answered_ > behaviour_.crash_after_requests) {
      ::_exit(3);
    }
    if (behaviour_.health_ok_but_500) return 500;
    return behaviour_.fail_every > 0 && answered_ % behaviour_.fail_every == 0 ? 500 : 200;
  }
  /// How long this answer takes. Health answers are never delayed: only users suffer.
  Milliseconds next_delay(const std::string& path) {
    if (path == "/health" || behaviour_.delay_ms == 0) return Milliseconds(0);
    delayed_share_ += behaviour_.delay_share;
    if (delayed_share_ < 1.0) return Milliseconds(0);
    delayed_share_ -= 1.0;
    return Milliseconds(behaviour_.delay_ms);
  }

  [[nodiscard]] const std::string& version() const { return version_; }
  [[nodiscard]] const std::string& instance() const { return instance_; }
  [[nodiscard]] bool stopping() const { return stopping_; }
  void add(Connection* connection) { connections_.insert(connection); }
  void remove(Connection* connection) { connections_.erase(connection); }

 private:
  void open() {
    const tcp::endpoint address(asio::ip::address_v4::loopback(), port_);
    error_code error;
    acceptor_.open(address.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(address, error);
    if (error) {
      std::cerr << "port " << port_ << ": " << error.message() << '\n';
      std::exit(1);
    }
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    instance_ = std::to_string(::getpid()) + ":" + std::to_string(port_);
    std::cout << version_ << " listens on 127.0.0.1:" << port_ << std::endl;
    accept();
    watch_table();
  }
  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error) return;
      socket.set_option(tcp::no_delay(true), error);
      const std::shared_ptr<Connection> connection(new Connection(std::move(socket), *this),
                                                   [this](Connection* gone) {
                                                     remove(gone);
                                                     delete gone;
                                                   });
      add(connection.get());
      connection->read_request();
      accept();
    });
  }
  void wait_for_signal() {
    signals_.async_wait([this](error_code error, int) {
      if (error) return;
      if (behaviour_.ignore_term) return wait_for_signal();
      if (behaviour_.exit_at_once_on_term) ::_exit(0);
      stopping_ = true;
      acceptor_.close(error);
      table_timer_.cancel();
      life_timer_.cancel();
      const std::set<Connection*> open = connections_;
      for (Connection* connection : open) connection->close_if_idle();
    });
  }
  void watch_table() {
    table_timer_.expires_after(table_is_read_every);
    table_timer_.async_wait([this](error_code error) {
      if (error || stopping_) return;
      reload_table();
      const auto age = std::chrono::steady_clock::now() - started_;
      if (behaviour_.crash_after_ms > 0 && age >= Milliseconds(behaviour_.crash_after_ms))
        ::_exit(3);
      watch_table();
    });
  }
  void reload_table() {
    struct stat now {};
    if (table_.empty() || ::stat(table_.c_str(), &now) != 0) return;
    if (now.st_mtim.tv_sec == read_at_.tv_sec && now.st_mtim.tv_nsec == read_at_.tv_nsec) return;
    read_at_ = now.st_mtim;
    behaviour_ = read_behaviour(table_, version_);
  }

  tcp::acceptor acceptor_;
  asio::signal_set signals_;
  asio::steady_timer table_timer_;
  asio::steady_timer life_timer_;
  std::string version_;
  std::string instance_;
  std::string table_;
  Behaviour behaviour_;
  std::set<Connection*> connections_;
  std::chrono::steady_clock::time_point started_;
  timespec read_at_{};
  long answered_ = 0;
  double delayed_share_ = 0;
  unsigned short port_;
  bool stopping_ = false;
};

void Connection::read_request() {
  idle_ = input_.size() == 0;
  if (idle_ && service_.stopping()) return;
  asio::async_read_until(socket_, input_, "\r\n\r\n",
                         [self = shared_from_this()](error_code error, std::size_t) {
                           if (error) return;
                           self->idle_ = false;
                           std::istream head(&self->input_);
                           Request request = parse_head(head);
                           if (!request.valid) return;
                           self->skip_body(std::move(request));
                         });
}

void Connection::skip_body(Request request) {
  const std::size_t missing =
      request.body_bytes > input_.size() ? request.body_bytes - input_.size() : 0;
  asio::async_read(socket_, input_, asio::transfer_exactly(missing),
                   [self = shared_from_this(), request](error_code error, std::size_t) {
                     if (error) return;
                     self->input_.consume(request.body_bytes);
                     self->answer(request);
                   });
}

void Connection::answer(const Request& request) {
  const int status = service_.next_status(request.path);
  const Milliseconds delay = service_.next_delay(request.path);
  if (delay.count() == 0) return write(status, request);
  timer_.expires_after(delay);
  timer_.async_wait([self = shared_from_this(), status, request](error_code error) {
    if (!error) self->write(status, request);
  });
}

void Connection::write(int status, const Request& request) {
  const bool keep = request.keep_alive && !service_.stopping();
  const std::string body =
      (status == 200 ? "hello from " : "trouble in ") + service_.version() + "\n";
  output_ = std::string("HTTP/1.1 ") +
            (status == 200   ? "200 OK"
             : status == 503 ? "503 Unavailable"
                             : "500 Server Error") +
            "\r\nX-Version: " + service_.version() + "\r\nX-Instance: " + service_.instance() +
            "\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
            (keep ? "" : "\r\nConnection: close") + "\r\n\r\n" + body;
  asio::async_write(socket_, asio::buffer(output_),
                    [self = shared_from_this(), keep](error_code error, std::size_t) {
                      if (error || !keep) return;
                      self->read_request();
                    });
}

}  // namespace

int main(int argc, char** argv) {
  const support::Arguments arguments(argc, argv, {"port", "version", "behaviours"}, {"help"});
  if (arguments.has("help") || !arguments.has("version")) {
    std::cout << "example_service --version V --port P [--behaviours FILE]\n"
                 "Lines of FILE: VERSION key[=value]..., keys fail_every delay_ms delay_share\n"
                 "crash_after_ms crash_after_requests start_delay_ms never_ready\n"
                 "health_ok_but_500 exit_at_once_on_term ignore_term.\n";
    return arguments.has("help") ? 0 : 2;
  }
  const auto port = static_cast<unsigned short>(arguments.number("port", 0, 0, 65535));
  asio::io_context io(1);
  Service service(io, arguments.text("version"), port, arguments.text("behaviours"));
  service.start();
  io.run();
  return 0;
}
