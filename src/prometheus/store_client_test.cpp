#include "prometheus/store_client.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "contract/run_task.h"
#include "net/imposter.h"
#include "prometheus/testing.h"

namespace linnet::prometheus {
namespace {

const std::string secret = "S3CRET-word";

/// Hands out tokens at /token, and answers others with what `status` says.
struct StoreClientTest : ::testing::Test {
  StoreClientTest() {
    curl = net::Curl::load(io.get_executor()).value();
    imposter.answer = [this](const net::ServerRequest& request, std::size_t number) {
      return answer(request.target, number);
    };
    metrics.address = imposter.url("/");
  }
  Task<net::ServerResponse> answer(std::string target, std::size_t) {
    net::ServerResponse response;
    if (target == "/token")
      response.body = fmt::format(R"({{"access_token":"token-{}","expires_in":100}})", ++tokens);
    else if (refuse-- > 0)
      response.status = 401;
    co_return response;
  }
  Result<net::Response> send() {
    StoreRequest request;
    request.target = "/api/v1/query?x=1";
    return contract::run(io, client->send(request, clock.soon()));
  }
  void open() {
    auto read = [](std::string_view place) -> Result<std::string> {
      if (place == "env:SECRET") return secret;
      if (place == "env:ID") return std::string("AKID");
      return read_secret_file(place);
    };
    client.emplace([this]() -> Result<net::Curl*> { return curl.get(); }, clock, metrics, "", read);
  }
  std::string header(std::size_t request, const char* name) const {
    const std::string* found = net::find_header(imposter.asked.at(request).headers, name);
    return found == nullptr ? "" : *found;
  }
  boost::asio::io_context io;
  net::Imposter imposter{io};
  std::unique_ptr<net::Curl> curl;
  testing::ManualClock clock;
  core::Metrics metrics;
  std::optional<StoreClient> client;
  int tokens = 0;
  int refuse = 0;
};

TEST_F(StoreClientTest, SendsBasicAuthorisationAndHeaders) {
  metrics.auth = core::BasicAuth{"anna", "env:SECRET"};
  metrics.headers = {"X-Scope-OrgID: shop", "X-Key: env:SECRET"};
  open();
  ASSERT_TRUE(send());
  EXPECT_EQ(header(0, "Authorization"), "Basic YW5uYTpTM0NSRVQtd29yZA==");
  EXPECT_EQ(header(0, "X-Scope-OrgID"), "shop");
  EXPECT_EQ(header(0, "X-Key"), secret);
  EXPECT_EQ(imposter.asked[0].target, "/api/v1/query?x=1");
}

TEST_F(StoreClientTest, ReadsATokenFileEachTime) {
  const std::string path = ::testing::TempDir() + "/linnet-token";
  std::ofstream(path) << " one\n";
  metrics.auth = core::BearerAuth{"file:" + path};
  open();
  ASSERT_TRUE(send());
  std::ofstream(path) << "two\n";
  ASSERT_TRUE(send());
  EXPECT_EQ(header(0, "Authorization"), "Bearer one");
  EXPECT_EQ(header(1, "Authorization"), "Bearer two");
  std::filesystem::remove(path);
  const auto gone = send();
  ASSERT_FALSE(gone);
  EXPECT_NE(gone.error().message.find("metrics.auth.bearer.token"), std::string::npos);
}

TEST_F(StoreClientTest, FetchesAnOAuth2TokenAndKeepsItUntilItEndsOrIsRefused) {
  metrics.auth = core::OAuth2Auth{imposter.url("/token"), "me", "env:SECRET", {"a", "b"}};
  open();
  ASSERT_TRUE(send());
  EXPECT_EQ(imposter.asked[0].body, "grant_type=client_credentials&scope=a%20b");
  EXPECT_EQ(header(0, "Authorization"), "Basic bWU6UzNDUkVULXdvcmQ=");
  EXPECT_EQ(header(1, "Authorization"), "Bearer token-1");
  ASSERT_TRUE(send());
  EXPECT_EQ(header(2, "Authorization"), "Bearer token-1");
  clock.pass(81s);
  ASSERT_TRUE(send());
  EXPECT_EQ(header(4, "Authorization"), "Bearer token-2");
  refuse = 1;
  const auto answer = send();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(tokens, 3);
}

TEST_F(StoreClientTest, SignsForAws) {
  metrics.auth = core::SigV4Auth{"eu-central-1", "aps", "env:ID", "env:SECRET", "env:SECRET"};
  open();
  ASSERT_TRUE(send());
  const std::string signature = header(0, "Authorization");
  EXPECT_TRUE(signature.starts_with("AWS4-HMAC-SHA256 Credential=AKID/")) << signature;
  EXPECT_NE(signature.find("/eu-central-1/aps/aws4_request"), std::string::npos) << signature;
  EXPECT_EQ(signature.find(secret), std::string::npos);
  EXPECT_EQ(header(0, "X-Amz-Security-Token"), secret);
  EXPECT_NE(header(0, "X-Amz-Date"), "");
}

TEST_F(StoreClientTest, NoMessageHoldsASecret) {
  metrics.auth = core::OAuth2Auth{"http://127.0.0.1:1/" + secret, "me", "env:SECRET", {}};
  open();
  auto answer = send();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message.find(secret), std::string::npos) << answer.error().message;
  metrics.auth = {};
  metrics.address = "http://" + secret + ":" + secret + "@127.0.0.1:1/" + secret;
  open();
  answer = send();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message.find(secret), std::string::npos) << answer.error().message;
  EXPECT_EQ(client->where().find(secret), std::string::npos);
}

TEST(LocalNeeds, AreAllSecretsWithTheirKeys) {
  const auto needs = [](core::MetricsAuth auth) {
    core::Metrics metrics;
    metrics.auth = std::move(auth);
    metrics.headers = {"X-Scope-OrgID: shop", "X-Key: env:KEY"};
    std::string text;
    for (const LocalNeed& need : local_needs(metrics))
      text += fmt::format("{}={} ", need.key.substr(8), need.place);
    return text;
  };
  EXPECT_EQ(needs({}), "headers=env:KEY ");
  EXPECT_EQ(needs(core::BasicAuth{"anna", "env:A"}), "auth.basic.password=env:A headers=env:KEY ");
  EXPECT_EQ(needs(core::BearerAuth{"file:/a"}), "auth.bearer.token=file:/a headers=env:KEY ");
  EXPECT_EQ(needs(core::OAuth2Auth{"http://x", "me", "env:A", {}}),
            "auth.oauth2.client_secret=env:A headers=env:KEY ");
  EXPECT_EQ(needs(core::SigV4Auth{"eu", "aps", "env:A", "env:B", ""}),
            "auth.sigv4.access_key=env:A auth.sigv4.secret_key=env:B headers=env:KEY ");
}

TEST_F(StoreClientTest, ASecretFileMustBeReadable) {
  for (const char* place : {"env:X", "S3CRET", "file:relative", "file:/nowhere/at/all"})
    EXPECT_FALSE(read_secret_file(place)) << place;
}

}  // namespace
}  // namespace linnet::prometheus
