#include "core/turn.h"

#include <algorithm>

#include "base/mark.h"
#include "base/mutant.h"
#include "core/explain.h"
#include "core/judge.h"

namespace linnet::core {
namespace {

// A stalled process must not be credited with time in which nothing was watched.
constexpr Duration longest_gap = 5s;
constexpr std::size_t most_notices = 100;

Duration elapsed_since(const Status& status, const Release& release, Now now) {
  if (!status.last_turn) return 0ms;
  const Duration gap = std::max(now.mono - *status.last_turn, Duration(0));
  const Duration longest = std::max(longest_gap, release.turn * 3);
  if (!LINNET_STOPS(elapsed_is_bounded, gap > longest)) return gap;
  LINNET_MARK(gap_cut);
  return longest;
}

bool wants(const Release& release, const std::string& event) {
  return std::any_of(release.notify.begin(), release.notify.end(), [&](const Webhook& hook) {
    return hook.on.empty() || std::find(hook.on.begin(), hook.on.end(), event) != hook.on.end();
  });
}

// Stable would be without a ready instance while it returns to the version before the rollout.
bool returns_bare(const Turn& turn) {
  if (!turn.seen.workload || !turn.next.rollout || turn.canary_ready() == 0) return false;
  const TrackSeen& stable = turn.seen.workload->stable;
  return stable.replaced_at_once && stable.wanted != 0 && !stable.is_told(turn.next.rollout->from);
}

// Stable is being replaced, and nobody knows how far that is.
bool is_replaced_unseen(const Turn& turn) {
  return is_stable_replaced(turn.next.phase) && !turn.seen.workload;
}

}  // namespace

Turn::Turn(const Release& spec, const Status& status, const Observation& observation, Now time)
    : release(spec),
      seen(observation),
      now(time),
      before(status),
      elapsed(elapsed_since(status, spec, time)),
      decision{status, {}, {}, {}, {}, false, {}},
      next(decision.next) {}

void Turn::enter(Phase phase, std::string reason, const std::string& noted) {
  next.phase = std::move(phase);
  next.since = now.wall;
  if (LINNET_STOPS(phase_is_told, true))
    entry("phase", fmt::format("{}: {}", phase_name(next.phase), noted.empty() ? reason : noted));
  next.reason = std::move(reason);
}

void Turn::entry(std::string kind, std::string text) {
  CHECK(!text.empty());
  decision.entries.push_back({std::move(kind), std::move(text)});
  save_ = true;
}

void Turn::notice(std::string event, std::string text) {
  if (!LINNET_STOPS(people_are_told, wants(release, event))) return;
  if (next.outbox.size() >= most_notices) {
    LINNET_MARK(outbox_full);
    next.outbox.erase(next.outbox.begin());
  }
  next.outbox.push_back({++next.notices, std::move(event), std::move(text),
                         next.rollout ? next.rollout->id : std::string(), now.wall});
  save_ = true;
}

void Turn::want_weight(Percent weight, const std::string& reason) {
  if (next.weight == weight) return;
  // Its size is its owner's: an autoscaler follows the load, but only after it has come.
  if (weight.is_zero() && next.stable_size < next.stable_most)
    entry("warning", fmt::format("stable takes all traffic with {} of the {} instances that it had "
                                 "in this rollout: it was made smaller by an autoscaler or by hand",
                                 next.stable_size, next.stable_most));
  entry("weight", fmt::format("{} -> {}: {}", next.weight.text(), weight.text(), reason));
  next.weight_before = next.weight;
  next.weight = weight;
}

void Turn::answer(const Intent& intent, bool accepted, Code code, std::string text,
                  std::string rollout) {
  next.last_intent = std::max(next.last_intent, intent.id);
  entry("intent",
        fmt::format("{} by {}: {}{}", intent_name(intent.kind),
                    intent.by.empty() ? "unknown" : intent.by, accepted ? "" : "refused: ", text));
  const auto told = decision.entries.begin() + static_cast<std::ptrdiff_t>(intent_at_);
  std::rotate(told, decision.entries.end() - 1, decision.entries.end());
  decision.answers.push_back({intent.id, accepted, code, std::move(text), std::move(rollout)});
}

void Turn::roll_back(Cause cause) {
  if (std::holds_alternative<Promoting>(next.phase)) LINNET_MARK(promotion_taken_back);
  record_step(cause.kind == "operator" || cause.kind == "superseded" ? "left" : "failed");
  // Somebody else's weight may have interrupted the promotion.
  const bool replaces = std::holds_alternative<Promoting>(next.phase) ||
                        (next.rollout && next.stable_version == next.rollout->to);
  // A promotion under way is undone: stable returns to what it ran.
  if (LINNET_STOPS(rollback_restores_stable, next.rollout.has_value()))
    next.stable_version = next.rollout->from;
  const auto* held = std::get_if<Holding>(&next.phase);
  const bool others_set_it = held != nullptr && held->cause.kind == "foreign_weight";
  // Before preparing somebody may have sent it traffic, which was taken away only then.
  const auto* preparing = std::get_if<Preparing>(&next.phase);
  const bool just_begun = preparing != nullptr && preparing->waited < drain();
  // A mark is one of a moment ago, as rollouts begin without: what it took away nobody may know.
  const bool marked = seen.traffic && seen.traffic->taken_back;
  // Only a promotion stops instances of stable. Where none is left to take the traffic, or none
  // will be as stable returns, the canary keeps it, unless somebody has taken it away already.
  const bool carried = !seen.traffic || !seen.traffic->is(Percent());
  const bool bare = LINNET_STOPS(stable_returns_first, is_stable_bare()) ||
                    LINNET_STOPS(recreated_returns_first, returns_bare(*this)) ||
                    is_replaced_unseen(*this);
  const bool returns = replaces && carried && bare;
  const std::string text = cause.text;
  using Part = RollingBack::Part;
  enter(RollingBack{std::move(cause), returns ? Part::stable_returns : Part::weight_down, 0ms},
        text);
  if (!returns) want_weight(Percent(), "taken back");
  // Another hand gave it traffic, or may have: what may have had some is drained.
  const bool unknown = others_set_it || just_begun || marked || !seen.traffic;
  next.weight_before =
      std::max(next.weight_before, unknown ? Percent::whole(100) : seen.traffic->most());
}

void Turn::stop_for(Cause cause, Then then) {
  if (LINNET_STOPS(failure_takes_back, then == Then::rollback)) return roll_back(std::move(cause));
  const std::string text = cause.text + "; waiting for a person: resume, promote or rollback";
  if (std::holds_alternative<Holding>(next.phase)) return waits(text);
  Holding holding{cause, Holding::From::awaiting, 0, 0ms, 0ms, 0ms, std::nullopt};
  if (const auto* step = std::get_if<Stepping>(&next.phase)) {
    holding.from = Holding::From::stepping;
    holding.index = step->index;
  } else if (std::holds_alternative<Preparing>(next.phase)) {
    holding.from = Holding::From::preparing;
  }
  // A write that has not come through yet must not raise the weight of what just failed.
  const bool known = seen.traffic && seen.traffic->differ.empty();
  const Percent in_force = known ? seen.traffic->weight : next.weight_seen;
  if (LINNET_STOPS(failed_stays_low, in_force < next.weight))
    want_weight(in_force, "it is left as it is in force");
  if (cause.kind != "no_data") LINNET_MARK(held_by_failure);
  enter(std::move(holding), text);
  notice("paused", text);
}

void Turn::start_rollout(const Intent& intent) {
  Rollout rollout;
  rollout.id = fmt::format("{}-{}", release.name, ++next.rollouts);
  rollout.from = next.stable_version;
  rollout.to = intent.version;
  rollout.by = intent.by;
  rollout.started = now.wall;
  rollout.promote = LINNET_NEEDS(promotion_is_wished,
                                 intent.promote || release.promotion == Promotion::automatic);
  rollout.hold = intent.hold;
  next.rollout = rollout;
  next.stable_most = next.stable_size;
  next.canary_replicas =
      canary_replicas_for(release.steps.front().weight, stable_size(release, next));
  next.unready = 0ms;
  start_evidence(release, next);
  // Whoever follows another one tells by these words that it is over (cli/follow.cpp).
  const std::string text = fmt::format("rollout {} from {} to {}: starting the canary", rollout.id,
                                       rollout.from, rollout.to);
  enter(Preparing{}, text);
  notice("started", text);
}

void Turn::finish_rollout(const std::string& outcome, const Cause& cause) {
  if (LINNET_STOPS(history_is_kept, next.rollout.has_value()))
    decision.finished = RolloutRecord{*next.rollout, now.wall, outcome, cause};
  next.canary_replicas = 0;
}

void Turn::start_step(int index) {
  const Step& step = release.steps[static_cast<std::size_t>(index)];
  next.canary_replicas =
      std::max(next.canary_replicas, canary_replicas_for(step.weight, stable_load(release, next)));
  // Entered anew after a hold, even the first step is another stage: what passes is counted anew.
  start_stage(release, next, std::holds_alternative<Preparing>(next.phase));
  const std::string text = fmt::format("step {} of {}: {} for {}", index + 1, release.steps.size(),
                                       step.weight.text(), duration_text(step.hold));
  Stepping stepping;
  stepping.index = index;
  enter(stepping, text);
  notice("step", text);
}

void Turn::start_promotion(std::string reason) {
  next.canary_replicas = std::max(
      next.canary_replicas, canary_replicas_for(Percent::whole(100), stable_load(release, next)));
  next.stage = Stage{};  // judged by what it sees itself; the evidence goes on
  enter(Promoting{}, std::move(reason));
}

void Turn::record_step(const std::string& outcome) {
  if (!next.rollout) return;
  StepResult result;
  if (const auto* step = std::get_if<Stepping>(&next.phase)) {
    result.index = step->index;
    result.held = step->held;
  } else if (const auto* holding = std::get_if<Holding>(&next.phase);
             holding != nullptr && holding->from == Holding::From::stepping) {
    result.index = holding->index;
    result.held = holding->held;
  } else {
    return;
  }
  result.weight = release.steps[static_cast<std::size_t>(result.index)].weight;
  result.outcome = outcome;
  result.canary = next.stage.canary;
  result.checks = explained(release, next);
  next.rollout->steps.push_back(std::move(result));
}

void Turn::record_skipped(int from) {
  const std::size_t listed = next.rollout->steps.size();
  record_step("skipped");
  const bool recorded = next.rollout->steps.size() > listed;
  for (std::size_t i = static_cast<std::size_t>(from) + (recorded ? 1 : 0);
       i < release.steps.size(); ++i) {
    StepResult result;
    result.index = static_cast<int>(i);
    result.weight = release.steps[i].weight;
    result.outcome = "skipped";
    next.rollout->steps.push_back(std::move(result));
  }
}

bool Turn::weight_in_force() const { return seen.traffic && seen.traffic->is(next.weight); }

int Turn::canary_ready() const {
  if (!seen.workload || !next.rollout) return 0;
  return seen.workload->canary.ready_of(next.rollout->to);
}

bool Turn::is_stable_bare() const {
  return seen.workload && seen.workload->stable.ready() == 0 && seen.workload->stable.wanted != 0 &&
         canary_ready() > 0;
}

bool is_past_return(const Phase& phase) {
  const auto* promoting = std::get_if<Promoting>(&phase);
  return promoting != nullptr && promoting->part >= Promoting::Part::stable_takes_all;
}

Duration Turn::drain() const { return drain_time(release); }

}  // namespace linnet::core
