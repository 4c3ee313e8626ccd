// What a cluster can be asked without an engine, in one request that is soon over: names, for a
// shell that completes a command line, and the spec of a release that has no file here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/status.h"
#include "kubernetes/config.h"
#include "kubernetes/config_map_store.h"
#include "kubernetes/exec_plugin.h"

namespace boost::json {
class value;
}

namespace linnet::cluster {

enum class NameKind {
  namespaces,   // of the cluster
  deployments,  // of the namespace
  releases,     // those whose ConfigMaps the namespace has
  versions,     // those that the release's finished rollouts led from and to, newest first
};

struct NameQuestion {
  NameKind kind = NameKind::namespaces;
  kubernetes::ConfigChoice cluster;
  std::string name_space;                              // empty: the context's
  std::string release;                                 // of versions
  std::optional<kubernetes::PluginCredentials> login;  // see log_in()
};

using StoredSpec = kubernetes::ConfigMapStore::StoredSpec;

/// Nobody is ever asked for a password. Errors are those of kubernetes::load_config() and
/// kubernetes::Client; Code::timed_out after `limit`.
Result<std::vector<std::string>> list_names(NameQuestion question, Duration limit);

/// The spec of `question.release` as its ConfigMap holds it, with the user's own recipes.
/// Code::not_found names those that the namespace has.
Result<StoredSpec> stored_spec(NameQuestion question, Duration limit);

/// metadata.name of the items of a list.
std::vector<std::string> names_in(const boost::json::value& list);
/// Each once; `history` is newest first.
std::vector<std::string> versions_in(const std::vector<core::RolloutRecord>& history);

}  // namespace linnet::cluster
