// Logs that are followed: lines in pieces, streams that break, containers that start again.
#include "kubernetes/pod_log.h"

#include "kubernetes/kubernetes_testing.h"

namespace linnet::kubernetes {
namespace {

using Lines = std::vector<std::string>;

const std::string at1 = "2026-11-26T01:00:00.100000000Z ";
const std::string at2 = "2026-11-26T01:00:00.120000000Z ";
const std::string at3 = "2026-11-26T01:00:01.000000000Z ";

TEST(LogLines, AreTheSameWhateverThePieces) {
  const std::string text = at1 + "one\n" + at2 + "\n" + at3 + "three \r\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    LogLines lines;
    Lines all;
    for (std::size_t i = 0; i < text.size(); i += size)
      for (std::string& line : lines.take(std::string_view(text).substr(i, size)))
        all.push_back(std::move(line));
    EXPECT_EQ(all, (Lines{"one", "", "three "})) << "in pieces of " << size;
    EXPECT_EQ(lines.last() + " ", at3);
  }
}

TEST(LogLines, ALongOneComesAsSeveralAndTheNextIsWhole) {
  LogLines lines(40);
  EXPECT_EQ(lines.take(at1 + std::string(60, 'x') + "\n" + at2 + "two\n"),
            (Lines{std::string(9, 'x'), std::string(40, 'x'), std::string(11, 'x'), "two"}));
  LogLines exact(40);
  EXPECT_EQ(exact.take(at1 + std::string(9, 'x') + "\n" + at2 + "two\n"),
            (Lines{std::string(9, 'x'), "two"}));
}

TEST(LogLines, WhatCameBeforeDoesNotComeAgain) {
  LogLines lines(40);
  EXPECT_EQ(lines.take(at1 + "one\n" + at2 + "tw"), Lines{"one"});
  lines.drop();  // the stream broke
  EXPECT_EQ(lines.take(at1 + "one" + std::string(60, '.') + "\n" + at2 + "two\n" + at3 + "thr"),
            Lines{"two"});
  EXPECT_EQ(lines.end(), Lines{"thr"}) << "its end may lack a line feed";
  EXPECT_EQ(lines.end(), Lines{});
}

const std::string node = "unable to retrieve container logs for containerd://a5402c";

TEST(LogLines, WhatTheNodeSaysInsteadOfALogIsNoLineAndHidesNone) {
  LogLines lines;
  EXPECT_EQ(lines.take(at1 + "one\n" + node), Lines{"one"});
  EXPECT_EQ(lines.end(), Lines{});
  EXPECT_EQ(lines.node_says(), node);
  EXPECT_EQ(lines.last() + " ", at1) << "and the log is taken up from there";
  EXPECT_EQ(lines.take(at2 + "two\n"), Lines{"two"});
  EXPECT_EQ(lines.node_says(), "");
}

struct PodLogTest : ApiTest {
  ~PodLogTest() override {
    tasks.cancel();
    io.restart();
    io.poll();
  }
  void follow(int tail) {
    api.instead() = [this](const net::ServerRequest& request) { return answer(request); };
    tasks.spawn("log", to_end(tail));
  }
  Task<void> to_end(int tail) {
    LogHooks hooks;
    hooks.line = [this](std::string line) { lines.push_back(std::move(line)); };
    hooks.trouble = [this](const std::string& text) {
      if (!text.empty()) troubles.push_back(text);
    };
    LogTimes quick;
    quick.pause = 1ms;
    quick.believed = believed;
    LogSource source{"shop", "web-1", "web"};
    ended = co_await follow_log(*client, clock, std::move(source), tail, std::move(hooks), quick);
  }
  /// The next of `answers`; the last one again and again.
  std::optional<net::ServerResponse> answer(const net::ServerRequest& request) {
    asked.push_back(request.target);
    net::ServerResponse next = answers.at(std::min(asked.size(), answers.size()) - 1);
    return next;
  }
  static net::ServerResponse log(const std::string& text) {
    net::ServerResponse response;
    response.body = text;
    return response;
  }
  static net::ServerResponse gone() { return ApiImposter::status(404, "NotFound", "no such pod"); }

  std::vector<net::ServerResponse> answers;
  Lines asked, lines, troubles;
  Duration believed = 20s;
  std::optional<Error> ended;
};

TEST_F(PodLogTest, AStreamThatEndsIsTakenUpAfterItsLastLineUntilThePodIsGone) {
  const auto waits = ApiImposter::status(400, "BadRequest", "the container is waiting to start");
  answers = {waits, waits, waits, waits};
  answers.push_back(log(at1 + "one\n" + at2 + "two\n"));
  answers.push_back(log(at2 + "two\n" + at3 + "three\n"));
  answers.push_back(gone());
  follow(7);
  ASSERT_TRUE(eventually([&] { return ended.has_value(); }));
  EXPECT_EQ(ended->code, Code::not_found);
  EXPECT_EQ(lines, (Lines{"one", "two", "three"}));
  ASSERT_EQ(asked.size(), 7u);
  const std::string begin =
      "/api/v1/namespaces/shop/pods/web-1/log?follow=true&timestamps=true&container=web";
  EXPECT_EQ(asked[4], begin + "&tailLines=7");
  EXPECT_EQ(asked[5], begin + "&sinceTime=2026-11-26T01%3A00%3A00.120000000Z");
  ASSERT_EQ(troubles.size(), 1u) << "a start takes a while";
  EXPECT_NE(troubles[0].find("waiting to start"), std::string::npos) << troubles[0];
}

TEST_F(PodLogTest, ANodeThatGoesOnHavingNoLogIsTold) {
  answers = {log(at1 + "one\n"), log(node), log(node)};
  answers.push_back(log(at2 + "two\n"));
  for (int i = 0; i < 4; ++i) answers.push_back(log(node));
  answers.push_back(gone());
  follow(-1);
  ASSERT_TRUE(eventually([&] { return ended.has_value(); }));
  EXPECT_EQ(lines, (Lines{"one", "two"}));
  ASSERT_EQ(troubles.size(), 1u) << "a pod that goes loses its log a moment before";
  EXPECT_EQ(troubles[0], "reading the log of web-1: its node says: " + node);
}

TEST_F(PodLogTest, OneThatWasEmptyIsTakenUpFromWhereItWasBegun) {
  answers = {log(""), gone()};
  follow(0);
  ASSERT_TRUE(eventually([&] { return ended.has_value(); }));
  EXPECT_NE(asked[0].find("&tailLines=0"), std::string::npos);
  EXPECT_NE(asked[1].find("&sinceSeconds=2"), std::string::npos) << asked[1];
}

TEST_F(PodLogTest, ARefusalThatPassesEndsNothing) {
  answers = {ApiImposter::status(403, "Forbidden", "roles are not known yet"),
             ApiImposter::status(401, "Unauthorized", ""), log(at1 + "one\n")};
  answers.push_back(ApiImposter::status(403, "Forbidden", "again"));
  answers.push_back(gone());
  follow(-1);
  ASSERT_TRUE(eventually([&] { return ended.has_value(); }));
  EXPECT_EQ(ended->code, Code::not_found);
  EXPECT_EQ(lines, Lines{"one"});
  ASSERT_EQ(troubles.size(), 3u) << "it is told at once";
  EXPECT_NE(troubles[0].find("roles are not known yet"), std::string::npos) << troubles[0];
}

TEST_F(PodLogTest, AMissingRightEndsIt) {
  believed = 30ms;
  answers = {ApiImposter::status(403, "Forbidden", "no")};
  follow(-1);
  ASSERT_TRUE(eventually([&] { return ended.has_value(); }));
  EXPECT_EQ(ended->code, Code::denied);
  EXPECT_NE(ended->message.find("get pods/log web-1"), std::string::npos) << ended->message;
  EXPECT_EQ(asked[0].find("tailLines"), std::string::npos) << "all of it";
  EXPECT_GT(asked.size(), 1u);
}

}  // namespace
}  // namespace linnet::kubernetes
