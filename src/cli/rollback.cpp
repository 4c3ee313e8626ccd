// linnet rollback: all traffic to stable, now.
#include "cli/commands.h"
#include "cli/follow.h"

namespace linnet::cli {
namespace {

// The rollout that was taken back has ended, or there was none; what runs now is not ours to tell.
Exit replaced(Session& session, const CarriedOut& done) {
  const HistoryDocument& ending = *done.replaced;
  const std::string release = printable(done.status.release);
  if (ending.outcome == "failed") {
    session.note(fmt::format("{}: {}; {}", release, printable(ending.cause), begun_since));
    return Exit::failed;
  }
  const std::string what =
      ending.to.empty() ? printable(done.answer.text) : printable(ending.to) + " was taken back";
  session.say(fmt::format("{}: {}; {}", release, what, begun_since));
  return Exit::done;
}

Result<Exit> run_rollback(Session& session) {
  Wish wish;
  wish.kind = "rollback";
  wish.why = session.arguments().text("--why").value_or("");
  TRY(done, carry_out(session, std::move(wish),
                      [](const StatusDocument& status) { return !is_running(status.phase); }));
  if (done.replaced) return replaced(session, done);
  if (done.status.weight_in_force > 0) {
    session.note(fmt::format("not all traffic is on stable: {}", printable(done.status.reason)));
    return Exit::failed;
  }
  if (done.status.phase == "failed") {
    session.note(fmt::format("all traffic is on stable: {}", printable(done.status.reason)));
    return Exit::failed;
  }
  const std::string version = printable(done.status.stable_version);
  session.say(fmt::format("{}: all traffic is on stable{}{}", printable(done.status.release),
                          version.empty() ? "" : ", ", version));
  return Exit::done;
}

constexpr Option options[] = {{"--why", "TEXT", "The reason, for the history"}};

}  // namespace

constexpr Command rollback_command{
    .name = "rollback",
    .summary = "Send all traffic back to stable, now",
    .description =
        "The canary's weight becomes 0 at once, waiting for nothing; then its open requests are "
        "finished and it stops. Exit code 0 means: taken back, and stable is ready. It ends with "
        "the rollout that it took back, whatever begins after it.",
    .examples =
        "linnet rollback\n"
        "linnet rollback --why 'checkout is slow'\n",
    .options = options,
    .run = run_rollback,
};

}  // namespace linnet::cli
