// linnet pause and linnet resume: a rollout stands still, or goes on.
#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/follow.h"

namespace linnet::cli {
namespace {

Result<Exit> report(Session& session, const StatusDocument& status) {
  session.say(fmt::format("{}: {}{}{}", printable(status.release),
                          phase_text(status.phase, session.out()),
                          status.reason.empty() ? "" : ", ", printable(status.reason)));
  const bool lost =
      status.phase == "rolling_back" || status.phase == "rolled_back" || status.phase == "failed";
  return lost ? Exit::failed : Exit::done;
}

Result<Exit> run_pause(Session& session) {
  Wish wish;
  wish.kind = "pause";
  wish.why = session.arguments().text("--why").value_or("");
  TRY(done, carry_out(session, std::move(wish), [](const StatusDocument&) { return true; }));
  return report(session, done.status);
}

// On a cluster an engine lives as long as its command. When this one drives the rollout, nobody
// else does: it would go on with nobody who watches.
Result<Exit> run_resume(Session& session) {
  session.interrupt();
  TRY_VOID(session.reach_daemon());
  Wish wish;
  wish.kind = "resume";
  const bool shared = session.daemon().is_shared();
  const auto drives = [&](const StatusDocument& status) { return !shared && status.drives; };
  TRY(done, carry_out(
                session, std::move(wish),
                [&](const StatusDocument& status) {
                  return !drives(status) || !is_running(status.phase) ||
                         status.phase == "awaiting_promotion";
                },
                [&](const StatusDocument& status) {
                  return drives(status) && status.phase == "holding";
                }));
  TRY(exit, report(session, done.status));
  return done.stands ? exit_of_held(done.status) : exit;
}

constexpr Option pause_options[] = {{"--why", "TEXT", "The reason, for the history"}};

}  // namespace

constexpr Command pause_command{
    .name = "pause",
    .summary = "Hold the rollout at its weight",
    .description =
        "The canary keeps its share until `linnet resume`, `promote` or `rollback`. The checks go "
        "on and still roll back.",
    .examples = "linnet pause --why 'looking at a trace'\n",
    .options = pause_options,
    .run = run_pause,
};

constexpr Command resume_command{
    .name = "resume",
    .summary = "Let a held rollout go on",
    .description =
        "The step that was held goes on where it stood. On a cluster, where no other command "
        "drives "
        "the rollout, it is driven and watched from here until it has ended or waits for "
        "promotion.",
    .examples = "linnet resume\n",
    .run = run_resume,
};

}  // namespace linnet::cli
