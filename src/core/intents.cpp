// What people ask for: each intent is accepted or refused with a sentence that says what to do
// next.
#include "base/mark.h"
#include "base/mutant.h"
#include "core/course.h"
#include "core/turn.h"

namespace linnet::core {
namespace {

constexpr const char* no_rollout = "no rollout runs: start one with `deploy VERSION`";

std::string running_text(const Turn& turn) {
  const Rollout& rollout = *turn.next.rollout;
  return fmt::format("rollout {} to {} by {} runs since {} ({})", rollout.id, rollout.to,
                     rollout.by.empty() ? "unknown" : rollout.by, rollout.started.text(),
                     phase_name(turn.next.phase));
}

void refuse(Turn& turn, const Intent& intent, Code code, std::string text) {
  turn.answer(intent, false, code, std::move(text));
}

void accept(Turn& turn, const Intent& intent, std::string text) {
  turn.answer(intent, true, Code::internal, std::move(text),
              turn.next.rollout ? turn.next.rollout->id : std::string());
}

// It names no rollout: whoever asked has nothing to follow, not even the one that ended last.
void nothing_to_do(Turn& turn, const Intent& intent, std::string text) {
  turn.answer(intent, true, Code::internal, std::move(text));
}

void on_init(Turn& turn, const Intent& intent) {
  if (LINNET_STOPS(init_refuses, is_running(turn.next.phase)))
    return refuse(turn, intent, Code::conflict, running_text(turn));
  std::string version = intent.version.empty() ? turn.release.version : intent.version;
  if (version.empty()) version = turn.next.stable_version;
  if (version.empty())
    return refuse(turn, intent, Code::invalid,
                  "no version given: use `init --version V` or set spec.version");
  if (auto ok = check_version(version); !ok)
    return refuse(turn, intent, Code::invalid, ok.error().message);
  const bool never_ready = turn.seen.workload && turn.seen.workload->stable.ready() == 0;
  const std::string& current = turn.next.stable_version;
  if (!current.empty() && current != version && !never_ready) {
    if (intent.version.empty())
      version = current;  // the spec's first version is history by now
    else
      return refuse(turn, intent, Code::conflict,
                    fmt::format("stable already runs {}; release another version with `deploy {}`",
                                current, version));
  }
  if (!current.empty()) LINNET_MARK(init_again);
  turn.next.stable_version = version;
  turn.enter(Idle{}, fmt::format("starting stable {}", version));
  accept(turn, intent, fmt::format("stable runs {}", version));
}

std::string next_rollout_id(const Turn& turn) {
  return fmt::format("{}-{}", turn.release.name, turn.next.rollouts + 1);
}

// Whoever asked for it was told its number, which is nobody else's then.
void call_off_queued(Turn& turn) {
  if (!turn.next.queued) return;
  LINNET_MARK(queued_withdrawn);
  turn.next.queued.reset();
  ++turn.next.rollouts;
}

// What is under way is asked for again, as a job does that is started anew.
void join(Turn& turn, const Intent& intent) {
  accept(turn, intent, running_text(turn) + "; this deploy follows it");
  Rollout& rollout = *turn.next.rollout;
  rollout.promote = rollout.promote || intent.promote;
  rollout.hold = intent.hold;
}

// So is one that waits for the rollout before it to be taken back.
void join_queued(Turn& turn, const Intent& intent) {
  LINNET_MARK(queued_joined);
  Intent& queued = *turn.next.queued;
  turn.answer(intent, true, Code::internal,
              fmt::format("{}; the deploy of {} by {} comes next, and this deploy follows it",
                          running_text(turn), queued.version, queued.by),
              next_rollout_id(turn));
  queued.promote = queued.promote || intent.promote;
  queued.hold = intent.hold;
}

void on_deploy(Turn& turn, const Intent& intent) {
  if (auto ok = check_version(intent.version); !ok)
    return refuse(turn, intent, Code::invalid, ok.error().message);
  if (turn.next.stable_version.empty())
    return refuse(turn, intent, Code::invalid, begins_nothing(turn.next, intent.version));
  if (LINNET_STOPS(window_refuses, !turn.seen.closed.empty() && !intent.force))
    return refuse(turn, intent, Code::conflict,
                  turn.seen.closed + "; `deploy --force` releases all the same");
  const bool running = is_running(turn.next.phase);
  if (running && turn.next.queued && intent.version == turn.next.queued->version)
    return join_queued(turn, intent);
  if (running && !intent.supersede && intent.version == turn.next.rollout->to)
    return join(turn, intent);
  if (LINNET_STOPS(busy_refuses, running && !intent.supersede))
    return refuse(turn, intent, Code::conflict,
                  running_text(turn) + "; `deploy --supersede` takes it back and starts over");
  if (LINNET_STOPS(past_return_refuses, running && is_past_return(turn.next.phase)))
    return refuse(turn, intent, Code::conflict,
                  running_text(turn) + "; its promotion is nearly done: try again in a moment");
  if (std::string why = begins_nothing(turn.next, intent.version); !why.empty())
    return nothing_to_do(turn, intent, std::move(why));
  if (!turn.seen.closed.empty()) LINNET_MARK(window_forced);
  const std::string forced =
      turn.seen.closed.empty() ? std::string() : fmt::format(" (forced: {})", turn.seen.closed);
  if (LINNET_STOPS(supersede_takes_back, running)) {
    LINNET_MARK(superseded);
    call_off_queued(turn);
    turn.next.queued = intent;
    turn.answer(intent, true, Code::internal,
                fmt::format("takes {} back first{}", turn.next.rollout->id, forced),
                next_rollout_id(turn));
    if (!std::holds_alternative<RollingBack>(turn.next.phase))
      turn.roll_back({"superseded", fmt::format("superseded by a deploy of {} by {}",
                                                intent.version, intent.by)});
    return;
  }
  turn.start_rollout(intent);
  accept(turn, intent,
         fmt::format("rollout {} to {} starts{}", turn.next.rollout->id, intent.version, forced));
}

// Leaves the phase for one that stands still; the step's time so far is kept.
Holding hold_here(const Turn& turn, Cause cause) {
  Holding holding;
  holding.cause = std::move(cause);
  if (const auto* step = std::get_if<Stepping>(&turn.next.phase)) {
    holding.index = step->index;
    holding.held = step->held;
  } else if (const auto* other = std::get_if<Holding>(&turn.next.phase)) {
    holding.from = other->from;
    holding.index = other->index;
    holding.held = other->held;
    holding.weight = other->weight;
  } else {
    holding.from = std::holds_alternative<Preparing>(turn.next.phase) ? Holding::From::preparing
                                                                      : Holding::From::awaiting;
  }
  return holding;
}

void on_traffic(Turn& turn, const Intent& intent) {
  const Phase& phase = turn.next.phase;
  const bool adjustable = std::holds_alternative<Stepping>(phase) ||
                          std::holds_alternative<Holding>(phase) ||
                          std::holds_alternative<AwaitingPromotion>(phase);
  if (!intent.weight.is_tenth_step())
    return refuse(turn, intent, Code::invalid,
                  fmt::format("{} is not a multiple of 0.1 %", intent.weight.text()));
  if (!adjustable) {
    if (!is_running(phase) && intent.weight.is_zero())
      return nothing_to_do(turn, intent, "all traffic is on stable already");
    return refuse(turn, intent, Code::conflict,
                  is_running(phase) ? running_text(turn) + "; its weight cannot be set by hand now"
                                    : "no canary runs: start one with `deploy VERSION`");
  }
  if (LINNET_STOPS(traffic_needs_ready, !intent.weight.is_zero() && turn.canary_ready() == 0))
    return refuse(turn, intent, Code::unavailable,
                  "the canary has no ready instance; traffic would go to nothing");
  const std::string text = fmt::format("weight set to {} by {}", intent.weight.text(),
                                       intent.by.empty() ? "hand" : intent.by);
  Holding holding = hold_here(turn, {"manual_weight", text});
  LINNET_MARK(manual_weight);
  if (LINNET_STOPS(traffic_is_set, true)) holding.weight = intent.weight;
  turn.next.canary_replicas =
      std::max(turn.next.canary_replicas,
               canary_replicas_for(intent.weight, stable_load(turn.release, turn.next)));
  turn.enter(std::move(holding), text + "; the steps stand still until `resume`");
  turn.notice("paused", text);
  accept(turn, intent, fmt::format("the canary gets {}", intent.weight.text()));
}

void on_promote(Turn& turn, const Intent& intent) {
  const Phase& phase = turn.next.phase;
  const bool waits = std::holds_alternative<AwaitingPromotion>(phase);
  const auto* holding = std::get_if<Holding>(&phase);
  const bool all_passed = holding != nullptr && holding->from == Holding::From::awaiting;
  if (!is_running(phase))
    return refuse(turn, intent, Code::conflict,
                  "no canary waits for promotion: start one with `deploy VERSION`");
  if (std::holds_alternative<Promoting>(phase))
    return accept(turn, intent, "the promotion is under way");
  if (std::holds_alternative<RollingBack>(phase))
    return refuse(turn, intent, Code::conflict, "the rollout is being rolled back");
  if (std::holds_alternative<Preparing>(phase) || turn.canary_ready() == 0)
    return refuse(turn, intent, Code::unavailable, "the canary has no ready instance");
  std::string skipped;
  if (!waits && !all_passed) {
    const auto* step = std::get_if<Stepping>(&phase);
    const int index = step != nullptr ? step->index : holding->index;
    skipped =
        fmt::format("skips step {} of {} and what follows", index + 1, turn.release.steps.size());
    if (LINNET_STOPS(promote_needs_steps, !intent.skip_steps))
      return refuse(
          turn, intent, Code::conflict,
          fmt::format("the steps are not done: it {}; wait, or `promote --skip-steps`", skipped));
    LINNET_MARK(steps_skipped);
    turn.record_skipped(index);
  }
  turn.start_promotion(fmt::format("{} becomes stable, asked by {}{}{}", turn.next.rollout->to,
                                   intent.by.empty() ? "hand" : intent.by,
                                   skipped.empty() ? "" : "; ", skipped));
  accept(turn, intent, fmt::format("promoting {} to stable", turn.next.rollout->to));
}

void on_take_back(Turn& turn, const Intent& intent, std::string kind, const std::string& what) {
  if (!is_running(turn.next.phase))
    return nothing_to_do(
        turn, intent,
        fmt::format("all traffic is on stable{}{}; nothing to take back",
                    turn.next.stable_version.empty() ? "" : " ", turn.next.stable_version));
  const std::string text = fmt::format("{} by {}{}{}", what, intent.by.empty() ? "hand" : intent.by,
                                       intent.why.empty() ? "" : ": ", intent.why);
  if (auto* rolling = std::get_if<RollingBack>(&turn.next.phase)) {
    call_off_queued(turn);
    // The command that took the weight back before anything else tells now who asked for it.
    if (rolling->cause.kind == "taken_back") rolling->cause = {std::move(kind), text};
    return accept(turn, intent, "the rollout is being rolled back");
  }
  if (LINNET_STOPS(past_return_refuses, is_past_return(turn.next.phase))) {
    LINNET_MARK(rollback_refused);
    return refuse(turn, intent, Code::conflict,
                  fmt::format("stable runs {} already; go back with `deploy {}`",
                              turn.next.rollout->to, turn.next.rollout->from));
  }
  turn.roll_back({std::move(kind), text});
  accept(turn, intent, fmt::format("taking {} back", turn.next.rollout->id));
}

void on_interrupt(Turn& turn, const Intent& intent) {
  const bool running = is_running(turn.next.phase);
  const bool is_queued = turn.next.queued && turn.next.queued->version == intent.version;
  const bool names_rollout = running && !intent.version.empty() && !is_queued;
  // A deploy that never began, because another's was in the way, has nothing to take back.
  if (LINNET_STOPS(interrupt_spares_others,
                   names_rollout && turn.next.rollout->to != intent.version)) {
    LINNET_MARK(interrupt_of_another);
    return nothing_to_do(turn, intent,
                         fmt::format("{}; that is not the deploy of {} and is left as it is",
                                     running_text(turn), intent.version));
  }
  // It is on its way back already, and what follows it was asked for by somebody else.
  if (LINNET_STOPS(interrupt_spares_others, names_rollout && turn.next.queued)) {
    LINNET_MARK(interrupt_of_another);
    return accept(turn, intent, "the rollout is being rolled back");
  }
  const bool its_own =
      is_queued ? turn.next.queued->hold : turn.next.rollout && turn.next.rollout->hold;
  if (running && (intent.hold || its_own)) {
    LINNET_MARK(interrupt_held);
    return accept(turn, intent, "left as it is (--hold)");
  }
  if (running && !is_queued && is_past_return(turn.next.phase)) {
    LINNET_MARK(interrupt_past_return);
    return accept(turn, intent, "the promotion is nearly done and goes on");
  }
  on_take_back(turn, intent, "interrupted", "interrupted");
}

void on_pause(Turn& turn, const Intent& intent) {
  const Phase& phase = turn.next.phase;
  if (std::holds_alternative<Holding>(phase)) return accept(turn, intent, "it holds already");
  if (!std::holds_alternative<Preparing>(phase) && !std::holds_alternative<Stepping>(phase) &&
      !std::holds_alternative<AwaitingPromotion>(phase))
    return refuse(
        turn, intent, Code::conflict,
        is_running(phase) ? running_text(turn) + "; it cannot be paused now" : no_rollout);
  const std::string text = fmt::format("paused by {}{}{}", intent.by.empty() ? "hand" : intent.by,
                                       intent.why.empty() ? "" : ": ", intent.why);
  if (LINNET_STOPS(pause_stands_still, true)) {
    turn.enter(hold_here(turn, {"paused", text}), text + "; go on with `resume`");
    turn.notice("paused", text);
  }
  accept(turn, intent, text);
}

void on_resume(Turn& turn, const Intent& intent) {
  const auto* held = std::get_if<Holding>(&turn.next.phase);
  const char* next = std::holds_alternative<AwaitingPromotion>(turn.next.phase)
                         ? "`promote` ends it, `rollback` takes it back"
                         : "`status` shows where it is, `pause` holds it";
  if (held == nullptr)
    return refuse(turn, intent, Code::conflict,
                  is_running(turn.next.phase) ? running_text(turn) + "; it does not hold: " + next
                                              : no_rollout);
  const Holding holding = *held;
  const std::string text =
      fmt::format("resumed by {}", intent.by.empty() ? std::string("hand") : intent.by);
  if (holding.from == Holding::From::preparing) {
    LINNET_MARK(resume_to_preparing);
    turn.want_weight(Percent(), "the canary is not ready for traffic yet");
    turn.enter(Preparing{}, text);
  } else if (holding.from == Holding::From::awaiting) {
    LINNET_MARK(resume_to_awaiting);
    turn.enter(AwaitingPromotion{}, text);
  } else if (holding.cause.kind == "paused") {
    LINNET_MARK(resume_where_it_stood);
    Stepping step;  // goes on where it stood
    step.index = holding.index;
    step.held = holding.held;
    turn.enter(step, text);
  } else {
    LINNET_MARK(resume_anew);
    turn.start_step(holding.index);  // the weight was another one: the step is held anew
  }
  accept(turn, intent, text);
}

}  // namespace

void answer_intents(Turn& turn) {
  for (const Intent& intent : turn.seen.intents) {
    if (LINNET_STOPS(answered_once, intent.id <= turn.next.last_intent)) {
      LINNET_MARK(intent_again);
      continue;  // answered before a crash
    }
    turn.begin_intent();
    switch (intent.kind) {
      case Intent::Kind::init: on_init(turn, intent); break;
      case Intent::Kind::deploy: on_deploy(turn, intent); break;
      case Intent::Kind::traffic: on_traffic(turn, intent); break;
      case Intent::Kind::promote: on_promote(turn, intent); break;
      case Intent::Kind::rollback: on_take_back(turn, intent, "operator", "rollback"); break;
      case Intent::Kind::cleanup: on_take_back(turn, intent, "operator", "cleanup"); break;
      case Intent::Kind::interrupt: on_interrupt(turn, intent); break;
      case Intent::Kind::pause: on_pause(turn, intent); break;
      case Intent::Kind::resume: on_resume(turn, intent); break;
    }
  }
}

}  // namespace linnet::core
