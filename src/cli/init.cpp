// linnet init: brings up stable and the traffic splitting, without a canary.
#include <algorithm>

#include "cli/changes.h"
#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/follow.h"
#include "cli/format.h"
#include "net/http.h"

namespace linnet::cli {
namespace {

bool is_up(const StatusDocument& status) {
  if (status.phase == "failed") return true;
  return !is_running(status.phase) && status.ready && status.stable.all_ready();
}

// The Deployment to adopt is the spec's to name: what is said here must agree.
Result<void> check_adoption(const std::string& adopt, const core::Release& release) {
  const auto* pair = std::get_if<core::DeploymentsWorkload>(&release.workload);
  if (pair == nullptr)
    return fail(Code::invalid, "--adopt is for Deployments; {} runs as processes here",
                release.name);
  const std::size_t slash = adopt.find('/');
  const std::string kind = slash == std::string::npos ? "deployment" : adopt.substr(0, slash);
  const std::string name = slash == std::string::npos ? adopt : adopt.substr(slash + 1);
  const auto kinds = {"deploy", "deployment", "deployments", "deployment.apps", "deployments.apps"};
  if (name.empty() || std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
    return fail(Code::invalid, "--adopt takes a Deployment, as deployment/NAME: not '{}'",
                printable(adopt));
  if (name == pair->stable) return {};
  return fail(
      Code::invalid,
      "the spec's stable Deployment is {}, not {}: set spec.workload.deployments.stable: {}",
      pair->stable, printable(name), printable(name));
}

Result<std::string> ask_plan(Session& session, const std::string& version) {
  TRY(release, session.release_name());
  return session.daemon().get(fmt::format("/v1/releases/{}/plan?init=1&version={}",
                                          net::percent_encode(release),
                                          net::percent_encode(version)));
}

// Who adopts wants nothing new in its place.
Result<void> check_there(const PlanDocument& plan, const core::Release& release) {
  const std::string& name = std::get<core::DeploymentsWorkload>(release.workload).stable;
  if (!plan.unknown.empty())
    return fail(Code::unavailable, "whether the Deployment {} is there cannot be told: {}", name,
                printable(plan.unknown));
  for (const ObjectChange& change : plan.changes)
    if (change.kind == "Deployment" && change.name == name && change.change == "create")
      return fail(Code::not_found,
                  "there is no Deployment {} to adopt; without --adopt `init` creates it", name);
  return {};
}

Result<Exit> show(Session& session, const std::string& text, const PlanDocument& plan) {
  if (session.json()) {
    session.out().document(text);
    return Exit::done;
  }
  if (plan.steps.empty()) session.out().line("nothing to do: everything is there");
  bool stands = false;
  for (const PlanStep& step : plan.steps) {
    stands = stands || step.what == "obstacle";
    session.out().line(printable(step.what) +
                       (step.needs.empty() ? "" : ": " + printable(step.needs)));
  }
  print_changes(session.out(), plan);
  return stands ? Exit::invalid : Exit::done;
}

Result<Exit> run_init(Session& session) {
  Wish wish;
  wish.kind = "init";
  wish.version = session.arguments().text("--version").value_or("");
  if (!wish.version.empty()) TRY_VOID(core::check_version(wish.version));
  const auto adopt = session.arguments().text("--adopt");
  const bool dry_run = session.arguments().has("--dry-run");
  std::optional<core::Release> adopting;
  if (adopt) {
    TRY(file, session.release_file());
    TRY_VOID(check_adoption(*adopt, file.release));
    adopting = std::move(file.release);
    session.interrupt();  // before the daemon is asked for the first time
  }
  if (adopting || dry_run) {
    TRY(text, ask_plan(session, wish.version));
    TRY(plan, read_plan(text));
    if (adopting) TRY_VOID(check_there(plan, *adopting));
    if (dry_run) return show(session, text, plan);
  }
  // What it waits for may have been in the journal before this command began.
  std::string told;
  const auto wait_until_up = [&](const StatusDocument& status) {
    if (is_up(status)) return true;
    if (!status.reason.empty() && status.reason != told)
      session.say("  " + printable(status.reason));
    told = status.reason;
    return false;
  };
  TRY(done, carry_out(session, std::move(wish), wait_until_up));
  if (done.status.phase == "failed") {
    session.note(
        fmt::format("{}: {}", printable(done.status.release), printable(done.status.reason)));
    return Exit::failed;
  }
  session.say(fmt::format("{}: stable runs {} with {}", printable(done.status.release),
                          printable(done.status.stable_version),
                          count_text(done.status.stable.wanted, "replica")));
  return Exit::done;
}

constexpr Option options[] = {
    {"--version",
     "V",
     "What stable starts with; else spec.version, else what runs already",
     {},
     {},
     "versions"},
    {"--adopt",
     "deployment/NAME",
     "The Deployment that stable is; must be the spec's",
     {},
     {},
     "adoptable"},
    {"--dry-run", "", "On a cluster: only show what would be created, and what is in the way"},
};

}  // namespace

constexpr Command init_command{
    .name = "init",
    .summary = "Start stable and the traffic splitting",
    .description =
        "Sends the spec, starts stable and the router, and waits until stable is ready. On a "
        "cluster "
        "it adopts what is there, restarts nothing, and creates only what is missing. Doing it "
        "again "
        "is harmless.",
    .examples =
        "linnet init                     # the version named in the spec\n"
        "linnet init --version v1.0.0    # another one\n"
        "linnet init --dry-run           # on a cluster: what would be created\n"
        "linnet init --adopt deployment/shop-stable   # what runs already, or an error\n",
    .options = options,
    .run = run_init,
};

}  // namespace linnet::cli
