// What must hold of each effect on the world, and of the world when everything is over.
#include <algorithm>

#include "sim/oracle.h"
#include "sim/oracle_phases.h"
#include "sim/world.h"

namespace linnet::sim {
namespace {

Duration drain_of(const core::Release& release) {
  const auto* process = std::get_if<core::ProcessWorkload>(&release.workload);
  return process != nullptr ? process->stop.drain : core::StopRule{}.drain;
}

}  // namespace

void Oracle::sets_weight(Told& told, std::int64_t version, const core::SetWeight& level) {
  const RouterState& router = world_.router();
  const core::Status& saved = world_.durable().status;
  if (level.weight <= router.weight) return check_bare(told, saved, level);
  const auto text = [&](std::string_view why) {
    return fmt::format("{} -> {} in phase {}: {}", router.weight.text(), level.weight.text(),
                       core::phase_name(saved.phase), why);
  };
  if (version != world_.durable().version) {
    // On its way when another engine saved: no engine can call that back.
    if (!told.version_current && told.could_know)
      broken("effects_are_saved", text("another one has saved since"));
    return;
  }
  if (saved.weight != level.weight) broken("effects_are_saved", text("not what the store holds"));
  const core::Release& release = world_.story().release;
  Percent most;
  if (const auto* step = std::get_if<core::Stepping>(&saved.phase))
    most = release.steps[static_cast<std::size_t>(step->index)].weight;
  else if (const auto* hold = std::get_if<core::Holding>(&saved.phase))
    most = hold->weight.value_or(saved.weight);
  else if (std::holds_alternative<core::AwaitingPromotion>(saved.phase))
    most = std::max(release.steps.back().weight, saved.weight);
  else if (std::holds_alternative<core::Promoting>(saved.phase))
    most = Percent::whole(100);
  if (level.weight > most) broken("weight_within_step", text("above " + most.text()));
  const std::string id = rollout_id(saved);
  if (std::find(condemned_.begin(), condemned_.end(), id) != condemned_.end())
    broken("no_raise_after_fail", text("a check has failed"));
  if (told.outside_told && outside_at_ms_ > permitted_at_ms_)
    broken("no_raise_after_reset", text("someone else had changed it"));
  // A weight that was lost on its way is written again without looking at instances anew.
  const int ready =
      told.workload && saved.rollout ? told.workload->canary.ready_of(saved.rollout->to) : -1;
  if (ready == 0) broken("no_traffic_to_nothing", text("no canary instance is ready"));
}

// Lowering is safe at any time, but for a promotion that has stopped all of stable.
void Oracle::check_bare(const Told& told, const core::Status& saved, const core::SetWeight& level) {
  const bool replaced = core::is_stable_replaced(saved.phase);
  const bool promoted = std::holds_alternative<core::Promoting>(saved.phase);
  if (!replaced && !(promoted && told.workload)) return;
  if (!level.weight.is_zero() || !saved.rollout) return;
  const bool seen_zero = told.traffic && told.traffic->is(Percent());
  if (seen_zero || world_.router().weight.is_zero()) return;
  // What could not be seen is as it is.
  const core::WorkloadSeen now = told.workload.value_or(world_.seen());
  if (now.stable.ready() == 0 && now.stable.wanted != 0 &&
      now.canary.ready_of(saved.rollout->to) > 0)
    broken("no_traffic_to_nothing", "all traffic goes to a stable without a ready instance");
}

// A stable that stops all at once as it returns has nobody meanwhile.
void Oracle::check_return(const Told& told, const core::Status& next,
                          const core::RollingBack& back) {
  if (!told.workload || !told.traffic || told.traffic->weight.is_zero() || !next.rollout) return;
  const core::TrackSeen& stable = told.workload->stable;
  const bool stops = stable.replaced_at_once && stable.wanted != 0 &&
                     stable.wanted_version == next.rollout->to &&
                     next.rollout->from != next.rollout->to;
  if (stops && told.workload->canary.ready_of(next.rollout->to) > 0 &&
      back.part != core::RollingBack::Part::stable_returns)
    broken("no_traffic_to_nothing", "stable takes all traffic, and all of it is stopped");
}

void Oracle::sets_track(const Told& told, std::int64_t version, const core::SetTrack& level) {
  const core::Status& saved = world_.durable().status;
  const core::Release& release = world_.story().release;
  const int replicas = core::stable_size(release, saved);
  const auto text = [&](std::string_view why) {
    return fmt::format("{} in phase {}: {}", core::effect_text(level),
                       core::phase_name(saved.phase), why);
  };
  if (version != world_.durable().version) {
    if (!told.version_current && told.could_know)
      broken("effects_are_saved", text("another one has saved since"));
    return;
  }
  const core::TrackSeen* seen = told.workload ? &told.workload->of(level.track) : nullptr;
  if (seen != nullptr && seen->wanted && told.turn_before_ms >= 0) {
    const bool same_size = level.track == core::Track::stable || *seen->wanted == level.replicas;
    const bool same_image = level.replicas == 0 || seen->wanted_version == level.version;
    if (same_size && same_image)
      broken("no_idle_writes", text("the platform was told that already"));
  }
  if (level.track == core::Track::stable && world_.story().on_platform() &&
      (seen == nullptr || !seen->wanted))
    broken("owners_image_is_kept", text("written without having seen it"));
  if (level.track == core::Track::stable && world_.story().on_platform() &&
      !world_.pods().is_gone(level.track) && world_.pods().version(level.track) != level.version) {
    // Also where somebody's weight interrupted the promotion: stable is half of each then.
    const bool takes = core::is_running(saved.phase) && level.version == saved.rollout->to;
    const bool returns = std::holds_alternative<core::RollingBack>(saved.phase);
    const bool starts = world_.durable().lineage.stable_starts;
    if (!takes && !returns && !starts)
      broken("owners_image_is_kept", text(world_.pods().version(level.track) + " is its owner's"));
    if (seen != nullptr && seen->wanted && returns && seen->wanted_version != saved.rollout->to)
      broken("owners_image_is_kept", text(seen->wanted_version + " is not linnet's doing"));
  }
  if (level.track == core::Track::stable) {
    if (level.version != saved.stable_version)
      broken("effects_are_saved", text("the store says " + saved.stable_version));
    if (level.replicas != replicas) broken("stable_keeps_its_size", text("not what the spec says"));
    const auto* going = std::get_if<core::Promoting>(&saved.phase);
    if (going == nullptr || going->part != core::Promoting::Part::stable_rolls || !told.workload)
      return;
    // The canary carries all: as it was told in this turn, or somebody else has moved it.
    const bool all = told.traffic ? told.traffic->weight == Percent::whole(100) : true;
    const RouterState& router = world_.router();
    if (!all && router.by_linnet)
      broken("stable_rolls_behind_canary", text("the canary does not carry all"));
    const Duration away(world_.now_ms() - router.all_since_ms);
    if (all && router.by_linnet && router.weight == Percent::whole(100) && away < drain_of(release))
      broken("drained_before_stop", text("stable's traffic is away for " + duration_text(away)));
    return;
  }
  const std::string wanted = saved.rollout ? saved.rollout->to : std::string();
  if (level.version != wanted || level.replicas != saved.canary_replicas)
    broken("effects_are_saved",
           text(fmt::format("the store says {} of {}", saved.canary_replicas, wanted)));
  if (level.replicas > 0 || world_.pods().alive(core::Track::canary) == 0) return;
  const RouterState& router = world_.router();
  if (!told.traffic || !core::is_running(saved.phase)) return;
  if (!told.traffic->weight.is_zero() && !router.weight.is_zero() && router.by_linnet)
    broken("no_traffic_to_nothing", text("the canary has traffic"));
  const Duration drain = drain_of(release);
  // Somebody's weight that was undone by another engine had nothing to do with the rollout.
  if (!router.raised_by_linnet && world_.had_two_engines()) return;
  // What came and went since this turn's look could not be seen.
  if (!router.raised_by_linnet && router.zero_since_ms > told.began_ms) return;
  // What came after the traffic had none.
  if (world_.pods().oldest_ms(core::Track::canary) >= router.zero_since_ms) return;
  const Duration away(world_.now_ms() - router.zero_since_ms);
  const bool stale = world_.story().ports[static_cast<std::size_t>(Port::router_read)].stale > 0;
  const bool by_us = router.by_linnet || router.by == "guardian";
  if (router.weight.is_zero() && router.zero_since_ms > 0 && by_us && !stale && away < drain)
    broken("drained_before_stop", text(fmt::format("its traffic is away for {} of {}",
                                                   duration_text(away), duration_text(drain))));
}

void Oracle::at_end(bool in_time) {
  const Durable& durable = world_.durable();
  const core::Status& status = durable.status;
  const bool platform = world_.story().on_platform();
  const Behaviour& stable = world_.story().behaviour(status.stable_version);
  const bool never = stable.never_ready || stable.crash_loop;
  const bool owners_choice = platform && (never || stable.never_ready_as_stable);
  // Its owner has given stable what never gets ready there: the canary serves, until somebody acts.
  const auto* back = std::get_if<core::RollingBack>(&status.phase);
  if (!in_time && back != nullptr && back->part == core::RollingBack::Part::stable_returns &&
      owners_choice)
    return;
  if (!in_time)
    return broken("ends_in_time", fmt::format("still {} since {}: {}; {} intents wait",
                                              core::phase_name(status.phase), status.since.text(),
                                              status.reason, durable.intents.size()));
  check_good_version(status);
  // What ended in the last moment is still being told.
  if (!status.outbox.empty() && world_.now_ms() - durable.saved_ms > 10'000)
    broken("people_are_told", fmt::format("'{}' was never sent", status.outbox.front().text));
  if (core::is_running(status.phase)) return;
  if (!world_.router().weight.is_zero())
    broken("rests_clean", fmt::format("the weight is {}", world_.router().weight.text()));
  if (status.stable_version.empty() || std::holds_alternative<core::Failed>(status.phase)) return;
  const int left = platform ? world_.pods().alive(core::Track::canary)
                            : world_.pods().count(core::Track::canary);
  if (left > 0) broken("rests_clean", "canary instances are left");
  const int replicas = platform ? world_.pods().wanted(core::Track::stable)
                                : core::stable_replicas(world_.story().release);
  if (platform && world_.pods().version(core::Track::stable) != status.stable_version)
    broken("owners_image_is_kept",
           fmt::format("stable runs {}, and {} is taken for stable",
                       world_.pods().version(core::Track::stable), status.stable_version));
  const int ready = world_.pods().ready_of(core::Track::stable, status.stable_version);
  if (ready < replicas && stable.flap_every == 0ms && !never && !owners_choice)
    broken("rests_clean", fmt::format("{} of {} stable instances ready", ready, replicas));
}

}  // namespace linnet::sim
