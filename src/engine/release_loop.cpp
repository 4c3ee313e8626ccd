#include "engine/release_loop.h"

#include <algorithm>

#include "base/mark.h"
#include "base/mutant.h"

namespace linnet::engine {
namespace {

constexpr Duration port_deadline = 5s;
// An effect that succeeded but does not show yet is not written again before this.
constexpr Duration repeats_after = 1s;
// After a save somebody else may save as well: effects that waited longer are not performed.
constexpr Duration proof_lasts = 500ms;
constexpr Duration looks_after = 30s;
constexpr Duration shortest_backoff = 100ms;
constexpr Duration longest_backoff = 2s;
// A loop that cannot save decides nothing that lasts: for the canary it is as good as dead, and the
// guardian's limit for a dead daemon holds here too.
constexpr Duration longest_unsaved = 10s;

}  // namespace

ReleaseLoop::ReleaseLoop(core::Release release, Ports ports, std::function<void()> changed)
    : release_(std::move(release)), ports_(ports), changed_(std::move(changed)) {}

Task<void> ReleaseLoop::run() {
  record_.reset();  // of a run before this one: somebody else may have driven since
  Duration backoff = shortest_backoff;
  std::optional<MonoTime> failing_since;
  for (;;) {
    const MonoTime started = ports_.clock.now().mono;
    const Result<Duration> turn = co_await take_turn();
    const Duration took = ports_.clock.now().mono - started;
    stats_.busy_ms += took.count();
    Duration pause = backoff;
    if (turn) {
      backoff = shortest_backoff;
      failing_since.reset();
      pause = std::max(*turn - took, Duration(0));
    } else {
      ++stats_.failed;
      trouble(turn.error().message);
      backoff = std::min(backoff * 2, longest_backoff);
      if (!failing_since) failing_since = started;
      if (turn.error().code == Code::conflict) failing_since.reset();  // somebody else decides
      if (failing_since && ports_.clock.now().mono - *failing_since >= longest_unsaved)
        co_await take_back_unsaved();
    }
    changed_();
    co_await ports_.doorbell.wait(release_.name, pause);
  }
}

Task<void> ReleaseLoop::take_back_unsaved() {
  if (record_ && !core::is_running(record_->status.phase)) co_return;
  const Deadline deadline = ports_.clock.now().mono + port_deadline;
  const Result<core::TrafficSeen> seen = co_await ports_.router.read(deadline);
  if (!seen || seen->is(Percent())) co_return;
  // In the midst of a promotion stable may have nobody who answers. Whoever stopped it, and in
  // whatever phase: nothing is held against the canary here but that nobody watches it.
  const Result<core::WorkloadSeen> workload = co_await ports_.workload.observe(deadline);
  // The same where all of it stops as it returns to its version (returns_bare in core/turn.cpp).
  // A canary that carries all may be one that is promoted, by whoever has saved since.
  const bool replaced =
      seen->is(Percent::whole(100)) || (record_ && core::is_stable_replaced(record_->status.phase));
  const bool unseen = !workload && replaced;
  const bool bare = workload && workload->canary.ready() > 0 &&
                    (workload->stable.ready() == 0 ||
                     (workload->stable.replaced_at_once &&
                      workload->stable.wanted_version == workload->canary.wanted_version));
  if (LINNET_STOPS(unsaved_needs_stable, bare || unseen)) co_return;
  LINNET_MARK(unsaved_taken_back);
  trouble(fmt::format("nothing could be saved for {}: the canary's weight {} is taken back",
                      duration_text(longest_unsaved), seen->weight.text()));
  switched_unsaved_ = true;
  co_await perform(core::SetWeight{Percent(), true});
}

Task<Result<Duration>> ReleaseLoop::take_turn() {
  ++stats_.turns;
  if (record_ && !core::is_running(record_->status.phase)) co_await look_whether_others_saved();
  if (!record_) {
    CO_TRY_VOID(co_await load());
  }
  if (switched_unsaved_)
    record_->status = core::drained_anew(std::move(record_->status), ports_.clock.now().mono);
  core::Observation seen = co_await observe();
  const Now now = ports_.clock.now();
  core::Decision decision = core::decide(release_, record_->status, seen, now);

  const std::vector<core::Effect> due = due_effects(decision, now.mono);

  // Taking a canary back is safe at any time and waits for nothing, the store included.
  for (const core::Effect& effect : due) {
    if (!LINNET_STOPS(urgent_first, core::is_urgent(effect, seen.traffic))) continue;
    switched_unsaved_ = true;
    co_await perform(effect);
  }

  // From here on the intent is durable before the world changes: a crash repeats work, never loses
  // it. A save is also the proof that nobody else has decided meanwhile, so none of them comes
  // without.
  const bool moves_world = std::any_of(due.begin(), due.end(), [&](const core::Effect& effect) {
    return !std::holds_alternative<core::SendNotice>(effect) &&
           !core::is_urgent(effect, seen.traffic);
  });
  if (LINNET_STOPS(effects_need_proof, moves_world)) decision.save = true;
  if (LINNET_STOPS(save_before_effects, decision.save)) {
    const Result<void> saved = co_await save(decision, now.wall);
    if (!saved && (!record_ || LINNET_STOPS(failed_save_ends_turn, true)))
      co_return fail(saved.error());
  }
  switched_unsaved_ = false;
  record_->status = std::move(decision.next);
  workload_ = std::move(seen.workload);

  effects_failed_ = false;
  const MonoTime proven = ports_.clock.now().mono;
  for (const core::Effect& effect : due) {
    if (LINNET_STOPS(urgent_first, core::is_urgent(effect, seen.traffic))) continue;
    if (ports_.clock.now().mono - proven > proof_lasts) {
      LINNET_MARK(effects_stale);
      break;  // what is left comes again with the next turn, decided anew
    }
    co_await perform(effect);
  }
  if (!effects_failed_) last_trouble_.clear();
  co_return decision.wake_after;
}

std::vector<core::Effect> ReleaseLoop::due_effects(const core::Decision& decision, MonoTime now) {
  // What is not wanted any more is forgotten: should it be wanted again, it is due at once.
  std::erase_if(performed_, [&](const Performed& done) {
    return LINNET_STOPS(effects_come_again, now - done.at >= repeats_after) ||
           std::find(decision.effects.begin(), decision.effects.end(), done.effect) ==
               decision.effects.end();
  });
  std::vector<core::Effect> due;
  for (const core::Effect& effect : decision.effects) {
    const bool done = std::any_of(performed_.begin(), performed_.end(),
                                  [&](const Performed& one) { return one.effect == effect; });
    if (!done) due.push_back(effect);
  }
  return due;
}

Task<void> ReleaseLoop::look_whether_others_saved() {
  const MonoTime now = ports_.clock.now().mono;
  if (!looked_) looked_ = now;
  if (now - *looked_ < looks_after) co_return;
  looked_ = now;
  const Result<Record> stored = co_await ports_.store.load(release_.name);
  if (stored && stored->version != record_->version) record_.reset();
}

Task<Result<void>> ReleaseLoop::load() {
  Result<Record> loaded = co_await ports_.store.load(release_.name);
  if (!loaded) LINNET_MARK(load_failed);
  if (!loaded) co_return fail(std::move(loaded).error().while_doing("loading the status"));
  record_ = std::move(*loaded);
  record_->status = core::resumed(std::move(record_->status), release_);
  co_return Result<void>();
}

Task<core::Observation> ReleaseLoop::observe() {
  const Now now = ports_.clock.now();
  const Deadline deadline = now.mono + port_deadline;
  core::Observation seen;
  seen.traffic = co_await ports_.router.read(deadline);
  seen.workload = co_await ports_.workload.observe(deadline);
  const MonoTime asked = ports_.clock.now().mono;
  seen.sample = co_await ports_.metrics.since(record_->status.cursor, deadline);
  Result<std::vector<core::Intent>> intents =
      co_await ports_.store.intents(release_.name, record_->status.last_intent);
  // An unreadable store cannot be saved to either: the turn will fail there and say so.
  if (intents)
    seen.intents = std::move(*intents);
  else
    LINNET_MARK(intents_unreadable);
  seen.delivered = ports_.notifier.delivered();
  const bool deploys =
      std::any_of(seen.intents.begin(), seen.intents.end(),
                  [](const auto& intent) { return intent.kind == core::Intent::Kind::deploy; });
  if (deploys) seen.closed = ports_.calendar.closed(release_, now.wall);
  // The source said how long before its look; this turn's time is that of the last look.
  if (seen.sample && seen.sample->reach > Duration(0))
    seen.sample->reach += ports_.clock.now().mono - asked;
  co_return seen;
}

Task<Result<void>> ReleaseLoop::save(core::Decision& decision, WallTime at) {
  Saving saving{decision.next, decision.answers, decision.entries, decision.finished, at};
  Result<std::int64_t> saved =
      co_await ports_.store.save(release_.name, record_->version, std::move(saving));
  if (!saved) {
    // Somebody else may have saved, or this save may have come through: what is known is stale.
    const Code code = saved.error().code;
    if (code == Code::conflict)
      LINNET_MARK(save_conflict);
    else if (code == Code::unknown_outcome)
      LINNET_MARK(save_unknown);
    else
      LINNET_MARK(save_failed);
    if (LINNET_STOPS(conflict_reloads, code == Code::conflict || code == Code::unknown_outcome))
      record_.reset();
    co_return fail(std::move(saved).error().while_doing("saving the decision"));
  }
  record_->version = *saved;
  co_return Result<void>();
}

Task<void> ReleaseLoop::perform(core::Effect effect) {
  const Deadline deadline = ports_.clock.now().mono + port_deadline;
  Result<void> done;
  if (const auto* weight = std::get_if<core::SetWeight>(&effect)) {
    done = co_await ports_.router.set(*weight, deadline);
  } else if (const auto* track = std::get_if<core::SetTrack>(&effect)) {
    done = co_await ports_.workload.set(*track, deadline);
  } else {
    ports_.notifier.send(std::get<core::SendNotice>(effect).notice);
  }
  // An effect that failed comes again with the next turn: its level is derived anew.
  if (done && !std::holds_alternative<core::SendNotice>(effect))
    performed_.push_back({effect, ports_.clock.now().mono});
  if (!done) {
    LINNET_MARK(effect_failed);
    const auto* level = std::get_if<core::SetWeight>(&effect);
    if (level != nullptr && level->taken_back) LINNET_MARK(urgent_failed);
    effects_failed_ = true;
    trouble(fmt::format("{}: {}", core::effect_text(effect), done.error().message));
  }
}

void ReleaseLoop::trouble(const std::string& text) {
  if (text == last_trouble_) return;
  last_trouble_ = text;
  ports_.journal.note(release_.name, {"trouble", text});
}

}  // namespace linnet::engine
