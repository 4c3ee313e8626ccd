#include "local/nginx_config.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace linnet::local {
namespace {

NginxRelease shop() {
  NginxRelease release;
  release.name = "shop";
  release.listen = "127.0.0.1:8080";
  release.slots = {{7001, 7002}, {7101}};
  release.switch_directory = "/var/lib/linnet/traffic/shop";
  release.access_log = "/var/lib/linnet/log/shop.access.log";
  return release;
}

NginxOwn own_of(NginxRelease release) {
  NginxOwn own;
  own.prefix = "/var/lib/linnet/nginx";
  own.releases = {std::move(release)};
  return own;
}

std::string message_for(NginxRelease release) {
  const auto text = own_config(own_of(std::move(release)));
  return text ? "accepted" : text.error().message;
}

TEST(NginxConfig, LooksThroughTheSwitchAndNamesBothTracks) {
  const auto text = own_config(own_of(shop()));
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("if (-f \"/var/lib/linnet/traffic/shop/cur/$linnet_shop_bucket\")"),
            std::string::npos);
  EXPECT_NE(text->find("upstream linnet_shop_stable"), std::string::npos);
  EXPECT_NE(text->find("upstream linnet_shop_canary"), std::string::npos);
  EXPECT_NE(text->find("listen 127.0.0.1:8080;"), std::string::npos);
  EXPECT_EQ(text->find("\n  user "), std::string::npos);
}

TEST(NginxConfig, LetsNothingOfASpecBecomeADirective) {
  const std::vector<std::string> hostile = {"8080; include /etc/passwd",
                                            "8080 ssl",
                                            "127.0.0.1:80;}",
                                            "0",
                                            "65536",
                                            "-1",
                                            "",
                                            ":80",
                                            "a b:80",
                                            "$host:80",
                                            "[::1:80",
                                            "[]:80",
                                            "[::1]",
                                            "unix:/tmp/x",
                                            "80\n81"};
  for (const auto& listen : hostile) {
    auto release = shop();
    release.listen = listen;
    EXPECT_NE(message_for(release), "accepted") << listen;
  }
  for (const auto* path :
       {"/tmp/$x", "/tmp/\"; x", "relative", "", "/tmp/a;b", "/a{b", "/a\\b", "/a\nb"}) {
    auto release = shop();
    release.switch_directory = path;
    EXPECT_NE(message_for(release), "accepted") << path;
    release = shop();
    release.access_log = path;
    EXPECT_NE(message_for(release), "accepted") << path;
  }
  for (const auto* cookie : {"", "a-b", "a b", "x;y", "$x", "\"", "a=b"}) {
    auto release = shop();
    release.sticky = {core::Sticky::By::cookie, cookie};
    EXPECT_NE(message_for(release), "accepted") << cookie;
  }
  for (const auto* name : {"", "Shop", "a_b", "a;b", "../x"}) {
    auto release = shop();
    release.name = name;
    EXPECT_NE(message_for(release), "accepted") << name;
  }
}

TEST(NginxConfig, SaysWhichValueIsWrongAndWhatToWrite) {
  auto release = shop();
  release.listen = "127.0.0.1:99999";
  EXPECT_NE(message_for(release).find("1..65535"), std::string::npos);
  release = shop();
  release.slots.canary = {7001};
  EXPECT_NE(message_for(release).find("different ports"), std::string::npos);
}

TEST(NginxConfig, AcceptsTheUsualAddresses) {
  for (const auto* listen : {"8080", "127.0.0.1:8080", "[::1]:8080", "*:80", "localhost:1"})
    EXPECT_TRUE(parse_listen(listen)) << listen;
  EXPECT_EQ(parse_listen("[::1]:8080")->port, 8080);
  EXPECT_EQ(parse_listen("*:80")->host, "*");
}

TEST(NginxConfig, NeverSendsStableRequestsToTheCanary) {
  const auto text = own_config(own_of(shop()));
  const auto stable = text->find("upstream linnet_shop_stable");
  const auto canary = text->find("upstream linnet_shop_canary");
  EXPECT_EQ(text->substr(stable, canary - stable).find("7101"), std::string::npos);
}

TEST(NginxConfig, RefusesTheSameReleaseTwice) {
  auto own = own_of(shop());
  own.releases.push_back(shop());
  EXPECT_FALSE(own_config(own));
}

TEST(NginxConfig, GivesAnIncludeForAnNginxOfOthers) {
  const auto text = include_config(shop());
  ASSERT_TRUE(text);
  EXPECT_NE(text->http.find("server {"), std::string::npos);
  EXPECT_EQ(text->location.find("server"), std::string::npos);
  EXPECT_NE(text->location.find("proxy_pass http://linnet_shop_$linnet_shop_track;"),
            std::string::npos);
}

}  // namespace
}  // namespace linnet::local
