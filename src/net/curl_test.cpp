#include "net/curl.h"

#include <gtest/gtest.h>

#include "net/imposter.h"
#include "net/test_server.h"
#include "runtime/run_in_test.h"
#include "runtime/with_deadline.h"

namespace linnet::net {
namespace {

Task<ServerResponse> echo(const ServerRequest& request, std::size_t) {
  ServerResponse response;
  response.body = request.method + " " + request.target + " " + request.body;
  if (request.target == "/big") response.body.assign(8 * 1024 * 1024, 'x');
  if (request.target == "/gone") response.status = 410;
  if (request.target == "/elsewhere") {
    response.status = 302;
    response.headers.emplace_back("Location", "/found");
  }
  co_return response;
}

Task<ServerResponse> never(const ServerRequest&, std::size_t) {
  co_await runtime::sleep_for(std::chrono::hours(10));
  co_return ServerResponse{};
}

struct CurlTest : testing::Test {
  CurlTest() {
    auto loaded = Curl::load(io.get_executor());
    CHECK(loaded.has_value());
    curl = std::move(*loaded);
  }
  /// Sends, then ends the imposter so that the context runs out of work.
  Result<Response> send(Imposter& imposter, Request request) {
    return runtime::run_in_test(io, send_and_stop(*curl, imposter, std::move(request)));
  }
  static Task<Result<Response>> send_and_stop(Curl& curl, Imposter& imposter, Request request) {
    request.proxy = "";
    auto result = co_await curl.send(std::move(request));
    imposter.stop();
    co_return result;
  }
  static Request get(const std::string& url) {
    Request request;
    request.url = url;
    request.proxy = "";
    return request;
  }
  boost::asio::io_context io;
  std::unique_ptr<Curl> curl;
};

TEST(CurlLoad, AMissingLibrarySaysWhatToInstall) {
  boost::asio::io_context io;
  const auto loaded = Curl::load(io.get_executor(), {"libcurl-that-is-not-there.so.4"});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::unavailable);
  EXPECT_NE(loaded.error().message.find("apt-get install libcurl4"), std::string::npos);
}

TEST_F(CurlTest, GetsStatusHeadersAndBody) {
  Imposter imposter(io);
  imposter.answer = echo;
  Request request = get(imposter.url("/a?b=c"));
  request.headers = {{"X-Token", "secret"}, {"X-Empty", ""}};
  const auto got = send(imposter, request);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->body, "GET /a?b=c ");
  EXPECT_EQ(*find_header(got->headers, "content-type"), "application/json");
  EXPECT_EQ(*find_header(imposter.asked[0].headers, "x-token"), "secret");
  EXPECT_EQ(*find_header(imposter.asked[0].headers, "x-empty"), "");
}

TEST_F(CurlTest, SendsABodyWithAnyMethod) {
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    Imposter imposter(io);
    imposter.answer = echo;
    Request request = get(imposter.url("/x"));
    request.method = method;
    request.body = std::string(100'000, 'y');
    const auto got = send(imposter, request);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->body, std::string(method) + " /x " + request.body);
  }
}

TEST_F(CurlTest, AnErrorStatusAndARedirectAreAnswers) {
  for (const auto& [path, status] : {std::pair("/gone", 410), std::pair("/elsewhere", 302)}) {
    Imposter imposter(io);
    imposter.answer = echo;
    const auto got = send(imposter, get(imposter.url(path)));
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->status, status);
    EXPECT_EQ(imposter.asked.size(), 1U) << "nothing is followed";
  }
}

Task<void> send_one(Curl& curl, Request request, int* good) {
  auto result = co_await curl.send(std::move(request));
  if (result && result->status == 200) ++*good;
}
Task<Result<int>> send_many(Curl& curl, Imposter& imposter, int count) {
  int good = 0;
  auto executor = co_await boost::asio::this_coro::executor;
  for (int round = 0; round < 2; ++round) {
    runtime::TaskGroup group(executor);
    for (int i = 0; i < count; ++i) {
      Request request;
      request.url = imposter.url(fmt::format("/{}", i));
      request.proxy = "";
      group.spawn("one", send_one(curl, std::move(request), &good));
    }
    co_await group.join();
  }
  imposter.stop();
  co_return good;
}

TEST_F(CurlTest, ManyAtOnceAllGetTheirAnswers) {
  Imposter imposter(io);
  imposter.answer = echo;
  EXPECT_EQ(runtime::run_in_test(io, send_many(*curl, imposter, 100)).value(), 200);
  EXPECT_EQ(imposter.asked.size(), 200U);
}

TEST_F(CurlTest, AnAnswerThatIsTooLargeIsCutOff) {
  Imposter imposter(io);
  imposter.answer = echo;
  Request request = get(imposter.url("/big"));
  request.max_answer_bytes = 1024 * 1024;
  const auto got = send(imposter, request);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::invalid);
  EXPECT_NE(got.error().message.find("larger than 1048576 bytes"), std::string::npos);
}

TEST_F(CurlTest, ALargeAnswerComesWhole) {
  Imposter imposter(io);
  imposter.answer = echo;
  const auto got = send(imposter, get(imposter.url("/big")));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body.size(), 8U * 1024 * 1024);
}

TEST_F(CurlTest, AServerThatHangsEndsAtTheTimeLimit) {
  for (const char* method : {"GET", "POST"}) {
    Imposter imposter(io);
    imposter.answer = never;
    Request request = get(imposter.url("/secret-path"));
    request.method = method;
    request.timeout = 100ms;
    // The handler of a POST runs on: this test's context must end without it.
    const SilentPort silent(true);
    if (request.method == "POST")
      request.url = fmt::format("http://127.0.0.1:{}/secret-path", silent.port());
    const auto got = send(imposter, request);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, request.method == "GET" ? Code::timed_out : Code::unknown_outcome)
        << got.error().message;
    EXPECT_EQ(got.error().message.find("secret-path"), std::string::npos) << got.error().message;
  }
}

TEST_F(CurlTest, ARefusedConnectionIsUnavailableAndNothingWasSent) {
  const SilentPort refusing(false);
  Request request = get(fmt::format("http://127.0.0.1:{}/", refusing.port()));
  request.method = "POST";
  const auto got = runtime::run_in_test(io, curl->send(request));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::unavailable) << got.error().message;
}

TEST_F(CurlTest, OnlyHttpAddressesAreTaken) {
  for (const char* url : {"file:///etc/passwd", "ftp://h/x", "gopher://h", "", "h", "http://",
                          "http://[", "http://h:99999999/"}) {
    const auto got = runtime::run_in_test(io, curl->send(get(url)));
    ASSERT_FALSE(got) << url;
    EXPECT_EQ(got.error().code, Code::invalid) << url << ": " << got.error().message;
  }
  Request request = get("http://127.0.0.1/");
  request.headers = {{"X", "a\r\nEvil: b"}};
  EXPECT_EQ(runtime::run_in_test(io, curl->send(request)).error().code, Code::invalid);
}

TEST_F(CurlTest, ACancelledRequestLeavesNothingBehind) {
  const SilentPort silent(true);
  Request request = get(fmt::format("http://127.0.0.1:{}/", silent.port()));
  request.timeout = std::chrono::hours(1);
  const auto got =
      runtime::run_in_test(io, runtime::with_deadline(curl->send(request), 50ms, "asking"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::timed_out);
  Imposter imposter(io);
  imposter.answer = echo;
  EXPECT_TRUE(send(imposter, get(imposter.url("/after"))));
}

TEST_F(CurlTest, TheClientMayGoBeforeItsRequests) {
  Imposter imposter(io);
  imposter.answer = echo;
  int good = 0;
  auto sending = curl->send(get(imposter.url("/y")));
  auto wait = [](Task<Result<Response>> sent, Imposter& server, int* count) -> Task<void> {
    auto result = co_await std::move(sent);
    if (result) ++*count;
    server.stop();
  };
  curl.reset();
  runtime::run_in_test(io, wait(std::move(sending), imposter, &good));
  EXPECT_EQ(good, 1);
}

TEST(CurlEnd, AContextThatGoesWithARequestUnderWayIsClean) {
  const SilentPort silent(true);
  std::unique_ptr<Curl> curl;
  boost::asio::io_context io;
  curl = std::move(*Curl::load(io.get_executor()));
  runtime::TaskGroup group(io.get_executor());
  Request request;
  request.url = fmt::format("http://127.0.0.1:{}/", silent.port());
  request.proxy = "";
  int good = 0;
  group.spawn("send", send_one(*curl, request, &good));
  io.run_for(std::chrono::milliseconds(50));
  EXPECT_EQ(good, 0);
  curl.reset();
}

TEST_F(CurlTest, AProxyThatIsAwayIsNamedWithoutItsPassword) {
  for (const char* scheme : {"", "http://", "socks5h://"}) {
    Request request = get("https://far.example/x");
    request.proxy = std::string(scheme) + "anna:SECRET@127.0.0.1:1";
    const auto got = runtime::run_in_test(io, curl->send(request));
    ASSERT_FALSE(got);
    const std::string& message = got.error().message;
    EXPECT_TRUE(message.starts_with("GET https://far.example by the proxy 127.0.0.1:1: "))
        << message;
    EXPECT_EQ(message.find("SECRET"), std::string::npos) << message;
  }
}

Task<ServerResponse> echo_request(ServerRequest request) { co_return co_await echo(request, 0); }

Task<Result<Response>> send_to(Curl& curl, Request request, HttpServer& server) {
  auto result = co_await curl.send(std::move(request));
  server.stop();
  co_return result;
}

TEST_F(CurlTest, GoesToAUnixSocketWhenAsked) {
  const TestDirectory directory;
  const std::string path = directory.path + "/s";
  const auto server = HttpServer::on_unix_socket(io.get_executor(), path, echo_request);
  ASSERT_TRUE(server) << server.error().message;
  runtime::TaskGroup group(io.get_executor());
  group.spawn("server", (*server)->run());
  Request request = get("http://linnet/v1/version");
  request.unix_socket = path;
  const auto got = runtime::run_in_test(io, send_to(*curl, request, **server));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, "GET /v1/version ");
}

}  // namespace
}  // namespace linnet::net
