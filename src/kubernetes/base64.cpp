#include "kubernetes/base64.h"

#include <cstdint>

namespace linnet::kubernetes {
namespace {

constexpr std::string_view letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto at = [&](std::size_t n) {
      return i + n < bytes.size()
                 ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i + n]))
                 : 0u;
    };
    const std::uint32_t three = at(0) << 16 | at(1) << 8 | at(2);
    out += letters[three >> 18];
    out += letters[three >> 12 & 63];
    out += i + 1 < bytes.size() ? letters[three >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? letters[three & 63] : '=';
  }
  return out;
}

Result<std::string> decode_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  std::size_t count = 0;    // letters so far
  std::size_t padding = 0;  // '=' so far
  for (const char c : text) {
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const std::size_t value = letters.find(c);
    if (value == std::string_view::npos || padding > 0)
      return fail(Code::invalid, "this is not base64");
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if (++count % 4 == 0) {
      out += static_cast<char>(bits >> 16 & 255);
      out += static_cast<char>(bits >> 8 & 255);
      out += static_cast<char>(bits & 255);
    }
  }
  if (padding > 2 || (count + padding) % 4 != 0) return fail(Code::invalid, "this is not base64");
  if (count % 4 == 2) out += static_cast<char>(bits >> 4 & 255);
  if (count % 4 == 3) {
    out += static_cast<char>(bits >> 10 & 255);
    out += static_cast<char>(bits >> 2 & 255);
  }
  return out;
}

}  // namespace linnet::kubernetes
