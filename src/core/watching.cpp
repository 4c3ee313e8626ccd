// What the phases share: instances that do not get ready, checks that go on, the weight.
#include <algorithm>

#include "base/mark.h"
#include "base/mutant.h"
#include "core/judge.h"
#include "core/phases.h"

namespace linnet::core {
Duration not_ready_limit(const Release& release) {
  const auto* process = std::get_if<ProcessWorkload>(&release.workload);
  return process != nullptr ? std::min(process->health.startup, release.progress)
                            : release.progress;
}

std::string first_trouble(const TrackSeen& track) {
  if (!track.trouble.empty()) return track.trouble;
  for (const Instance& instance : track.instances)
    if (!instance.trouble.empty() && !track.is_leaving(instance))
      return fmt::format("{}: {}", instance.id, instance.trouble);
  return {};
}

const Instance* crash_looping(const TrackSeen& track, const std::string& version) {
  for (const Instance& instance : track.instances)
    if (instance.crash_loop && instance.version == version) return &instance;
  return nullptr;
}

std::string ready_text(const Turn& turn, Track track, const std::string& version, int wanted) {
  if (!turn.seen.workload)
    return fmt::format("the instances cannot be seen: {}", turn.seen.workload.error().message);
  const TrackSeen& seen = turn.seen.workload->of(track);
  const std::string trouble = first_trouble(seen);
  return fmt::format("{} of {} {} instances of {} ready{}{}", seen.ready_of(version), wanted,
                     track_name(track), version, trouble.empty() ? "" : "; ", trouble);
}

bool has_data(const Turn& turn) { return turn.has_counts && turn.seen.sample->canary.requests > 0; }

namespace {

// What the canary gets: as it is read back, or else as it was asked for.
Percent share(const Turn& turn) {
  return turn.seen.traffic ? turn.seen.traffic->weight : turn.next.weight;
}

// What the router sends the canary is lost, and would not be on stable.
bool answers_nobody(const Turn& turn) {
  return turn.seen.workload && turn.seen.workload->canary.ready() == 0 &&
         turn.seen.workload->stable.ready() > 0 && !share(turn).is_zero();
}

}  // namespace

bool fails_readiness(Turn& turn) {
  const Rollout& rollout = *turn.next.rollout;
  if (turn.seen.workload) {
    const Instance* bad = crash_looping(turn.seen.workload->canary, rollout.to);
    if (LINNET_STOPS(crash_loop_ends, bad != nullptr)) {
      LINNET_MARK(canary_crash_loop);
      turn.roll_back({"health", fmt::format("canary {} cannot run: {}: {}", rollout.to, bad->id,
                                            bad->trouble)});
      return true;
    }
  }
  if (turn.canary_ready() >= turn.next.canary_replicas) {
    turn.next.unready = 0ms;
    return false;
  }
  const Duration unready = turn.next.unready;
  if (LINNET_STOPS(unready_is_counted, true)) turn.next.unready += turn.elapsed;
  const bool told_now = unready < missing_is_told && turn.next.unready >= missing_is_told;
  const int needed = canary_replicas_for(turn.next.weight, stable_load(turn.release, turn.next));
  const bool missing = !turn.next.weight.is_zero() && turn.canary_ready() < needed;
  if (turn.seen.workload && told_now && missing)
    turn.entry("warning", fmt::format("at {}: {}", turn.next.weight.text(),
                                      ready_text(turn, Track::canary, rollout.to, needed)));
  if (LINNET_STOPS(empty_is_taken_back,
                   answers_nobody(turn) && turn.next.unready > longest_empty)) {
    LINNET_MARK(canary_empty);
    turn.roll_back(
        {"not_ready",
         fmt::format("at {} nobody answers on the canary, and stable can: {}", share(turn).text(),
                     ready_text(turn, Track::canary, rollout.to, turn.next.canary_replicas))});
    return true;
  }
  if (!LINNET_STOPS(unready_ends, turn.next.unready > not_ready_limit(turn.release))) return false;
  LINNET_MARK(canary_never_ready);
  turn.roll_back(
      {"not_ready",
       fmt::format("not ready within {}: {}", duration_text(not_ready_limit(turn.release)),
                   ready_text(turn, Track::canary, rollout.to, turn.next.canary_replicas))});
  return true;
}

bool at_weight(Turn& turn, Percent target, const std::string& why) {
  if (turn.next.weight == target) return true;
  if (LINNET_STOPS(raise_needs_ready,
                   target > turn.next.weight && turn.canary_ready() < turn.next.canary_replicas)) {
    turn.waits(fmt::format(
        "before {}: {}", target.text(),
        ready_text(turn, Track::canary, turn.next.rollout->to, turn.next.canary_replicas)));
    return false;
  }
  turn.want_weight(target, why);
  return true;
}

std::string read_back_text(const Turn& turn) {
  if (!turn.seen.traffic) return "the router cannot be read: " + turn.seen.traffic.error().message;
  if (!turn.seen.traffic->differ.empty()) return turn.seen.traffic->differ;
  return fmt::format("{} is read back", turn.seen.traffic->weight.text());
}

bool fails_force(Turn& turn, Duration waited) {
  if (waited <= turn.release.progress) return false;
  turn.roll_back(
      {"not_in_force", fmt::format("{} is not in force after {}: {}", turn.next.weight.text(),
                                   duration_text(waited), read_back_text(turn))});
  return true;
}

bool fails_while_watched(Turn& turn, Duration& watched, bool due) {
  if (has_data(turn)) watched += turn.elapsed;
  const bool over = watched >= turn.release.steps.back().hold;
  const bool complete = due || LINNET_STOPS(watch_has_periods, over);
  const Judgement judgement = judge(turn.release, turn.next, turn.seen.workload, complete, watched);
  turn.next.checks = judgement.checks;
  const bool promoting = std::holds_alternative<Promoting>(turn.next.phase);
  const bool failed = judgement.failed.has_value();
  if (promoting ? LINNET_STOPS(promotion_is_watched, failed)
                : LINNET_STOPS(watching_fails, failed)) {
    const Then then = promoting ? Then::rollback : turn.release.on_failure;
    if (!std::holds_alternative<Holding>(turn.next.phase) || then == Then::rollback)
      turn.entry("verdict", judgement.failed->text);
    if (promoting)
      LINNET_MARK(promotion_failed_check);
    else
      LINNET_MARK(failed_while_waiting);
    turn.stop_for(*judgement.failed, then);
    return true;
  }
  if (complete && judgement.enough) {
    LINNET_MARK(watch_period_complete);
    watched = 0ms;
    // The next period is counted anew, at the same weight; the evidence goes on.
    const Counting counting = turn.next.stage.counting;
    turn.next.stage = Stage{};
    turn.next.stage.counting = counting;
  }
  return false;
}

}  // namespace linnet::core
