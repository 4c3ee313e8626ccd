// NGINX configuration as text: pure. Either a whole nginx.conf for linnet's own instance, or a part
// that an existing NGINX includes. Values that a user wrote are checked before they get in: there
// is nothing in a spec that becomes a directive.
#pragma once

#include <string>
#include <vector>

#include "core/release.h"
#include "local/slots.h"

namespace linnet::local {

/// What one release needs of NGINX.
struct NginxRelease {
  std::string name;    // [a-z0-9-]
  std::string listen;  // "127.0.0.1:8080", "8080", "[::1]:8080"
  core::Sticky sticky;
  Slots slots;
  std::string switch_directory;  // absolute; of its WeightSwitch
  std::string access_log;        // absolute
};

struct NginxOwn {
  std::string prefix;       // absolute; pid, error log, temporary files
  std::string worker_user;  // empty unless root
  int worker_connections = 4096;
  std::vector<NginxRelease> releases;
};

/// Whole nginx.conf. The status page is at unix:own/status.sock below the prefix (relative: a
/// socket's path is short by law), so NGINX must be started in its prefix. Code::invalid names the
/// value.
Result<std::string> own_config(const NginxOwn& own);

struct IncludeText {
  std::string http;      // for the http level: maps, upstreams, a complete server on `listen`
  std::string location;  // for the inside of a `location /` of a server of one's own
};
Result<IncludeText> include_config(const NginxRelease& release);

/// The address that a `listen` value means; port 1..65535. Code::invalid explains.
struct ListenAddress {
  std::string host;  // "" or "*": all IPv4 addresses; "[::1]" keeps its brackets
  std::uint16_t port = 0;
};
Result<ListenAddress> parse_listen(const std::string& listen);

}  // namespace linnet::local
