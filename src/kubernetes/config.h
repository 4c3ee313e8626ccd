// Which API server, and as whom: kubeconfig files merged as kubectl does it, or the service account
// of a pod. (client-go tools/clientcmd/loader.go, api/v1/types.go)
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/curl.h"

namespace linnet::kubernetes {

/// client.authentication.k8s.io plugin.
struct ExecPlugin {
  std::string api_version;
  std::string command;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string install_hint;
  bool provide_cluster_info = false;
  std::string cluster_extension;  // JSON that the cluster's entry carries for plugins; may be empty
  enum class Interactive { never, if_available, always } interactive = Interactive::if_available;
  std::vector<std::string> inherited;  // our own environment, "NAME=value"

  friend bool operator==(const ExecPlugin&, const ExecPlugin&) = default;
};

struct Config {
  std::string server;      // https://host:port[/prefix]
  std::string name_space;  // of the context; "default" when it names none
  std::string context;     // its name; "in-cluster" for a pod
  bool is_pod = false;     // read from a pod's service account: pods can be reached from here
  std::string user;
  net::TlsOptions tls;
  std::string tls_server_name;
  std::optional<std::string> proxy;  // proxy-url
  std::string token;
  std::string token_file;  // read again every minute
  std::string username, password;
  std::string impersonate;  // as
  std::string impersonate_uid;
  std::vector<std::string> impersonate_groups;
  std::vector<std::pair<std::string, std::string>> impersonate_extra;
  std::optional<ExecPlugin> exec;
};

/// What the caller's flags and environment say; nothing here reads the environment itself.
struct ConfigChoice {
  std::string kubeconfig_flag;  // --kubeconfig: this file alone
  std::string kubeconfig_env;   // $KUBECONFIG: a list of files with ':' between
  std::string home;             // $HOME: ~/.kube/config
  std::string context;          // --context
  std::string service_host;     // $KUBERNETES_SERVICE_HOST, $KUBERNETES_SERVICE_PORT
  std::string service_port;
  std::string service_account = "/var/run/secrets/kubernetes.io/serviceaccount";
  std::vector<std::string> environment;  // "NAME=value": what exec plugins inherit
};

/// Code::not_found: no file, no context and no pod, saying where was looked; Code::invalid with
/// file and key.
Result<Config> load_config(const ConfigChoice& choice);

/// The contexts of all these files, in order; none without a file.
Result<std::vector<std::string>> context_names(const ConfigChoice& choice);

}  // namespace linnet::kubernetes
