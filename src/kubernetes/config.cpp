#include "kubernetes/config.h"

#include <sys/stat.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "kubernetes/base64.h"
#include "kubernetes/url_host.h"
#include "spec/yaml_tree.h"

namespace linnet::kubernetes {
namespace {

namespace js = boost::json;
using spec::Node;

/// A map of a kubeconfig with the file that it stands in, for relative paths and messages.
struct Entry {
  std::string file;
  Node value;
};

/// All files as one: the first that sets a name has the whole of it.
struct Merged {
  std::vector<std::string> files;  // that were there
  std::string current;             // current-context
  std::map<std::string, Entry> clusters, users, contexts;
};

Error wrong(const std::string& file, const std::string& key, const std::string& message) {
  return {Code::invalid, fmt::format("{}: {}: {}", file, key, message)};
}

const Node* find(const Node& map, std::string_view key) {
  if (map.kind != Node::Kind::map) return nullptr;
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2)
    if (map.items[i].text == key) return &map.items[i + 1];
  return nullptr;
}

std::string folder_of(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : file.substr(0, std::max<std::size_t>(slash, 1));
}

std::string resolved(const std::string& path, const std::string& file) {
  if (path.empty() || path.front() == '/') return path;
  return folder_of(file) + "/" + path;
}

// ---- Reading one file ---------------------------------------------------------------------------

Node node_of(const js::value& json) {
  Node node;
  switch (json.kind()) {
    case js::kind::null: return node;
    case js::kind::object:
      node.kind = Node::Kind::map;
      for (const auto& [key, value] : json.get_object()) {
        Node& name = node.items.emplace_back();
        name.kind = Node::Kind::scalar;
        name.text = key;
        node.items.push_back(node_of(value));
      }
      return node;
    case js::kind::array:
      node.kind = Node::Kind::list;
      for (const js::value& value : json.get_array()) node.items.push_back(node_of(value));
      return node;
    case js::kind::string:
      node.quoted = true;
      node.text = std::string(json.get_string());
      break;
    default: node.text = js::serialize(json);
  }
  node.kind = Node::Kind::scalar;
  return node;
}

/// JSON again, for what is only handed on.
js::value json_of(const Node& node) {
  switch (node.kind) {
    case Node::Kind::map: {
      js::object out;
      for (std::size_t i = 0; i + 1 < node.items.size(); i += 2)
        out[node.items[i].text] = json_of(node.items[i + 1]);
      return out;
    }
    case Node::Kind::list: {
      js::array out;
      for (const Node& item : node.items) out.push_back(json_of(item));
      return out;
    }
    case Node::Kind::scalar: {
      if (node.quoted) return js::string(node.text);
      js::error_code error;
      js::value plain = js::parse(node.text, error);
      return error ? js::value(js::string(node.text)) : plain;
    }
    default: return nullptr;
  }
}

Result<std::optional<std::string>> read_text(const std::string& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0 && errno == ENOENT) return std::nullopt;
  std::ifstream in(file);
  std::ostringstream all;
  if (in) all << in.rdbuf();
  if (!in || S_ISDIR(found.st_mode))
    return fail(Code::denied, "reading {}: {}", file,
                S_ISDIR(found.st_mode) ? "it is a directory" : std::strerror(errno));
  return all.str();
}

/// JSON may be indented by tabs, which YAML does not take.
Result<Node> parse(const std::string& text, const std::string& file) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return Node();
  if (text[first] == '{' && text.size() <= spec::max_bytes) {
    js::error_code error;
    const js::value json = js::parse(text, error);
    if (!error) return node_of(json);
  }
  spec::Mistakes mistakes(file);
  std::vector<spec::Document> documents = spec::parse_documents(text, mistakes);
  const std::vector<spec::Mistake> found = mistakes.take();
  if (!found.empty()) return fail(Code::invalid, "{}", found.front().text());
  if (documents.empty()) return Node();
  if (documents.size() > 1) return fail(Code::invalid, "{}: more than one document", file);
  return std::move(documents.front().root);
}

Result<std::string> scalar(const Node& map, std::string_view key, const std::string& file,
                           const std::string& place) {
  const Node* node = find(map, key);
  if (node == nullptr || node->kind == Node::Kind::null) return std::string();
  if (node->kind != Node::Kind::scalar)
    return fail(wrong(file, fmt::format("{}.{}", place, key), "this must be one text"));
  return node->text;
}

Result<void> add_entries(const Node& root, std::string_view list, std::string_view inner,
                         const std::string& file, std::map<std::string, Entry>& into) {
  const Node* entries = find(root, list);
  if (entries == nullptr || entries->kind == Node::Kind::null) return {};
  if (entries->kind != Node::Kind::list)
    return fail(wrong(file, std::string(list), "this must be a list"));
  for (std::size_t i = 0; i < entries->items.size(); ++i) {
    const std::string place = fmt::format("{}[{}]", list, i);
    TRY(name, scalar(entries->items[i], "name", file, place));
    if (name.empty()) return fail(wrong(file, place, "there is no name"));
    const Node* value = find(entries->items[i], inner);
    Node kept = value == nullptr ? Node() : *value;
    if (kept.kind == Node::Kind::null) kept.kind = Node::Kind::map;
    if (kept.kind != Node::Kind::map)
      return fail(wrong(file, fmt::format("{}.{}", place, inner), "this must be a map"));
    into.try_emplace(name, Entry{file, std::move(kept)});
  }
  return {};
}

Result<bool> add_file(const std::string& file, Merged& merged) {
  TRY(text, read_text(file));
  if (!text) return false;
  merged.files.push_back(file);
  TRY(root, parse(*text, file));
  if (root.kind == Node::Kind::null) return true;
  if (root.kind != Node::Kind::map)
    return fail(Code::invalid, "{}: this is not a kubeconfig: no map of keys", file);
  TRY(kind, scalar(root, "kind", file, "(top)"));
  if (!kind.empty() && kind != "Config")
    return fail(wrong(file, "kind", fmt::format("'{:.64}', but a kubeconfig has 'Config'", kind)));
  TRY(current, scalar(root, "current-context", file, "(top)"));
  if (merged.current.empty()) merged.current = current;
  TRY_VOID(add_entries(root, "clusters", "cluster", file, merged.clusters));
  TRY_VOID(add_entries(root, "users", "user", file, merged.users));
  TRY_VOID(add_entries(root, "contexts", "context", file, merged.contexts));
  return true;
}

// ---- What an entry says -------------------------------------------------------------------------

/// Reads the keys of one entry; the first mistake is kept.
class Reader {
 public:
  Reader(const Entry& entry, std::string place) : entry_(entry), place_(std::move(place)) {}

  std::string text(std::string_view key) { return keep(scalar(map(), key, file(), place_)); }
  std::string path(std::string_view key) { return resolved(text(key), file()); }
  bool flag(std::string_view key) {
    const std::string value = text(key);
    if (!value.empty() && value != "true" && value != "false")
      note(key, fmt::format("'{:.64}' is neither true nor false", value));
    return value == "true";
  }
  std::string data(std::string_view key) {
    auto decoded = decode_base64(text(key));
    if (!decoded) note(key, decoded.error().message);
    return decoded.value_or(std::string());
  }
  /// A certificate or key. What is none would be told by OpenSSL, without a word where it stands.
  std::string pem(std::string_view key) {
    std::string text = data(key);
    if (!text.empty() && text.find("-----BEGIN ") == std::string::npos)
      note(key, "this is base64 of something else than PEM, which has a line -----BEGIN ...-----");
    return text;
  }
  /// The path of a file that holds one.
  std::string pem_file(std::string_view key) {
    std::string file = path(key);
    std::ifstream stream(file);
    std::stringstream text;
    if (!file.empty() && stream) text << stream.rdbuf();
    // One that cannot be read is told when it is used: tools put it there only then.
    if (!text.str().empty() && text.str().find("-----BEGIN ") == std::string::npos)
      note(key, fmt::format("{} is not PEM, which has a line -----BEGIN ...-----", file));
    return file;
  }
  std::vector<std::string> texts(std::string_view key) {
    std::vector<std::string> out;
    const Node* list = find(map(), key);
    if (list == nullptr || list->kind == Node::Kind::null) return out;
    bool good = list->kind == Node::Kind::list;
    for (const Node& item : list->items) {
      good = good && item.kind == Node::Kind::scalar;
      out.push_back(item.text);
    }
    if (!good) note(key, "this must be a list of texts");
    return out;
  }
  void note(std::string_view key, const std::string& message) {
    if (!mistake_) mistake_ = wrong(file(), fmt::format("{}.{}", place_, key), message);
  }
  [[nodiscard]] const Node& map() const { return entry_.value; }
  [[nodiscard]] const std::string& file() const { return entry_.file; }
  [[nodiscard]] const std::string& place() const { return place_; }
  void take(const Reader& other) {
    if (!mistake_) mistake_ = other.mistake_;
  }
  [[nodiscard]] Result<void> result() const {
    if (mistake_) return fail(*mistake_);
    return {};
  }

 private:
  std::string keep(Result<std::string> value) {
    if (!value && !mistake_) mistake_ = value.error();
    return value.value_or(std::string());
  }
  const Entry& entry_;
  std::string place_;
  std::optional<Error> mistake_;
};

Result<void> read_cluster(const std::string& name, const Entry& entry, Config& config) {
  Reader cluster(entry, "cluster " + name);
  config.server = cluster.text("server");
  if (!config.server.starts_with("http://") && !config.server.starts_with("https://"))
    cluster.note("server",
                 fmt::format("'{:.200}' is no address such as https://host:6443", config.server));
  config.tls_server_name = cluster.text("tls-server-name");
  config.tls.verify = !cluster.flag("insecure-skip-tls-verify");
  config.tls.ca_pem = cluster.pem("certificate-authority-data");
  if (config.tls.ca_pem.empty()) config.tls.ca_file = cluster.pem_file("certificate-authority");
  if (const std::string proxy = cluster.text("proxy-url"); !proxy.empty()) config.proxy = proxy;
  cluster.flag("disable-compression");  // known; answers are never compressed for us
  return cluster.result();
}

/// Extensions of the cluster are for plugins; only this one is ours to hand on.
std::string plugin_extension(const Entry& cluster) {
  const Node* list = find(cluster.value, "extensions");
  if (list == nullptr || list->kind != Node::Kind::list) return {};
  for (const Node& item : list->items) {
    const Node* name = find(item, "name");
    const Node* extension = find(item, "extension");
    if (name != nullptr && name->text == "client.authentication.k8s.io/exec" &&
        extension != nullptr)
      return js::serialize(json_of(*extension));
  }
  return {};
}

Result<void> read_exec(const Entry& entry, const std::string& place, Config& config) {
  Reader exec(entry, place + ".exec");
  ExecPlugin plugin;
  plugin.api_version = exec.text("apiVersion");
  constexpr std::string_view group = "client.authentication.k8s.io/";
  if (plugin.api_version != std::string(group) + "v1" &&
      plugin.api_version != std::string(group) + "v1beta1")
    exec.note("apiVersion", fmt::format("'{:.64}' is neither {}v1 nor {}v1beta1",
                                        plugin.api_version, group, group));
  plugin.command = exec.text("command");
  if (plugin.command.empty()) exec.note("command", "there is none");
  // A bare name is looked up in PATH.
  if (plugin.command.find('/') != std::string::npos)
    plugin.command = resolved(plugin.command, exec.file());
  plugin.arguments = exec.texts("args");
  if (const Node* list = find(exec.map(), "env"); list != nullptr)
    for (const Node& item : list->items) {
      const Node* name = find(item, "name");
      const Node* value = find(item, "value");
      if (name == nullptr || value == nullptr)
        exec.note("env", "each entry needs name and value");
      else
        plugin.environment.emplace_back(name->text, value->text);
    }
  plugin.install_hint = exec.text("installHint");
  plugin.provide_cluster_info = exec.flag("provideClusterInfo");
  const std::string mode = exec.text("interactiveMode");
  using Interactive = ExecPlugin::Interactive;
  if (mode == "Never")
    plugin.interactive = Interactive::never;
  else if (mode == "Always")
    plugin.interactive = Interactive::always;
  else if (!mode.empty() && mode != "IfAvailable")
    exec.note("interactiveMode", "one of Never, IfAvailable, Always");
  config.exec = std::move(plugin);
  return exec.result();
}

Result<void> read_user(const std::string& name, const Entry& entry, Config& config) {
  Reader user(entry, "user " + name);
  net::TlsOptions& tls = config.tls;
  tls.client_certificate_pem = user.pem("client-certificate-data");
  tls.client_key_pem = user.pem("client-key-data");
  if (tls.client_certificate_pem.empty())
    tls.client_certificate_file = user.pem_file("client-certificate");
  if (tls.client_key_pem.empty()) tls.client_key_file = user.pem_file("client-key");
  config.token = user.text("token");
  config.token_file = user.path("tokenFile");
  config.username = user.text("username");
  config.password = user.text("password");
  config.impersonate = user.text("as");
  config.impersonate_uid = user.text("as-uid");
  config.impersonate_groups = user.texts("as-groups");
  if (const Node* extra = find(user.map(), "as-user-extra"); extra != nullptr)
    for (std::size_t i = 0; i + 1 < extra->items.size(); i += 2)
      for (const Node& value : extra->items[i + 1].items)
        config.impersonate_extra.emplace_back(extra->items[i].text, value.text);
  const bool more = !config.impersonate_uid.empty() || !config.impersonate_groups.empty() ||
                    !config.impersonate_extra.empty();
  if (more && config.impersonate.empty()) user.note("as", "as-groups and the like need it");
  if (find(user.map(), "auth-provider") != nullptr)
    user.note("auth-provider",
              "Kubernetes has removed it; have the provider's tool write an exec plugin instead");
  TRY_VOID(user.result());
  const Node* exec = find(user.map(), "exec");
  if (exec == nullptr || exec->kind == Node::Kind::null) return {};
  if (exec->kind != Node::Kind::map)
    return fail(wrong(entry.file, user.place() + ".exec", "no map"));
  return read_exec({entry.file, *exec}, user.place(), config);
}

std::string names_of(const std::map<std::string, Entry>& entries) {
  std::string out;
  for (const auto& [name, entry] : entries) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "none" : out;
}

Result<Config> config_of(const Merged& merged, const ConfigChoice& choice) {
  const std::string where = fmt::format("{}", fmt::join(merged.files, ", "));
  if (merged.contexts.empty())
    return fail(Code::not_found, "{}: it has no contexts: an empty file, or no kubeconfig", where);
  Config config;
  config.context = choice.context.empty() ? merged.current : choice.context;
  if (config.context.empty())
    return fail(Code::not_found, "{}: no current-context; choose one with --context: {}", where,
                names_of(merged.contexts));
  const auto context = merged.contexts.find(config.context);
  if (context == merged.contexts.end())
    return fail(Code::not_found, "{}: there is no context '{}'; there are: {}", where,
                config.context, names_of(merged.contexts));
  Reader reader(context->second, "context " + config.context);
  const std::string cluster_name = reader.text("cluster");
  config.user = reader.text("user");
  config.name_space = reader.text("namespace");
  TRY_VOID(reader.result());
  if (config.name_space.empty()) config.name_space = "default";
  const auto cluster = merged.clusters.find(cluster_name);
  if (cluster == merged.clusters.end())
    return fail(Code::invalid, "{}: context {}: there is no cluster '{}'; there are: {}",
                context->second.file, config.context, cluster_name, names_of(merged.clusters));
  TRY_VOID(read_cluster(cluster_name, cluster->second, config));
  if (config.user.empty()) return config;
  const auto user = merged.users.find(config.user);
  if (user == merged.users.end())
    return fail(Code::invalid, "{}: context {}: there is no user '{}'; there are: {}",
                context->second.file, config.context, config.user, names_of(merged.users));
  TRY_VOID(read_user(config.user, user->second, config));
  if (config.exec) {
    config.exec->inherited = choice.environment;
    config.exec->cluster_extension = plugin_extension(cluster->second);
  }
  return config;
}

Result<Config> in_cluster(const ConfigChoice& choice) {
  Config config;
  config.context = "in-cluster";
  config.is_pod = true;
  const std::string host = url_host(choice.service_host);
  config.server =
      fmt::format("https://{}:{}", host, choice.service_port.empty() ? "443" : choice.service_port);
  config.proxy = "";
  config.token_file = choice.service_account + "/token";
  config.tls.ca_file = choice.service_account + "/ca.crt";
  config.user = "the pod's service account";
  TRY(name_space, read_text(choice.service_account + "/namespace"));
  TRY(token, read_text(config.token_file));
  if (!token)
    return fail(Code::not_found,
                "this is a pod, but {} is not there: set automountServiceAccountToken: true",
                config.token_file);
  config.name_space = name_space.value_or("");
  while (!config.name_space.empty() && config.name_space.back() <= ' ')
    config.name_space.pop_back();
  if (config.name_space.empty()) config.name_space = "default";
  return config;
}

std::vector<std::string> files_of(const ConfigChoice& choice) {
  std::vector<std::string> files;
  if (!choice.kubeconfig_flag.empty()) return {choice.kubeconfig_flag};
  if (choice.kubeconfig_env.empty()) {
    if (!choice.home.empty()) files.push_back(choice.home + "/.kube/config");
    return files;
  }
  std::istringstream list(choice.kubeconfig_env);
  for (std::string file; std::getline(list, file, ':');)
    if (!file.empty() && std::find(files.begin(), files.end(), file) == files.end())
      files.push_back(file);
  return files;
}

Result<Merged> merge(const ConfigChoice& choice, const std::vector<std::string>& files) {
  Merged merged;
  for (const std::string& file : files) {
    TRY(there, add_file(file, merged));
    if (!there && !choice.kubeconfig_flag.empty())
      return fail(Code::not_found, "there is no file {}", file);
  }
  return merged;
}

}  // namespace

Result<std::vector<std::string>> context_names(const ConfigChoice& choice) {
  TRY(merged, merge(choice, files_of(choice)));
  std::vector<std::string> names;
  for (const auto& [name, context] : merged.contexts) names.push_back(name);
  return names;
}

Result<Config> load_config(const ConfigChoice& choice) {
  const std::vector<std::string> files = files_of(choice);
  TRY(merged, merge(choice, files));
  const bool empty = merged.contexts.empty() && merged.clusters.empty();
  if (!merged.files.empty() && (!empty || !choice.kubeconfig_flag.empty()))
    return config_of(merged, choice);
  if (!choice.service_host.empty() && choice.context.empty()) return in_cluster(choice);
  return fail(Code::not_found,
              "no cluster is configured: looked for {}; name a file with --kubeconfig or "
              "KUBECONFIG",
              files.empty() ? "~/.kube/config (HOME is not set)"
                            : fmt::format("{}", fmt::join(files, ", ")));
}

}  // namespace linnet::kubernetes
