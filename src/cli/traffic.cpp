// linnet traffic: sets the canary's share by hand.
#include <cmath>

#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/format.h"

namespace linnet::cli {
namespace {

Result<Percent> read_weight(const std::string& text) {
  auto weight = Percent::parse(text);
  if (!weight)
    return fail(Code::invalid, "weight '{}' is not a percentage from 0 to 100, such as 25 or 0.5%",
                printable(text));
  if (!weight->is_tenth_step())
    return fail(Code::invalid, "weight '{}' is too fine: traffic is divided in steps of 0.1 %",
                printable(text));
  return *weight;
}

// The rollout has ended meanwhile: its canary has nothing, which may be what was wanted.
Exit replaced(Session& session, const CarriedOut& done, double wanted) {
  const HistoryDocument& ending = *done.replaced;
  const std::string told =
      ending.outcome.empty()
          ? printable(done.answer.text)
          : fmt::format("the rollout to {} has ended: {}", printable(ending.to),
                        ending.cause.empty() ? printable(ending.outcome) : printable(ending.cause));
  session.say(fmt::format("{}: {}; {}", printable(done.status.release), told, begun_since));
  return wanted > 0 ? Exit::failed : Exit::done;
}

Result<Exit> run_traffic(Session& session) {
  TRY(weight, read_weight(session.arguments().text("PERCENT").value_or("")));
  Wish wish;
  wish.kind = "traffic";
  wish.weight = fmt::format("{}%", number_text(weight.value()));
  wish.why = session.arguments().text("--why").value_or("");
  const std::string wish_again = fmt::format("traffic {}", number_text(weight.value()));
  const double wanted = weight.value();
  const auto in_force = [wanted](const StatusDocument& status) {
    const bool taken_back = status.phase == "rolling_back" || status.ended();
    return std::abs(status.weight_in_force - wanted) < 0.001 || taken_back;
  };
  const auto moved = [](const StatusDocument& status) {
    return status.phase == "holding" && status.cause == "foreign_weight";
  };
  TRY(done, carry_out(session, std::move(wish), in_force, moved));
  if (done.stands)
    return tell_held(session, done.status,
                     fmt::format("`{}` once more, or `{}`", next_command(session, wish_again),
                                 next_command(session, "rollback")));
  if (done.replaced) return replaced(session, done, wanted);
  if (std::abs(done.status.weight_in_force - wanted) >= 0.001) {
    session.note(fmt::format("the canary has {}: {}", percent_text(done.status.weight_in_force),
                             printable(done.status.reason)));
    return Exit::failed;
  }
  session.say(fmt::format("{}: the canary has {} of the traffic", printable(done.status.release),
                          percent_text(wanted)));
  return Exit::done;
}

constexpr Positional positionals[] = {{"PERCENT", "the canary's share, 0 to 100 in steps of 0.1"}};
constexpr Option options[] = {{"--why", "TEXT", "The reason, for the history"}};

}  // namespace

constexpr Command traffic_command{
    .name = "traffic",
    .summary = "Set the canary's share by hand",
    .description =
        "Gives the canary this share and holds the rollout there until `linnet resume` or `linnet "
        "promote`. The checks go on and still roll back. Ends when the share is in force.",
    .examples =
        "linnet traffic 25      # a quarter of the requests\n"
        "linnet traffic 0.5%    # one in two hundred\n"
        "linnet traffic 0       # nothing, without ending the rollout\n",
    .positionals = positionals,
    .options = options,
    .run = run_traffic,
};

}  // namespace linnet::cli
