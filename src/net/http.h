// Requests and answers as plain values, the same for server and clients, so that nobody outside
// this folder sees Beast or curl.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace linnet::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// The first header of this name (ASCII case does not matter), or null.
const std::string* find_header(const Headers& headers, std::string_view name);

/// A request as a server got it. `target` is as sent: percent-encoded, path and query.
struct ServerRequest {
  std::string method;  // "GET": upper case as sent
  std::string target;  // starts with '/'
  Headers headers;
  std::string body;
  uid_t peer = 0;  // the client's user on a unix socket; the server's own on TCP
};

struct ServerResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  Headers headers;
};

/// A target cut into decoded parts: "/v1/a%20b/c?x=1&y" -> {"v1", "a b", "c"}, {x: "1", y: ""}.
struct Target {
  std::vector<std::string> segments;
  std::vector<std::pair<std::string, std::string>> query;

  [[nodiscard]] const std::string* parameter(std::string_view name) const;
};

/// Code::invalid: no leading '/', a bad percent escape, a decoded '/', NUL or control character in
/// a segment, an empty, "." or ".." segment, a parameter given twice, more than 16 of either.
Result<Target> parse_target(std::string_view target);

/// Everything but [A-Za-z0-9._~-] as %XX.
std::string percent_encode(std::string_view text);

/// "https://hooks.example:8443" of any URL: what may be logged of one that holds a secret in its
/// path, query or user part. "(not a URL)" when it is not plainly http(s) with a host.
std::string loggable_url(std::string_view url);

/// "Not Found" of 404; "Unknown" of those it does not know.
std::string_view status_text(int status);

}  // namespace linnet::net
