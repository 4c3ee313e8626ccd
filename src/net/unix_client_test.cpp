#include "net/unix_client.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/test_server.h"

namespace linnet::net {
namespace {

Task<ServerResponse> answer(ServerRequest request) {
  if (request.target == "/wait") {
    auto executor = co_await boost::asio::this_coro::executor;
    // What is not a GET runs to its end although its client has gone.
    const bool get = request.method == "GET";
    boost::asio::steady_timer timer(executor, get ? Duration(std::chrono::hours(10)) : 200ms);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
  ServerResponse response;
  if (request.target == "/missing") response.status = 404;
  response.body = request.method + " " + request.target + " " + request.body;
  if (request.target == "/big") response.body.assign(16 * 1024 * 1024, 'x');
  co_return response;
}

struct UnixClientTest : testing::Test {
  std::unique_ptr<TestServer> start(ServerLimits limits = {}) {
    return std::make_unique<TestServer>([=, this](boost::asio::any_io_executor executor) {
      return HttpServer::on_unix_socket(executor, path, answer, limits);
    });
  }
  TestDirectory directory;
  std::string path = directory.path + "/linnet.sock";
};

/// Accepts one connection, reads a little, says `words`, hangs up.
class Imposter {
 public:
  Imposter(const std::string& path, std::string words) {
    auto listener = UnixListener::open(path);
    CHECK(listener.has_value());
    const int socket = listener->take_socket();
    ::fcntl(socket, F_SETFL, 0);
    thread_ = std::thread([socket, words = std::move(words)] {
      const Descriptor listening(socket);
      const Descriptor client(::accept(socket, nullptr, nullptr));
      char some[1024];
      (void)::recv(client.get(), some, sizeof some, 0);
      (void)::send(client.get(), words.data(), words.size(), MSG_NOSIGNAL);
    });
    file_.emplace(std::move(*listener));
  }
  ~Imposter() { thread_.join(); }
  Imposter(const Imposter&) = delete;
  Imposter& operator=(const Imposter&) = delete;

 private:
  std::optional<UnixListener> file_;
  std::thread thread_;
};

TEST_F(UnixClientTest, SendsAndReadsAnyAnswer) {
  const auto server = start();
  const UnixClient client(path);
  EXPECT_TRUE(client.answers());
  const auto put = client.send({.method = "PUT", .target = "/a", .body = R"({"x":1})"});
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_EQ(put->status, 200);
  EXPECT_EQ(put->body, R"(PUT /a {"x":1})");
  EXPECT_EQ(*find_header(put->headers, "content-type"), "application/json");
  const auto missing = client.send({.target = "/missing"});
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, 404);
}

TEST_F(UnixClientTest, TakesALargeAnswerAndSendsALargeBody) {
  const auto server = start();
  const UnixClient client(path);
  const auto big = client.send({.target = "/big"});
  ASSERT_TRUE(big) << big.error().message;
  EXPECT_EQ(big->body.size(), 16U * 1024 * 1024);
  const std::string body(3 * 1024 * 1024, 'y');
  const auto echo = client.send({.method = "POST", .target = "/e", .body = body});
  ASSERT_TRUE(echo) << echo.error().message;
  EXPECT_EQ(echo->body, "POST /e " + body);
}

TEST_F(UnixClientTest, ABodyThatTheServerRefusesIsAnAnswer) {
  ServerLimits limits;
  limits.body_bytes = 1000;
  const auto server = start(limits);
  const auto refused =
      UnixClient(path).send({.method = "POST", .target = "/", .body = std::string(9'000'000, 'x')});
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(refused->status, 413);
}

TEST_F(UnixClientTest, NobodyThereIsUnavailableWhetherOrNotAFileIsLeft) {
  const UnixClient client(path);
  EXPECT_FALSE(client.answers());
  EXPECT_EQ(client.send({.target = "/"}).error().code, Code::unavailable);
  {
    auto listener = UnixListener::open(path);
    ASSERT_TRUE(listener);
    ::close(listener->take_socket());
    EXPECT_EQ(client.send({.target = "/"}).error().code, Code::unavailable);
  }
}

TEST_F(UnixClientTest, ALongPollEndsAtTheTimeout) {
  const auto server = start();
  const auto slow = UnixClient(path).send({.target = "/wait", .timeout = 50ms});
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, Code::timed_out);
}

TEST_F(UnixClientTest, AWriteWithoutAnAnswerHasAnUnknownOutcome) {
  const auto server = start();
  const auto slow = UnixClient(path).send({.method = "POST", .target = "/wait", .timeout = 50ms});
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, Code::unknown_outcome);
}

TEST_F(UnixClientTest, AnInterruptEndsALongPollAtOnce) {
  const auto server = start();
  int interrupt[2];
  ASSERT_EQ(::pipe(interrupt), 0);
  std::thread presser([&] { (void)::write(interrupt[1], "x", 1); });
  const auto ended =
      UnixClient(path, interrupt[0]).send({.target = "/wait", .timeout = std::chrono::hours(1)});
  presser.join();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Code::cancelled);
  ::close(interrupt[0]);
  ::close(interrupt[1]);
}

TEST_F(UnixClientTest, AnImpostersAnswerIsAnErrorAndNothingWorse) {
  for (const char* words :
       {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbroken\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    const Imposter imposter(path, words);
    const auto got = UnixClient(path).send({.target = "/"});
    ASSERT_FALSE(got) << words;
    EXPECT_EQ(got.error().code, Code::invalid) << words;
  }
}

TEST_F(UnixClientTest, AnAnswerCutShortIsNotTakenForWhole) {
  for (const char* words :
       {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"}) {
    {
      const Imposter imposter(path, words);
      EXPECT_EQ(UnixClient(path).send({.target = "/"}).error().code, Code::unavailable) << words;
    }
    const Imposter imposter(path, words);
    EXPECT_EQ(UnixClient(path).send({.method = "POST", .target = "/"}).error().code,
              Code::unknown_outcome)
        << words;
  }
}

TEST_F(UnixClientTest, ATargetThatWouldBreakTheRequestIsRefused) {
  const auto server = start();
  EXPECT_EQ(UnixClient(path).send({.target = "/a b\r\nX: y"}).error().code, Code::invalid);
}

}  // namespace
}  // namespace linnet::net
