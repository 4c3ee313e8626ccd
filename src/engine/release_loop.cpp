#include "engine/release_loop.h"

#include <algorithm>

namespace linnet::engine {
namespace {

constexpr Duration port_deadline = 5s;
constexpr Duration shortest_backoff = 100ms;
constexpr Duration longest_backoff = 10s;

}  // namespace

ReleaseLoop::ReleaseLoop(core::Release release, Ports ports, std::function<void()> changed)
    : release_(std::move(release)), ports_(ports), changed_(std::move(changed)) {}

Task<void> ReleaseLoop::run() {
  Duration backoff = shortest_backoff;
  for (;;) {
    const MonoTime started = ports_.clock.now().mono;
    const Result<Duration> turn = co_await take_turn();
    const Duration took = ports_.clock.now().mono - started;
    stats_.busy_ms += took.count();
    Duration pause = backoff;
    if (turn) {
      backoff = shortest_backoff;
      pause = std::max(*turn - took, Duration(0));
    } else {
      ++stats_.failed;
      trouble(turn.error().message);
      backoff = std::min(backoff * 2, longest_backoff);
    }
    changed_();
    co_await ports_.doorbell.wait(release_.name, pause);
  }
}

Task<Result<Duration>> ReleaseLoop::take_turn() {
  ++stats_.turns;
  if (!record_) {
    CO_TRY_VOID(co_await load());
  }
  core::Observation seen = co_await observe();
  const Now now = ports_.clock.now();
  core::Decision decision = core::decide(release_, record_->status, seen, now);

  // Taking a canary back is safe at any time and waits for nothing, the store included.
  for (const core::Effect& effect : decision.effects)
    if (core::is_urgent(effect, seen.traffic)) co_await perform(effect);

  // From here on the intent is durable before the world changes: a crash repeats work, never loses
  // it.
  if (decision.save) {
    CO_TRY_VOID(co_await save(decision, now.wall));
  }
  record_->status = std::move(decision.next);
  workload_ = std::move(seen.workload);

  effects_failed_ = false;
  for (const core::Effect& effect : decision.effects)
    if (!core::is_urgent(effect, seen.traffic)) co_await perform(effect);
  if (!effects_failed_) last_trouble_.clear();
  co_return decision.wake_after;
}

Task<Result<void>> ReleaseLoop::load() {
  Result<Record> loaded = co_await ports_.store.load(release_.name);
  if (!loaded) co_return fail(std::move(loaded).error().while_doing("loading the status"));
  record_ = std::move(*loaded);
  record_->status = core::resumed(std::move(record_->status));
  co_return Result<void>();
}

Task<core::Observation> ReleaseLoop::observe() {
  const Now now = ports_.clock.now();
  const Deadline deadline = now.mono + port_deadline;
  core::Observation seen;
  seen.traffic = co_await ports_.router.read(deadline);
  seen.workload = co_await ports_.workload.observe(deadline);
  seen.sample = co_await ports_.metrics.since(record_->status.cursor, deadline);
  Result<std::vector<core::Intent>> intents =
      co_await ports_.store.intents(release_.name, record_->status.last_intent);
  // An unreadable store cannot be saved to either: the turn will fail there and say so.
  if (intents) seen.intents = std::move(*intents);
  seen.delivered = ports_.notifier.delivered();
  const bool deploys =
      std::any_of(seen.intents.begin(), seen.intents.end(),
                  [](const auto& intent) { return intent.kind == core::Intent::Kind::deploy; });
  if (deploys) seen.closed = ports_.calendar.closed(release_, now.wall);
  co_return seen;
}

Task<Result<void>> ReleaseLoop::save(core::Decision& decision, WallTime at) {
  Saving saving{decision.next, decision.answers, decision.entries, decision.finished, at};
  Result<std::int64_t> saved =
      co_await ports_.store.save(release_.name, record_->version, std::move(saving));
  if (!saved) {
    // Somebody else may have saved, or this save may have come through: what is known is stale.
    const Code code = saved.error().code;
    if (code == Code::conflict || code == Code::unknown_outcome) record_.reset();
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
  if (!done) {
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
