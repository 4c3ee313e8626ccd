// linnet cleanup: no canary, no traffic to it.
#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/follow.h"
#include "net/http.h"

namespace linnet::cli {
namespace {

bool is_clean(const StatusDocument& status) {
  return !is_running(status.phase) && status.weight_in_force <= 0 && status.canary.wanted == 0 &&
         status.canary.ready.value_or(1) == 0;
}

std::string canary_of(const std::string& release) {
  return "/v1/releases/" + net::percent_encode(release) + "/canary";
}

Result<Exit> run_cleanup(Session& session) {
  const bool removes = session.arguments().has("--remove");
  if (removes) {  // may it? Otherwise nothing is begun.
    session.interrupt();
    TRY_VOID(session.reach_daemon());
    TRY(release, session.release_name());
    TRY_VOID(session.daemon().get(canary_of(release)));
  }
  Wish wish;
  wish.kind = "cleanup";
  TRY(done, carry_out(session, std::move(wish), is_clean));
  const std::string release = printable(done.status.release);
  const std::string version = printable(done.status.stable_version);
  if (done.replaced)
    session.say(fmt::format("{}: {}; {}", release,
                            done.replaced->to.empty()
                                ? printable(done.answer.text)
                                : printable(done.replaced->to) + " was taken back",
                            begun_since));
  else if (version.empty())  // nobody has looked what serves there
    session.say(fmt::format("{}: there is no canary; not initialised: `{}`", release,
                            next_command(session, "init")));
  else
    session.say(
        fmt::format("{}: the canary is gone, stable {} has all the traffic", release, version));
  if (!removes) return Exit::done;
  if (done.replaced)
    return fail(Code::conflict, "its objects are not removed: another rollout uses them now");
  auto removed = session.daemon().request("DELETE", canary_of(done.status.release), "");
  if (!removed)
    return fail(std::move(removed).error().while_doing("removing the canary's objects"));
  TRY(plan, read_plan(*removed));
  for (const PlanStep& step : plan.steps) session.say("  " + printable(step.what));
  if (plan.steps.empty()) session.say("  nothing of the canary's was made by `init`");
  return Exit::done;
}

constexpr Option options[] = {
    {"--remove", "", "On a cluster: also delete what `init` made for the canary"},
};

}  // namespace

constexpr Command cleanup_command{
    .name = "cleanup",
    .summary = "Stop the canary; its traffic goes back to 0 %",
    .description =
        "Takes the canary's traffic back and stops it. A rollout that is under way is rolled back. "
        "Stable is left as it is. Its objects on a cluster stay for the next release, unless "
        "--remove is given; `linnet init` makes them anew. The ConfigMap with spec and history, "
        "and "
        "the Lease, stay even then.",
    .examples =
        "linnet cleanup\n"
        "linnet cleanup --remove    # on a cluster: the canary's objects as well\n",
    .options = options,
    .run = run_cleanup,
};

}  // namespace linnet::cli
