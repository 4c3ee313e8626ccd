// client.authentication.k8s.io: a program of the user's that prints credentials (cloud providers'
// log-ins). Started without a shell and waited for on the event loop.
// (client-go plugin/pkg/client/auth/exec/exec.go, pkg/apis/clientauthentication/v1/types.go)
#pragma once

#include <optional>
#include <string>

#include "async/task.h"
#include "kubernetes/config.h"
#include "kubernetes/requests.h"
#include "ports/ports.h"

namespace linnet::kubernetes {

struct PluginCredentials {
  Credentials credentials;
  std::optional<WallTime> expires;
};

/// Whether running the plugin now may ask a person at this process' terminal.
bool may_ask(const Config& config);
/// The KUBERNETES_EXEC_INFO that the plugin finds: with the cluster when the config wants that.
Result<std::string> exec_info(const Config& config, bool interactive);
/// The inherited environment, then the plugin's own, then `info`; a later one wins.
std::vector<std::string> plugin_environment(const ExecPlugin& plugin, const std::string& info);
/// What a plugin printed. Code::denied: no ExecCredential of this version, or nothing in it.
Result<PluginCredentials> read_plugin(const ExecPlugin& plugin, const std::string& printed);
/// "2026-11-23T21:02:07Z", with a fraction or an offset such as "+01:00" too.
Result<WallTime> parse_rfc3339(std::string_view text);

/// Runs it to its end. Code::denied: it failed, cannot be started (with the install hint), or
/// printed nonsense; Code::timed_out: killed at the deadline.
Task<Result<PluginCredentials>> run_plugin(Config config, Clock& clock, Deadline deadline);

}  // namespace linnet::kubernetes
