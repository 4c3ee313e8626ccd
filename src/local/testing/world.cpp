#include "local/testing/world.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <filesystem>
#include <set>

#include "local/proc_view.h"

namespace linnet::local::testing {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool send_all(int fd, const std::string& text) {
  return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

/// Appends to `text` until it holds `size` bytes, or the end of a head when size is 0.
bool receive(int fd, std::string& text, std::size_t size) {
  char buffer[4096];
  while (size == 0 ? text.find("\r\n\r\n") == std::string::npos : text.size() < size) {
    const auto got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return true;
}

}  // namespace

std::vector<std::uint16_t> free_ports(int count) {
  std::vector<std::uint16_t> ports;
  std::vector<int> held;
  // Below the range that outgoing connections take their ports from.
  static std::uint16_t next = static_cast<std::uint16_t>(12'000 + ::getpid() * 37 % 18'000);
  while (static_cast<int>(ports.size()) < count) {
    if (++next > 31'000) next = 12'000;
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = loopback(next);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
      ports.push_back(next);
    held.push_back(fd);
  }
  for (const int fd : held) ::close(fd);
  return ports;
}

ScratchFolder::ScratchFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "linnet-test-XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
  ::chmod(path_.c_str(), 0711);
}
ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

TinyServer::TinyServer(std::uint16_t port, std::string name) : name_(std::move(name)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const auto address = loopback(port);
  CHECK(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CHECK(::listen(listener_, 512) == 0);
  acceptor_ = std::thread([this] { accept_all(); });
}

TinyServer::~TinyServer() {
  stop_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
}

void TinyServer::accept_all() {
  std::vector<std::thread> threads;
  std::vector<int> fds;
  while (!stop_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int yes = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    fds.push_back(fd);
    threads.emplace_back([this, fd] { serve(fd); });
  }
  for (const int fd : fds) ::shutdown(fd, SHUT_RDWR);
  for (auto& thread : threads) thread.join();
  for (const int fd : fds) ::close(fd);
}

void TinyServer::serve(int fd) {
  std::string text;
  while (receive(fd, text, 0)) {
    const auto end = text.find("\r\n\r\n") + 4;
    const std::string head = text.substr(0, end);
    text.erase(0, end);
    ++requests_;
    if (head.find(" /cut") != std::string::npos) break;
    const bool fails = head.find(" /500") != std::string::npos;
    const std::string body = head.find(" /echo") != std::string::npos ? head : name_;
    if (!send_all(fd, fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n\r\n{}",
                                  fails ? "500 Bad" : "200 OK", body.size(), body)))
      break;
  }
  ::shutdown(fd, SHUT_RDWR);
}

HttpClient::HttpClient(std::uint16_t port) : port_(port) {}
HttpClient::~HttpClient() {
  if (fd_ >= 0) ::close(fd_);
}

bool HttpClient::connect() {
  if (fd_ >= 0) ::close(fd_);
  ++reconnects_;
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  const auto address = loopback(port_);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
  ::close(fd_);
  fd_ = -1;
  return false;
}

Reply HttpClient::get(const std::string& path, const std::string& headers,
                      const std::string& method) {
  Reply reply;
  if (fd_ < 0 && !connect()) return reply;
  std::string text;
  if (!send_all(fd_,
                fmt::format("{} {} HTTP/1.1\r\nHost: test\r\n{}\r\n", method, path, headers)) ||
      !receive(fd_, text, 0)) {
    ::close(fd_);
    fd_ = -1;
    return reply;
  }
  const auto end = text.find("\r\n\r\n") + 4;
  reply.head = text.substr(0, end);
  const auto length = reply.head.find("Content-Length: ");
  const auto size = length == std::string::npos ? 0 : std::stoul(reply.head.substr(length + 16));
  if (size > 0 && !receive(fd_, text, end + size)) return reply;
  reply.body = text.substr(end);
  reply.status = std::stoi(reply.head.substr(9));
  if (reply.head.find("Connection: close") != std::string::npos) {
    // After 1000 requests NGINX says so; that is no failure and no surprise.
    ::close(fd_);
    fd_ = -1;
    --reconnects_;
  }
  return reply;
}

World::World(int stable_slots, int canary_slots, core::Sticky sticky) {
  auto ports = free_ports(stable_slots + canary_slots + 1);
  port = ports.back();
  ports.pop_back();
  NginxRelease one;
  one.name = "shop";
  one.listen = fmt::format("127.0.0.1:{}", port);
  one.sticky = std::move(sticky);
  one.slots.stable.assign(ports.begin(), ports.begin() + stable_slots);
  one.slots.canary.assign(ports.begin() + stable_slots, ports.end());
  one.switch_directory = folder.path() + "/traffic/shop";
  one.access_log = folder.path() + "/log/shop.access.log";
  std::filesystem::create_directory(folder.path() + "/traffic");
  std::filesystem::create_directory(folder.path() + "/log");
  own.prefix = folder.path() + "/nginx";
  own.worker_connections = 512;
  own.worker_user = nginx_worker_user()->name;
  own.releases = {one};
  weight = std::make_unique<WeightSwitch>(one.switch_directory);
  CHECK(weight->prepare().has_value());
  NginxInstanceOptions options{*find_nginx(""), own.prefix};
  nginx = std::make_unique<NginxInstance>(io, clock, options);
}

World::~World() {
  // Only processes whose working directory is ours.
  for (const auto& process : nginx_processes(own.prefix))
    if (process.role == NginxProcess::Role::master) ::kill(process.pid, SIGTERM);
  until(io, [&] {
    const auto left = nginx_processes(own.prefix);
    for (const auto& process : left)
      if (process.parent == 1 || process.parent == ::getpid()) ::kill(process.pid, SIGTERM);
    return left.empty();
  });
}

Result<Applied> World::apply() { return run(io, nginx->apply(own, soon())); }

}  // namespace linnet::local::testing
