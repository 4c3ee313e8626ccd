#include "notify/webhook_notifier.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "contract/notifier_contract.h"
#include "contract/run_task.h"
#include "net/imposter.h"
#include "runtime/run_in_test.h"
#include "runtime/with_deadline.h"

namespace linnet::notify {
namespace {

constexpr const char* secret = "T0SECRET";

core::Notice notice_of(std::int64_t id, std::string event = "rolled_back") {
  return {.id = id,
          .event = std::move(event),
          .text = "v1.2.0 was taken back: 21 % of 412 requests failed; limit 5 %",
          .rollout = "shop-7",
          .at = WallTime{1'795'467'727'123}};
}

struct NotifierTest : testing::Test {
  NotifierTest() {
    auto loaded = net::Curl::load(io.get_executor());
    CHECK(loaded.has_value());
    curl = std::move(*loaded);
  }
  core::Webhook webhook(const net::Imposter& imposter) const {
    return {.url = imposter.url(std::string("/services/") + secret + "?token=" + secret),
            .format = core::Webhook::Format::json,
            .on = {}};
  }
  WebhookNotifier& make(std::vector<core::Webhook> webhooks) {
    auto client = [this]() -> Result<net::Curl*> {
      if (!library_there) return fail(Code::unavailable, "libcurl is not there");
      return curl.get();
    };
    auto trouble = [this](const core::Entry& entry) { journal.push_back(entry.text); };
    notifier = std::make_unique<WebhookNotifier>(
        io.get_executor(), client, "shop", std::move(webhooks), trouble, [this] { ++rung; }, rule);
    return *notifier;
  }
  /// Runs until a notice has ended, at most 20 s.
  std::vector<std::int64_t> until_ended() {
    const int before = rung;
    EXPECT_TRUE(contract::until(io, [&] { return rung > before; }));
    return notifier->delivered();
  }
  boost::asio::io_context io;
  std::unique_ptr<net::Curl> curl;
  bool library_there = true;
  RetryRule rule{.first = 1ms, .longest = 4ms, .attempts = 5, .timeout = 200ms};
  std::vector<std::string> journal;
  int rung = 0;
  std::unique_ptr<WebhookNotifier> notifier;
};

using net::ServerRequest;
using net::ServerResponse;

Task<ServerResponse> fail_twice(const ServerRequest&, std::size_t number) {
  ServerResponse response;
  if (number <= 2) response.status = number == 1 ? 500 : 429;
  if (number == 2) response.headers.emplace_back("Retry-After", "3600");
  co_return response;
}
Task<ServerResponse> always_503(const ServerRequest&, std::size_t) {
  ServerResponse response;
  response.status = 503;
  co_return response;
}
Task<ServerResponse> always_404(const ServerRequest&, std::size_t) {
  ServerResponse response;
  response.status = 404;
  co_return response;
}

TEST_F(NotifierTest, ANoticeIsPostedOnceAsJson) {
  net::Imposter imposter(io);
  make({webhook(imposter)}).send(notice_of(3));
  notifier->send(notice_of(3));  // as each turn does until it is delivered
  EXPECT_EQ(until_ended(), std::vector<std::int64_t>{3});
  EXPECT_TRUE(notifier->delivered().empty());
  ASSERT_EQ(imposter.asked.size(), 1U);
  const ServerRequest& got = imposter.asked[0];
  EXPECT_EQ(got.method, "POST");
  EXPECT_EQ(got.target, std::string("/services/") + secret + "?token=" + secret);
  EXPECT_EQ(*net::find_header(got.headers, "Content-Type"), "application/json");
  const auto body = boost::json::parse(got.body);
  EXPECT_EQ(body.at("release"), "shop");
  EXPECT_EQ(body.at("event"), "rolled_back");
  EXPECT_EQ(body.at("rollout"), "shop-7");
  EXPECT_EQ(body.at("id"), 3);
  EXPECT_EQ(body.at("at"), WallTime{1'795'467'727'123}.text().c_str());
  EXPECT_TRUE(journal.empty());
}

TEST_F(NotifierTest, AnEndedNoticeThatIsAskedForAgainIsToldAgainAndNotSentAgain) {
  net::Imposter imposter(io);
  make({webhook(imposter)}).send(notice_of(3));
  until_ended();
  notifier->send(notice_of(3));  // the turn that dropped it could not be saved
  EXPECT_EQ(notifier->delivered(), std::vector<std::int64_t>{3});
  core::Notice same_number = notice_of(3);
  same_number.at.ms += 1;
  notifier->send(same_number);
  until_ended();
  EXPECT_EQ(imposter.asked.size(), 2U);
}

TEST_F(NotifierTest, OnlyTheWebhooksThatWantTheEventGetIt) {
  net::Imposter all(io), some(io), none(io);
  core::Webhook wants_it = webhook(some), does_not = webhook(none);
  wants_it.on = {"promoted", "rolled_back"};
  does_not.on = {"promoted"};
  make({webhook(all), wants_it, does_not}).send(notice_of(1));
  EXPECT_EQ(until_ended(), std::vector<std::int64_t>{1});
  EXPECT_EQ(all.asked.size(), 1U);
  EXPECT_EQ(some.asked.size(), 1U);
  EXPECT_EQ(none.asked.size(), 0U);
}

TEST_F(NotifierTest, ANoticeThatNobodyWantsIsDoneAtOnce) {
  make({}).send(notice_of(9));
  EXPECT_EQ(notifier->delivered(), std::vector<std::int64_t>{9});
  EXPECT_EQ(rung, 1);
}

TEST_F(NotifierTest, AServerThatRecoversGetsItAndTheTroubleIsNotedOnce) {
  net::Imposter imposter(io);
  imposter.answer = fail_twice;
  make({webhook(imposter)}).send(notice_of(1));
  EXPECT_EQ(until_ended(), std::vector<std::int64_t>{1});
  EXPECT_EQ(imposter.asked.size(), 3U) << "its wish for an hour's pause is bounded";
  ASSERT_EQ(journal.size(), 1U);
  EXPECT_NE(journal[0].find("it answered 500 Internal Server Error"), std::string::npos);
}

TEST_F(NotifierTest, AServerThatStaysBrokenIsGivenUpWithALine) {
  net::Imposter imposter(io);
  imposter.answer = always_503;
  make({webhook(imposter)}).send(notice_of(1));
  EXPECT_EQ(until_ended(), std::vector<std::int64_t>{1});
  EXPECT_EQ(imposter.asked.size(), 5U);
  ASSERT_EQ(journal.size(), 2U);
  EXPECT_EQ(journal[1], fmt::format("notice 1 (rolled_back) to http://127.0.0.1:{} given up after "
                                    "5 attempts: it answered 503 Service Unavailable",
                                    imposter.port()));
}

TEST_F(NotifierTest, AnAnswerThatNoRepetitionChangesEndsIt) {
  net::Imposter imposter(io);
  imposter.answer = always_404;
  make({webhook(imposter)}).send(notice_of(1));
  EXPECT_EQ(until_ended(), std::vector<std::int64_t>{1});
  EXPECT_EQ(imposter.asked.size(), 1U);
  ASSERT_EQ(journal.size(), 1U);
  EXPECT_NE(journal[0].find("given up after 1 attempt: it answered 404"), std::string::npos);
}

TEST_F(NotifierTest, AServerThatComesUpLaterGetsIt) {
  net::SilentPort reserved(false);
  rule.attempts = 1'000;
  core::Webhook target;
  target.url = fmt::format("http://127.0.0.1:{}/{}", reserved.port(), secret);
  make({target}).send(notice_of(1));
  ASSERT_TRUE(contract::until(io, [&] { return !journal.empty(); })) << "the refused connection";
  const std::uint16_t port = reserved.port();
  reserved.close();
  net::Imposter imposter(io, port);
  EXPECT_EQ(until_ended(), std::vector<std::int64_t>{1});
  EXPECT_EQ(imposter.asked.size(), 1U);
}

TEST_F(NotifierTest, WhySomethingIsNotDeliveredYetIsToldUntilItIs) {
  net::Imposter imposter(io);
  rule.attempts = 3;
  imposter.answer = fail_twice;
  make({webhook(imposter)}).send(notice_of(1));
  EXPECT_EQ(notifier->trouble(), "");
  EXPECT_TRUE(contract::until(io, [&] { return !journal.empty(); }));
  EXPECT_EQ(
      notifier->trouble(),
      fmt::format("http://127.0.0.1:{}: it answered 500 Internal Server Error", imposter.port()));
  until_ended();
  EXPECT_EQ(notifier->trouble(), "");
}

TEST_F(NotifierTest, AHangingServerEndsAtTheTimeLimitOfEachAttempt) {
  const net::SilentPort silent(true);
  rule.attempts = 2;
  rule.timeout = 50ms;
  core::Webhook target;
  target.url = fmt::format("http://127.0.0.1:{}/{}", silent.port(), secret);
  make({target}).send(notice_of(1));
  EXPECT_EQ(until_ended(), std::vector<std::int64_t>{1});
  ASSERT_EQ(journal.size(), 2U);
  EXPECT_NE(journal[1].find("given up after 2 attempts"), std::string::npos);
}

TEST_F(NotifierTest, ARedirectIsNotFollowed) {
  net::Imposter first(io), other(io);
  const std::string elsewhere = other.url(std::string("/") + secret);
  first.answer = [&elsewhere](const ServerRequest&, std::size_t) -> Task<ServerResponse> {
    ServerResponse response;
    response.status = 307;
    response.headers.emplace_back("Location", elsewhere);
    co_return response;
  };
  make({webhook(first)}).send(notice_of(1));
  EXPECT_EQ(until_ended(), std::vector<std::int64_t>{1});
  EXPECT_EQ(first.asked.size(), 1U);
  EXPECT_EQ(other.asked.size(), 0U);
  ASSERT_EQ(journal.size(), 1U);
  EXPECT_NE(journal[0].find("a redirect to http://127.0.0.1"), std::string::npos);
}

TEST_F(NotifierTest, TheSecretsOfAnAddressAreNeverWritten) {
  net::Imposter broken(io);
  broken.answer = always_503;
  const net::SilentPort refusing(false);
  core::Webhook refused, nonsense;
  refused.url = fmt::format("http://u:{}@127.0.0.1:{}/{}", secret, refusing.port(), secret);
  nonsense.url = std::string("http://[") + secret;
  make({webhook(broken), refused, nonsense}).send(notice_of(1));
  until_ended();
  EXPECT_GE(journal.size(), 5U);
  for (const std::string& line : journal) EXPECT_EQ(line.find(secret), std::string::npos) << line;
}

TEST_F(NotifierTest, WithoutLibcurlItIsGivenUpWithTheReason) {
  library_there = false;
  net::Imposter imposter(io);
  make({webhook(imposter)}).send(notice_of(1));
  EXPECT_EQ(until_ended(), std::vector<std::int64_t>{1});
  EXPECT_NE(journal.back().find("libcurl is not there"), std::string::npos);
}

TEST_F(NotifierTest, DestroyedWithDeliveriesUnderWayItReportsNothing) {
  const net::SilentPort silent(true);
  core::Webhook target;
  target.url = fmt::format("http://127.0.0.1:{}/", silent.port());
  rule.timeout = std::chrono::hours(1);
  make({target}).send(notice_of(1));
  io.run_one_for(std::chrono::milliseconds(20));
  notifier.reset();
  io.restart();
  io.run();  // returns: nothing is left that waits
  EXPECT_EQ(rung, 0);
  EXPECT_TRUE(journal.empty());
}

TEST(WebhookBody, SlackGetsOneTextWithoutMarkupFromOutside) {
  core::Webhook slack;
  slack.format = core::Webhook::Format::slack;
  core::Notice notice = notice_of(1);
  notice.text = "<!channel> a & b";
  EXPECT_EQ(webhook_body(slack, "shop", notice),
            R"x({"text":"*shop* rolled back: &lt;!channel&gt; a &amp; b (shop-7)"})x");
}

TEST(WebhookBody, IsBoundedAndValidWhateverTheTextIs) {
  for (const std::string& unit : {std::string("x"), std::string("\xE2\x82\xAC"),
                                  std::string("\x01"), std::string("<"), std::string("\xff")}) {
    core::Notice notice = notice_of(1);
    notice.text.clear();
    while (notice.text.size() < 100'000) notice.text += unit;
    for (const auto format : {core::Webhook::Format::json, core::Webhook::Format::slack}) {
      core::Webhook webhook;
      webhook.format = format;
      const std::string body = webhook_body(webhook, "shop", notice);
      EXPECT_LE(body.size(), 8U * 1024);
      boost::system::error_code error;
      EXPECT_TRUE(boost::json::parse(body, error).is_object());
      EXPECT_NE(body.find(" ..."), std::string::npos) << "says that it was cut";
    }
  }
}

class WebhookUnderTest final : public contract::NotifierUnderTest {
 public:
  WebhookUnderTest() {
    auto loaded = net::Curl::load(context.get_executor());
    CHECK(loaded.has_value());
    curl_ = std::move(*loaded);
    core::Webhook webhook;
    webhook.url = imposter_.url("/hook");
    notifier_ = std::make_unique<WebhookNotifier>(
        context.get_executor(), [this]() -> Result<net::Curl*> { return curl_.get(); }, "shop",
        std::vector{webhook}, [](const core::Entry&) {});
  }
  Notifier& notifier() override { return *notifier_; }
  void wait_a_little() override {
    context.restart();
    context.run_for(std::chrono::milliseconds(20));
  }

 private:
  net::Imposter imposter_{context};
  std::unique_ptr<net::Curl> curl_;
  std::unique_ptr<WebhookNotifier> notifier_;
};

}  // namespace
}  // namespace linnet::notify

namespace linnet::contract {
INSTANTIATE_TEST_SUITE_P(Webhook, NotifierContract,
                         testing::Values([]() -> std::unique_ptr<NotifierUnderTest> {
                           return std::make_unique<notify::WebhookUnderTest>();
                         }));
}  // namespace linnet::contract
