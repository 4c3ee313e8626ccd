// linnet promote: stable gets the canary's version.
#include "cli/commands.h"
#include "cli/follow.h"

namespace linnet::cli {
namespace {

Result<Exit> run_promote(Session& session) {
  Wish wish;
  wish.kind = "promote";
  wish.skip_steps = session.arguments().has("--skip-steps");
  TRY(done, carry_out(
                session, std::move(wish),
                [](const StatusDocument& status) { return !is_running(status.phase); },
                [](const StatusDocument& status) { return status.phase == "holding"; }));
  // Somebody else has moved the weight: nobody but a person knows what that shall mean.
  if (done.stands)
    return tell_held(
        session, done.status,
        fmt::format("`{}` once more promotes all the same; `{}` takes it back",
                    next_command(session, "promote"), next_command(session, "rollback")));
  if (done.replaced && done.replaced->outcome == "succeeded") {
    session.say(fmt::format("{}: {} was promoted; {}", printable(done.status.release),
                            printable(done.replaced->to), begun_since));
    return Exit::done;
  }
  if (done.replaced) {
    const std::string why = printable(done.replaced->cause);
    session.note(fmt::format("not promoted{}{}; {}", why.empty() ? "" : ": ", why, begun_since));
    return Exit::failed;
  }
  if (done.status.phase != "succeeded") {
    session.note(fmt::format("not promoted: {}", printable(done.status.reason)));
    return Exit::failed;
  }
  session.say(fmt::format("{}: {} is stable now", printable(done.status.release),
                          printable(done.status.stable_version)));
  return Exit::done;
}

constexpr Option options[] = {
    {"--skip-steps", "", "Although steps are missing; the history says so"},
};

}  // namespace

constexpr Command promote_command{
    .name = "promote",
    .summary = "Make the canary's version the stable one",
    .description =
        "The canary takes all traffic, stable is replaced instance by instance, the traffic "
        "returns to stable and the canary stops. No request is lost. Ends when all of it is done, "
        "or "
        "with 5 when somebody else sets the weight meanwhile: once more it promotes all the same.",
    .examples =
        "linnet promote                 # after the last step\n"
        "linnet promote --skip-steps    # now, whatever step it is at\n",
    .options = options,
    .run = run_promote,
};

}  // namespace linnet::cli
