// The spec of one release: what a user wrote, with every default filled in. Immutable once read.
// The keys and their meaning for users stand in docs/spec.md; src/spec reads and writes them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/units.h"

namespace linnet::core {

struct HealthProbe {
  std::string path = "/health";  // HTTP GET; 200..399 is healthy
  Duration every = 1s;
  int healthy_after = 2;    // successes in a row before an instance is ready
  int unhealthy_after = 3;  // failures in a row before a ready one is not
  Duration startup = 30s;   // an instance not ready by then counts as failed to start

  friend bool operator==(const HealthProbe&, const HealthProbe&) = default;
};

struct StopRule {
  Duration drain = 5s;        // without new requests, before SIGTERM
  Duration kill_after = 10s;  // after SIGTERM, before SIGKILL

  friend bool operator==(const StopRule&, const StopRule&) = default;
};

/// Processes on this machine. `{{version}}` and `{{port}}` are replaced in command and env; no
/// shell.
struct ProcessWorkload {
  std::vector<std::string> command;
  std::map<std::string, std::string> env;
  std::string directory;  // working directory; empty: the daemon's state directory of the release
  int replicas = 1;       // of stable; the canary's follow its weight
  HealthProbe health;
  StopRule stop;
  std::uint16_t first_port = 0;  // of the slots; 0: chosen once and kept

  friend bool operator==(const ProcessWorkload&, const ProcessWorkload&) = default;
};

/// A pair of Kubernetes Deployments.
struct DeploymentsWorkload {
  std::string stable;
  std::string canary;
  std::string container;
  std::string image;  // "autograph/api-gateway:{{version}}"
  // What `init` gives the Deployments and the Ingress that it creates; others stay as they are.
  int replicas = 2;        // of stable
  std::uint16_t port = 0;  // of container and Services; read_specs() fills it in
  std::string health = "/health";
  std::string host = {};  // of the main Ingress; empty: none is created

  friend bool operator==(const DeploymentsWorkload&, const DeploymentsWorkload&) = default;
};

using Workload = std::variant<ProcessWorkload, DeploymentsWorkload>;

struct Sticky {
  enum class By { none, cookie, client_address };
  By by = By::none;
  std::string cookie;  // its name, when by == cookie

  friend bool operator==(const Sticky&, const Sticky&) = default;
};

struct NginxTraffic {
  std::string listen = "127.0.0.1:8080";
  Sticky sticky;
  /// Empty: linnet runs an NGINX of its own. Else: a file that an existing NGINX includes.
  std::string include;

  friend bool operator==(const NginxTraffic&, const NginxTraffic&) = default;
};

/// A router described by a recipe (recipes/routers/NAME.yaml) with its parameters.
struct RecipeTraffic {
  std::string router;
  std::map<std::string, std::vector<std::string>> with;
  // The recipe's, which knows its data plane; the spec does not say it.
  Duration settles{};  // for so long after a write some requests may still go the old way

  friend bool operator==(const RecipeTraffic&, const RecipeTraffic&) = default;
};

using Traffic = std::variant<NginxTraffic, RecipeTraffic>;

// Secrets of a metrics server stand in the spec as "env:NAME" or "file:/PATH", never themselves.
struct BasicAuth {
  std::string username;
  std::string password;  // a secret's place

  friend bool operator==(const BasicAuth&, const BasicAuth&) = default;
};
struct BearerAuth {
  std::string token;  // a secret's place; a file is read anew, so that it may rotate

  friend bool operator==(const BearerAuth&, const BearerAuth&) = default;
};
/// Client credentials (RFC 6749 section 4.4).
struct OAuth2Auth {
  std::string token_url;
  std::string client_id;
  std::string client_secret;  // a secret's place
  std::vector<std::string> scopes;

  friend bool operator==(const OAuth2Auth&, const OAuth2Auth&) = default;
};
/// AWS Signature Version 4.
struct SigV4Auth {
  std::string region;
  std::string service = "aps";  // aps: Managed Prometheus; monitoring: CloudWatch
  std::string access_key;       // a secret's place
  std::string secret_key;       // a secret's place
  std::string session_token;    // a secret's place; may be empty

  friend bool operator==(const SigV4Auth&, const SigV4Auth&) = default;
};
using MetricsAuth = std::variant<std::monostate, BasicAuth, BearerAuth, OAuth2Auth, SigV4Auth>;

/// Files are PEM; empty: the system's default, or none.
struct MetricsTls {
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  bool verify = true;

  friend bool operator==(const MetricsTls&, const MetricsTls&) = default;
};

/// Where the counts come from. `access_log` is one machine's own; the others are for clusters.
struct Metrics {
  std::string source = "access_log";
  std::string recipe;
  std::string address;
  std::map<std::string, std::vector<std::string>> with;  // parameters besides the router's
  MetricsAuth auth;
  std::vector<std::string> headers;  // "Name: value", the value also as a secret's place
  MetricsTls tls;

  friend bool operator==(const Metrics&, const Metrics&) = default;
};

struct Step {
  Percent weight;
  Duration hold = 60s;

  friend bool operator==(const Step&, const Step&) = default;
};

struct ErrorRateCheck {
  Percent limit = Percent::whole(5);

  friend bool operator==(const ErrorRateCheck&, const ErrorRateCheck&) = default;
};
struct LatencyCheck {
  Percent quantile = Percent::whole(95);  // 0.95 in the spec
  Duration limit = 1000ms;

  friend bool operator==(const LatencyCheck&, const LatencyCheck&) = default;
};
struct HealthCheck {
  int restarts = 2;  // more than this many restarts of canary instances in one rollout fail it

  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

/// Sampled, not counted by request: advisory, unless there is a hard limit that shall roll back.
struct GaugeCheck {
  enum class Of { memory, cpu };
  Of of = Of::memory;
  double limit_mib = 0;  // resident memory of one instance; 0: none, only compared with stable
  bool advisory = true;

  friend bool operator==(const GaugeCheck&, const GaugeCheck&) = default;
};

struct Check {
  std::string name;                          // "error_rate", "latency_p95", "health"; unique
  std::optional<std::int64_t> min_requests;  // else the release's
  std::variant<ErrorRateCheck, LatencyCheck, HealthCheck, GaugeCheck> rule;

  friend bool operator==(const Check&, const Check&) = default;
};

enum class Then { rollback, hold };

struct NoData {
  Duration hold = 5min;
  Then then = Then::rollback;

  friend bool operator==(const NoData&, const NoData&) = default;
};

struct Analysis {
  double false_alarm = 0.01;  // alpha, per rollout over all checks, steps and looks
  double missed = 0.01;       // beta, for early_pass and decision: evidence
  bool early_fail = true;
  bool early_pass = false;
  enum class Decision { plain, evidence };
  Decision decision = Decision::plain;
  enum class Compare { off, warn, rollback };
  Compare compare = Compare::warn;
  double tolerance = 1.0;  // odds ratio against stable that is still accepted

  friend bool operator==(const Analysis&, const Analysis&) = default;
};

enum class Promotion { ask, automatic };

/// Releases start only inside a window. Minutes are of the local day in `zone`.
struct Window {
  std::uint8_t days = 0x7f;  // bit 0 = Monday ... bit 6 = Sunday
  int from_minute = 0;       // inclusive
  int to_minute = 24 * 60;   // exclusive; smaller than from_minute: over midnight
  std::string zone = "UTC";

  friend bool operator==(const Window&, const Window&) = default;
};

/// No release starts from the first day to the last, both included (UTC days).
struct Freeze {
  std::string from;  // "2026-12-20"
  std::string to;
  std::string why;

  friend bool operator==(const Freeze&, const Freeze&) = default;
};

struct Webhook {
  std::string url;  // a secret: never logged whole
  enum class Format { json, slack };
  Format format = Format::json;
  std::vector<std::string> on;  // event kinds; empty: all

  friend bool operator==(const Webhook&, const Webhook&) = default;
};

struct Release {
  std::string name;  // [a-z0-9-], 1..63
  std::string name_space;
  std::string version;  // what `init` starts with; may be empty
  Workload workload;
  Traffic traffic = NginxTraffic{};
  Metrics metrics;
  std::vector<Step> steps;    // defaults: 5, 25, 50, 100 %, 60 s each
  std::vector<Check> checks;  // defaults: error_rate 5 %, P95 1000 ms, health
  std::int64_t min_requests = 20;
  NoData no_data;
  Duration progress = 10min;  // canary not ready by then: rolled back
  Analysis analysis;
  Promotion promotion = Promotion::ask;
  Then on_failure = Then::rollback;
  std::vector<Window> windows;
  std::vector<Freeze> freezes;
  std::vector<Webhook> notify;
  Duration turn = 1s;  // how often a running rollout is judged; from 100 ms

  friend bool operator==(const Release&, const Release&) = default;
};

/// The steps and checks of mission.md, used where the spec leaves them out.
std::vector<Step> default_steps();
std::vector<Check> default_checks();

/// A version as users may give it: 1..128 of [A-Za-z0-9._+-], not starting with '-' or '.', and
/// without "..": it becomes part of paths and arguments. Code::invalid says what is wrong.
Result<void> check_version(const std::string& version);

/// How long a track gets no new request before its instances are stopped.
Duration drain_time(const Release& release);

}  // namespace linnet::core
