#include "kubernetes/requests.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <boost/json.hpp>

#include "kubernetes/base64.h"

namespace linnet::kubernetes {
namespace {

const Resource deployments{"apps/v1", "deployments", "shop"};

std::string header(const net::Request& request, std::string_view name) {
  const std::string* value = net::find_header(request.headers, name);
  return value == nullptr ? "" : *value;
}

TEST(Paths, NameCoreGroupsNamespacesAndSubresources) {
  EXPECT_EQ(path_of({"v1", "pods", "shop"}), "/api/v1/namespaces/shop/pods");
  EXPECT_EQ(path_of({"v1", "pods", ""}), "/api/v1/pods");
  EXPECT_EQ(path_of(deployments, "web"), "/apis/apps/v1/namespaces/shop/deployments/web");
  EXPECT_EQ(path_of(deployments, "web", "scale"),
            "/apis/apps/v1/namespaces/shop/deployments/web/scale");
  EXPECT_EQ(path_of({"v1", "namespaces", ""}, "a/b"), "/api/v1/namespaces/a%2Fb");
}

TEST(Requests, SayWhatTheyWantInTheirQuery) {
  EXPECT_EQ(list_request(deployments, "app=web,tier in (a)", "", "tok").target,
            "/apis/apps/v1/namespaces/shop/deployments?limit=250&labelSelector="
            "app%3Dweb%2Ctier%20in%20%28a%29&continue=tok");
  EXPECT_EQ(watch_request(deployments, "", "metadata.name=web", "42", 301).target,
            "/apis/apps/v1/namespaces/shop/deployments?watch=1&allowWatchBookmarks=true&"
            "timeoutSeconds=301&resourceVersion=42&fieldSelector=metadata.name%3Dweb");
  const ApiRequest remove = remove_request(deployments, "web");
  EXPECT_EQ(remove.method, "DELETE");
  EXPECT_TRUE(remove.target.ends_with("?propagationPolicy=Background"));
}

TEST(Requests, APatchHasTheTypeOfItsKind) {
  const Json body = boost::json::object{{"spec", 1}};
  PatchOptions options;
  options.force = true;
  const ApiRequest merge =
      patch_request(deployments, "web", PatchKind::merge, body, options, "linnet");
  EXPECT_EQ(merge.method, "PATCH");
  EXPECT_EQ(merge.content_type, "application/merge-patch+json");
  EXPECT_TRUE(merge.target.ends_with("/web?fieldManager=linnet")) << "only apply takes force";
  EXPECT_EQ(merge.body, R"({"spec":1})");
  options.dry_run = true;
  options.subresource = "status";
  const ApiRequest apply =
      patch_request(deployments, "web", PatchKind::apply, body, options, "linnet");
  EXPECT_EQ(apply.content_type, "application/apply-patch+yaml");
  EXPECT_TRUE(apply.target.ends_with("/web/status?fieldManager=linnet&force=true&dryRun=All"));
  EXPECT_EQ(patch_request(deployments, "web", PatchKind::json, body, {}, "linnet").content_type,
            "application/json-patch+json");
}

TEST(HttpRequest, CarriesTheTokenTheImpersonationAndTheTls) {
  Config config;
  config.server = "https://api.example:6443/prefix/";
  config.tls_server_name = "kubernetes";
  config.proxy = "http://proxy:3128";
  config.username = "anna";
  config.password = "secret";
  config.impersonate = "system:serviceaccount:shop:linnet";
  config.impersonate_groups = {"one", "two"};
  config.impersonate_extra = {{"scopes/a", "view"}};
  Credentials credentials;
  const net::Request basic = http_request(config, credentials, get_request(deployments, "web"));
  EXPECT_EQ(basic.url,
            "https://api.example:6443/prefix/apis/apps/v1/namespaces/shop/deployments/web");
  EXPECT_EQ(header(basic, "Authorization"), "Basic YW5uYTpzZWNyZXQ=");
  EXPECT_EQ(header(basic, "Impersonate-User"), config.impersonate);
  EXPECT_EQ(header(basic, "Impersonate-Extra-scopes%2Fa"), "view");
  EXPECT_EQ(std::count_if(basic.headers.begin(), basic.headers.end(),
                          [](const auto& one) { return one.first == "Impersonate-Group"; }),
            2);
  EXPECT_EQ(basic.tls.server_name, "kubernetes");
  EXPECT_EQ(basic.proxy, "http://proxy:3128");
  EXPECT_FALSE(basic.http2);
  credentials.token = "tok";
  const net::Request bearer = http_request(config, credentials, get_request(deployments, "web"));
  EXPECT_EQ(header(bearer, "Authorization"), "Bearer tok") << "a token goes before a password";
}

TEST(HttpRequest, ACertificateOfAPluginReplacesTheFiles) {
  Config config;
  config.server = "https://h";
  config.tls.client_certificate_file = "/old.crt";
  config.tls.client_key_file = "/old.key";
  Credentials credentials;
  credentials.client_certificate_pem = "CERT";
  credentials.client_key_pem = "KEY";
  const net::Request request = http_request(config, credentials, ApiRequest{"GET", "/x", "", ""});
  EXPECT_TRUE(request.tls.client_certificate_file.empty());
  EXPECT_TRUE(request.tls.client_key_file.empty());
  EXPECT_EQ(request.tls.client_certificate_pem, "CERT");
  EXPECT_EQ(request.tls.client_key_pem, "KEY");
}

TEST(HttpRequest, AsksForJsonUnlessTheAnswerIsThatOfAPod) {
  Config config;
  config.server = "https://h";
  ApiRequest request = get_request(deployments, "web");
  EXPECT_EQ(header(http_request(config, {}, request), "Accept"), "application/json");
  request.accept = "*/*";
  EXPECT_EQ(header(http_request(config, {}, request), "Accept"), "*/*");
}

std::string status_body(const char* reason, const char* message) {
  return boost::json::serialize(
      boost::json::object{{"kind", "Status"}, {"reason", reason}, {"message", message}});
}

TEST(Answers, EachStatusHasItsCode) {
  const Asked read{"get", deployments, "web", ""};
  const Asked write{"patch", deployments, "web", ""};
  struct Row {
    int status;
    const char* reason;
    Code of_read, of_write;
  };
  for (const Row& row : {Row{400, "BadRequest", Code::invalid, Code::invalid},
                         Row{401, "Unauthorized", Code::denied, Code::denied},
                         Row{403, "Forbidden", Code::denied, Code::denied},
                         Row{404, "NotFound", Code::not_found, Code::not_found},
                         Row{409, "Conflict", Code::conflict, Code::conflict},
                         Row{409, "AlreadyExists", Code::conflict, Code::conflict},
                         Row{410, "Expired", Code::conflict, Code::conflict},
                         Row{413, "RequestEntityTooLarge", Code::invalid, Code::invalid},
                         Row{415, "UnsupportedMediaType", Code::invalid, Code::invalid},
                         Row{422, "Invalid", Code::invalid, Code::invalid},
                         Row{429, "TooManyRequests", Code::unavailable, Code::unavailable},
                         Row{500, "InternalError", Code::unavailable, Code::unknown_outcome},
                         Row{502, "", Code::unavailable, Code::unknown_outcome},
                         Row{503, "ServiceUnavailable", Code::unavailable, Code::unavailable},
                         Row{504, "Timeout", Code::unavailable, Code::unknown_outcome},
                         Row{504, "ServerTimeout", Code::unavailable, Code::unavailable}}) {
    const std::string body = status_body(row.reason, "why it is so");
    const auto of_read = read_answer(read, row.status, body, "");
    const auto of_write = read_answer(write, row.status, body, "");
    ASSERT_FALSE(of_read || of_write) << row.status;
    EXPECT_EQ(of_read.error().code, row.of_read) << row.status << row.reason;
    EXPECT_EQ(of_write.error().code, row.of_write) << row.status << row.reason;
    EXPECT_NE(of_write.error().message.find(row.reason), std::string::npos);
    EXPECT_NE(of_write.error().message.find("why it is so"), std::string::npos);
  }
}

TEST(Answers, AMissingRightNamesVerbAndResourceAndWhatHelps) {
  const Asked asked{"patch", {"networking.k8s.io/v1", "ingresses", "shop"}, "web-canary", ""};
  const Error error = error_of(asked, 403, status_body("Forbidden", "no"), "ci");
  EXPECT_EQ(error.code, Code::denied);
  EXPECT_EQ(error.message,
            "patch ingresses.networking.k8s.io web-canary in namespace shop: 403 Forbidden: not "
            "allowed (user ci): no; `linnet rbac` prints the role that is needed");
  const Asked scale{"update", deployments, "web", "scale"};
  EXPECT_EQ(scale.text(), "update deployments.apps/scale web in namespace shop");
}

TEST(Answers, WhoIsNobodyToTheServerIsToldToProveWhoHeIsAndNotToGetARole) {
  const Asked asked{"get", deployments, "web", ""};
  const char* said = "deployments is forbidden: User \"system:anonymous\" cannot get";
  const Error error = error_of(asked, 403, status_body("Forbidden", said), "anna");
  EXPECT_EQ(error.code, Code::denied);
  EXPECT_NE(error.message.find("user anna has no credentials"), std::string::npos) << error.message;
  EXPECT_EQ(error.message.find("linnet rbac"), std::string::npos) << error.message;
  const char* place = "forbidden: User \"ci\" cannot get path \"/wrong/api/v1\"";
  const Error wrong = error_of(asked, 403, status_body("Forbidden", place), "ci");
  EXPECT_NE(wrong.message.find("clusters[].cluster.server right?"), std::string::npos)
      << wrong.message;
}

TEST(Answers, APageOfAProxyIsToldAndNotTakenForAnObject) {
  const Asked read{"get", deployments, "web", ""};
  const auto page = read_answer(read, 200, "<html>log in</html>", "");
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, Code::unavailable);
  const Error refused = error_of(read, 407, "<html>\x1b[31mlog in</html>", "");
  EXPECT_EQ(refused.message.find('\x1b'), std::string::npos);
  EXPECT_NE(refused.message.find("log in"), std::string::npos);
  const Asked write{"create", deployments, "web", ""};
  EXPECT_EQ(read_answer(write, 201, "{\"metadata\": {", "").error().code, Code::unknown_outcome);
  EXPECT_FALSE(read_answer(read, 200, "[]", ""));
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  EXPECT_FALSE(parse_json(deep));
}

TEST(Answers, WordsOfAServerAreBounded) {
  const Asked read{"get", deployments, "web", ""};
  const std::string many(100'000, 'x');
  EXPECT_LT(error_of(read, 500, status_body(many.c_str(), many.c_str()), "").message.size(), 2500u);
  EXPECT_LT(error_of(read, 502, many, "").message.size(), 500u);
}

TEST(RetryAfter, IsSecondsAndBounded) {
  EXPECT_EQ(retry_after({{"retry-after", "2"}}), 2s);
  EXPECT_EQ(retry_after({{"Retry-After", "0"}}), 0s);
  EXPECT_EQ(retry_after({{"Retry-After", "99999999999"}}), 1h);
  EXPECT_FALSE(retry_after({{"Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"}}));
  EXPECT_FALSE(retry_after({{"Retry-After", "-1"}}));
  EXPECT_FALSE(retry_after({}));
}

TEST(LineFramer, GivesTheSameLinesAtEverySplit) {
  const std::string text = "{\"a\":1}\n\n{\"b\":\"\\n\"}\r\n{\"c\":3}\n{\"rest\"";
  const std::vector<std::string> expected{"{\"a\":1}", "{\"b\":\"\\n\"}", "{\"c\":3}"};
  for (std::size_t one = 0; one <= text.size(); ++one) {
    for (std::size_t two = one; two <= text.size(); ++two) {
      LineFramer framer;
      std::vector<std::string> lines;
      for (const auto& piece :
           {text.substr(0, one), text.substr(one, two - one), text.substr(two)}) {
        const auto got = framer.take(piece);
        ASSERT_TRUE(got);
        lines.insert(lines.end(), got->begin(), got->end());
      }
      ASSERT_EQ(lines, expected) << "cut at " << one << " and " << two;
    }
  }
}

TEST(LineFramer, ALineThatNeverEndsIsRefused) {
  LineFramer framer(10);
  EXPECT_TRUE(framer.take("0123456789"));
  const auto got = framer.take("x");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::invalid);
}

RC_GTEST_PROP(Base64, AnyBytesComeBack, (const std::string& bytes)) {
  RC_ASSERT(decode_base64(encode_base64(bytes)).value() == bytes);
}

TEST(Base64, LineBreaksAreFineAndNonsenseIsNot) {
  EXPECT_EQ(decode_base64("aGVs\nbG8=\n").value(), "hello");
  for (const char* bad : {"a", "ab", "a===", "aGVs!", "aG=s", "=aGV"})
    EXPECT_FALSE(decode_base64(bad)) << bad;
}

}  // namespace
}  // namespace linnet::kubernetes
