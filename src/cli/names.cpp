// linnet names: what a shell offers while a line is being typed. Whatever goes wrong, it prints no
// message: that would stand in the midst of the line.
#include <unistd.h>

#include <csignal>
#include <set>

#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/session.h"
#include "cluster/name_lists.h"
#include "net/http.h"
#include "recipes/library.h"

namespace linnet::cli {
namespace {

using Names = std::vector<std::string>;

constexpr unsigned longest_s = 2;        // a person waits for it
constexpr Duration of_cluster = 1500ms;  // less, so that its connection ends in order

// Printed at once: what has come counts, even when the rest comes too late.
class Offer {
 public:
  explicit Offer(Terminal& out) : out_(out) {}
  void add(const std::string& name) {
    const bool one_plain_line = !name.empty() && printable(name) == name;
    if (one_plain_line && told_.insert(name).second) out_.raw(name + "\n");
  }
  Result<void> add(const Result<Names>& names) {
    if (!names) return fail(names.error());
    for (const std::string& name : *names) add(name);
    return {};
  }

 private:
  Terminal& out_;
  std::set<std::string> told_;
};

bool on_cluster(const core::Release& release) {
  return std::holds_alternative<core::DeploymentsWorkload>(release.workload);
}

// The spec's releases; none when it cannot be read. Never from standard input, which is a person's.
std::vector<core::Release> spec_releases(Session& session) {
  const std::string file = session.spec_file();
  auto read = file == "-" ? Result<std::vector<core::Release>>() : read_release_file(file);
  return read ? std::move(*read) : std::vector<core::Release>();
}

cluster::NameQuestion question(Session& session, cluster::NameKind kind,
                               const std::vector<core::Release>& releases) {
  cluster::NameQuestion asked;
  asked.kind = kind;
  asked.cluster = session.cluster_choice();
  const std::string wanted = session.arguments().text("--release").value_or("");
  for (const core::Release& release : releases)
    if (wanted.empty() ? releases.size() == 1 : release.name == wanted) {
      asked.release = release.name;
      asked.name_space = release.name_space;
    }
  asked.name_space = session.arguments().text("--namespace").value_or(asked.name_space);
  return asked;
}

Result<void> offer_releases(Session& session, const std::vector<core::Release>& releases,
                            Offer& offer) {
  bool cluster = false;
  for (const core::Release& release : releases) {
    offer.add(release.name);
    cluster = cluster || on_cluster(release);
  }
  auto text = local_daemon(-1)->get("/v1/releases");
  auto known = text ? read_statuses(*text) : std::vector<StatusDocument>();
  if (known)
    for (const StatusDocument& each : *known) offer.add(each.release);
  for (const char* option : {"--namespace", "--context", "--kubeconfig"})
    cluster = cluster || session.arguments().has(option);
  if (!cluster) return {};
  return offer.add(
      cluster::list_names(question(session, cluster::NameKind::releases, releases), of_cluster));
}

Result<void> offer_versions(Session& session, const std::vector<core::Release>& releases,
                            Offer& offer) {
  cluster::NameQuestion asked = question(session, cluster::NameKind::versions, releases);
  for (const core::Release& release : releases)
    if (release.name == asked.release && on_cluster(release))
      return offer.add(cluster::list_names(std::move(asked), of_cluster));
  if (asked.release.empty()) asked.release = session.arguments().text("--release").value_or("");
  if (asked.release.empty()) return {};
  TRY(text, local_daemon(-1)->get(fmt::format("/v1/releases/{}/history?limit=20",
                                              net::percent_encode(asked.release))));
  TRY(runs, read_history(text));
  for (const HistoryDocument& run : runs) {
    offer.add(run.to);
    offer.add(run.from);
  }
  return {};
}

Result<void> offer_names(Session& session, const std::string& what) {
  Offer offer(session.out());
  if (what == "contexts") return offer.add(kubernetes::context_names(session.cluster_choice()));
  if (what == "recipes") {
    for (const auto* built_in : {&recipes::built_in_routers(), &recipes::built_in_metrics()})
      for (const auto& [name, yaml] : *built_in) offer.add(name);
    return {};
  }
  const std::vector<core::Release> releases = spec_releases(session);
  if (what == "releases") return offer_releases(session, releases, offer);
  if (what == "versions") return offer_versions(session, releases, offer);
  const auto kind =
      what == "namespaces" ? cluster::NameKind::namespaces : cluster::NameKind::deployments;
  auto names = cluster::list_names(question(session, kind, releases), of_cluster);
  if (names && what == "adoptable")
    for (std::string& name : *names) name.insert(0, "deployment/");
  return offer.add(names);
}

Result<Exit> run_names(Session& session) {
  // Of all that may hang, a name server's answer and a file on a server that is away cannot be
  // waited for with a limit.
  std::signal(SIGALRM, [](int) { ::_exit(static_cast<int>(Exit::unreachable)); });
  ::alarm(longest_s);
  const Result<void> done = offer_names(session, session.arguments().text("WHAT").value_or(""));
  return done ? Exit::done : Exit::unreachable;
}

constexpr Positional positionals[] = {
    {"WHAT", "contexts, namespaces, deployments, adoptable, releases, versions or recipes", true,
     false, "contexts namespaces deployments adoptable releases versions recipes"}};

}  // namespace

constexpr Command names_command{
    .name = "names",
    .summary = "List names for a shell to complete",
    .description =
        "One a line, for the scripts of `linnet completion`: contexts of the kubeconfig, "
        "namespaces of the cluster, Deployments of the namespace (adoptable: as `init --adopt` "
        "takes them), releases (of the spec, of the daemon that runs, of the namespace's "
        "ConfigMaps), versions of the release's history, built-in recipes. "
        "Starts no daemon, asks nothing, is done within 2 s, and prints no message when something "
        "cannot be had: then it ends with 4, and with what was found so far.",
    .examples = "linnet names deployments -n shop\n",
    .positionals = positionals,
    .run = run_names,
    .hidden = true,
};

}  // namespace linnet::cli
