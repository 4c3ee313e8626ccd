// Targets and URLs taken apart: input of strangers, so every form that is not plain is refused.
#include "net/http.h"

#include <algorithm>
#include <optional>

namespace linnet::net {
namespace {

constexpr std::size_t max_parts = 16;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '~' || c == '-';
}

/// Decodes %XX; nothing when an escape is broken or a control character comes out.
std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
    out += c;
  }
  return out;
}

Result<void> read_path(std::string_view path, Target& target) {
  if (path.empty() || path.front() != '/')
    return fail(Code::invalid, "the target must start with '/'");
  path.remove_prefix(1);
  if (path.empty()) return {};
  for (;;) {
    const std::size_t slash = path.find('/');
    const auto segment = percent_decode(path.substr(0, slash));
    if (!segment || segment->find('/') != std::string::npos)
      return fail(Code::invalid, "the path has a broken or forbidden percent escape");
    if (segment->empty() || *segment == "." || *segment == "..")
      return fail(Code::invalid, "the path has an empty, '.' or '..' part");
    if (target.segments.size() == max_parts)
      return fail(Code::invalid, "the path has more than {} parts", max_parts);
    target.segments.push_back(*segment);
    if (slash == std::string_view::npos) return {};
    path.remove_prefix(slash + 1);
  }
}

Result<void> read_query(std::string_view query, Target& target) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals));
    auto value = percent_decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
    if (!name || !value)
      return fail(Code::invalid, "the query has a broken or forbidden percent escape");
    if (target.parameter(*name) != nullptr)
      return fail(Code::invalid, "the parameter '{}' is given twice", *name);
    if (target.query.size() == max_parts)
      return fail(Code::invalid, "the query has more than {} parameters", max_parts);
    target.query.emplace_back(std::move(*name), std::move(*value));
  }
  return {};
}

}  // namespace

const std::string* find_header(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (std::equal(key.begin(), key.end(), name.begin(), name.end(),
                   [](char a, char b) { return lower(a) == lower(b); }))
      return &value;
  return nullptr;
}

const std::string* Target::parameter(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return &value;
  return nullptr;
}

Result<Target> parse_target(std::string_view text) {
  Target target;
  const std::size_t question = text.find('?');
  TRY_VOID(read_path(text.substr(0, question), target));
  if (question != std::string_view::npos) TRY_VOID(read_query(text.substr(question + 1), target));
  return target;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c))
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string loggable_url(std::string_view url) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos || colon == 0) return "(not a URL)";
  const std::size_t begin = colon + 3;
  std::string_view authority = url.substr(begin);
  authority = authority.substr(0, authority.find_first_of("/?#\\"));
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos)
    authority.remove_prefix(at + 1);
  // Only what a host may be made of: in a broken URL the rest might be anything.
  const bool bracketed = authority.starts_with('[');
  if (authority.empty() || authority.size() > 300 ||
      bracketed != (authority.find(']') != std::string_view::npos))
    return "(not a URL)";
  const bool plain = std::all_of(authority.begin(), authority.end(), [&](char c) {
    return is_unreserved(c) || c == ':' || (bracketed && (c == '[' || c == ']'));
  });
  const std::string_view scheme = url.substr(0, colon);
  if (!plain || (scheme != "http" && scheme != "https")) return "(not a URL)";
  return fmt::format("{}://{}", scheme, authority);
}

std::string_view status_text(int status) {
  switch (status) {
    case 200: return "OK";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Payload Too Large";
    case 422: return "Unprocessable Entity";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Unknown";
  }
}

}  // namespace linnet::net
