// The engine of one release on a cluster, as a process beside the command that needs it: nothing is
// installed in the cluster and no daemon runs. It answers the same API as `linnet serve`, on a
// socket of its own, and lives no longer than the command.
#pragma once

#include <optional>
#include <string>

#include "core/release.h"
#include "kubernetes/config.h"
#include "kubernetes/exec_plugin.h"
#include "recipes/library.h"

namespace linnet::cluster {

struct DriveOptions {
  core::Release release;
  std::string spec_file;    // where it was read: recipes of one's own stand beside it
  recipes::OwnRecipes own;  // of a spec that the cluster keeps: they came with it
  kubernetes::ConfigChoice cluster;
  std::optional<kubernetes::PluginCredentials> login;  // see log_in()
  std::string name_space;  // --namespace; empty: the spec's, else the context's
  std::string socket;      // path to serve on
  std::string identity;    // who holds the Lease, for others to read; of this process alone
  /// A socket. A byte says that the command is done, its end that it was killed. After the byte the
  /// engine answers with what the user should know, if anything, and one more byte, or the end,
  /// says that it shall wait for no receiver of notices.
  int life_fd = -1;
  int ready_fd = -1;     // one byte when it serves; else the error's code and text, then the end
  bool engages = false;  // an intent was left already: the engine starts without another
  /// For a command that asks for the status once and changes nothing.
  bool looks_once = false;
};

/// Returns the exit code of the process.
int drive(const DriveOptions& options);

}  // namespace linnet::cluster
