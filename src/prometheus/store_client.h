// Asks one metrics server as the spec says: address, authorisation, headers, TLS. Secrets are read
// when needed, live in requests only, and are in no message.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/release.h"
#include "net/curl.h"
#include "ports/ports.h"

namespace linnet::prometheus {

/// "env:NAME" or "file:/PATH" -> what stands there, without spaces at the ends. The environment is
/// read by whoever wires this.
using ReadSecret = std::function<Result<std::string>(std::string_view place)>;
/// As a file is read; anything else than "file:/PATH" is Code::invalid.
Result<std::string> read_secret_file(std::string_view place);
/// Without spaces and line breaks at its ends; Code::invalid, naming `where`, when nothing is left.
Result<std::string> trimmed_secret(std::string text, std::string_view where);

/// A file or variable that asking the server needs, and the key of the spec that names it.
struct LocalNeed {
  std::string key;    // "metrics.auth.bearer.token"
  std::string place;  // for ReadSecret
};
/// All of them, of this machine: what is missing can be told before anything is asked.
std::vector<LocalNeed> local_needs(const core::Metrics& metrics);

/// libcurl is opened when first needed.
using GetCurl = std::function<Result<net::Curl*>()>;

struct StoreRequest {
  std::string method = "GET";
  std::string target;  // appended to the address
  net::Headers headers;
  std::string body;
};

class StoreClient {
 public:
  /// `clock` outlives it. `metrics` of the spec; `address` stands in when its own is empty.
  StoreClient(GetCurl curl, Clock& clock, core::Metrics metrics, std::string address,
              ReadSecret secret);

  /// Any HTTP status is an answer. Code::denied: no token, or TLS refused; Code::unavailable,
  /// Code::timed_out; Code::invalid: the spec's address or secrets.
  Task<Result<net::Response>> send(StoreRequest request, Deadline deadline);
  /// Host of the address, for messages.
  [[nodiscard]] std::string where() const;

 private:
  Task<Result<net::Response>> send_once(StoreRequest request, Deadline deadline);
  Task<Result<void>> authorise(net::Request& request, Deadline deadline);
  Task<Result<std::string>> oauth2_token(core::OAuth2Auth auth, Deadline deadline);
  [[nodiscard]] Result<std::string> secret(std::string_view place, std::string_view key) const;
  [[nodiscard]] net::TlsOptions tls() const;

  GetCurl curl_;
  Clock& clock_;
  core::Metrics metrics_;
  std::string address_;
  ReadSecret secret_;
  std::string token_;  // of OAuth2
  MonoTime token_until_;
};

}  // namespace linnet::prometheus
