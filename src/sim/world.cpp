#include "sim/world.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "sim/ports.h"

namespace linnet::sim {
namespace {

constexpr std::int64_t wall_start_ms = 1'764'000'000'000;
constexpr Duration settles_within = 40s;
constexpr Duration tidies_every = 20s;
constexpr std::uint64_t regardless = ~std::uint64_t{0};

std::size_t at(Port port) { return static_cast<std::size_t>(port); }

std::array<Random, port_count> port_streams(std::uint64_t seed) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Random, port_count>{Random(mix(seed, 100 + I))...};
  }
  (std::make_index_sequence<port_count>());
}

// From the calm on every rollout must have ended within this: each wait that a spec allows, twice,
// because a person may resume it once.
Duration patience(const core::Release& release) {
  Duration sum = release.progress;
  for (const core::Step& step : release.steps) sum += step.hold + release.no_data.hold + 1min;
  return 2 * sum + 10min;
}

int part_of(const core::Phase& phase) {
  if (const auto* step = std::get_if<core::Stepping>(&phase)) return step->index;
  if (const auto* going = std::get_if<core::Promoting>(&phase))
    return static_cast<int>(going->part);
  if (const auto* back = std::get_if<core::RollingBack>(&phase))
    return static_cast<int>(back->part);
  return 0;
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
  start_engine(0);
  const std::int64_t calm_ms = story_.calm_at.count();
  plan(calm_ms + 1, Due::tidy);
  plan(calm_ms + patience(story_.release).count(), Due::end, 1);
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
    case Due::pods: flow(); return pods_.tick(now_ms_);
    case Due::router:
      if (pending_write_ && item.what == pending_seq_) apply_weight(Write(*pending_write_));
      return;
    case Due::part:
      if (!pending_write_ || item.what != pending_seq_) return;
      flow();
      router_.share = (router_.share + pending_write_->level.weight.fraction()) / 2;
      return;
    case Due::script:
      if (!is_calm()) act(story_.events[item.what].action);
      return;
    case Due::start: return start_engine(item.who);
    case Due::kill:
      return kill_engine(item.who, item.who == 1 ? forever : Duration(item.what),
                         "is killed in a call");
    case Due::guardian: return guardian_fires(item.what);
    case Due::second_ends: return kill_engine(1, World::forever, "is gone");
    case Due::tidy: return tidy();
    case Due::end:
      if (item.who == 0 && !has_ended()) return;
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

// ---- Engines ------------------------------------------------------------------------------------

bool World::anyone_alive() const { return engines_[0].alive || engines_[1].alive; }

void World::start_engine(int index) {
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  if (engine.alive) return;
  engine.alive = true;
  ++engine.boot;
  engine.mono_base_ms = random_.between(0, 1'000'000) - now_ms_;
  engine.stalled_until_ms = 0;
  engine.bell_ticket = 0;
  engine.rang = false;
  engine.dies_at_call.reset();
  engine.told = Told();
  engine.ports = std::make_unique<SimPorts>(*this, index);
  engine.loop = std::make_unique<engine::ReleaseLoop>(story_.release, engine.ports->ports(),
                                                      [this, index] { turn_done(index); });
  line(index, "world", engine.boot == 1 ? "the engine starts" : "the engine starts again");
  engine.waits->start(engine.loop->run());
}

void World::kill_engine(int index, Duration away, const char* how) {
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  if (!engine.alive) return;
  line(index, "world", fmt::format("the engine {}", how));
  hash(static_cast<std::uint64_t>(now_ms_));
  engine.waits->kill_all();
  engine.loop.reset();
  engine.ports.reset();
  engine.alive = false;
  ++deaths_;
  ++result_.kills;
  if (away != forever) plan(now_ms_ + away.count(), Due::start, index);
  if (!story_.guardian) return;
  if (!anyone_alive()) plan(now_ms_ + story_.guardian_after.count(), Due::guardian, 0, deaths_);
  if (!is_calm() && random_.chance(story_.guardian_late))
    plan(now_ms_ + story_.guardian_after.count() + random_.between(0, 10'000), Due::guardian, 0,
         regardless);
}

void World::guardian_fires(std::uint64_t deaths) {
  if (deaths != regardless && (anyone_alive() || deaths != deaths_)) return;
  if (is_calm() && anyone_alive()) return;
  line(-1, "world", "the guardian sets the weight to 0 %");
  apply_weight({core::SetWeight{Percent(), true}, "guardian", false, -1});
}

void World::turn_done(int index) {
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  ++result_.turns;
  const auto& record = engine.loop->record();
  if (!record || !record->status.last_turn) return;
  const std::int64_t decided_ms = record->status.last_turn->ms - engine.mono_base_ms;
  if (decided_ms == engine.told.turn_before_ms) return;  // this turn came to nothing
  engine.told.observed_ms = decided_ms;
  if (engine.told.saved)
    engine.lineage = engine.pending;
  else
    engine.lineage = oracle_.advance(engine.told, engine.lineage, record->status);
  engine.told.turn_before_ms = decided_ms;
  if (on_turn) on_turn(record->status);
}

Now World::now_of(int engine) const {
  return {WallTime{wall_start_ms + now_ms_ + wall_offset_ms_},
          MonoTime{now_ms_ + engines_[static_cast<std::size_t>(engine)].mono_base_ms}};
}

World::Answering World::call(int index, Port port, Duration allowed) {
  Answering answer;
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  engine.told.begins(port);
  if (port == Port::router_set || port == Port::workload_set) {
    engine.told.version_current = engine.version() == durable_.version;
    engine.told.could_know = now_ms_ - durable_.saved_ms > 500;
  }
  if (engine.dies_at_call && engine.dies_at_call->port == port && --engine.calls_left <= 0) {
    const Action action = *engine.dies_at_call;
    engine.dies_at_call.reset();
    plan(now_ms_, Due::kill, index, static_cast<std::uint64_t>(action.length.count()));
    (action.after ? answer.after : answer.before) = forever;
    return answer;
  }
  if (reply_lost_in_[at(port)] > 0 && --reply_lost_in_[at(port)] == 0) {
    answer.after = 100ms;
    answer.error = Code::unknown_outcome;
    return answer;
  }
  if (is_calm()) return answer;
  const PortFaults& faults = story_.ports[at(port)];
  if (outage_until_ms_[at(port)] > now_ms_) {
    answer.happens = false;
    answer.error = Code::unavailable;
    return answer;
  }
  if (!faults.any()) return answer;
  answer = fault_of(port, faults, allowed);
  if (keeps_journal_ && (answer.error || answer.stale || answer.before > 1s))
    line(index, "fault",
         fmt::format("{}: {}{}{}", port_name(port), answer.error ? code_name(*answer.error) : "ok",
                     answer.stale ? ", stale" : "",
                     answer.before + answer.after > 0ms
                         ? " after " + duration_text(answer.before + answer.after)
                         : std::string()));
  return answer;
}

World::Answering World::fault_of(Port port, const PortFaults& faults, Duration allowed) {
  Answering answer;
  Random& random = port_random_[at(port)];
  if (random.chance(faults.slow))
    answer.before = random.between(1ms, std::max(1ms, std::min(faults.slowness, allowed - 1ms)));
  double roll = random.unit();
  if ((roll -= faults.fails) < 0) {
    answer.happens = false;
    answer.error = Code::unavailable;
  } else if ((roll -= faults.hangs) < 0) {
    answer = Answering{0ms, allowed, false, Code::timed_out, false};
  } else if ((roll -= faults.lost) < 0) {
    answer.after = random.between(0ms, allowed - answer.before);
    answer.error = Code::unknown_outcome;
  } else if ((roll -= faults.conflicts) < 0) {
    answer.happens = false;
    answer.error = Code::conflict;
  } else {
    answer.stale = (roll -= faults.stale) < 0;
  }
  return answer;
}

Task<void> World::stand(int index, Duration length) {
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  const std::uint64_t ticket = engine.waits->next_ticket();
  if (length != forever) plan(now_ms_ + length.count(), Due::wake, index, ticket);
  return engine.waits->until_woken(ticket);
}

Task<void> World::wait_at_bell(int index, Duration pause) {
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  const std::uint64_t ticket = engine.waits->next_ticket();
  // Even a rung bell lets a millisecond pass: a turn takes time, and nobody may spin.
  const std::int64_t length = engine.rang ? 1 : std::max<std::int64_t>(1, pause.count());
  engine.rang = false;
  engine.bell_ticket = ticket;
  plan(now_ms_ + length, Due::wake, index, ticket);
  return engine.waits->until_woken(ticket);
}

void World::ring() {
  for (Engine& engine : engines_) {
    if (!engine.alive) continue;
    if (engine.bell_ticket != 0)
      plan(now_ms_, Due::wake, engine.index, engine.bell_ticket);
    else
      engine.rang = true;
  }
}

// ---- The router, the instances, the metrics -----------------------------------------------------

core::TrafficSeen World::read_router(int index, bool stale) {
  Told& told = engines_[static_cast<std::size_t>(index)].told;
  core::TrafficSeen seen{router_.weight, router_.taken_back, router_.by};
  if (stale) seen = {router_.weight_before, router_.taken_back_before, router_.by_before};
  told.traffic = seen;
  oracle_.told_traffic(told, engines_[static_cast<std::size_t>(index)].lineage, stale);
  return seen;
}

void World::tries_weight(int index, const core::SetWeight& level) {
  if (level.weight.is_zero() && level.taken_back)
    engines_[static_cast<std::size_t>(index)].told.lowered_ms = now_ms_;
}

void World::set_weight(int index, const core::SetWeight& level) {
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  line(index, "effect", core::effect_text(level));
  oracle_.sets_weight(engine.told, engine.version(), level);
  Write write{level, "", true, index};
  Duration late{};
  if (story_.router.applies_after > 0ms && !is_calm())
    late = random_.between(0ms, story_.router.applies_after);
  if (late == 0ms) return apply_weight(write);
  pending_write_ = write;
  plan(now_ms_ + late.count(), Due::router, 0, ++pending_seq_);
  if (story_.router.partly) plan(now_ms_ + late.count() / 2, Due::part, 0, pending_seq_);
}

void World::apply_weight(const Write& write) {
  flow();
  pending_write_.reset();
  const bool moved = write.level.weight != router_.weight;
  const Percent previous = router_.weight;
  if (moved || write.level.taken_back != router_.taken_back || write.by != router_.by) {
    router_.weight_before = router_.weight;
    router_.taken_back_before = router_.taken_back;
    router_.by_before = router_.by;
    router_.changed_ms = now_ms_;
  }
  if (moved && write.level.weight.is_zero()) router_.zero_since_ms = now_ms_;
  if (previous.is_zero() && !write.level.weight.is_zero()) {
    canary_since_ms_ = now_ms_;
    router_.raised_by_linnet = write.by_linnet;
  }
  router_.weight = write.level.weight;
  router_.taken_back = write.level.taken_back;
  router_.by = write.by;
  router_.share = write.level.weight.fraction();
  router_.by_linnet = write.by_linnet;
  hash(static_cast<std::uint64_t>(now_ms_) * 1'000'003 +
       static_cast<std::uint64_t>(router_.weight.ppm()));
  if (moved) line(-1, "world", fmt::format("{} in force", router_.weight.text()));
  if (!write.by_linnet && moved) oracle_.outside_change();
}

core::WorkloadSeen World::observe(int index) {
  Told& told = engines_[static_cast<std::size_t>(index)].told;
  core::WorkloadSeen seen{pods_.seen(core::Track::stable), pods_.seen(core::Track::canary)};
  told.workload = seen;
  return seen;
}

void World::set_track(int index, const core::SetTrack& level) {
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  line(index, "effect", core::effect_text(level));
  oracle_.sets_track(engine.told, engine.version(), level);
  flow();
  pods_.want(level.track, level.version, level.replicas, now_ms_);
  hash(static_cast<std::uint64_t>(level.replicas) + static_cast<std::uint64_t>(now_ms_) * 31);
}

void World::flow() {
  if (now_ms_ == flowed_ms_) return;
  TrafficModel::Flow flow;
  flow.from_ms = flowed_ms_;
  flow.to_ms = now_ms_;
  flow.canary_share = router_.share;
  flow.stable = pods_.serving(core::Track::stable);
  flow.canary = pods_.serving(core::Track::canary);
  flow.canary_since_ms = canary_since_ms_;
  flowed_ms_ = now_ms_;
  if (flow.stable == nullptr && pods_.count(core::Track::stable) == 0) return;  // before init
  const TrackTotals drawn = traffic_.draw(flow);
  happened_.stable += drawn.stable;
  happened_.canary += drawn.canary;
  reported_.stable += drawn.stable;
  reported_.canary += drawn.canary;
}

namespace {

std::optional<std::size_t> cursor_index(const std::string& cursor, std::size_t known) {
  std::size_t index = 0;
  const char* end = cursor.data() + cursor.size();
  if (cursor.size() < 2 || cursor[0] != 'c') return std::nullopt;
  const auto read = std::from_chars(cursor.data() + 1, end, index);
  if (read.ec != std::errc() || read.ptr != end || index >= known) return std::nullopt;
  return index;
}

}  // namespace

const TrackTotals& World::told_at(const std::string& cursor) const {
  static const TrackTotals none{};
  const auto index = cursor_index(cursor, told_.size());
  if (!index) return none;
  return story_.metrics.absurd > 0 ? sane_[*index] : told_[*index];
}

Result<core::Sample> World::sample(int index, const std::string& cursor) {
  flow();
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  const auto from = cursor_index(cursor, told_.size());
  if (!cursor.empty() && !from) return fail(Code::invalid, "unknown cursor '{}'", cursor);
  const MetricFaults& faults = story_.metrics;
  const bool faulty = faults.any() && !is_calm();
  Random& random = port_random_[at(Port::metrics_since)];
  const TrackTotals older = from ? told_[*from] : reported_;
  TrackTotals newer = reported_;
  if (from && faulty && random.chance(faults.skew)) newer.canary = older.canary;
  if (from && faulty && random.chance(faults.duplicate)) {
    const Totals again = newer.canary;
    newer.canary += again;
    newer.canary -= older.canary;
    reported_.canary += again;
    reported_.canary -= older.canary;
  }
  sampled_ = reported_;
  core::Sample sample;
  sample.stable = traffic_.counts(newer.stable, older.stable);
  sample.canary = traffic_.counts(newer.canary, older.canary);
  sample.cursor = fmt::format("c{}", told_.size());
  bool sane = true;
  if (from && faulty && random.chance(faults.absurd)) {
    sane = false;
    switch (random.below(4)) {
      case 0: sample.canary.requests = -sample.canary.requests - 1; break;
      case 1: sample.stable.bad = sample.stable.requests + 1; break;
      case 2: sample.canary.requests = std::int64_t{1} << 62; break;
      default: sample.lost = -1; break;
    }
  }
  told_.push_back(newer);
  if (faults.absurd > 0) {
    TrackTotals net = from ? sane_[*from] : reported_;
    if (sane) {
      net.stable += newer.stable;
      net.stable -= older.stable;
      net.canary += newer.canary;
      net.canary -= older.canary;
    }
    sane_.push_back(net);
  }
  engine.told.sample_ok = sane;
  engine.told.canary_requests = sane ? sample.canary.requests : 0;
  return sample;
}

// ---- The store, people --------------------------------------------------------------------------

Record World::load(int index) {
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  engine.lineage = durable_.lineage;
  oracle_.loaded(engine.told);
  return Record{durable_.status, durable_.version};
}

Result<std::int64_t> World::save(int index, std::int64_t version, Saving saving) {
  if (version != durable_.version)
    return fail(Code::conflict, "the record is at version {}, not {}", durable_.version, version);
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  ++result_.saves;
  for (const core::Entry& entry : saving.entries) {
    hash(entry.text);
    line(index, entry.kind, entry.text);
  }
  if (saving.status.last_turn)
    engine.told.observed_ms = saving.status.last_turn->ms - engine.mono_base_ms;
  engine.pending = oracle_.advance(engine.told, engine.lineage, saving.status);
  oracle_.saves(engine.told, engine.lineage, durable_.status, saving, durable_.intents);
  engine.told.saved = true;
  for (const core::Answer& answer : saving.answers) {
    std::erase_if(durable_.intents,
                  [&](const core::Intent& intent) { return intent.id == answer.intent; });
    durable_.answers.push_back(answer);
  }
  if (saving.finished) durable_.history.push_back(*saving.finished);
  const std::size_t phase = durable_.status.phase.index();
  const int part = part_of(durable_.status.phase);
  durable_.status = std::move(saving.status);
  durable_.lineage = engine.pending;
  ++durable_.version;
  durable_.saved_ms = now_ms_;
  hash(static_cast<std::uint64_t>(now_ms_));
  if (phase != durable_.status.phase.index() || part != part_of(durable_.status.phase)) began();
  if (until && until(durable_.status)) over_ = true;
  if (is_calm() && has_ended()) plan(now_ms_ + settles_within.count(), Due::end);
  return durable_.version;
}

// Things that wait for a phase happen some time after it began.
void World::began() {
  const core::Status& status = durable_.status;
  const std::string_view name = core::phase_name(status.phase);
  for (std::size_t i = 0; i < story_.events.size(); ++i) {
    const Event& event = story_.events[i];
    if (fired_[i] || event.phase != name) continue;
    if (event.part >= 0 && event.part != part_of(status.phase)) continue;
    if (event.rollout > 0 && event.rollout != status.rollouts) continue;
    fired_[i] = true;
    plan(now_ms_ + event.delay.count(), Due::script, 0, i);
  }
}

std::vector<core::Intent> World::intents_after(std::int64_t after, bool stale) const {
  std::vector<core::Intent> found;
  // A stale answer holds intents again that were answered meanwhile.
  for (const core::Intent& intent : stale ? all_intents_ : durable_.intents)
    if (intent.id > after - (stale ? 3 : 0)) found.push_back(intent);
  return found;
}

void World::add_intent(core::Intent intent) {
  intent.id = static_cast<std::int64_t>(all_intents_.size()) + 1;
  all_intents_.push_back(intent);
  durable_.intents.push_back(std::move(intent));
  ring();
}

void World::send(const core::Notice& notice) { delivered_.push_back(notice.id); }

std::vector<std::int64_t> World::delivered() { return std::exchange(delivered_, {}); }

std::string World::closed() const {
  return closed_until_ms_ > now_ms_ ? "freeze until tomorrow: inventory" : std::string();
}

void World::note(int index, const core::Entry& entry) {
  CHECK(!entry.text.empty());
  hash(entry.text);
  line(index, entry.kind, entry.text);
}

// ---- What happens by itself ---------------------------------------------------------------------

void World::act(const Action& action) {
  using Kind = Action::Kind;
  if (keeps_journal_) line(-1, "world", action_text(action));
  hash(static_cast<std::uint64_t>(action.kind) + 77);
  switch (action.kind) {
    case Kind::intent: return add_intent(action.intent);
    case Kind::foreign_weight:
      return apply_weight({core::SetWeight{action.weight, false}, action.by, false, -1});
    case Kind::router_marks:
      return apply_weight({core::SetWeight{Percent(), true}, action.by, false, -1});
    case Kind::foreign_scale: flow(); return pods_.scale(action.track, action.count, now_ms_);
    case Kind::delete_pod: flow(); return pods_.remove_one(action.track, now_ms_);
    case Kind::guardian: return guardian_fires(regardless);
    case Kind::counters_reset:
      flow();
      reported_ = sampled_;
      return;
    case Kind::wall_jump: wall_offset_ms_ += action.length.count(); return;
    case Kind::outage: outage_until_ms_[at(action.port)] = now_ms_ + action.length.count(); return;
    case Kind::reply_lost: reply_lost_in_[at(action.port)] = action.count; return;
    case Kind::calendar_closes: closed_until_ms_ = now_ms_ + action.length.count(); return;
    case Kind::kill:
    case Kind::kill_at_call:
    case Kind::second_engine:
    case Kind::engine_stalls: return act_on_engine(action);
  }
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
