// The asynchronous HTTP client for everything beyond this process: webhooks, Prometheus,
// Kubernetes. libcurl is opened when first needed, since its 37 libraries would cost every command
// 15 ms.
#pragma once

#include <memory>
#include <optional>
#include <string>
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
};

struct Request {
  std::string method = "GET";
  std::string url;  // http or https only
  Headers headers;
  std::string body;
  Duration connect_timeout = 5s;
  Duration timeout = 10s;  // for all of it
  std::size_t max_answer_bytes = 16 * 1024 * 1024;
  TlsOptions tls;
  /// Not set: what http_proxy, https_proxy and no_proxy say. Empty: none.
  std::optional<std::string> proxy;
  std::string unix_socket;  // connect there instead of to the URL's host
  std::string username;     // Basic, or with `sign_as` the access key
  std::string password;     // and the secret key
  std::string sign_as;      // "aws:amz:REGION:SERVICE": AWS Signature Version 4 (libcurl 7.75)
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

 private:
  struct State;
  explicit Curl(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace linnet::net
