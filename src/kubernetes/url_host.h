// An address of either family as a URL's host.
#pragma once

#include <string>

namespace linnet::kubernetes {

/// "10.0.0.7" as it is, "fd00::1" in brackets (RFC 3986, section 3.2.2).
inline std::string url_host(const std::string& address) {
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

}  // namespace linnet::kubernetes
