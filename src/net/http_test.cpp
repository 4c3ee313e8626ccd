#include "net/http.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace linnet::net {
namespace {

TEST(ParseTarget, TakesPathAndQueryApart) {
  const auto target = parse_target("/v1/releases/a%20b/journal?after=0&wait=10&flag");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->segments, (std::vector<std::string>{"v1", "releases", "a b", "journal"}));
  ASSERT_NE(target->parameter("wait"), nullptr);
  EXPECT_EQ(*target->parameter("wait"), "10");
  EXPECT_EQ(*target->parameter("flag"), "");
  EXPECT_EQ(target->parameter("missing"), nullptr);
  EXPECT_TRUE(parse_target("/")->segments.empty());
}

TEST(ParseTarget, RefusesWhatCouldMeanSomethingElseToSomebodyElse) {
  for (const char* hostile : {"", "v1", "http://host/v1", "/v1/../spec", "/v1/%2e%2e/spec",
                              "/v1/./x", "/v1//x", "/v1/", "/v1/a%2Fb", "/v1/a%00b", "/v1/a%0Ab",
                              "/v1/%", "/v1/%4", "/v1/%zz", "/v1?a=%g0", "/v1?a=1&a=2",
                              "/v1/a\x01"
                              "b",
                              "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"}) {
    const auto target = parse_target(hostile);
    ASSERT_FALSE(target) << hostile;
    EXPECT_EQ(target.error().code, Code::invalid);
  }
}

RC_GTEST_PROP(ParseTarget, NeverFailsBadlyOnAnyBytes, (const std::string& bytes)) {
  const auto target = parse_target("/" + bytes);
  if (!target) RC_ASSERT(!target.error().message.empty());
}

RC_GTEST_PROP(ParseTarget, GivesBackWhatWasEncoded, ()) {
  const auto text =
      *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange<char>(0x20, 0x7e)));
  RC_PRE(text != "." && text != ".." && text.find('/') == std::string::npos);
  const auto target = parse_target("/v1/" + percent_encode(text) + "?q=" + percent_encode(text));
  RC_ASSERT(target.has_value());
  RC_ASSERT(target->segments[1] == text);
  RC_ASSERT(*target->parameter("q") == text);
}

TEST(LoggableUrl, ShowsSchemeAndHostOnly) {
  EXPECT_EQ(loggable_url("https://hooks.example/services/T0/SECRET"), "https://hooks.example");
  EXPECT_EQ(loggable_url("https://anna:SECRET@hooks.example:8443?token=SECRET"),
            "https://hooks.example:8443");
  EXPECT_EQ(loggable_url("https://hooks.example#SECRET"), "https://hooks.example");
  EXPECT_EQ(loggable_url("https://a@SECRET@host/x"), "https://host");
  EXPECT_EQ(loggable_url("SECRET"), "(not a URL)");
  EXPECT_EQ(loggable_url("https://[::1]:8443/SECRET"), "https://[::1]:8443");
  for (const char* broken : {"https://", "https://[SECRET", "https://SECRET]", "https://a b/",
                             "https://a%20/", "ftp://host/", "SECRET://host/"})
    EXPECT_EQ(loggable_url(broken), "(not a URL)") << broken;
  EXPECT_EQ(loggable_url("https://ho\nst/"), "(not a URL)");
}

TEST(FindHeader, DoesNotMindTheCase) {
  const Headers headers{{"Content-Type", "a"}, {"X", "b"}};
  ASSERT_NE(find_header(headers, "content-type"), nullptr);
  EXPECT_EQ(*find_header(headers, "content-type"), "a");
  EXPECT_EQ(find_header(headers, "content"), nullptr);
}

}  // namespace
}  // namespace linnet::net
