// The engines of the world: their starts and deaths, how they wait, and how the calls of their
// ports go wrong.
#include <algorithm>

#include "sim/ports.h"
#include "sim/world.h"

namespace linnet::sim {
namespace {

constexpr std::int64_t wall_start_ms = 1'764'000'000'000;

}  // namespace

bool World::anyone_alive() const { return engines_[0].alive || engines_[1].alive; }

void World::start_engine(int index) {
  Engine& engine = engines_[static_cast<std::size_t>(index)];
  if (engine.alive) return;
  engine.alive = true;
  pods_change([this] { pods_.take_over(now_ms_); });
  ++engine.boot;
  engine.started_ms = now_ms_;
  engine.mono_base_ms = random_.between(0, 1'000'000) - now_ms_;
  engine.stalled_until_ms = 0;
  engine.bell_ticket = 0;
  engine.rang = false;
  engine.dies_at_call.reset();
  engine.copy.reset();
  engine.told = Told();
  engine.turns_failed = 0;
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
  if (!anyone_alive()) pods_.leave();
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
  const std::int64_t failed = engine.loop->stats().failed;
  if (std::exchange(engine.turns_failed, failed) != failed) return;  // it came to nothing
  const auto& record = engine.loop->record();
  if (!record || !record->status.last_turn) return;
  const std::int64_t decided_ms = record->status.last_turn->ms - engine.mono_base_ms;
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
  engine.told.begins(port, now_ms_);
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

}  // namespace linnet::sim
