#include "net/probe.h"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <optional>

namespace linnet::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// A service that reads one request and says `answer`, whatever that is.
class OneAnswer {
 public:
  OneAnswer(asio::io_context& io, std::string answer, bool hang_up = true)
      : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        peer_(io),
        answer_(std::move(answer)),
        hang_up_(hang_up) {
    acceptor_.async_accept(peer_, [this](error_code failed) {
      if (failed) return;
      asio::async_read_until(peer_, request_, "\r\n\r\n", [this](error_code broken, std::size_t) {
        if (broken) return;
        asio::async_write(peer_, asio::buffer(answer_), [this](error_code, std::size_t) {
          error_code ignored;
          if (hang_up_) peer_.close(ignored);
        });
      });
    });
  }
  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] std::string request() const {
    const auto data = request_.data();
    return {asio::buffers_begin(data), asio::buffers_end(data)};
  }
  void close() {
    error_code ignored;
    acceptor_.close(ignored);
    peer_.close(ignored);
  }

 private:
  tcp::acceptor acceptor_;
  tcp::socket peer_;
  asio::streambuf request_;
  std::string answer_;
  bool hang_up_;
};

Result<int> ask(asio::io_context& io, std::uint16_t port, const std::string& path = "/health",
                Duration limit = 30s) {
  std::optional<Result<int>> answer;
  const auto done = [&](std::exception_ptr thrown, Result<int> result) {
    if (thrown) std::rethrow_exception(thrown);
    answer = std::move(result);
  };
  io.restart();
  asio::co_spawn(io, probe(port, path, limit), done);
  while (!answer) io.run_one();
  return *answer;
}

Result<int> answer_of(const std::string& text) {
  asio::io_context io{1};
  OneAnswer service(io, text);
  return ask(io, service.port());
}

TEST(Probe, ReadsTheStatus) {
  EXPECT_EQ(answer_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), 200);
  EXPECT_EQ(answer_of("HTTP/1.0 503\r\n\r\n"), 503);
  EXPECT_EQ(answer_of("HTTP/1.1 302 Found\r\n\r\n" + std::string(200'000, 'x')), 302);
}

TEST(Probe, AsksForThePathAndACloseOfTheConnection) {
  asio::io_context io{1};
  OneAnswer service(io, "HTTP/1.1 204 x\r\n\r\n");
  EXPECT_EQ(ask(io, service.port(), "/live?deep=1"), 204);
  EXPECT_TRUE(service.request().starts_with("GET /live?deep=1 HTTP/1.1\r\n"));
  EXPECT_NE(service.request().find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_NE(service.request().find("\r\nHost: 127.0.0.1:"), std::string::npos);
}

TEST(Probe, DoesNotWaitForAConnectionThatStaysOpen) {
  asio::io_context io{1};
  OneAnswer service(io, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false);
  EXPECT_EQ(ask(io, service.port()), 200);
}

TEST(Probe, SaysThatNothingListens) {
  asio::io_context io{1};
  OneAnswer service(io, "");
  const std::uint16_t port = service.port();
  service.close();
  const Result<int> answer = ask(io, port);
  EXPECT_EQ(answer.error().code, Code::unavailable);
  EXPECT_EQ(answer.error().message, fmt::format("nothing listens on port {}", port));
}

TEST(Probe, SaysThatNoAnswerCameInTime) {
  asio::io_context io{1};
  OneAnswer service(io, "", false);
  const Result<int> answer = ask(io, service.port(), "/health", 30ms);
  EXPECT_EQ(answer.error().code, Code::timed_out);
  EXPECT_EQ(answer.error().message, fmt::format("port {} did not answer in 30ms", service.port()));
}

TEST(Probe, RefusesHalfAStatusLineThatNeverEnds) {
  asio::io_context io{1};
  OneAnswer service(io, "HTTP/1.1 20", false);
  EXPECT_EQ(ask(io, service.port(), "/health", 30ms).error().code, Code::timed_out);
}

TEST(Probe, RefusesWhatIsNotHttp) {
  for (const std::string& text :
       {std::string("SSH-2.0-OpenSSH\r\n"), std::string("HTTP/1.1 2x0 OK\r\n"),
        std::string("HTTP/1.1 2000 OK\r\n"), std::string("HTTP/1.1 099 x\r\n"),
        std::string("HTTP/2 200\r\n"), std::string(100'000, 'x'), std::string("\n"),
        std::string("\0\0\0\0\0\0\0\0\0\0\0\0\0\n", 14)}) {
    const Result<int> answer = answer_of(text);
    ASSERT_FALSE(answer) << text.substr(0, 40);
    EXPECT_EQ(answer.error().code, Code::unavailable);
    EXPECT_NE(answer.error().message.find("is not HTTP/1"), std::string::npos);
  }
}

TEST(Probe, SaysThatTheServiceHungUp) {
  const Result<int> answer = answer_of("");
  EXPECT_EQ(answer.error().code, Code::unavailable);
  EXPECT_NE(answer.error().message.find("hung up without an answer"), std::string::npos);
}

TEST(Probe, RefusesAPathThatWouldInjectAHeader) {
  asio::io_context io{1};
  for (const char* path : {"", "health", "/a b", "/a\r\nX: y", "/\xc3\xa4"})
    EXPECT_EQ(ask(io, 1, path).error().code, Code::invalid) << path;
}

TEST(Probe, EndsAtOnceWhenItIsCancelled) {
  asio::io_context io{1};
  OneAnswer service(io, "", false);
  asio::cancellation_signal signal;
  error_code why;
  const auto done = [&](std::exception_ptr thrown, Result<int>) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const boost::system::system_error& error) {
      why = error.code();
    }
  };
  asio::co_spawn(io, probe(service.port(), "/health", 1h),
                 asio::bind_cancellation_slot(signal.slot(), done));
  while (service.request().empty()) io.run_one();
  signal.emit(asio::cancellation_type::terminal);
  io.run_for(60s);  // returns as soon as nothing is left: no timer of an hour stays behind
  EXPECT_EQ(why, asio::error::operation_aborted);
  EXPECT_TRUE(io.stopped());
}

}  // namespace
}  // namespace linnet::net
