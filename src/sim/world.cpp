#include "sim/world.h"

#include <algorithm>
#include <cstring>

#include "sim/ports.h"

namespace linnet::sim {
namespace {

constexpr Duration tidies_every = 20s;

std::array<Random, port_count> port_streams(std::uint64_t seed) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Random, port_count>{Random(mix(seed, 100 + I))...};
  }
  (std::make_index_sequence<port_count>());
}

// From the calm on every rollout must have ended within this: each wait that a spec allows, a
// minute for each step and three besides.
Duration patience(const Case& story) {
  const core::Release& release = story.release;
  // Stable has that time for each of its instances, and an owner may have made them many.
  Duration sum = release.progress * (story.on_platform() ? 6 : 1);
  // A step's clock runs for 15 s after each scrape that told something.
  const Duration every = story.metrics.scraped_every;
  for (const core::Step& step : release.steps)
    sum += step.hold * (every / 15s + 1) + every * 3 + release.no_data.hold + 1min;
  return sum + 3min;
}

}  // namespace

World::World(Case story, bool journal)
    : story_(std::move(story)),
      keeps_journal_(journal),
      random_(mix(story_.seed, 1)),
      port_random_(port_streams(story_.seed)),
      traffic_(story_, mix(story_.seed, 2)),
      pods_(story_, mix(story_.seed, 3), [this](std::int64_t ms) { plan(ms, Due::pods); }),
      fired_(story_.events.size(), false),
      oracle_(*this) {
  told_.reserve(512);
  queue_.reserve(64);
  for (int i = 0; i < 2; ++i) {
    engines_[static_cast<std::size_t>(i)].index = i;
    engines_[static_cast<std::size_t>(i)].waits = std::make_unique<Waits>();
  }
}

World::~World() {
  for (Engine& engine : engines_) engine.waits->kill_all();
}

RunResult World::run() {
  for (std::size_t i = 0; i < story_.events.size(); ++i) {
    if (!story_.events[i].phase.empty()) continue;
    fired_[i] = true;
    plan(story_.events[i].delay.count(), Due::script, 0, i);
  }
  if (story_.on_platform()) create_deployments("v1");
  scrape();
  start_engine(0);
  const std::int64_t calm_ms = story_.calm_at.count();
  plan(calm_ms + 1, Due::tidy);
  plan(calm_ms + patience(story_).count(), Due::end, 1);
  while (!over_ && !queue_.empty()) {
    std::pop_heap(queue_.begin(), queue_.end(), Later());
    const Item item = queue_.back();
    queue_.pop_back();
    CHECK(item.at_ms >= now_ms_);
    now_ms_ = item.at_ms;
    step(item);
    if (oracle_.violation()) over_ = true;
  }
  finish();
  return std::move(result_);
}

void World::finish() {
  result_.violation = oracle_.violation();
  result_.virtual_ms = now_ms_;
  result_.rollouts = durable_.status.rollouts;
  result_.history = std::move(durable_.history);
  result_.phase = core::phase_name(durable_.status.phase);
  hash(static_cast<std::uint64_t>(result_.turns));
  hash(static_cast<std::uint64_t>(happened_.canary.requests));
  hash(static_cast<std::uint64_t>(happened_.stable.bad));
  hash(static_cast<std::uint64_t>(now_ms_));
  result_.hash = hash_;
}

void World::plan(std::int64_t at_ms, Due due, int who, std::uint64_t what) {
  queue_.push_back({std::max(at_ms, now_ms_), ++seq_, due, who, what});
  std::push_heap(queue_.begin(), queue_.end(), Later());
}

void World::step(const Item& item) {
  switch (item.due) {
    case Due::wake: {
      Engine& engine = engines_[static_cast<std::size_t>(item.who)];
      if (engine.stalled_until_ms > now_ms_)
        return plan(engine.stalled_until_ms, Due::wake, item.who, item.what);
      if (engine.bell_ticket == item.what) engine.bell_ticket = 0;
      return engine.waits->wake(item.what);
    }
    case Due::pods: return pods_change([this] { pods_.tick(now_ms_); });
    case Due::router:
      if (pending_write_ && item.what == pending_seq_) apply_weight(Write(*pending_write_));
      return;
    case Due::part:
      if (!pending_write_ || item.what != pending_seq_) return;
      flow();
      router_.share = (router_.share + pending_write_->level.weight.fraction()) / 2;
      return;
    case Due::router_back:
      if (router_.gone_until_ms != now_ms_) return;  // made anew, or deleted once more
      router_.gone_until_ms = 0;
      return apply_weight(
          {core::SetWeight{Percent::from_ppm(item.who), false}, "kubectl", false, -1});
    case Due::deployment_back:
      return pods_change([&] { pods_.make_anew(static_cast<core::Track>(item.who), now_ms_); });
    case Due::script:
      if (!is_calm()) act(story_.events[item.what].action);
      return;
    case Due::start: return start_engine(item.who);
    case Due::kill:
      return kill_engine(item.who, item.who == 1 ? forever : Duration(item.what),
                         "is killed in a call");
    case Due::guardian: return guardian_fires(item.what);
    case Due::second_ends: return kill_engine(1, World::forever, "is gone");
    case Due::scrape: return scrape();
    case Due::tidy: return tidy();
    case Due::end:
      if (item.who == 0 && !has_ended()) return;
      // An engine that is or was away has had no time yet to bring the world to rest.
      if (item.who == 0 && !engines_[0].alive)
        return plan(now_ms_ + settles_within.count(), Due::end);
      if (item.who == 0 && now_ms_ - engines_[0].started_ms < settles_within.count())
        return plan(engines_[0].started_ms + settles_within.count(), Due::end);
      oracle_.at_end(has_ended());
      over_ = true;
      return;
  }
}

void World::pass(Duration length) {
  const std::int64_t until_ms = now_ms_ + length.count();
  while (!queue_.empty() && queue_.front().at_ms <= until_ms) {
    std::pop_heap(queue_.begin(), queue_.end(), Later());
    const Item item = queue_.back();
    queue_.pop_back();
    now_ms_ = item.at_ms;
    step(item);
  }
  now_ms_ = until_ms;
}

void World::another_hand_sets(Percent weight, const std::string& by) {
  apply_weight({core::SetWeight{weight, false}, by, false, -1});
}

void World::set_calendar(Duration ahead) {
  wall_offset_ms_ += ahead.count();
  closed_since_ms_ = now_ms_;  // if that closed it
}

void World::close_calendar(Duration length) {
  closed_from_ = now_of(0).wall;
  closed_until_ = {closed_from_.ms + length.count()};
  closed_since_ms_ = now_ms_;
}

void World::run_as_engine(Task<void> task) {
  engines_[0].alive = true;
  engines_[0].waits->start(std::move(task));
}

void World::create_deployments(const std::string& version) {
  pods_.create(version, first_replicas(story_.release), now_ms_);
}

void World::owner_scales(core::Track track, int replicas) {
  flow();
  pods_.scale(track, replicas, now_ms_);
}

void World::owner_gives(core::Track track, const std::string& version) {
  flow();
  pods_.give_image(track, version, now_ms_);
}

void World::serve(core::Track track, int good, int bad, int slow) {
  const Totals answered = traffic_.answered(good, bad, slow);
  TrackTotals more;
  (track == core::Track::stable ? more.stable : more.canary) = answered;
  happened_.stable += more.stable;
  happened_.canary += more.canary;
  reported_.stable += more.stable;
  reported_.canary += more.canary;
}

std::int64_t World::add_wish(core::Intent intent) {
  add_intent(std::move(intent));
  return static_cast<std::int64_t>(all_intents_.size());
}

std::optional<core::Answer> World::answer_of(std::int64_t intent) const {
  for (const core::Answer& answer : durable_.answers)
    if (answer.intent == intent) return answer;
  return std::nullopt;
}

// ---- What happens by itself ---------------------------------------------------------------------

void World::act(const Action& action) {
  using Kind = Action::Kind;
  if (keeps_journal_) line(-1, "world", action_text(action));
  hash(static_cast<std::uint64_t>(action.kind) + 77);
  const std::int64_t until_ms = std::min(now_ms_ + action.length.count(), story_.calm_at.count());
  switch (action.kind) {
    case Kind::intent: return add_intent(action.intent);
    case Kind::foreign_weight:
      return apply_weight({core::SetWeight{action.weight, false}, action.by, false, -1});
    case Kind::router_marks:
      return apply_weight({core::SetWeight{Percent(), true}, action.by, false, -1});
    case Kind::foreign_image:
      return story_.on_platform() ? owner_gives(action.track, action.version) : void();
    case Kind::router_gone: return router_goes(action);
    case Kind::deployment_gone: return deployment_goes(action);
    case Kind::quota: return pods_.refuse_new(until_ms);
    case Kind::foreign_scale: return owner_scales(action.track, action.count);
    case Kind::delete_pod: return pods_change([&] { pods_.remove_one(action.track, now_ms_); });
    case Kind::guardian: return guardian_fires(regardless);
    case Kind::counters_reset:
      flow();
      reported_ = sampled_;
      return;
    case Kind::wall_jump: return set_calendar(action.length);
    case Kind::half_write: half_write_ = true; return;
    case Kind::foreign_half:
      return apply_half({core::SetWeight{action.weight, false}, action.by, false, -1});
    case Kind::notifier_away: notifier_away_until_ms_ = until_ms; return;
    case Kind::outage: outage_until_ms_[at(action.port)] = now_ms_ + action.length.count(); return;
    case Kind::reply_lost: reply_lost_in_[at(action.port)] = action.count; return;
    case Kind::calendar_closes: return close_calendar(action.length);
    case Kind::kill:
    case Kind::kill_at_call:
    case Kind::second_engine:
    case Kind::watch_stalls:
    case Kind::engine_stalls: return act_on_engine(action);
  }
}

void World::pods_change(const std::function<void()>& change) {
  flow();
  const std::array before{pods_.deaths(core::Track::stable), pods_.deaths(core::Track::canary)};
  change();
  if (!story_.metrics.die_with_instances) return;
  // What is read of a counter that begins at 0 again is only what came since.
  if (pods_.deaths(core::Track::stable) > before[0]) reported_.stable = sampled_.stable;
  if (pods_.deaths(core::Track::canary) > before[1]) reported_.canary = sampled_.canary;
}

// Nothing splits any more: all goes to stable. It comes back as a manifest says, or from a backup.
void World::router_goes(const Action& action) {
  const std::int64_t back_ms = std::min(now_ms_ + action.length.count(), story_.calm_at.count());
  apply_weight({core::SetWeight{}, "kubectl", false, -1});
  router_.gone_until_ms = back_ms;
  plan(back_ms, Due::router_back, story_.on_platform() ? action.weight.ppm() : 0);
}

void World::deployment_goes(const Action& action) {
  if (!story_.on_platform()) return;
  pods_change([&] { pods_.remove_all(action.track); });
  const std::int64_t back_ms = std::min(now_ms_ + action.length.count(), story_.calm_at.count());
  plan(back_ms, Due::deployment_back, static_cast<int>(action.track));
}

void World::act_on_engine(const Action& action) {
  using Kind = Action::Kind;
  if (action.kind == Kind::second_engine) {
    start_engine(1);
    const std::int64_t end_ms = now_ms_ + action.length.count();
    return plan(std::min(end_ms, std::max(now_ms_ + 1, story_.calm_at.count())), Due::second_ends);
  }
  const int index = engines_[1].alive && random_.chance(0.5) ? 1 : 0;
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  if (action.kind == Kind::kill)
    return kill_engine(index, index == 1 ? forever : action.length, "is killed");
  if (!engine.alive) return;
  if (action.kind == Kind::engine_stalls) {
    engine.stalled_until_ms = now_ms_ + action.length.count();
    return;
  }
  if (action.kind == Kind::watch_stalls) {
    engine.copy = seen();
    engine.copy_until_ms = now_ms_ + action.length.count();
    return;
  }
  engine.dies_at_call = action;
  engine.calls_left = std::max(1, action.count);
}

bool World::has_ended() const {
  if (!durable_.intents.empty() || !is_calm()) return false;
  const core::Status& status = durable_.status;
  if (std::holds_alternative<core::AwaitingPromotion>(status.phase))
    return !status.rollout->promote && story_.release.promotion == core::Promotion::ask;
  if (const auto* idle = std::get_if<core::Idle>(&status.phase))
    return idle->ready || status.stable_version.empty();
  return !core::is_running(status.phase);
}

// After the calm somebody tidies up: what holds is resumed once, then taken back.
void World::tidy() {
  plan(now_ms_ + tidies_every.count(), Due::tidy);
  if (has_ended()) return plan(now_ms_ + settles_within.count(), Due::end);
  if (!story_.tidy_up) return;
  if (!std::holds_alternative<core::Holding>(durable_.status.phase)) return;
  if (!durable_.intents.empty()) return;
  core::Intent intent;
  intent.kind = ++tidied_ == 1 ? core::Intent::Kind::resume : core::Intent::Kind::rollback;
  intent.by = "otto";
  if (keeps_journal_)
    line(-1, "world", fmt::format("otto asks for `{}`", core::intent_name(intent.kind)));
  add_intent(intent);
}

void World::line(int engine, std::string_view kind, const std::string& text) {
  if (!keeps_journal_) return;
  const std::string who = engine < 0 ? "      " : fmt::format("engine{}", engine + 1);
  result_.journal.push_back(
      fmt::format("{:>9.3f} {} {:<8} {}", static_cast<double>(now_ms_) / 1000.0, who, kind, text));
}

void World::hash(std::string_view text) {
  while (text.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    hash(word);
    text.remove_prefix(8);
  }
  std::uint64_t word = text.size();
  std::memcpy(reinterpret_cast<char*>(&word) + 1, text.data(),
              std::min<std::size_t>(text.size(), 7));
  hash(word);
}

RunResult run_case(const Case& story, bool journal) {
  World world(story, journal);
  return world.run();
}

}  // namespace linnet::sim
