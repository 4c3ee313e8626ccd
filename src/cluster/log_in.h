// Logging in at a cluster whose credentials a person types. The engine beside a command has no
// terminal and no time for that: the command asks before it starts one, and the engine inherits
// what was given.
#pragma once

#include <optional>

#include "kubernetes/exec_plugin.h"

namespace linnet::cluster {

/// Runs the plugin of the kubeconfig's user if that may ask something and this process has a
/// terminal; nothing otherwise, and the engine runs it. Errors are those of
/// kubernetes::load_config() and run_plugin().
Result<std::optional<kubernetes::PluginCredentials>> log_in(const kubernetes::ConfigChoice& choice);

}  // namespace linnet::cluster
