#include "local/access_log_parser.h"

namespace linnet::local {
namespace {

using core::Track;

/// Digits at the front of `text`; -1 when there is none or too many.
int leading_number(std::string_view text) {
  int value = 0;
  std::size_t at = 0;
  while (at < text.size() && at < 6 && text[at] >= '0' && text[at] <= '9')
    value = value * 10 + (text[at++] - '0');
  return at == 0 ? -1 : value;
}

bool is_status(std::string_view text) {
  return text.size() == 3 && leading_number(text) >= 100 && text[2] >= '0' && text[2] <= '9';
}

/// "0.003" -> 3, capped at 24 days; -1 for "-" and whatever else.
std::int32_t milliseconds(std::string_view text) {
  std::int64_t ms = 0;
  std::size_t at = 0;
  for (; at < text.size() && at < 8 && text[at] >= '0' && text[at] <= '9'; ++at)
    ms = ms * 10 + (text[at] - '0');
  if (at == 0 || at + 4 != text.size() || text[at] != '.') return -1;
  for (++at; at < text.size(); ++at) {
    if (text[at] < '0' || text[at] > '9') return -1;
    ms = ms * 10 + (text[at] - '0');
  }
  return ms > 2'000'000'000 ? 2'000'000'000 : static_cast<std::int32_t>(ms);
}

/// Takes the first item off a list that is separated by ", " (retries) and " : " (internal
/// redirects).
std::string_view take_item(std::string_view& list) {
  std::size_t end = 0;
  while (end < list.size() && list[end] != ',' && list[end] != ' ') ++end;
  const auto item = list.substr(0, end);
  while (end < list.size() &&
         (list[end] == ',' || list[end] == ' ' || (list[end] == ':' && list[end - 1] == ' ')))
    ++end;
  list.remove_prefix(end);
  return item;
}

int port_of(std::string_view address) {
  const auto colon = address.rfind(':');
  return colon == std::string_view::npos ? -1 : leading_number(address.substr(colon + 1));
}

struct Fields {
  std::string_view status, address, attempt_status, connect, response;
};

/// Splits at '|'; false unless there are exactly five fields.
bool split(std::string_view rest, Fields& fields) {
  std::string_view* const order[] = {&fields.status, &fields.address, &fields.attempt_status,
                                     &fields.connect, &fields.response};
  for (std::string_view* field : order) {
    std::size_t end = 0;
    while (end < rest.size() && rest[end] != '|') ++end;
    *field = rest.substr(0, end);
    const bool last = field == order[4];
    if (last != (end == rest.size())) return false;
    rest.remove_prefix(last ? end : end + 1);
  }
  return true;
}

/// The attempt that counts, left at the front of the lists: the first one that reached an instance.
struct Attempt {
  std::string_view address, status, response;
  bool reached = false;
  bool last = true;
};

bool find_attempt(Fields fields, Attempt& found) {
  for (int guard = 0; guard < 256; ++guard) {
    found.address = take_item(fields.address);
    found.status = take_item(fields.attempt_status);
    const auto connect = take_item(fields.connect);
    found.response = take_item(fields.response);
    found.reached = milliseconds(connect) >= 0;
    if (!found.reached && connect != "-" && !connect.empty()) return false;
    found.last = fields.connect.empty();
    if (found.last != fields.address.empty() || found.last != fields.attempt_status.empty() ||
        found.last != fields.response.empty())
      return false;
    if (found.reached || found.last) return true;
  }
  return false;
}

}  // namespace

LineKind parse_log_line(std::string_view line, const PortSet& canary, LogLine& out) noexcept {
  Track meant = Track::stable;
  bool routed = true;
  if (line.starts_with("stable|") || line.starts_with("canary|")) {
    if (line[0] == 'c') meant = Track::canary;
    line.remove_prefix(7);
  } else if (line.starts_with("|") || line.starts_with("-|")) {
    routed = false;
    line.remove_prefix(line[0] == '-' ? 2 : 1);
  } else {
    return LineKind::garbage;
  }
  Fields fields;
  Attempt attempt;
  if (!split(line, fields) || !is_status(fields.status)) return LineKind::garbage;
  if (!find_attempt(fields, attempt)) return LineKind::garbage;
  if (!routed) return LineKind::unrouted;

  int status = leading_number(fields.status);
  bool broke = false;
  out.latency_ms = -1;
  out.track = meant;
  out.fell_back = false;
  out.port = 0;
  if (attempt.reached) {
    const int own = is_status(attempt.status) ? leading_number(attempt.status) : -1;
    if (own < 0 && attempt.status != "-") return LineKind::garbage;
    if (own >= 0) status = own;
    broke = own < 0 && !attempt.last;  // no answer came and another instance had to help
    const int port = port_of(attempt.address);
    const bool by_canary = port >= 0 && canary.has(static_cast<std::uint32_t>(port));
    if (port > 0 && port < 65536) out.port = static_cast<std::uint16_t>(port);
    if (meant == Track::canary && !by_canary) {
      out.track = Track::stable;
      out.fell_back = true;
    }
    // A WebSocket's response lasts as long as its user stays.
    if (status != 101) out.latency_ms = milliseconds(attempt.response);
  }
  out.status = static_cast<std::int16_t>(status);
  out.bad = broke || (status >= 500 && status <= 599);
  return LineKind::request;
}

}  // namespace linnet::local
