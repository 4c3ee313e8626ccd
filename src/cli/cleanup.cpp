// linnet cleanup: no canary, no traffic to it.
#include "cli/commands.h"
#include "cli/follow.h"

namespace linnet::cli {
namespace {

bool is_clean(const StatusDocument& status) {
  return !is_running(status.phase) && status.weight_in_force <= 0 && status.canary.wanted == 0 &&
         status.canary.ready.value_or(1) == 0;
}

Result<Exit> run_cleanup(Session& session) {
  Wish wish;
  wish.kind = "cleanup";
  TRY(done, carry_out(session, std::move(wish), is_clean));
  session.say(fmt::format("{}: the canary is gone, stable {} has all the traffic",
                          printable(done.status.release), printable(done.status.stable_version)));
  return Exit::done;
}

}  // namespace

constexpr Command cleanup_command{
    .name = "cleanup",
    .summary = "Stop the canary; its traffic goes back to 0 %",
    .description =
        "Takes the canary's traffic back and stops it. A rollout that is under way is rolled back. "
        "Stable is left as it is.",
    .examples = "linnet cleanup\n",
    .run = run_cleanup,
};

}  // namespace linnet::cli
