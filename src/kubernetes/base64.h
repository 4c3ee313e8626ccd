// Base64 (RFC 4648, with padding): kubeconfig carries certificates in it, and HTTP passwords.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace linnet::kubernetes {

std::string encode_base64(std::string_view bytes);
/// White space between the letters is left out. Code::invalid: a strange letter or length.
Result<std::string> decode_base64(std::string_view text);

}  // namespace linnet::kubernetes
