// The routes of docs/api.md: from an HTTP request to a call of the Backend and back to JSON.
#pragma once

#include "api/backend.h"
#include "api/changes.h"
#include "net/http.h"
#include "ports/ports.h"

namespace linnet::api {

/// The longest `wait` of a long poll; a longer one is answered with 422.
inline constexpr Duration max_wait = 60s;

class Routes {
 public:
  /// All three must outlive the answers.
  Routes(Backend& backend, Changes& changes, Clock& clock);

  /// Never fails: errors are answers. Fits net::HttpHandler.
  Task<net::ServerResponse> answer(net::ServerRequest request);
  /// Only GET /metrics: for the TCP port that scrapers reach.
  Task<net::ServerResponse> answer_scrape(net::ServerRequest request);

 private:
  Backend& backend_;
  Changes& changes_;
  Clock& clock_;
};

/// 422 of Code::invalid, and so on: the table of docs/api.md.
int http_status(Code code);
/// {"error": {"code", "message"}}
net::ServerResponse error_response(const Error& error);

}  // namespace linnet::api
