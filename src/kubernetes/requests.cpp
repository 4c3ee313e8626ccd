#include "kubernetes/requests.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "kubernetes/base64.h"
#include "kubernetes/objects.h"
#include "wire/json.h"

namespace linnet::kubernetes {
namespace {

namespace js = boost::json;

constexpr std::size_t max_depth = 100;
constexpr Duration longest_retry_after = 1h;

/// "?a=b&c=d" from what has a value.
std::string query_of(std::initializer_list<std::pair<std::string_view, std::string_view>> parts) {
  std::string out;
  for (const auto& [name, value] : parts) {
    if (value.empty()) continue;
    out += fmt::format("{}{}={}", out.empty() ? '?' : '&', name, net::percent_encode(value));
  }
  return out;
}

/// "deployments.apps", "pods", "deployments.apps/scale".
std::string resource_text(const Asked& asked) {
  const std::string& version = asked.resource.api_version;
  const std::size_t slash = version.find('/');
  std::string out = asked.resource.plural;
  if (slash != std::string::npos) out += "." + version.substr(0, slash);
  if (!asked.subresource.empty()) out += "/" + asked.subresource;
  return out;
}

bool reads(const Asked& asked) {
  return asked.verb == "get" || asked.verb == "list" || asked.verb == "watch";
}

Code code_of(const Asked& asked, int status, std::string_view reason) {
  switch (status) {
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422: return Code::invalid;
    case 401:
    case 403: return Code::denied;
    case 404: return Code::not_found;
    case 409:
    case 410: return Code::conflict;
    case 500:
    case 502:
    case 504:
      // "ServerTimeout" says that nothing was done; the others leave it open.
      if (reads(asked) || reason == "ServerTimeout") return Code::unavailable;
      return Code::unknown_outcome;
    default: return status >= 500 || status == 429 ? Code::unavailable : Code::invalid;
  }
}

/// Boost.JSON's own writer lets bytes through that are no UTF-8.
std::string json_text(const Json& json) { return wire::text(json); }

}  // namespace

std::string Asked::text() const {
  std::string out = fmt::format("{} {}", verb, resource_text(*this));
  if (!name.empty()) out += " " + name;
  if (!resource.name_space.empty()) out += " in namespace " + resource.name_space;
  return out;
}

std::string path_of(const Resource& resource, std::string_view name, std::string_view subresource) {
  const bool core = resource.api_version.find('/') == std::string::npos;
  std::string path = fmt::format("/{}/{}", core ? "api" : "apis", resource.api_version);
  if (!resource.name_space.empty())
    path += "/namespaces/" + net::percent_encode(resource.name_space);
  path += "/" + net::percent_encode(resource.plural);
  if (!name.empty()) path += "/" + net::percent_encode(name);
  if (!subresource.empty()) path += fmt::format("/{}", subresource);
  return path;
}

ApiRequest get_request(const Resource& resource, std::string_view name) {
  return {"GET", path_of(resource, name), "", ""};
}

ApiRequest list_request(const Resource& resource, std::string_view labels, std::string_view fields,
                        std::string_view continue_token) {
  const std::string limit = std::to_string(page_size);
  return {"GET",
          path_of(resource) + query_of({{"limit", limit},
                                        {"labelSelector", labels},
                                        {"fieldSelector", fields},
                                        {"continue", continue_token}}),
          "", ""};
}

ApiRequest watch_request(const Resource& resource, std::string_view labels, std::string_view fields,
                         std::string_view version, int timeout_seconds) {
  const std::string timeout = std::to_string(timeout_seconds);
  return {"GET",
          path_of(resource) + query_of({{"watch", "1"},
                                        {"allowWatchBookmarks", "true"},
                                        {"timeoutSeconds", timeout},
                                        {"resourceVersion", version},
                                        {"labelSelector", labels},
                                        {"fieldSelector", fields}}),
          "", ""};
}

ApiRequest create_request(const Resource& resource, const Json& object, std::string_view manager) {
  return {"POST", path_of(resource) + query_of({{"fieldManager", manager}}), "application/json",
          json_text(object)};
}

ApiRequest replace_request(const Resource& resource, const Json& object, std::string_view manager) {
  const std::string name = text_at(object, {"metadata", "name"});
  return {"PUT", path_of(resource, name) + query_of({{"fieldManager", manager}}),
          "application/json", json_text(object)};
}

ApiRequest patch_request(const Resource& resource, std::string_view name, PatchKind kind,
                         const Json& body, const PatchOptions& options, std::string_view manager) {
  std::string_view type = "application/merge-patch+json";
  if (kind == PatchKind::json) type = "application/json-patch+json";
  if (kind == PatchKind::apply) type = "application/apply-patch+yaml";  // JSON is YAML
  const bool force = kind == PatchKind::apply && options.force;
  return {"PATCH",
          path_of(resource, name, options.subresource) +
              query_of({{"fieldManager", manager},
                        {"force", force ? "true" : ""},
                        {"dryRun", options.dry_run ? "All" : ""}}),
          std::string(type), json_text(body)};
}

ApiRequest remove_request(const Resource& resource, std::string_view name) {
  return {"DELETE", path_of(resource, name) + "?propagationPolicy=Background", "", ""};
}

net::Request http_request(const Config& config, const Credentials& credentials,
                          const ApiRequest& request) {
  net::Request out;
  out.method = request.method;
  out.url = config.server;
  while (out.url.ends_with('/')) out.url.pop_back();
  out.url += request.target;
  out.body = request.body;
  out.tls = config.tls;
  out.tls.server_name = config.tls_server_name;
  out.proxy = config.proxy;
  out.http2 = false;  // see kubernetes/client.cpp
  out.send_once = true;
  out.headers.emplace_back("Accept", request.accept);
  if (!request.content_type.empty()) out.headers.emplace_back("Content-Type", request.content_type);
  if (!credentials.token.empty())
    out.headers.emplace_back("Authorization", "Bearer " + credentials.token);
  else if (!config.username.empty())
    out.headers.emplace_back("Authorization",
                             "Basic " + encode_base64(config.username + ":" + config.password));
  if (!credentials.client_certificate_pem.empty()) {
    out.tls.client_certificate_file.clear();
    out.tls.client_key_file.clear();
    out.tls.client_certificate_pem = credentials.client_certificate_pem;
    out.tls.client_key_pem = credentials.client_key_pem;
  }
  if (!config.impersonate.empty()) out.headers.emplace_back("Impersonate-User", config.impersonate);
  if (!config.impersonate_uid.empty())
    out.headers.emplace_back("Impersonate-Uid", config.impersonate_uid);
  for (const std::string& group : config.impersonate_groups)
    out.headers.emplace_back("Impersonate-Group", group);
  for (const auto& [key, value] : config.impersonate_extra)
    out.headers.emplace_back("Impersonate-Extra-" + net::percent_encode(key), value);
  return out;
}

Result<Json> parse_json(std::string_view text) {
  js::parse_options options;
  options.max_depth = max_depth;
  js::error_code error;
  Json json = js::parse(text, error, js::storage_ptr(), options);
  if (error) return fail(Code::unavailable, "the answer is not JSON: {}", error.message());
  return json;
}

Error error_of(const Asked& asked, int status, std::string_view body, const std::string& user) {
  std::string reason;
  std::string message;
  if (const Result<Json> json = parse_json(body); json && text_at(*json, {"kind"}) == "Status") {
    reason = text_at(*json, {"reason"});
    message = text_at(*json, {"message"});
  } else {
    // Of something in front of the API server, or a plain text answer of its handlers.
    message = shortened(std::string(body.substr(0, 201)), 200);
    std::replace_if(
        message.begin(), message.end(),
        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  }
  if (reason.empty()) reason = net::status_text(status);
  const Code code = code_of(asked, status, reason);
  reason = shortened(std::move(reason), 100);
  message = shortened(std::move(message), 2000);
  const std::string who = user.empty() ? std::string() : fmt::format(" (user {})", user);
  if (status == 401)
    return {code, fmt::format("{}: 401 Unauthorized: the API server does not accept these "
                              "credentials{}; are they expired? {}",
                              asked.text(), who, message)};
  // Who proves nothing is let in as nobody, and no Role is meant for him.
  if (status == 403 && message.find("\"system:anonymous\"") != std::string::npos)
    return {code, fmt::format("{}: 403 {}: the API server sees system:anonymous: the kubeconfig's "
                              "user{} has no credentials that it knows (a token, a client "
                              "certificate or an exec plugin; no user name and password): {}",
                              asked.text(), reason, user.empty() ? "" : " " + user, message)};
  // Of an API the server speaks as of a resource; of any other address as of a path.
  if (status == 403 && message.find(" path \"/") != std::string::npos)
    return {code, fmt::format("{}: 403 {}: {}: is the path in the kubeconfig's "
                              "clusters[].cluster.server right?",
                              asked.text(), reason, message)};
  if (status == 403)
    return {code, fmt::format("{}: 403 {}: not allowed{}: {}; `linnet rbac` prints the role that "
                              "is needed",
                              asked.text(), reason, who, message)};
  return {code, fmt::format("{}: {} {}: {}", asked.text(), status, reason, message)};
}

Result<Json> read_answer(const Asked& asked, int status, std::string_view body,
                         const std::string& user) {
  if (status < 200 || status > 299) return fail(error_of(asked, status, body, user));
  if (body.empty()) return Json(js::object());
  Result<Json> json = parse_json(body);
  if (!json) {
    if (!reads(asked)) json.error().code = Code::unknown_outcome;
    return fail(std::move(json).error().while_doing(asked.text()));
  }
  if (!json->is_object())
    return fail(Code::unavailable, "{}: the answer is no object", asked.text());
  return json;
}

std::string reason_of(std::string_view body) {
  const Result<Json> json = parse_json(body);
  return json ? text_at(*json, {"reason"}) : std::string();
}

std::optional<Duration> retry_after(const net::Headers& headers) {
  const std::string* value = net::find_header(headers, "Retry-After");
  if (value == nullptr) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), seconds);
  if (error != std::errc() || end != value->data() + value->size() || seconds < 0)
    return std::nullopt;
  return std::min<Duration>(std::chrono::seconds(std::min<std::int64_t>(seconds, 3600)),
                            longest_retry_after);
}

std::optional<Duration> asked_pause(int status, const net::Headers& headers) {
  return status == 429 || status >= 500 ? retry_after(headers) : std::nullopt;
}

const Json* find_at(const Json& json, std::initializer_list<std::string_view> path) {
  const Json* here = &json;
  for (const std::string_view key : path) {
    if (here == nullptr || !here->is_object()) return nullptr;
    here = here->get_object().if_contains(key);
  }
  return here;
}

std::string text_at(const Json& json, std::initializer_list<std::string_view> path) {
  const Json* found = find_at(json, path);
  if (found == nullptr || !found->is_string()) return {};
  return std::string(found->get_string());
}

void complete_items(Json& list) {
  std::string kind = text_at(list, {"kind"});
  if (!kind.ends_with("List")) return;
  kind.resize(kind.size() - std::string_view("List").size());
  const std::string api_version = text_at(list, {"apiVersion"});
  Json* items = list.get_object().if_contains("items");
  if (items == nullptr || !items->is_array()) return;
  for (Json& item : items->get_array()) {
    if (!item.is_object()) continue;
    if (!item.get_object().contains("kind")) item.get_object()["kind"] = kind;
    if (!item.get_object().contains("apiVersion")) item.get_object()["apiVersion"] = api_version;
  }
}

Result<std::vector<std::string>> LineFramer::take(std::string_view piece) {
  std::vector<std::string> lines;
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    const std::string_view part = piece.substr(0, end);
    if (rest_.size() + part.size() > max_line_)
      return fail(Code::invalid, "a line of the stream is longer than {} bytes", max_line_);
    rest_.append(part);
    if (end == std::string_view::npos) break;
    piece.remove_prefix(end + 1);
    if (!rest_.empty() && rest_.back() == '\r') rest_.pop_back();
    if (!rest_.empty()) lines.push_back(std::exchange(rest_, {}));
  }
  return lines;
}

}  // namespace linnet::kubernetes
