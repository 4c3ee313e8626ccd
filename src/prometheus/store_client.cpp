#include "prometheus/store_client.h"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "wire/json.h"

namespace linnet::prometheus {
namespace {

constexpr std::size_t longest_secret = 16 * 1024;

Duration until(Clock& clock, Deadline deadline) { return deadline - clock.now().mono; }

bool is_place(std::string_view text) {
  return text.starts_with("env:") || text.starts_with("file:");
}

// RFC 6749 2.3.1: both parts of the client's Basic authorisation are form-encoded first.
std::string form_of(const core::OAuth2Auth& auth) {
  std::string body = "grant_type=client_credentials";
  if (!auth.scopes.empty())
    body += "&scope=" + net::percent_encode(fmt::format("{}", fmt::join(auth.scopes, " ")));
  return body;
}

// Reading has no outcome that could be unknown.
Error as_reading(Error error) {
  if (error.code == Code::unknown_outcome)
    error.code =
        error.message.find("imed out") != std::string::npos ? Code::timed_out : Code::unavailable;
  return error;
}

}  // namespace

Result<std::string> read_secret_file(std::string_view place) {
  if (!place.starts_with("file:/"))
    return fail(Code::invalid, "a secret must stand in file:/PATH here");
  const std::string path(place.substr(5));
  std::ifstream file(path, std::ios::binary);
  std::string text(longest_secret + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad() || (!file.eof() && file.fail()) || (text.empty() && !file.is_open()))
    return fail(Code::invalid, "{} cannot be read", path);
  if (text.size() > longest_secret) return fail(Code::invalid, "{} is too long", path);
  return trimmed_secret(std::move(text), path);
}

Result<std::string> trimmed_secret(std::string text, std::string_view where) {
  const auto blank = [](char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.back())) text.pop_back();
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), blank));
  if (text.empty()) return fail(Code::invalid, "{} is empty", where);
  return text;
}

std::vector<LocalNeed> local_needs(const core::Metrics& metrics) {
  std::vector<LocalNeed> needs;
  const auto add = [&needs](std::string_view key, const std::string& place) {
    if (!place.empty()) needs.push_back({fmt::format("metrics.{}", key), place});
  };
  if (const auto* basic = std::get_if<core::BasicAuth>(&metrics.auth)) {
    add("auth.basic.password", basic->password);
  } else if (const auto* bearer = std::get_if<core::BearerAuth>(&metrics.auth)) {
    add("auth.bearer.token", bearer->token);
  } else if (const auto* oauth2 = std::get_if<core::OAuth2Auth>(&metrics.auth)) {
    add("auth.oauth2.client_secret", oauth2->client_secret);
  } else if (const auto* sigv4 = std::get_if<core::SigV4Auth>(&metrics.auth)) {
    add("auth.sigv4.access_key", sigv4->access_key);
    add("auth.sigv4.secret_key", sigv4->secret_key);
    add("auth.sigv4.session_token", sigv4->session_token);
  }
  for (const std::string& line : metrics.headers) {
    const std::size_t colon = std::min(line.find(": "), line.size());
    const std::string value = line.substr(std::min(colon + 2, line.size()));
    if (is_place(value)) add("headers", value);
  }
  return needs;
}

StoreClient::StoreClient(GetCurl curl, Clock& clock, core::Metrics metrics, std::string address,
                         ReadSecret secret)
    : curl_(std::move(curl)),
      clock_(clock),
      metrics_(std::move(metrics)),
      address_(metrics_.address.empty() ? std::move(address) : metrics_.address),
      secret_(std::move(secret)) {
  while (address_.ends_with('/')) address_.pop_back();
}

std::string StoreClient::where() const { return net::loggable_url(address_); }

net::TlsOptions StoreClient::tls() const {
  net::TlsOptions options;
  options.ca_file = metrics_.tls.ca_file;
  options.client_certificate_file = metrics_.tls.certificate_file;
  options.client_key_file = metrics_.tls.key_file;
  options.verify = metrics_.tls.verify;
  return options;
}

Result<std::string> StoreClient::secret(std::string_view place, std::string_view key) const {
  auto text = secret_(place);
  if (!text) return fail(std::move(text.error()).while_doing(fmt::format("metrics.{}", key)));
  return text;
}

Task<Result<net::Response>> StoreClient::send(StoreRequest request, Deadline deadline) {
  auto answer = co_await send_once(request, deadline);
  const bool token_refused = answer && answer->status == 401 && !token_.empty();
  if (token_refused) {  // taken back before its time: once more with a new one
    token_.clear();
    answer = co_await send_once(request, deadline);
  }
  if (!answer) co_return fail(as_reading(std::move(answer.error())));
  co_return std::move(*answer);
}

Task<Result<net::Response>> StoreClient::send_once(StoreRequest request, Deadline deadline) {
  if (address_.empty()) co_return fail(Code::invalid, "metrics.address is missing");
  CO_TRY(curl, curl_());
  net::Request sent;
  sent.method = request.method;
  sent.url = address_ + request.target;
  sent.headers = request.headers;
  sent.body = std::move(request.body);
  sent.tls = tls();
  sent.max_answer_bytes = 64u << 20;
  for (const std::string& line : metrics_.headers) {
    const std::size_t colon = std::min(line.find(": "), line.size());
    std::string value = line.substr(std::min(colon + 2, line.size()));
    if (is_place(value)) {
      CO_TRY(read, secret(value, "headers"));
      value = read;
    }
    sent.headers.emplace_back(line.substr(0, colon), value);
  }
  auto authorised = co_await authorise(sent, deadline);
  if (!authorised) co_return fail(authorised.error());
  sent.timeout = until(clock_, deadline);
  if (sent.timeout <= Duration::zero())
    co_return fail(Code::timed_out, "asking {}: no time left", where());
  sent.connect_timeout = std::min(sent.connect_timeout, sent.timeout);
  auto answer = co_await curl->send(std::move(sent));
  if (!answer) co_return fail(answer.error());
  co_return std::move(*answer);
}

Task<Result<void>> StoreClient::authorise(net::Request& request, Deadline deadline) {
  if (const auto* basic = std::get_if<core::BasicAuth>(&metrics_.auth)) {
    CO_TRY(password, secret(basic->password, "auth.basic.password"));
    request.username = basic->username;
    request.password = password;
  } else if (const auto* bearer = std::get_if<core::BearerAuth>(&metrics_.auth)) {
    CO_TRY(token, secret(bearer->token, "auth.bearer.token"));
    request.headers.emplace_back("Authorization", "Bearer " + token);
  } else if (const auto* oauth2 = std::get_if<core::OAuth2Auth>(&metrics_.auth)) {
    auto token = co_await oauth2_token(*oauth2, deadline);
    if (!token) co_return fail(token.error());
    request.headers.emplace_back("Authorization", "Bearer " + *token);
  } else if (const auto* sigv4 = std::get_if<core::SigV4Auth>(&metrics_.auth)) {
    CO_TRY(access_key, secret(sigv4->access_key, "auth.sigv4.access_key"));
    CO_TRY(secret_key, secret(sigv4->secret_key, "auth.sigv4.secret_key"));
    request.username = access_key;
    request.password = secret_key;
    request.sign_as = fmt::format("aws:amz:{}:{}", sigv4->region, sigv4->service);
    if (!sigv4->session_token.empty()) {
      CO_TRY(session, secret(sigv4->session_token, "auth.sigv4.session_token"));
      request.headers.emplace_back("X-Amz-Security-Token", session);
    }
  }
  co_return Result<void>{};
}

Task<Result<std::string>> StoreClient::oauth2_token(core::OAuth2Auth auth, Deadline deadline) {
  if (!token_.empty() && clock_.now().mono < token_until_) co_return token_;
  const std::string doing = fmt::format("a token from {}", net::loggable_url(auth.token_url));
  CO_TRY(curl, curl_());
  CO_TRY(client_secret, secret(auth.client_secret, "auth.oauth2.client_secret"));
  net::Request request;
  request.method = "POST";
  request.url = auth.token_url;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                     {"Accept", "application/json"}};
  request.body = form_of(auth);
  request.username = net::percent_encode(auth.client_id);
  request.password = net::percent_encode(client_secret);
  request.tls = tls();
  request.timeout = until(clock_, deadline);
  auto answer = co_await curl->send(std::move(request));
  if (!answer) co_return fail(as_reading(answer.error()).while_doing(doing));
  if (answer->status >= 500 || answer->status == 429)
    co_return fail(Code::unavailable, "{}: HTTP {}", doing, answer->status);
  const auto json = wire::parse(answer->body, 64 * 1024);
  const auto* object = json ? json->if_object() : nullptr;
  const auto* token = object == nullptr ? nullptr : object->if_contains("access_token");
  if (answer->status != 200 || token == nullptr || !token->is_string())
    co_return fail(Code::denied, "{}: HTTP {}, no access_token", doing, answer->status);
  token_ = std::string(std::string_view(token->get_string()));
  double seconds = 60;
  if (const auto* lifetime = object->if_contains("expires_in"); lifetime && lifetime->is_number())
    seconds = std::clamp(lifetime->to_number<double>(), 1.0, 86400.0);
  token_until_ = clock_.now().mono + Duration(static_cast<std::int64_t>(seconds * 800));
  co_return token_;
}

}  // namespace linnet::prometheus
