// TLS against a real server: openssl's, with a certificate made for the test.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>

#include "net/curl.h"
#include "net/test_server.h"
#include "runtime/run_in_test.h"

namespace linnet::net {
namespace {

constexpr const char* openssl = "/usr/bin/openssl";

pid_t start(std::vector<std::string> arguments, int output) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, 1);
  ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  if (::posix_spawn(&pid, openssl, &actions, nullptr, pointers.data(), environ) != 0) pid = -1;
  ::posix_spawn_file_actions_destroy(&actions);
  return pid;
}

std::string read_all(const std::string& path) {
  std::ostringstream all;
  all << std::ifstream(path).rdbuf();
  return all.str();
}

/// A key and a certificate of its own for 127.0.0.1, as NAME.key and NAME.pem.
void make_certificate(const std::string& name) {
  const Descriptor null(::open("/dev/null", O_WRONLY));
  const pid_t made =
      start({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "2", "-subj", "/CN=linnet test", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", name + ".key", "-out", name + ".pem"},
            null.get());
  ASSERT_GT(made, 0) << "this test needs " << openssl;
  int status = 0;
  ::waitpid(made, &status, 0);
  ASSERT_EQ(status, 0);
}

/// `openssl s_server -www`, which answers every GET with a page about the connection.
struct TlsServer {
  explicit TlsServer(std::vector<std::string> more) {
    CHECK(::pipe2(output, O_CLOEXEC) == 0);
    std::vector<std::string> arguments{"openssl", "s_server", "-www", "-accept", "127.0.0.1:0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    pid = start(arguments, output[1]);
    // It says "ACCEPT 127.0.0.1:PORT" once it listens.
    std::string said;
    char chunk[256];
    while (said.find("ACCEPT") == std::string::npos || said.back() != '\n') {
      pollfd poll{output[0], POLLIN, 0};
      if (::poll(&poll, 1, 20'000) <= 0) break;
      const ssize_t got = ::read(output[0], chunk, sizeof chunk);
      if (got <= 0) break;
      said.append(chunk, static_cast<std::size_t>(got));
    }
    if (const auto colon = said.rfind(':'); colon != std::string::npos)
      port = std::atoi(said.c_str() + colon + 1);
  }
  ~TlsServer() {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    ::close(output[0]);
    ::close(output[1]);
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  int output[2] = {-1, -1};
  pid_t pid = -1;
  int port = 0;
};

struct CurlTlsTest : testing::Test {
  void SetUp() override {
    make_certificate(server_name);
    make_certificate(client_name);
  }
  std::vector<std::string> server_options() const {
    return {"-cert", server_name + ".pem", "-key", server_name + ".key"};
  }
  Result<Response> get(const TlsServer& server, TlsOptions tls) {
    auto curl = Curl::load(io.get_executor());
    CHECK(curl.has_value());
    Request request;
    request.url = fmt::format("https://127.0.0.1:{}/", server.port);
    request.proxy = "";
    request.tls = std::move(tls);
    return runtime::run_in_test(io, (*curl)->send(std::move(request)));
  }
  TestDirectory directory;
  std::string server_name = directory.path + "/server";
  std::string client_name = directory.path + "/client";
  boost::asio::io_context io;
};

TEST_F(CurlTlsTest, ACertificateOfNobodyKnownIsRefusedUnlessItIsNamed) {
  const TlsServer server(server_options());
  ASSERT_NE(server.port, 0);
  const auto refused = get(server, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::denied) << refused.error().message;

  TlsOptions by_file, by_text, unchecked;
  by_file.ca_file = server_name + ".pem";
  by_text.ca_pem = read_all(server_name + ".pem");
  unchecked.verify = false;
  for (const TlsOptions& tls : {by_file, by_text, unchecked}) {
    const auto got = get(server, tls);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->status, 200);
  }
}

TEST_F(CurlTlsTest, AnotherServerNameIsAskedForAndChecked) {
  const TlsServer server(server_options());
  ASSERT_NE(server.port, 0);
  TlsOptions tls;
  tls.ca_file = server_name + ".pem";
  tls.server_name = "127.0.0.1";
  const auto got = get(server, tls);
  ASSERT_TRUE(got) << got.error().message;
  tls.server_name = "api.example";
  const auto refused = get(server, tls);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::denied) << refused.error().message;
}

TEST_F(CurlTlsTest, AClientCertificateIsShownFromFilesOrFromMemory) {
  auto options = server_options();
  options.insert(options.end(),
                 {"-Verify", "1", "-verify_return_error", "-CAfile", client_name + ".pem"});
  const TlsServer server(options);
  ASSERT_NE(server.port, 0);
  TlsOptions without;
  without.ca_file = server_name + ".pem";
  EXPECT_FALSE(get(server, without));

  TlsOptions files = without, memory = without;
  files.client_certificate_file = client_name + ".pem";
  files.client_key_file = client_name + ".key";
  memory.client_certificate_pem = read_all(client_name + ".pem");
  memory.client_key_pem = read_all(client_name + ".key");
  for (const TlsOptions& tls : {files, memory}) {
    const auto got = get(server, tls);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->status, 200);
  }
}

}  // namespace
}  // namespace linnet::net
