// The asynchronous HTTP client for everything beyond this process: webhooks, Prometheus,
// Kubernetes. libcurl is opened when first needed, since its 37 libraries would cost every command
// 15 ms.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "net/http.h"

namespace linnet::net {

/// Files are PEM. Empty: the system's default, or none.
struct TlsOptions {
  std::string ca_file;
  std::string ca_pem;  // the certificates themselves, instead of a file
  std::string client_certificate_file;
  std::string client_key_file;
  std::string client_certificate_pem;
  std::string client_key_pem;
  bool verify = true;  // false: neither chain nor name, for test set-ups
  /// Asked for and checked in the server's certificate instead of the URL's host.
  std::string server_name;

  friend bool operator==(const TlsOptions&, const TlsOptions&) = default;
};

struct Request {
  std::string method = "GET";
  std::string url;  // http or https only
  Headers headers;
  std::string body;
  Duration connect_timeout = 5s;
  Duration timeout = 10s;  // for all of it; of stream() only until its head is there
  std::size_t max_answer_bytes = 16 * 1024 * 1024;
  TlsOptions tls;
  /// Not set: what http_proxy, https_proxy and no_proxy say. Empty: none.
  std::optional<std::string> proxy;
  std::string unix_socket;  // connect there instead of to the URL's host
  /// False: a connection for each request under way, so that one that hangs is closed at its time
  /// limit and takes no other along.
  bool http2 = true;
  /// True: a body goes out once. Otherwise curl sends it again by itself when a kept connection
  /// breaks before the first byte of an answer, though the server may have acted.
  bool send_once = false;
  Duration stall_limit = 60s;  // of stream(): the longest time without one byte
  std::string username;        // Basic, or with `sign_as` the access key
  std::string password;        // and the secret key
  std::string sign_as;         // "aws:amz:REGION:SERVICE": AWS Signature Version 4 (libcurl 7.75)
};

struct Response {
  int status = 0;
  Headers headers;  // names as sent
  std::string body;
};

class Curl {
 public:
  /// Loads libcurl. Code::unavailable: it is not there ("apt-get install libcurl4").
  static Result<std::unique_ptr<Curl>> load(
      boost::asio::any_io_executor executor,
      std::vector<std::string> libraries = default_libraries());
  static std::vector<std::string> default_libraries();
  ~Curl();
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;

  /// Any HTTP answer is a success here, 500 too; redirects are answers and not followed.
  /// Connections are kept and shared. May be cancelled at any time, and outlive this object.
  /// Code::invalid: the URL or an option; Code::unavailable: cannot connect, or it broke before
  /// anything was sent; Code::denied: TLS refused; Code::timed_out: GET and HEAD, or not sent yet;
  /// Code::unknown_outcome: another method was sent and no answer came; Code::cancelled.
  Task<Result<Response>> send(Request request);

  /// As send(), for an answer that goes on: pieces of a 2xx body are handed to `on_data` as they
  /// come, after one empty piece as soon as the head is there; other bodies come with the answer.
  /// No limit on all of it; Code::timed_out after `stall_limit` without a byte. Ends well when the
  /// server ends it or `on_data` says false; Code::unavailable when the connection breaks.
  Task<Result<Response>> stream(Request request, std::function<bool(std::string_view)> on_data);

 private:
  struct State;
  explicit Curl(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace linnet::net
