// curl's options and errors, translated. Nothing of a URL but its host gets into a message.
#include "net/curl_transfer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>

namespace linnet::net {
namespace {

constexpr std::size_t max_header_bytes = 256 * 1024;

bool plain_header(const std::string& text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

/// A peer that is gone without a word is noticed after about 20 s of silence.
int on_socket_made(void*, curl_socket_t socket, curlsocktype) {
  const auto set = [&](int level, int name, int value) {
    ::setsockopt(socket, level, name, &value, sizeof value);  // a unix socket has none of these
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 3);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  return CURL_SOCKOPT_OK;
}

}  // namespace

CurlTransfer::CurlTransfer(const CurlLibrary& curl, Request request)
    : curl_(curl), request_(std::move(request)), easy_(curl_.easy_init()) {
  CHECK(easy_ != nullptr);
}

CurlTransfer::~CurlTransfer() {
  curl_.easy_cleanup(easy_);
  curl_.slist_free_all(headers_);
  curl_.slist_free_all(connect_to_);
}

template <class Value>
void CurlTransfer::set(CURLoption option, Value value) {
  const CURLcode code = curl_.easy_setopt(easy_, option, value);
  if (code != CURLE_OK && bad_option_ == CURLE_OK) bad_option_ = code;
}

Result<void> CurlTransfer::prepare() {
  const std::string& url = request_.url;
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return fail(Code::invalid, "the address must start with http:// or https://");
  for (const auto& [name, value] : request_.headers) {
    if (name.empty() || !plain_header(name) || !plain_header(value))
      return fail(Code::invalid, "the header '{:.64}' has a line break", name);
    // "Name;" is curl's way to send a header without a value.
    const std::string line = value.empty() ? name + ";" : fmt::format("{}: {}", name, value);
    headers_ = curl_.slist_append(headers_, line.c_str());
  }
  headers_ = curl_.slist_append(headers_, "Expect:");  // no extra round trip for a body

  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_URL, url.c_str());
  // The texts would be PROTOCOLS_STR, but the numbers are known to every libcurl.4.
  constexpr auto protocols = static_cast<CURLoption>(CURLOPTTYPE_LONG + 181);
  set(protocols, long{CURLPROTO_HTTP | CURLPROTO_HTTPS});
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PIPEWAIT, 1L);
  set(CURLOPT_HTTP_VERSION, long{request_.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1});
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_timeout.count()));
  if (!on_piece_)
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(1, request_.timeout.count())));
  set(CURLOPT_SOCKOPTFUNCTION, &on_socket_made);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_USERAGENT, "linnet");
  set(CURLOPT_ERRORBUFFER, &error_text_[0]);
  set(CURLOPT_HTTPHEADER, headers_);
  set(CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  if (request_.proxy) set(CURLOPT_PROXY, request_.proxy->c_str());
  if (!request_.unix_socket.empty()) set(CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
  if (!request_.username.empty()) {
    set(CURLOPT_USERNAME, request_.username.c_str());
    set(CURLOPT_PASSWORD, request_.password.c_str());
  }
  if (!request_.sign_as.empty()) set(CURLOPT_AWS_SIGV4, request_.sign_as.c_str());
  set_body();
  if (url.starts_with("https://")) {
    set_tls();
    TRY_VOID(set_server_name());
  }
  if (bad_option_ != CURLE_OK)
    return fail(Code::invalid, "libcurl refuses an option: {}", curl_.easy_strerror(bad_option_));
  return {};
}

void CurlTransfer::set_body() {
  if (request_.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (request_.method != "GET" || !request_.body.empty()) {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    if (request_.send_once && !request_.body.empty()) {
      // Read by a callback that cannot go back: so curl cannot send it again.
      set(CURLOPT_POST, 1L);
      set(CURLOPT_READFUNCTION, &CurlTransfer::on_read);
      set(CURLOPT_READDATA, this);
    } else {
      set(CURLOPT_POSTFIELDS, request_.body.data());
    }
    set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
}

void CurlTransfer::set_blob(CURLoption option, const std::string& pem) {
  if (pem.empty()) return;
  curl_blob blob{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_COPY};
  set(option, &blob);
}

void CurlTransfer::set_tls() {
  const TlsOptions& tls = request_.tls;
  set(CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
  if (!tls.ca_file.empty()) set(CURLOPT_CAINFO, tls.ca_file.c_str());
  // 7.77 and later: older ones say so as a bad option.
  set_blob(CURLOPT_CAINFO_BLOB, tls.ca_pem);
  // Who names an authority trusts nobody else: not those of the system beside it.
  if (!tls.ca_file.empty() || !tls.ca_pem.empty())
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  if (!tls.client_certificate_file.empty())
    set(CURLOPT_SSLCERT, tls.client_certificate_file.c_str());
  if (!tls.client_key_file.empty()) set(CURLOPT_SSLKEY, tls.client_key_file.c_str());
  set_blob(CURLOPT_SSLCERT_BLOB, tls.client_certificate_pem);
  set_blob(CURLOPT_SSLKEY_BLOB, tls.client_key_pem);
}

/// curl checks the name of the URL; so the URL gets the name, and the host is where to connect.
Result<void> CurlTransfer::set_server_name() {
  const std::string& name = request_.tls.server_name;
  if (name.empty()) return {};
  const std::size_t begin = std::string_view("https://").size();
  const std::size_t end = std::min(request_.url.find_first_of("/?#", begin), request_.url.size());
  const std::string authority = request_.url.substr(begin, end - begin);
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string::npos ? 0 : bracket);
  const std::string host = authority.substr(0, colon);
  const std::string port = colon == std::string::npos ? "443" : authority.substr(colon + 1);
  if (host.empty() || host.find('@') != std::string::npos ||
      name.find_first_of("/:@?#[] ") != std::string::npos)
    return fail(Code::invalid, "the server name '{:.64}' does not fit to the address", name);
  connect_to_ = curl_.slist_append(nullptr, fmt::format("::{}:{}", host, port).c_str());
  set(CURLOPT_CONNECT_TO, connect_to_);
  const std::string url = fmt::format("https://{}:{}{}", name, port, request_.url.substr(end));
  set(CURLOPT_URL, url.c_str());
  headers_ = curl_.slist_append(headers_, fmt::format("Host: {}", authority).c_str());
  set(CURLOPT_HTTPHEADER, headers_);
  return {};
}

std::size_t CurlTransfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const std::size_t bytes = size * count;
  const bool streams = transfer.on_piece_ && transfer.head_is_good_;
  std::string& body = streams ? transfer.piece_ : transfer.response_.body;
  if (body.size() + bytes > transfer.request_.max_answer_bytes) {
    transfer.too_large_ = true;
    return 0;
  }
  body.append(data, bytes);
  if (streams) transfer.on_piece_();
  return bytes;
}

std::size_t CurlTransfer::on_read(char* into, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const std::size_t got = transfer.request_.body.copy(into, size * count, transfer.body_read_);
  transfer.body_read_ += got;
  return got;
}

std::size_t CurlTransfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  const std::size_t bytes = size * count;
  transfer.header_bytes_ += bytes;
  if (transfer.header_bytes_ > max_header_bytes) {
    transfer.too_large_ = true;
    return 0;
  }
  std::string_view line(data, bytes);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  const std::size_t colon = line.find(':');
  if (line.empty()) {
    transfer.end_of_head();
  } else if (line.starts_with("HTTP/")) {
    transfer.response_.headers.clear();  // of a 100 or of a proxy's answer before
  } else if (colon != std::string_view::npos) {
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
      value.remove_prefix(1);
    transfer.response_.headers.emplace_back(std::string(line.substr(0, colon)), std::string(value));
  }
  return bytes;
}

void CurlTransfer::end_of_head() {
  long status = 0;
  curl_.easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  head_is_good_ = status >= 200 && status < 300;
  if (head_is_good_ && on_piece_) on_piece_();
}

Response CurlTransfer::take_head() {
  long status = 0;
  curl_.easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<int>(status);
  return std::move(response_);
}

void CurlTransfer::finish(CURLcode code) {
  code_ = code;
  finished_ = true;
  if (on_finish_) on_finish_();
}

bool CurlTransfer::was_sent() const {
  long bytes = 0;
  curl_.easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &bytes);
  return bytes > 0;
}

Error CurlTransfer::error() const {
  if (too_large_)
    return {Code::invalid,
            fmt::format("the answer is larger than {} bytes", request_.max_answer_bytes)};
  const std::string what = error_text_[0] != 0 ? error_text_ : curl_.easy_strerror(code_);
  const bool reading = request_.method == "GET" || request_.method == "HEAD";
  const bool unknown = !reading && was_sent();
  switch (code_) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_NOT_BUILT_IN: return {Code::invalid, what};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_LOGIN_DENIED: return {Code::denied, what};
    case CURLE_OPERATION_TIMEDOUT: return {unknown ? Code::unknown_outcome : Code::timed_out, what};
    default: return {unknown ? Code::unknown_outcome : Code::unavailable, what};
  }
}

Result<Response> CurlTransfer::take_result() {
  CHECK(finished_);
  if (code_ != CURLE_OK) return fail(error());
  return take_head();
}

}  // namespace linnet::net
