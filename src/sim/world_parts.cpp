// What the ports of the world answer and do: the router, the instances, the metrics, the store.
#include <algorithm>
#include <charconv>

#include "sim/world.h"

namespace linnet::sim {
namespace {

int part_of(const core::Phase& phase) {
  if (const auto* step = std::get_if<core::Stepping>(&phase)) return step->index;
  if (const auto* going = std::get_if<core::Promoting>(&phase))
    return static_cast<int>(going->part);
  if (const auto* back = std::get_if<core::RollingBack>(&phase))
    return static_cast<int>(back->part);
  return 0;
}

std::optional<std::size_t> cursor_index(const std::string& cursor, std::size_t known) {
  std::size_t index = 0;
  const char* end = cursor.data() + cursor.size();
  if (cursor.size() < 2 || cursor[0] != 'c') return std::nullopt;
  const auto read = std::from_chars(cursor.data() + 1, end, index);
  if (read.ec != std::errc() || read.ptr != end || index >= known) return std::nullopt;
  return index;
}

}  // namespace

Result<core::TrafficSeen> World::read_router(int index, bool stale) {
  Told& told = engines_[static_cast<std::size_t>(index)].told;
  // One machine's switch cannot be read; a platform says that nothing splits.
  if (is_router_gone() && !story_.on_platform())
    return fail(Code::not_found, "the weight switch is not there");
  core::TrafficSeen seen{router_.weight, router_.taken_back, router_.by};
  if (!router_.differ.empty())
    seen = {router_.differ_says, router_.differ_taken_back, router_.by, router_.differ};
  if (is_router_gone()) stale = false;
  if (is_router_gone()) seen.by = "someone (the canary's object is not there)";
  if (stale) seen = {router_.weight_before, router_.taken_back_before, router_.by_before};
  told.traffic = seen;
  oracle_.told_traffic(told, engines_[static_cast<std::size_t>(index)].lineage, stale);
  return seen;
}

void World::tries_weight(int index, const core::SetWeight& level) {
  if (level.weight.is_zero() && level.taken_back)
    engines_[static_cast<std::size_t>(index)].told.lowered_ms = now_ms_;
}

Result<void> World::set_weight(int index, const core::SetWeight& level) {
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  if (is_router_gone() && story_.on_platform()) {
    // Where nothing splits, the canary gets nothing.
    if (level.weight.is_zero()) return {};
    return fail(Code::not_found, "the canary's object is not there");
  }
  line(index, "effect", core::effect_text(level));
  oracle_.sets_weight(engine.told, engine.version(), level);
  Write write{level, "", true, index};
  if (half_write_ && level.weight != router_.weight) {
    half_write_ = false;
    apply_half(write);
    return fail(Code::unavailable, "one of two objects was written");
  }
  Duration late{};
  if (story_.router.applies_after > 0ms && !is_calm())
    late = random_.between(0ms, story_.router.applies_after);
  if (late == 0ms) {
    apply_weight(write);
    return {};
  }
  pending_write_ = write;
  plan(now_ms_ + late.count(), Due::router, 0, ++pending_seq_);
  if (story_.router.partly) plan(now_ms_ + late.count() / 2, Due::part, 0, pending_seq_);
  return {};
}

void World::apply_weight(const Write& write) {
  flow();
  pending_write_.reset();
  if (is_router_gone() && story_.on_platform()) return;
  router_.gone_until_ms = 0;  // a switch is made anew by setting it
  router_.differ.clear();
  const bool moved = write.level.weight != router_.weight;
  const Percent previous = router_.weight;
  if (moved || write.level.taken_back != router_.taken_back || write.by != router_.by) {
    router_.weight_before = router_.weight;
    router_.taken_back_before = router_.taken_back;
    router_.by_before = router_.by;
    router_.changed_ms = now_ms_;
  }
  if (moved && write.level.weight.is_zero()) router_.zero_since_ms = now_ms_;
  if (moved && write.level.weight == Percent::whole(100)) router_.all_since_ms = now_ms_;
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

// One of two objects is written, the other one stays: the requests go by both.
void World::apply_half(const Write& write) {
  const Percent other = router_.weight;
  const bool alike = other == write.level.weight || router_.taken_back || is_router_gone();
  if (!story_.on_platform() || alike) return apply_weight(write);
  Write most = write;
  most.level.weight = std::max(other, write.level.weight);
  if (most.level.weight == other) most.level.taken_back = false;
  apply_weight(most);
  if (!write.by_linnet) oracle_.outside_change();
  router_.share = (other.fraction() + write.level.weight.fraction()) / 2;
  router_.differ =
      fmt::format("one object says {}, another one {}", write.level.weight.text(), other.text());
  router_.differ_says = write.level.weight;
  router_.differ_taken_back = write.level.taken_back;
  line(-1, "world", router_.differ);
}

core::WorkloadSeen World::observe(int index) {
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  if (engine.copy && (engine.copy_until_ms <= now_ms_ || is_calm())) engine.copy.reset();
  core::WorkloadSeen told = engine.copy ? *engine.copy : seen();
  engine.told.workload = told;
  return told;
}

core::WorkloadSeen World::seen() const {
  return {pods_.seen(core::Track::stable), pods_.seen(core::Track::canary)};
}

Result<void> World::set_track(int index, const core::SetTrack& level) {
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  line(index, "effect", core::effect_text(level));
  oracle_.sets_track(engine.told, engine.version(), level);
  if (pods_.is_gone(level.track)) return fail(Code::not_found, "the Deployment does not exist");
  flow();
  pods_.want(level.track, level.version, level.replicas, now_ms_);
  // The answer to a write has the object as it is now: no copy stays older than that.
  if (engine.copy) {
    core::TrackSeen& copy =
        level.track == core::Track::stable ? engine.copy->stable : engine.copy->canary;
    copy.wanted = pods_.seen(level.track).wanted;
    copy.wanted_version = pods_.seen(level.track).wanted_version;
  }
  hash(static_cast<std::uint64_t>(level.replicas) + static_cast<std::uint64_t>(now_ms_) * 31);
  return {};
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
  if (pods_.version(core::Track::stable).empty()) return;  // before init
  const TrackTotals drawn = traffic_.draw(flow);
  happened_.stable += drawn.stable;
  happened_.canary += drawn.canary;
  reported_.stable += drawn.stable;
  reported_.canary += drawn.canary;
}

const TrackTotals& World::told_at(const std::string& cursor) const {
  static const TrackTotals none{};
  const auto index = cursor_index(cursor, told_.size());
  if (!index) return none;
  return story_.metrics.absurd > 0 ? sane_[*index] : told_[*index];
}

std::int64_t World::told_of_ms(const std::string& cursor) const {
  const auto index = cursor_index(cursor, told_.size());
  return index ? told_ms_[*index] : -1;
}

void World::scrape() {
  flow();
  sampled_ = reported_;
  sampled_ms_ = now_ms_;
  if (const Duration every = story_.metrics.scraped_every; every > 0ms)
    plan(now_ms_ + every.count(), Due::scrape);
}

Result<core::Sample> World::sample(int index, const std::string& cursor) {
  const MetricFaults& faults = story_.metrics;
  const bool late = faults.scraped_every > 0ms;
  if (late)
    flow();
  else
    scrape();
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  const auto from = cursor_index(cursor, told_.size());
  if (!cursor.empty() && !from) return fail(Code::invalid, "unknown cursor '{}'", cursor);
  const bool faulty = faults.any() && !is_calm();
  Random& random = port_random_[at(Port::metrics_since)];
  const TrackTotals older = from ? told_[*from] : sampled_;
  TrackTotals newer = sampled_;
  std::int64_t of_ms = sampled_ms_;
  if (from && faulty && random.chance(faults.skew)) {
    newer.canary = older.canary;
    of_ms = told_ms_[*from];
  }
  if (from && faulty && random.chance(faults.duplicate)) {
    const Totals again = newer.canary;
    newer.canary += again;
    newer.canary -= older.canary;
    for (TrackTotals* source : {&reported_, &sampled_}) {
      source->canary += again;
      source->canary -= older.canary;
    }
  }
  core::Sample sample;
  const bool grew = newer.canary.requests != older.canary.requests ||
                    newer.stable.requests != older.stable.requests;
  if (late && from && grew) sample.reach = Duration(now_ms_ - told_ms_[*from]);
  sample.stable = traffic_.counts(newer.stable, older.stable);
  sample.canary = traffic_.counts(newer.canary, older.canary);
  sample.cursor = fmt::format("c{}", told_.size());
  if (story_.metrics.by_instance)
    sample.stable_instances = by_instance(sample.stable, mix(story_.seed, told_.size()));
  if (from && faulty && random.chance(faults.lost)) sample.lost = random.between(1, 50);
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
  told_ms_.push_back(of_ms);
  if (faults.absurd > 0) {
    TrackTotals net = from ? sane_[*from] : sampled_;
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
  engine.told.any_request = sane && (sample.canary.requests > 0 || sample.stable.requests > 0);
  engine.told.reach = sample.reach;
  engine.told.happened = happened_.canary.requests;
  return sample;
}

std::vector<core::InstanceCounts> World::by_instance(const core::Counts& stable,
                                                     std::uint64_t seed) const {
  std::vector<core::InstanceCounts> found;
  for (const core::Instance& one : pods_.seen(core::Track::stable).instances)
    if (one.state == core::Instance::State::ready) found.push_back({one.id, {}});
  Random random(seed);
  core::Counts left = stable;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double share = 1.0 / static_cast<double>(found.size() - i);
    core::Counts& own = found[i].counts;
    for (std::int64_t& bucket : left.latency) {
      own.latency.push_back(random.binomial(bucket, share));
      bucket -= own.latency.back();
      own.requests += own.latency.back();
    }
    own.bad = std::min(own.requests, random.binomial(left.bad, share));
    left.bad -= own.bad;
  }
  std::erase_if(found, [](const auto& one) { return one.counts.requests == 0; });
  return found;
}

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
  engine.told.outside_kept = engine.told.outside_told;
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

std::vector<core::Intent> World::intents_after(int index, std::int64_t after, bool stale) {
  std::vector<core::Intent> found;
  // A stale answer holds intents again that were answered meanwhile.
  for (const core::Intent& intent : stale ? all_intents_ : durable_.intents)
    if (intent.id > after - (stale ? 3 : 0)) found.push_back(intent);
  if (!found.empty()) engines_[static_cast<std::size_t>(index)].told.last_intent = found.back().id;
  return found;
}

void World::add_intent(core::Intent intent) {
  intent.id = static_cast<std::int64_t>(all_intents_.size()) + 1;
  all_intents_.push_back(intent);
  durable_.intents.push_back(std::move(intent));
  ring();
}

// The engine sends a notice in each turn until it is told that it was delivered.
void World::send(const core::Notice& notice) {
  if (notifier_away_until_ms_ > now_ms_) return;
  if (std::find(delivered_.begin(), delivered_.end(), notice.id) == delivered_.end())
    delivered_.push_back(notice.id);
}

std::vector<std::int64_t> World::delivered() { return std::exchange(delivered_, {}); }

std::string World::closed(WallTime at) const {
  return closed_from_.ms <= at.ms && at.ms < closed_until_.ms ? "freeze until tomorrow: inventory"
                                                              : std::string();
}

void World::note(int index, const core::Entry& entry) {
  CHECK(!entry.text.empty());
  hash(entry.text);
  line(index, entry.kind, entry.text);
}

}  // namespace linnet::sim
