#include "cluster/abandoned.h"

namespace linnet::cluster {
namespace {

std::string next_command(const core::Status& status) {
  using namespace core;
  const Phase& phase = status.phase;
  const std::string back = ", `linnet rollback` takes it back";
  if (std::holds_alternative<AwaitingPromotion>(phase)) return "`linnet promote` ends it" + back;
  if (std::holds_alternative<Promoting>(phase)) return "`linnet promote` goes on with it";
  if (std::holds_alternative<RollingBack>(phase)) return "`linnet rollback` goes on with it";
  if (const auto* holding = std::get_if<Holding>(&phase)) {
    const std::string_view promote =
        holding->from == Holding::From::awaiting   ? ", `linnet promote` ends it"
        : holding->from == Holding::From::stepping ? ", `linnet promote --skip-steps` ends it"
                                                   : "";
    return fmt::format("`linnet resume` goes on with it{}{}", promote, back);
  }
  return fmt::format("`linnet deploy {}` goes on with it{}",
                     status.rollout ? status.rollout->to : "VERSION", back);
}

}  // namespace

bool waits_for_people(const core::Phase& phase) {
  return std::holds_alternative<core::AwaitingPromotion>(phase) ||
         std::holds_alternative<core::Holding>(phase);
}

api::Abandoned abandoned_by(const kubernetes::LeaseHolder& holder, const core::Status& status) {
  api::Abandoned out{holder.identity, "", "nobody drives it", next_command(status)};
  if (holder.renewed.size() > 19) out.since = holder.renewed.substr(0, 19) + "Z";
  if (!out.since.empty()) out.text += " since " + out.since;
  if (!out.by.empty()) out.text += fmt::format(" ({} did)", out.by);
  out.text += ", its traffic stays as it is";
  return out;
}

Task<Result<std::optional<api::Abandoned>>> find_abandoned(Parts& parts, const core::Status& status,
                                                           Deadline deadline) {
  std::optional<api::Abandoned> abandoned;
  if (!core::is_running(status.phase)) co_return abandoned;
  CO_TRY(holder, co_await parts.lease->left_by(deadline));
  if (holder) abandoned = abandoned_by(*holder, status);
  co_return abandoned;
}

}  // namespace linnet::cluster
