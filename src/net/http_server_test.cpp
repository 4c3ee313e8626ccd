#include "net/http_server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fstream>
#include <stdexcept>

#include "net/test_server.h"
#include "runtime/task_group.h"

namespace linnet::net {
namespace {

std::string status_line(const std::string& answer) { return answer.substr(0, answer.find('\r')); }

/// What the handlers below saw; read by the test's thread.
struct Seen {
  std::atomic<int> calls{0};
  std::atomic<int> waiting{0};
  std::atomic<int> cancelled{0};
};

Task<ServerResponse> wait_forever(Seen& seen) {
  struct AtEnd {
    Seen& seen;
    ~AtEnd() {
      --seen.waiting;
      ++seen.cancelled;
    }
  } at_end{seen};
  ++seen.waiting;
  auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, std::chrono::hours(10));
  co_await timer.async_wait(boost::asio::use_awaitable);
  co_return ServerResponse{};
}

Task<ServerResponse> answer(Seen& seen, ServerRequest request) {
  ++seen.calls;
  if (request.target == "/throw") throw std::runtime_error("a bug");
  if (request.target == "/wait") co_return co_await wait_forever(seen);
  ServerResponse response;
  response.content_type = "text/plain";
  response.body = request.method + " " + request.target + " " + request.body;
  if (request.target == "/big") response.body.assign(8 * 1024 * 1024, 'x');
  co_return response;
}

bool becomes(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

struct HttpServerTest : testing::Test {
  std::unique_ptr<TestServer> start(ServerLimits limits = {}) {
    auto handler = [this](ServerRequest request) { return answer(seen, std::move(request)); };
    return std::make_unique<TestServer>([=, this](boost::asio::any_io_executor executor) {
      return HttpServer::on_unix_socket(executor, path, handler, limits);
    });
  }
  std::string ask(std::string_view bytes) const {
    const RawClient client(path);
    client.send(bytes);
    return client.read_until();
  }
  TestDirectory directory;
  std::string path = directory.path + "/linnet.sock";
  Seen seen;
};

TEST_F(HttpServerTest, AnswersARequestAndKeepsTheConnection) {
  const auto server = start();
  ASSERT_TRUE(server->started()) << server->started().error().message;
  const RawClient client(path);
  for (int i = 0; i < 3; ++i) {
    client.send("POST /a%20b?x=1 HTTP/1.1\r\nHost: l\r\nContent-Length: 5\r\n\r\nhello");
    const std::string got = client.read_until("hello");
    EXPECT_EQ(status_line(got), "HTTP/1.1 200 OK");
    EXPECT_NE(got.find("POST /a%20b?x=1 hello"), std::string::npos);
  }
  EXPECT_EQ(seen.calls, 3);
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInTheirOrder) {
  const auto server = start();
  const std::string got =
      ask("GET /1 HTTP/1.1\r\nHost: l\r\n\r\nGET /2 HTTP/1.1\r\nHost: l\r\n\r\n"
          "GET /3 HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n");
  const auto one = got.find("GET /1 "), two = got.find("GET /2 "), three = got.find("GET /3 ");
  EXPECT_LT(one, two);
  EXPECT_LT(two, three);
  EXPECT_NE(three, std::string::npos);
}

TEST_F(HttpServerTest, AChunkedBodyAndOneAnnouncedFirstAreRead) {
  const auto server = start();
  EXPECT_NE(ask("POST /c HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
                "\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
                .find("POST /c abcde"),
            std::string::npos);
  const RawClient client(path);
  client.send(
      "POST /e HTTP/1.1\r\nHost: l\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"
      "Connection: close\r\n\r\n");
  EXPECT_EQ(status_line(client.read_until("\r\n\r\n")), "HTTP/1.1 100 Continue");
  client.send("abc");
  EXPECT_NE(client.read_until().find("POST /e abc"), std::string::npos);
}

TEST_F(HttpServerTest, GarbageIsRefusedAndTheNextClientServed) {
  const auto server = start();
  EXPECT_EQ(status_line(ask("\x16\x03\x01\x02 hello\r\n\r\n")), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(status_line(ask("GET / HTTP/9.9\r\n\r\n")), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(status_line(ask("CONNECT a:1 HTTP/1.1\r\n\r\n")), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(status_line(ask("OPTIONS * HTTP/1.1\r\n\r\n")), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(status_line(ask("GET / HTTP/1.1\r\nno colon\r\n\r\n")), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(status_line(ask("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n")),
            "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(
      status_line(ask("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc")),
      "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(seen.calls, 0);
  EXPECT_EQ(status_line(ask("GET / HTTP/1.1\r\nConnection: close\r\n\r\n")), "HTTP/1.1 200 OK");
}

TEST_F(HttpServerTest, TooMuchIsRefusedWhereverItIs) {
  ServerLimits limits;
  limits.header_bytes = 1024;
  limits.body_bytes = 1024;
  const auto server = start(limits);
  const std::string much(4096, 'x');
  EXPECT_EQ(status_line(ask("GET /" + much + " HTTP/1.1\r\n\r\n")),
            "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(status_line(ask("GET / HTTP/1.1\r\nX: " + much + "\r\n\r\n")),
            "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(status_line(ask("POST / HTTP/1.1\r\nContent-Length: 4096\r\n\r\n" + much)),
            "HTTP/1.1 413 Payload Too Large");
  EXPECT_EQ(
      status_line(ask("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n" + much)),
      "HTTP/1.1 413 Payload Too Large");
  EXPECT_EQ(status_line(ask("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n")),
            "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(seen.calls, 0);
}

TEST_F(HttpServerTest, ASlowClientIsCutOff) {
  ServerLimits limits;
  limits.header_time = 50ms;
  limits.body_time = 50ms;
  limits.idle_time = 50ms;
  const auto server = start(limits);
  EXPECT_EQ(status_line(ask("GET / HT")), "HTTP/1.1 408 Request Timeout");
  EXPECT_EQ(status_line(ask("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")),
            "HTTP/1.1 408 Request Timeout");
  EXPECT_EQ(ask(""), "") << "an idle one is closed without a word";
  EXPECT_EQ(seen.calls, 0);
}

TEST_F(HttpServerTest, AClientThatDoesNotReadIsCutOff) {
  ServerLimits limits;
  limits.write_time = 50ms;
  const auto server = start(limits);
  const RawClient client(path);
  client.send("GET /big HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(becomes([&] { return seen.calls == 1; }));
  // Stopping ends only when no answer is under way: it would hang on this one.
  server->stop();
  EXPECT_LT(client.read_until().size(), 8U * 1024 * 1024);
}

TEST_F(HttpServerTest, BeyondTheNumberOfConnectionsClientsAreToldSo) {
  ServerLimits limits;
  limits.connections = 2;
  const auto server = start(limits);
  RawClient one(path), two(path);
  one.send("GET /1 HTTP/1.1\r\n\r\n");
  two.send("GET /2 HTTP/1.1\r\n\r\n");
  (void)one.read_until("/1");
  (void)two.read_until("/2");
  EXPECT_EQ(status_line(ask("GET /3 HTTP/1.1\r\n\r\n")), "HTTP/1.1 503 Service Unavailable");
  one.hang_up();
  EXPECT_TRUE(becomes([&] {
    return status_line(ask("GET /4 HTTP/1.1\r\nConnection: close\r\n\r\n")) == "HTTP/1.1 200 OK";
  }));
}

TEST_F(HttpServerTest, AHandlerThatThrowsIsAnAnswerAndNotTheEnd) {
  const auto server = start();
  const std::string got = ask("GET /throw HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_line(got), "HTTP/1.1 500 Internal Server Error");
  EXPECT_EQ(got.find("a bug"), std::string::npos) << "what went wrong is for the log";
  EXPECT_EQ(status_line(ask("POST /throw HTTP/1.1\r\nConnection: close\r\n\r\n")),
            "HTTP/1.1 500 Internal Server Error");
}

TEST_F(HttpServerTest, ALongPollEndsWhenItsClientGoesAway) {
  const auto server = start();
  RawClient client(path);
  client.send("GET /wait HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(becomes([&] { return seen.waiting == 1; }));
  client.hang_up();
  EXPECT_TRUE(becomes([&] { return seen.cancelled == 1; }));
}

TEST_F(HttpServerTest, StoppingAnswersLongPollsAndClosesIdleConnections) {
  const auto server = start();
  const RawClient poll(path), idle(path);
  idle.send("GET /1 HTTP/1.1\r\n\r\n");
  (void)idle.read_until("/1");
  poll.send("GET /wait HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(becomes([&] { return seen.waiting == 1; }));
  server->stop();
  EXPECT_EQ(status_line(poll.read_until()), "HTTP/1.1 503 Service Unavailable");
  (void)idle.read_until();
  EXPECT_FALSE(std::filesystem::exists(path)) << "the socket file goes with the server";
}

TEST_F(HttpServerTest, CancellingItsRunIsStoppingIt) {
  boost::asio::io_context io;
  auto handler = [this](ServerRequest request) { return answer(seen, std::move(request)); };
  const auto server = HttpServer::on_unix_socket(io.get_executor(), path, handler);
  ASSERT_TRUE(server) << server.error().message;
  runtime::TaskGroup group(io.get_executor());
  group.spawn("server", (*server)->run());
  const RawClient client(path);
  client.send("GET /wait HTTP/1.1\r\n\r\n");
  while (seen.waiting == 0) io.run_one();
  group.cancel();
  io.run();
  EXPECT_EQ(group.running(), 0U);
  EXPECT_EQ(status_line(client.read_until()), "HTTP/1.1 503 Service Unavailable");
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(HttpServerTest, TheSocketIsItsOwnersAlone) {
  const auto server = start();
  struct stat found {};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
}

TEST(PeerAllowed, OnlyTheOwnerAndRoot) {
  EXPECT_TRUE(peer_allowed(1000, 1000));
  EXPECT_TRUE(peer_allowed(0, 1000));
  EXPECT_TRUE(peer_allowed(0, 0));
  EXPECT_FALSE(peer_allowed(1000, 0));
  EXPECT_FALSE(peer_allowed(1001, 1000));
  EXPECT_FALSE(peer_allowed(static_cast<uid_t>(-1), 1000));
}

/// In a process of user nobody: connects, asks, and exits with the first digit of the status, 9
/// when it could not even connect.
int ask_as_nobody(const std::string& path) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(8);
    const RawClient client(path);
    if (!client.connected()) ::_exit(9);
    client.send("GET / HTTP/1.1\r\n\r\n");
    const std::string got = client.read_until();
    ::_exit(got.size() < 12 ? 7 : got.compare(9, 3, "403") == 0 ? 4 : 5);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(HttpServerTest, AForeignUserIsRefused) {
  // Only root can become somebody else; PeerAllowed tests the same decision for others.
  if (::geteuid() != 0) return;
  const auto server = start();
  EXPECT_EQ(ask_as_nobody(path), 9) << "by the modes of directory and socket";
  ASSERT_EQ(::chmod(directory.path.c_str(), 0755), 0);
  EXPECT_EQ(ask_as_nobody(path), 9) << "by the mode of the socket";
  ASSERT_EQ(::chmod(path.c_str(), 0666), 0);
  EXPECT_EQ(ask_as_nobody(path), 4) << "by who it is";
  EXPECT_EQ(seen.calls, 0);
}

/// Binds there and dies without clearing up, as kill -9 does.
void leave_dead_socket(const std::string& path) {
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(socket.get(), 1), 0);
}

TEST_F(HttpServerTest, ASocketLeftByADeadDaemonIsReplaced) {
  leave_dead_socket(path);
  const auto server = start();
  ASSERT_TRUE(server->started()) << server->started().error().message;
  EXPECT_EQ(status_line(ask("GET / HTTP/1.1\r\nConnection: close\r\n\r\n")), "HTTP/1.1 200 OK");
}

TEST_F(HttpServerTest, ASecondServerIsRefusedAndTheFirstGoesOn) {
  const auto first = start();
  const auto second = start();
  ASSERT_FALSE(second->started());
  EXPECT_EQ(second->started().error().code, Code::conflict);
  EXPECT_EQ(status_line(ask("GET / HTTP/1.1\r\nConnection: close\r\n\r\n")), "HTTP/1.1 200 OK");
}

TEST_F(HttpServerTest, ASecondProcessIsRefusedByTheLockAlone) {
  // The first process holds the lock but does not listen yet: no socket file tells of it.
  int ready[2], done[2];
  ASSERT_EQ(::pipe(ready) | ::pipe(done), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto listener = UnixListener::open(path);
    ::unlink(path.c_str());
    char byte = 'x';
    const bool told = ::write(ready[1], &byte, 1) == 1 && ::read(done[0], &byte, 1) == 1;
    ::_exit(told && listener ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const auto second = UnixListener::open(path);
  ASSERT_EQ(::write(done[1], &byte, 1), 1);
  ::waitpid(child, nullptr, 0);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
  EXPECT_NE(second.error().message.find(std::to_string(child)), std::string::npos);
}

TEST_F(HttpServerTest, AFileThatIsNoSocketIsLeftAlone) {
  std::ofstream(path) << "precious";
  const auto server = start();
  ASSERT_FALSE(server->started());
  EXPECT_EQ(server->started().error().code, Code::invalid);
  EXPECT_TRUE(std::filesystem::is_regular_file(path));
}

TEST_F(HttpServerTest, ASocketPathThatIsTooLongSaysWhatToDo) {
  path = directory.path + "/" + std::string(100, 'x');
  const auto server = start();
  ASSERT_FALSE(server->started());
  EXPECT_EQ(server->started().error().code, Code::invalid);
  EXPECT_NE(server->started().error().message.find("LINNET_RUNTIME_DIR"), std::string::npos);
}

TEST_F(HttpServerTest, AnOldServersEndDoesNotRemoveItsSuccessorsSocket) {
  auto first = start();
  ASSERT_EQ(::rename(path.c_str(), (path + ".moved").c_str()), 0);
  leave_dead_socket(path);
  first.reset();
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(HttpServerTest, OnTcpItServesOnlyLoopback) {
  auto handler = [this](ServerRequest request) { return answer(seen, std::move(request)); };
  auto make = [&](const std::string& address, std::uint16_t port) {
    return std::make_unique<TestServer>([=](boost::asio::any_io_executor executor) {
      return HttpServer::on_loopback(executor, address, port, handler);
    });
  };
  for (const char* foreign : {"0.0.0.0", "192.0.2.1", "::", "localhost", ""})
    EXPECT_EQ(make(foreign, 0)->started().error().code, Code::invalid) << foreign;
  const auto server = make("127.0.0.1", 0);
  ASSERT_TRUE(server->started()) << server->started().error().message;
  const std::uint16_t port = *server->started();
  ASSERT_NE(port, 0);
  EXPECT_EQ(make("127.0.0.1", port)->started().error().code, Code::conflict);

  const Descriptor socket(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  const std::string_view request = "GET /tcp HTTP/1.1\r\nConnection: close\r\n\r\n";
  ASSERT_EQ(::send(socket.get(), request.data(), request.size(), 0), ssize_t(request.size()));
  std::string got(4096, '\0');
  got.resize(static_cast<std::size_t>(::recv(socket.get(), got.data(), got.size(), MSG_WAITALL)));
  EXPECT_NE(got.find("GET /tcp"), std::string::npos);
}

}  // namespace
}  // namespace linnet::net
