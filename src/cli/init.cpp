// linnet init: brings up stable and the traffic splitting, without a canary.
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/format.h"

namespace linnet::cli {
namespace {

bool is_up(const StatusDocument& status) {
  if (status.phase == "failed") return true;
  return !is_running(status.phase) && status.ready && status.stable.all_ready();
}

Result<Exit> run_init(Session& session) {
  Wish wish;
  wish.kind = "init";
  wish.version = session.arguments().text("--version").value_or("");
  if (!wish.version.empty()) TRY_VOID(core::check_version(wish.version));
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
    {"--version", "V", "What stable starts with; else spec.version, else what runs already"},
};

}  // namespace

constexpr Command init_command{
    .name = "init",
    .summary = "Start stable and the traffic splitting",
    .description =
        "Sends the spec, starts stable and the router, and waits until stable is ready. Doing it "
        "again is harmless.",
    .examples =
        "linnet init                     # the version named in the spec\n"
        "linnet init --version v1.0.0    # another one\n",
    .options = options,
    .run = run_init,
};

}  // namespace linnet::cli
