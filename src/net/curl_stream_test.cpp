// Answers that go on: pieces as they come, breaks, stalls, and an end from either side.
#include <gtest/gtest.h>

#include "contract/run_task.h"
#include "net/curl.h"
#include "net/stream_imposter.h"
#include "runtime/with_deadline.h"

namespace linnet::net {
namespace {

using contract::run;

/// What a follower got, and when it wants no more.
struct Follower {
  std::vector<std::string> pieces;
  std::string stop_at;  // says false once this came
  std::function<bool(std::string_view)> on_data() {
    return [this](std::string_view piece) {
      pieces.emplace_back(piece);
      return stop_at.empty() || all().find(stop_at) == std::string::npos;
    };
  }
  [[nodiscard]] std::string all() const {
    std::string out;
    for (const std::string& piece : pieces) out += piece;
    return out;
  }
};

Task<void> hang(std::shared_ptr<Exchange> exchange) {
  co_await exchange->begin_chunks();
  std::string one = "one";
  co_await exchange->chunk(std::move(one));
  co_await runtime::sleep_for(1h);
}

Task<void> three_pieces(std::shared_ptr<Exchange> exchange) {
  co_await exchange->begin_chunks();
  for (const char* text : {"one", "two", "three"}) co_await exchange->chunk(text);
  co_await exchange->end_chunks();
}

Task<void> break_off(std::shared_ptr<Exchange> exchange) {
  co_await exchange->begin_chunks();
  std::string one = "one";
  co_await exchange->chunk(std::move(one));
  exchange->close = true;
}

Task<void> refuse(std::shared_ptr<Exchange> exchange) {
  ServerResponse gone;
  gone.status = 410;
  gone.body = "too old";
  co_await exchange->answer(std::move(gone));
}

Task<void> silent(std::shared_ptr<Exchange>) { co_await runtime::sleep_for(1h); }

struct CurlStreamTest : testing::Test {
  CurlStreamTest() { curl = std::move(*Curl::load(io.get_executor())); }
  Result<Response> follow(const StreamImposter& imposter, Duration stall = 20s,
                          Duration head = 20s) {
    Request request;
    request.url = imposter.url("/watch");
    request.proxy = "";
    request.http2 = false;
    request.timeout = head;
    request.stall_limit = stall;
    return run(io, curl->stream(request, follower.on_data()));
  }
  boost::asio::io_context io;
  std::unique_ptr<Curl> curl;
  Follower follower;
};

TEST_F(CurlStreamTest, PiecesComeAfterAnEmptyOneForTheHead) {
  const StreamImposter imposter(io, three_pieces);
  const auto got = follow(imposter);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->status, 200);
  EXPECT_TRUE(got->body.empty());
  EXPECT_EQ(follower.all(), "onetwothree");
  ASSERT_FALSE(follower.pieces.empty());
  EXPECT_EQ(follower.pieces.front(), "");
}

TEST_F(CurlStreamTest, APieceIsHandedOutBeforeTheEndAndTheFollowerMayLeave) {
  const StreamImposter imposter(io, hang);
  follower.stop_at = "one";
  const auto got = follow(imposter);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(follower.all(), "one");
}

TEST_F(CurlStreamTest, AnAnswerThatStallsEndsAtItsLimit) {
  const StreamImposter imposter(io, hang);
  const auto got = follow(imposter, 50ms);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::timed_out);
  EXPECT_NE(got.error().message.find("nothing was heard for 50ms"), std::string::npos);
  EXPECT_EQ(follower.all(), "one");
}

TEST_F(CurlStreamTest, AHeadThatNeverComesEndsAtTheTimeLimit) {
  const StreamImposter imposter(io, silent);
  const auto got = follow(imposter, 20s, 50ms);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::timed_out);
  EXPECT_TRUE(follower.pieces.empty());
}

TEST_F(CurlStreamTest, ABrokenConnectionIsUnavailableAfterWhatCame) {
  const StreamImposter imposter(io, break_off);
  const auto got = follow(imposter);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::unavailable) << got.error().message;
  EXPECT_EQ(follower.all(), "one");
}

TEST_F(CurlStreamTest, ARefusalIsAnAnswerWithItsBody) {
  const StreamImposter imposter(io, refuse);
  const auto got = follow(imposter);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->status, 410);
  EXPECT_EQ(got->body, "too old");
  EXPECT_TRUE(follower.pieces.empty());
}

TEST_F(CurlStreamTest, ACancelledFollowerLeavesNothingBehind) {
  const StreamImposter imposter(io, hang);
  Request request;
  request.url = imposter.url("/watch");
  request.proxy = "";
  Task<Result<Response>> following = curl->stream(request, follower.on_data());
  const auto got = run(io, runtime::with_deadline(std::move(following), 50ms, "following"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::timed_out);
  follower.pieces.clear();
  const StreamImposter another(io, three_pieces);
  EXPECT_TRUE(follow(another));
  EXPECT_EQ(follower.all(), "onetwothree");
}

TEST_F(CurlStreamTest, ManyFollowersAndARequestBesideThemDoNotWaitForEachOther) {
  const StreamImposter hanging(io, hang);
  const StreamImposter quick(io, refuse);
  std::vector<std::unique_ptr<Follower>> followers;
  runtime::TaskGroup group(io.get_executor());
  const auto start = [&](Follower& one) {
    Request request;
    request.url = hanging.url("/watch");
    request.proxy = "";
    request.http2 = false;
    request.timeout = 20s;
    return [](Curl& c, Request r, std::function<bool(std::string_view)> take) -> Task<void> {
      co_await c.stream(std::move(r), std::move(take));
    }(*curl, request, one.on_data());
  };
  for (int i = 0; i < 8; ++i) {
    followers.push_back(std::make_unique<Follower>());
    group.spawn("follower", start(*followers.back()));
  }
  Request request;
  request.url = quick.url("/");
  request.proxy = "";
  const auto got = run(io, curl->send(request));
  ASSERT_TRUE(got) << got.error().message;
  const auto heard = [&] {
    return std::all_of(followers.begin(), followers.end(),
                       [](const auto& one) { return one->all() == "one"; });
  };
  EXPECT_TRUE(contract::until(io, heard));
  group.cancel();
}

/// Answers what has no body, and breaks the connection on what has one.
Task<void> dislike_bodies(std::shared_ptr<Exchange> exchange, int& bodies) {
  if (exchange->request.body.empty()) {
    ServerResponse empty;
    co_await exchange->answer(std::move(empty));
    co_return;
  }
  ++bodies;
  exchange->close = true;
}

TEST_F(CurlStreamTest, ABodyThatIsToGoOutOnceIsNotSentAgainWhenAKeptConnectionBreaks) {
  int bodies = 0;
  const StreamImposter imposter(io, [&bodies](std::shared_ptr<Exchange> exchange) {
    return dislike_bodies(std::move(exchange), bodies);
  });
  Request request;
  request.url = imposter.url("/");
  request.proxy = "";
  request.send_once = true;
  ASSERT_TRUE(run(io, curl->send(request))) << "opens the connection that is kept";
  request.method = "POST";
  request.body = std::string(300'000, 'x');
  const auto got = run(io, curl->send(request));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::unknown_outcome) << got.error().message;
  EXPECT_EQ(bodies, 1);
}

Task<void> echo_body(std::shared_ptr<Exchange> exchange) {
  ServerResponse response;
  response.body = exchange->request.method + exchange->request.body;
  co_await exchange->answer(std::move(response));
}

TEST_F(CurlStreamTest, ABodyThatIsToGoOutOnceComesWhole) {
  const StreamImposter imposter(io, echo_body);
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    Request request;
    request.url = imposter.url("/");
    request.proxy = "";
    request.send_once = true;
    request.method = method;
    for (const std::string& body : {std::string(), std::string("x"), std::string(300'000, 'y')}) {
      request.body = body;
      const auto got = run(io, curl->send(request));
      ASSERT_TRUE(got) << got.error().message;
      EXPECT_EQ(got->body, method + body);
    }
  }
}

}  // namespace
}  // namespace linnet::net
