#include "kubernetes/pod_log.h"

#include "kubernetes/requests.h"
#include "runtime/with_deadline.h"

namespace linnet::kubernetes {
namespace {

constexpr int usual_refusals = 3;  // "the container is waiting to start"

// `last`: see LogLines. `since`: for how long it is followed, when nothing came yet.
ApiRequest log_request(const LogSource& source, int tail, const std::string& last,
                       std::optional<Duration> since) {
  ApiRequest request;
  request.target =
      path_of({"v1", "pods", source.name_space}, source.pod, "log") +
      "?follow=true&timestamps=true&container=" + net::percent_encode(source.container);
  if (!last.empty())  // whole seconds count: what came before within them is known by its time
    request.target += "&sinceTime=" + net::percent_encode(last);
  else if (since)
    request.target += fmt::format("&sinceSeconds={}", *since / 1s + 2);
  else if (tail >= 0)
    request.target += fmt::format("&tailLines={}", tail);
  return request;
}

// The time that the node puts before each line of a container: "2026-11-26T01:00:00.1Z one".
bool begins_with_time(std::string_view line) {
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:dd";
  if (line.size() < form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i] == 'd' ? line[i] < '0' || line[i] > '9' : line[i] != form[i]) return false;
  return true;
}

}  // namespace

std::vector<std::string> LogLines::take(std::string_view piece) {
  std::vector<std::string> lines;
  while (!piece.empty()) {
    const std::string_view part = piece.substr(0, std::min(piece.find('\n'), longest_));
    rest_.append(part);
    piece.remove_prefix(part.size());
    if (!piece.empty() && piece.front() == '\n') {
      piece.remove_prefix(1);
      finish(true, lines);
    } else if (rest_.size() >= longest_) {
      finish(false, lines);
    }
  }
  return lines;
}

std::vector<std::string> LogLines::end() {
  std::vector<std::string> lines;
  if (!rest_.empty()) finish(true, lines);
  drop();
  return lines;
}

void LogLines::drop() {
  rest_.clear();
  goes_on_ = false;
}

void LogLines::finish(bool whole, std::vector<std::string>& lines) {
  std::string line = std::exchange(rest_, {});
  if (whole && !line.empty() && line.back() == '\r') line.pop_back();
  if (std::exchange(goes_on_, !whole)) {
    if (!known_ && !line.empty()) lines.push_back(std::move(line));
    return;
  }
  known_ = !begins_with_time(line);
  if (known_) {
    node_says_ = std::move(line);
    return;
  }
  // Of one pod all times have the same form, nine digits of a second: they compare as texts.
  const std::size_t space = std::min(line.find(' '), line.size());
  std::string time = line.substr(0, space);
  known_ = time <= last_;
  if (known_) return;
  last_ = std::move(time);
  node_says_.clear();
  lines.push_back(line.substr(std::min(space + 1, line.size())));
}

Task<Error> follow_log(Client& client, Clock& clock, LogSource source, int tail, LogHooks hooks,
                       LogTimes times) {
  const Asked asked{"get", {"v1", "pods", source.name_space}, source.pod, "log"};
  LogLines lines;
  std::optional<MonoTime> began;  // its first stream
  int refusals = 0;               // in a row
  std::optional<MonoTime> denied_since;
  const std::function<bool(std::string_view)> take = [&](std::string_view piece) {
    if (!began) began = clock.now().mono;
    for (std::string& line : lines.take(piece)) {
      refusals = 0;
      hooks.trouble("");
      hooks.line(std::move(line));
    }
    return true;
  };
  for (;;) {
    std::optional<Duration> since;
    if (began) since = clock.now().mono - *began;
    ApiRequest request = log_request(source, tail, lines.last(), since);
    auto ended = co_await client.stream(std::move(request), times.stall, take);
    Duration pause = times.pause;
    if (!ended) {
      lines.drop();
      if (ended.error().code != Code::timed_out)  // else it is only quiet
        hooks.trouble(std::move(ended).error().while_doing(asked.text()).message);
    } else if (ended->status >= 200 && ended->status <= 299) {
      denied_since.reset();
      for (std::string& line : lines.end()) hooks.line(std::move(line));
      if (!lines.node_says().empty() && ++refusals > usual_refusals)
        hooks.trouble(
            fmt::format("reading the log of {}: its node says: {}", source.pod, lines.node_says()));
    } else {
      Error error = error_of(asked, ended->status, ended->body, client.config().user);
      const bool denied = error.code == Code::denied;
      const MonoTime now = clock.now().mono;
      if (!denied) denied_since.reset();
      if (denied && !denied_since) denied_since = now;
      const bool meant = denied && now - *denied_since >= times.believed;
      if (error.code == Code::not_found || meant) co_return error;
      if (++refusals > usual_refusals || denied) hooks.trouble(error.message);
      const Duration wanted = asked_pause(ended->status, ended->headers).value_or(pause);
      pause = std::max(pause, std::min(wanted, CacheTimes{}.longest_asked));
    }
    co_await runtime::sleep_for(pause);
  }
}

}  // namespace linnet::kubernetes
