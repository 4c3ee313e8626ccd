// A small blocking HTTP client for the daemon's unix socket: what every command uses. Without Asio
// and libcurl, because a command's whole life shall take a few milliseconds.
#pragma once

#include <string>

#include "net/http.h"

namespace linnet::net {

struct ClientRequest {
  std::string method = "GET";
  std::string target = {};  // percent-encoded path and query
  std::string body = {};    // sent as application/json when not empty
  Duration timeout = 10s;   // for all of it; a long poll adds its wait
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

class UnixClient {
 public:
  /// `interrupt`: a descriptor (signalfd, eventfd, a pipe's end) whose becoming readable ends any
  /// call with Code::cancelled; it is not read. -1: none.
  explicit UnixClient(std::string socket_path, int interrupt = -1);

  /// One request on a connection of its own. Any answer is a success here, 500 too.
  /// Code::unavailable: nobody listens there (the one case for starting a daemon);
  /// Code::denied: no permission; Code::timed_out; Code::cancelled; Code::invalid: an answer that
  /// is not HTTP or larger than 64 MiB; Code::unknown_outcome: something other than a GET was sent
  /// and its answer did not come.
  [[nodiscard]] Result<ClientResponse> send(const ClientRequest& request) const;

  /// Whether somebody accepts connections there now.
  [[nodiscard]] bool answers() const;

 private:
  std::string path_;
  int interrupt_;
};

}  // namespace linnet::net
