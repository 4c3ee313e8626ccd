// Requests and answers of the API server as pure values: what is sent for each call, what a reply
// means, and how a watch's bytes become lines. Tested without a socket.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kubernetes/client.h"
#include "net/curl.h"

namespace linnet::kubernetes {

/// How we prove who we are, as known at one instant.
struct Credentials {
  std::string token;
  std::string client_certificate_pem;  // of an exec plugin; instead of the config's
  std::string client_key_pem;
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

/// What was asked for, for messages: "patch deployments.apps web in namespace shop".
struct Asked {
  std::string verb;  // as RBAC calls it
  Resource resource;
  std::string name;
  std::string subresource;
  [[nodiscard]] std::string text() const;
};

inline constexpr std::size_t page_size = 250;

ApiRequest get_request(const Resource& resource, std::string_view name);
ApiRequest list_request(const Resource& resource, std::string_view labels, std::string_view fields,
                        std::string_view continue_token);
ApiRequest watch_request(const Resource& resource, std::string_view labels, std::string_view fields,
                         std::string_view version, int timeout_seconds);
ApiRequest create_request(const Resource& resource, const Json& object, std::string_view manager);
ApiRequest replace_request(const Resource& resource, const Json& object, std::string_view manager);
ApiRequest patch_request(const Resource& resource, std::string_view name, PatchKind kind,
                         const Json& body, const PatchOptions& options, std::string_view manager);
ApiRequest remove_request(const Resource& resource, std::string_view name);

/// The HTTP request for it.
net::Request http_request(const Config& config, const Credentials& credentials,
                          const ApiRequest& request);

/// One JSON text within the bounds of an API server's answers. Code::unavailable: not JSON, as of a
/// proxy in between.
Result<Json> parse_json(std::string_view text);
/// The object of a 2xx answer, or what the answer means; see Client for the codes.
Result<Json> read_answer(const Asked& asked, int status, std::string_view body,
                         const std::string& user);
/// What a Status object says, as an error of `asked`.
Error error_of(const Asked& asked, int status, std::string_view body, const std::string& user);
/// Status.reason of an answer that refuses, by which equal codes differ; empty when it is no
/// Status.
std::string reason_of(std::string_view body);
/// Retry-After in seconds, at most an hour; none when absent or unreadable.
std::optional<Duration> retry_after(const net::Headers& headers);

/// What an answer that refuses for now (429, 5xx) asks to wait; none when it does not say.
std::optional<Duration> asked_pause(int status, const net::Headers& headers);

/// The text at /a/b/c of an object; empty when there is none.
std::string text_at(const Json& json, std::initializer_list<std::string_view> path);
/// Null when there is none.
const Json* find_at(const Json& json, std::initializer_list<std::string_view> path);

/// Items of a list come without the kind and apiVersion that all of them have; events come with it.
void complete_items(Json& list);

/// Cuts a stream into lines, whatever its pieces are.
class LineFramer {
 public:
  explicit LineFramer(std::size_t max_line = 16u << 20) : max_line_(max_line) {}
  /// Lines that are whole now, without their ends; empty ones are left out. Code::invalid: a line
  /// is longer than allowed, and the stream is of no further use.
  Result<std::vector<std::string>> take(std::string_view piece);

 private:
  std::size_t max_line_;
  std::string rest_;
};

}  // namespace linnet::kubernetes
