// The table of routes and how a request finds its row.
#include "api/routes.h"

#include <algorithm>
#include <array>
#include <span>

#include "api/call.h"

namespace linnet::api {
namespace {

struct Route {
  std::string_view method;
  std::string_view path;  // capitals stand for any segment
  Answer (*answer)(Call);
  std::array<std::string_view, 4> parameters = {};
};

constexpr Route api_routes[] = {
    {"GET", "/v1/version", get_version},
    {"GET", "/v1/releases", get_releases},
    {"PUT", "/v1/releases/NAME", put_spec},
    {"GET", "/v1/releases/NAME/status", get_status},
    {"GET", "/v1/releases/NAME/spec", get_spec},
    {"POST", "/v1/releases/NAME/intents", post_intent},
    {"GET", "/v1/releases/NAME/intents/ID", get_intent, {"wait"}},
    {"GET", "/v1/releases/NAME/journal", get_journal, {"after", "limit", "wait"}},
    {"GET", "/v1/releases/NAME/history", get_history, {"limit"}},
    {"GET", "/v1/releases/NAME/counts", get_counts},
    {"GET", "/v1/releases/NAME/instances", get_instances},
    {"GET", "/v1/releases/NAME/logs", get_logs, {"after", "lines", "track", "wait"}},
    {"GET", "/v1/releases/NAME/doctor", get_doctor},
    {"GET", "/v1/releases/NAME/plan", get_plan, {"version", "init"}},
    {"GET", "/v1/releases/NAME/canary", get_canary},
    {"DELETE", "/v1/releases/NAME/canary", delete_canary},
    {"GET", "/metrics", get_metrics},
    {"POST", "/v1/shutdown", post_shutdown},
};
constexpr Route scrape_routes[] = {{"GET", "/metrics", get_metrics}};

/// The row's path with the request's own segments in the places of the capitals; empty when the
/// number of segments differs.
std::string path_for(const Route& route, const std::vector<std::string>& segments) {
  std::string path;
  std::string_view rest = route.path;
  for (const std::string& segment : segments) {
    if (rest.empty()) return "";
    rest.remove_prefix(1);
    const std::string_view own = rest.substr(0, rest.find('/'));
    rest.remove_prefix(own.size());
    const bool any = own.front() >= 'A' && own.front() <= 'Z';
    path += '/';
    path += any ? segment : own;
  }
  return rest.empty() ? path : "";
}

std::string joined(const std::vector<std::string>& segments) {
  return fmt::format("/{}", fmt::join(segments, "/"));
}

Error unknown_path(std::span<const Route> routes, const std::vector<std::string>& segments) {
  std::vector<std::string> candidates;
  for (const Route& route : routes) {
    std::string path = path_for(route, segments);
    candidates.push_back(path.empty() ? std::string(route.path) : std::move(path));
  }
  const std::vector<std::string_view> views(candidates.begin(), candidates.end());
  const std::string asked = joined(segments);
  const std::string_view near = nearest_word(asked, views);
  if (near.empty()) return {Code::not_found, fmt::format("there is no '{:.200}'", asked)};
  return {Code::not_found,
          fmt::format("there is no '{:.200}'; did you mean '{:.200}'?", asked, near)};
}

Result<void> check_parameters(const Route& route, const net::Target& target) {
  for (const auto& [name, value] : target.query) {
    if (!name.empty() &&
        std::find(route.parameters.begin(), route.parameters.end(), name) != route.parameters.end())
      continue;
    const std::string_view near = nearest_word(name, route.parameters);
    if (near.empty()) return fail(Code::invalid, "unknown parameter '{:.64}'", name);
    return fail(Code::invalid, "unknown parameter '{:.64}'; did you mean '{}'?", name, near);
  }
  return {};
}

Result<void> check_release(const Route& route, const net::Target& target) {
  if (route.path.find("/NAME") == std::string_view::npos) return {};
  const std::string& name = target.segments[2];
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (plain && name.size() <= 63) return {};
  return fail(Code::invalid, "'{:.64}' is not a release's name: 1 to 63 of a-z, 0-9 and '-'", name);
}

net::ServerResponse not_allowed(std::string_view method,
                                const std::vector<std::string_view>& known) {
  net::ServerResponse response =
      error_response({Code::invalid, fmt::format("{:.32} is not possible here, only {}", method,
                                                 fmt::join(known, ", "))});
  response.status = 405;
  response.headers.emplace_back("Allow", fmt::format("{}", fmt::join(known, ", ")));
  return response;
}

/// Finds the row and calls it.
Task<net::ServerResponse> dispatch(std::span<const Route> routes, Backend& backend,
                                   Changes& changes, Clock& clock, net::ServerRequest request) {
  auto target = net::parse_target(request.target);
  if (!target) {
    net::ServerResponse response = error_response(target.error());
    response.status = 400;
    co_return response;
  }
  const std::string path = joined(target->segments);
  std::vector<std::string_view> methods;
  const Route* found = nullptr;
  for (const Route& route : routes) {
    if (path_for(route, target->segments) != path) continue;
    methods.push_back(route.method);
    if (route.method == request.method) found = &route;
  }
  if (methods.empty()) co_return error_response(unknown_path(routes, target->segments));
  if (found == nullptr) co_return not_allowed(request.method, methods);
  if (auto checked = check_parameters(*found, *target); !checked)
    co_return error_response(checked.error());
  if (auto checked = check_release(*found, *target); !checked)
    co_return error_response(checked.error());
  Call call{backend, changes, clock, std::move(*target), std::move(request)};
  auto answer = co_await found->answer(std::move(call));
  if (!answer) co_return error_response(answer.error());
  co_return std::move(*answer);
}

}  // namespace

Routes::Routes(Backend& backend, Changes& changes, Clock& clock)
    : backend_(backend), changes_(changes), clock_(clock) {}

Task<net::ServerResponse> Routes::answer(net::ServerRequest request) {
  return dispatch(api_routes, backend_, changes_, clock_, std::move(request));
}

Task<net::ServerResponse> Routes::answer_scrape(net::ServerRequest request) {
  return dispatch(scrape_routes, backend_, changes_, clock_, std::move(request));
}

int http_status(Code code) {
  switch (code) {
    case Code::invalid: return 422;
    case Code::not_found: return 404;
    case Code::conflict: return 409;
    case Code::denied: return 403;
    case Code::unavailable: return 503;
    case Code::cancelled: return 503;
    case Code::timed_out: return 504;
    case Code::unknown_outcome: return 504;
    case Code::internal: return 500;
  }
  return 500;
}

}  // namespace linnet::api
