#include "sim/ports.h"

namespace linnet::sim {
namespace {

constexpr Duration store_patience = 20s;

tl::unexpected<Error> refused(Port port, Code code) {
  if (code == Code::unknown_outcome) return fail(code, "{}: the answer was lost", port_name(port));
  if (code == Code::timed_out) return fail(code, "{}: no answer in time", port_name(port));
  if (code == Code::conflict) return fail(code, "{}: somebody else was first", port_name(port));
  return fail(code, "{}: connection refused", port_name(port));
}

Duration left(World& world, int engine, Deadline deadline) {
  return std::max(deadline - world.now_of(engine).mono, Duration(1));
}

}  // namespace

Now SimClock::now() { return world.now_of(engine); }

Task<void> SimDoorbell::wait(std::string, Duration pause) {
  return world.wait_at_bell(engine, pause);
}
void SimDoorbell::ring(const std::string&) { world.ring(); }

Task<Result<Record>> SimStore::load(std::string) {
  const World::Answering answer = world.call(engine, Port::store_load, store_patience);
  if (answer.before > 0ms) co_await world.stand(engine, answer.before);
  if (answer.after > 0ms) co_await world.stand(engine, answer.after);
  if (answer.error) co_return refused(Port::store_load, *answer.error);
  co_return world.load(engine);
}

Task<Result<std::int64_t>> SimStore::save(std::string, std::int64_t version, Saving saving) {
  const World::Answering answer = world.call(engine, Port::store_save, store_patience);
  if (answer.before > 0ms) co_await world.stand(engine, answer.before);
  Result<std::int64_t> saved = std::int64_t{0};
  if (answer.happens) saved = world.save(engine, version, std::move(saving));
  if (answer.after > 0ms) co_await world.stand(engine, answer.after);
  if (answer.error) co_return refused(Port::store_save, *answer.error);
  co_return saved;
}

Task<Result<std::vector<core::Intent>>> SimStore::intents(std::string, std::int64_t after) {
  const World::Answering answer = world.call(engine, Port::store_intents, store_patience);
  if (answer.before > 0ms) co_await world.stand(engine, answer.before);
  if (answer.after > 0ms) co_await world.stand(engine, answer.after);
  if (answer.error) co_return refused(Port::store_intents, *answer.error);
  co_return world.intents_after(engine, after, answer.stale);
}

void SimJournal::note(const std::string&, const core::Entry& entry) { world.note(engine, entry); }

Task<Result<core::WorkloadSeen>> SimWorkload::observe(Deadline deadline) {
  const World::Answering answer =
      world.call(engine, Port::workload_observe, left(world, engine, deadline));
  if (answer.before > 0ms) co_await world.stand(engine, answer.before);
  if (answer.after > 0ms) co_await world.stand(engine, answer.after);
  if (answer.error) co_return refused(Port::workload_observe, *answer.error);
  co_return world.observe(engine);
}

Task<Result<void>> SimWorkload::set(core::SetTrack level, Deadline deadline) {
  const World::Answering answer =
      world.call(engine, Port::workload_set, left(world, engine, deadline));
  if (answer.before > 0ms) co_await world.stand(engine, answer.before);
  Result<void> done;
  if (answer.happens) done = world.set_track(engine, level);
  if (answer.after > 0ms) co_await world.stand(engine, answer.after);
  if (answer.error) co_return refused(Port::workload_set, *answer.error);
  co_return done;
}

Task<Result<core::TrafficSeen>> SimRouter::read(Deadline deadline) {
  const World::Answering answer =
      world.call(engine, Port::router_read, left(world, engine, deadline));
  if (answer.before > 0ms) co_await world.stand(engine, answer.before);
  if (answer.after > 0ms) co_await world.stand(engine, answer.after);
  if (answer.error) co_return refused(Port::router_read, *answer.error);
  co_return world.read_router(engine, answer.stale);
}

Task<Result<void>> SimRouter::set(core::SetWeight level, Deadline deadline) {
  world.tries_weight(engine, level);
  const World::Answering answer =
      world.call(engine, Port::router_set, left(world, engine, deadline));
  if (answer.before > 0ms) co_await world.stand(engine, answer.before);
  Result<void> done;
  if (answer.happens) done = world.set_weight(engine, level);
  if (answer.after > 0ms) co_await world.stand(engine, answer.after);
  world.tries_weight(engine, level);
  if (answer.error) co_return refused(Port::router_set, *answer.error);
  co_return done;
}

Task<Result<core::Sample>> SimMetrics::since(std::string cursor, Deadline deadline) {
  const World::Answering answer =
      world.call(engine, Port::metrics_since, left(world, engine, deadline));
  if (answer.before > 0ms) co_await world.stand(engine, answer.before);
  if (answer.after > 0ms) co_await world.stand(engine, answer.after);
  if (answer.error) co_return refused(Port::metrics_since, *answer.error);
  co_return world.sample(engine, cursor);
}

void SimNotifier::send(const core::Notice& notice) { world.send(notice); }
std::vector<std::int64_t> SimNotifier::delivered() { return world.delivered(); }

std::string SimCalendar::closed(const core::Release&, WallTime at) { return world.closed(at); }

SimPorts::SimPorts(World& world, int engine)
    : clock(world, engine),
      doorbell(world, engine),
      store(world, engine),
      journal(world, engine),
      workload(world, engine),
      router(world, engine),
      metrics(world, engine),
      notifier(world, engine),
      calendar(world, engine) {}

Ports SimPorts::ports() {
  return Ports{clock, doorbell, store, journal, workload, router, metrics, notifier, calendar};
}

}  // namespace linnet::sim
