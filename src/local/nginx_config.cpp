#include "local/nginx_config.h"

#include <algorithm>
#include <charconv>

#include "local/weight_switch.h"

namespace linnet::local {
namespace {

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

template <class Allowed>
bool all_of(const std::string& text, Allowed allowed) {
  return std::all_of(text.begin(), text.end(), allowed);
}

/// NGINX cannot escape '$' in most places, so paths are limited instead of quoted cleverly.
Result<void> check_path(std::string_view what, const std::string& path) {
  if (path.empty() || path.front() != '/' || path.size() > 3000)
    return fail(Code::invalid, "{} \"{}\" is not an absolute path", what, path);
  for (const char c : path)
    if (!is_alnum(c) && std::string_view("._/+@=,:~ -").find(c) == std::string_view::npos)
      return fail(
          Code::invalid,
          "{} \"{}\": the character '{}' cannot be written into an NGINX configuration; choose a "
          "path of letters, digits and ._/+@=,:~-",
          what, path, c);
  return {};
}

Result<void> check(const NginxRelease& release) {
  if (release.name.empty() || release.name.size() > 63 ||
      !all_of(release.name, [](char c) { return is_alnum(c) ? c < 'A' || c > 'Z' : c == '-'; }))
    return fail(Code::invalid, "release name \"{}\": only a-z, 0-9 and '-', at most 63",
                release.name);
  if (auto listen = parse_listen(release.listen); !listen) return fail(std::move(listen).error());
  TRY_VOID(check_path("weight switch", release.switch_directory));
  TRY_VOID(check_path("access log", release.access_log));
  if (release.slots.stable.empty() || release.slots.canary.empty())
    return fail(Code::invalid, "release {}: each track needs at least one slot", release.name);
  auto ports = release.slots.stable;
  ports.insert(ports.end(), release.slots.canary.begin(), release.slots.canary.end());
  std::sort(ports.begin(), ports.end());
  if (ports.front() == 0 || std::adjacent_find(ports.begin(), ports.end()) != ports.end())
    return fail(Code::invalid, "release {}: slots must be different ports above 0", release.name);
  if (release.sticky.by != core::Sticky::By::cookie) return {};
  const auto& cookie = release.sticky.cookie;
  if (cookie.empty() || cookie.size() > 64 ||
      !all_of(cookie, [](char c) { return is_alnum(c) || c == '_'; }))
    return fail(Code::invalid,
                "release {}: cookie name \"{}\": NGINX can read only names of letters, digits and "
                "'_', at most 64",
                release.name, cookie);
  return {};
}

/// "api-gateway" -> "linnet_api_gateway": names of a spec hold no '_', so this stays unique.
std::string id_of(const NginxRelease& release) {
  std::string id = "linnet_" + release.name;
  std::replace(id.begin(), id.end(), '-', '_');
  return id;
}

std::string split_text(const NginxRelease& release, const std::string& id) {
  std::string text;
  std::string key = "$request_id";
  if (release.sticky.by == core::Sticky::By::client_address) key = "$remote_addr";
  if (release.sticky.by == core::Sticky::By::cookie) {
    // Who comes without the cookie is placed by chance and gets a cookie that means the same place.
    const auto& cookie = release.sticky.cookie;
    text += fmt::format("map $cookie_{} ${}_key {{ default $cookie_{}; \"\" $request_id; }}\n",
                        cookie, id, cookie);
    text += fmt::format(
        "map $cookie_{} ${}_cookie {{ default \"\"; \"\" \"{}=$request_id; Path=/; HttpOnly; "
        "SameSite=Lax\"; }}\n",
        cookie, id, cookie);
    key = fmt::format("${}_key", id);
  }
  text += fmt::format("split_clients \"{}\" ${}_bucket {{\n", key, id);
  for (int bucket = 0; bucket + 1 < switch_buckets; ++bucket) {
    text += fmt::format("  0.1% {};", bucket);
    if (bucket % 12 == 11) text += '\n';
  }
  text += fmt::format("  * {};\n}}\n", switch_buckets - 1);
  return text;
}

std::string upstream_text(const NginxRelease& release, const std::string& id) {
  std::string text = fmt::format("upstream {}_stable {{\n", id);
  // Empty slots are skipped for 2 s after a refusal. When all seem down, each is tried nevertheless
  // (the backups never count as down), so one broken connection takes no instance out of service.
  for (const auto port : release.slots.stable)
    text += fmt::format("  server 127.0.0.1:{} max_fails=1 fail_timeout=2s;\n", port);
  for (const auto port : release.slots.stable)
    text += fmt::format("  server 127.0.0.1:{} max_fails=0 backup;\n", port);
  // Shorter than the idle limits of common application servers (2 s and more): NGINX must be the
  // one that closes, or a POST may be written to a connection that is being closed.
  constexpr std::string_view pool = "  keepalive 64;\n  keepalive_timeout 1500ms;\n}\n";
  text += pool;
  text += fmt::format("upstream {}_canary {{\n", id);
  // Every canary request tries the canary first; stable helps out when none of it can be reached.
  for (const auto port : release.slots.canary)
    text += fmt::format("  server 127.0.0.1:{} max_fails=0;\n", port);
  for (const auto port : release.slots.stable)
    text += fmt::format("  server 127.0.0.1:{} max_fails=0 backup;\n", port);
  text += pool;
  return text;
}

std::string http_text(const NginxRelease& release, const std::string& id) {
  std::string text = split_text(release, id);
  text += upstream_text(release, id);
  text += fmt::format("map $http_upgrade ${}_connection {{ default upgrade; \"\" \"\"; }}\n", id);
  text += fmt::format("map $http_host ${}_host {{ default $http_host; \"\" $host; }}\n", id);
  text += fmt::format(
      "log_format {0} escape=none '${0}_track|$status|$upstream_addr|$upstream_status|"
      "$upstream_connect_time|$upstream_response_time';\n",
      id);
  return text;
}

std::string access_log_line(const NginxRelease& release, const std::string& id) {
  return fmt::format("access_log \"{}\" {} buffer=64k flush=100ms;\n", release.access_log, id);
}

std::string location_text(const NginxRelease& release, const std::string& id) {
  std::string text;
  text += fmt::format("set ${}_track stable;\n", id);
  text += fmt::format("if (-f \"{1}/cur/${0}_bucket\") {{ set ${0}_track canary; }}\n", id,
                      release.switch_directory);
  text += "open_file_cache off;\n";  // it would delay a rollback
  text += fmt::format("proxy_pass http://{0}_${0}_track;\n", id);
  text += "proxy_http_version 1.1;\n";
  text += fmt::format("proxy_set_header Host ${}_host;\n", id);
  text += "proxy_set_header Upgrade $http_upgrade;\n";
  text += fmt::format("proxy_set_header Connection ${}_connection;\n", id);
  text +=
      "proxy_set_header X-Real-IP $remote_addr;\n"
      "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
      "proxy_set_header X-Forwarded-Host $http_host;\n"
      "proxy_set_header X-Forwarded-Proto $scheme;\n"
      "proxy_next_upstream error timeout;\n"
      "proxy_connect_timeout 5s;\n"
      "client_max_body_size 0;\n";  // what is too large is the service's own decision
  if (release.sticky.by == core::Sticky::By::cookie)
    text += fmt::format("add_header Set-Cookie ${}_cookie always;\n", id);
  return text;
}

std::string indented(const std::string& text, std::string_view by) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    out += by;
    out += text.substr(at, end - at + 1);
    at = end + 1;
  }
  return out;
}

std::string server_text(const NginxRelease& release, const std::string& id) {
  return fmt::format("server {{\n  listen {};\n  server_name _;\n  {}  location / {{\n{}  }}\n}}\n",
                     release.listen, access_log_line(release, id),
                     indented(location_text(release, id), "    "));
}

}  // namespace

Result<ListenAddress> parse_listen(const std::string& listen) {
  const auto bad = [&](std::string_view why) {
    return fail(Code::invalid,
                "listen \"{}\": {}; write a port or ADDRESS:PORT, such as 127.0.0.1:8080", listen,
                why);
  };
  if (listen.size() > 300) return bad("too long");
  ListenAddress address;
  std::string port = listen;
  if (const auto colon = listen.rfind(':'); colon != std::string::npos) {
    address.host = listen.substr(0, colon);
    port = listen.substr(colon + 1);
    if (address.host.empty()) return bad("no address before ':'");
  }
  const auto& host = address.host;
  if (!host.empty() && host.front() == '[') {
    const auto inside =
        host.size() > 3 && host.back() == ']' ? host.substr(1, host.size() - 2) : "";
    if (inside.empty() || !all_of(inside, [](char c) {
          return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
                 c == ':' || c == '.';
        }))
      return bad("not an IPv6 address in brackets");
  } else if (host != "*" &&
             !all_of(host, [](char c) { return is_alnum(c) || c == '.' || c == '-'; })) {
    return bad("not an address");
  }
  int number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size()) return bad("no port");
  if (number < 1 || number > 65535) return bad("the port is not in 1..65535");
  address.port = static_cast<std::uint16_t>(number);
  return address;
}

Result<std::string> own_config(const NginxOwn& own) {
  TRY_VOID(check_path("NGINX's directory", own.prefix));
  if (!all_of(own.worker_user,
              [](char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; }))
    return fail(Code::invalid, "user \"{}\" is not a user name", own.worker_user);
  if (own.worker_connections < 16 || own.worker_connections > 1'000'000)
    return fail(Code::invalid, "{} connections per worker: 16..1000000", own.worker_connections);
  std::string text =
      "# Written by linnet; changes made here are overwritten. Weights are not in here: they are\n"
      "# switched without a reload, by the symlinks that the `if (-f ...)` lines look through.\n";
  if (!own.worker_user.empty()) text += fmt::format("user {};\n", own.worker_user);
  text += fmt::format(
      "worker_processes auto;\nworker_rlimit_nofile {};\npid \"{}/nginx.pid\";\n"
      "error_log \"{}/error.log\" crit;\nevents {{ worker_connections {}; }}\nhttp {{\n",
      own.worker_connections * 2, own.prefix, own.prefix, own.worker_connections);
  std::string http;
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    http += fmt::format("{0}_temp_path \"{1}/temp/{0}\";\n", kind, own.prefix);
  http +=
      "access_log off;\nserver_tokens off;\ntypes { }\ndefault_type application/octet-stream;\n";
  http += "map_hash_bucket_size 256;\nvariables_hash_bucket_size 256;\n";
  http +=
      "server {\n  listen unix:own/status.sock;\n  location = /status { stub_status; }\n"
      "  location / { return 404; }\n}\n";
  std::vector<std::string> names;
  for (const auto& release : own.releases) {
    TRY_VOID(check(release));
    if (std::find(names.begin(), names.end(), release.name) != names.end())
      return fail(Code::invalid, "release {} appears twice", release.name);
    names.push_back(release.name);
    const auto id = id_of(release);
    http += fmt::format("\n# release {}\n", release.name);
    http += http_text(release, id);
    http += server_text(release, id);
  }
  return text + indented(http, "  ") + "}\n";
}

Result<IncludeText> include_config(const NginxRelease& release) {
  TRY_VOID(check(release));
  const auto id = id_of(release);
  IncludeText text;
  text.http = fmt::format(
      "# Written by linnet for release {}: include it inside `http {{ }}`. Changes made here are\n"
      "# overwritten. It serves {}; a server of your own may also take it in:\n"
      "#   location / {{ include THIS_FILE.location; }}\n",
      release.name, release.listen);
  text.http += http_text(release, id);
  text.http += server_text(release, id);
  text.location =
      fmt::format("# Written by linnet for release {}: include it inside a `location`.\n",
                  release.name) +
      access_log_line(release, id) + location_text(release, id);
  return text;
}

}  // namespace linnet::local
