// From a seed to a case. Each seed switches a random subset of faults on: a run in which everything
// fails all the time explores little, and one in which two rare things meet finds the bugs.
#include "sim/case.h"
#include "sim/random.h"

namespace linnet::sim {
namespace {

using Kind = Action::Kind;

core::Release a_release(Random& random) {
  core::Release release;
  release.name = "shop";
  core::ProcessWorkload process;
  process.command = {"/opt/shop/{{version}}/shop", "{{port}}"};
  process.replicas = static_cast<int>(random.between(1, 4));
  process.health.startup = random.between(8s, 30s);
  process.stop.drain = random.chance(0.3) ? Duration(0) : random.between(200ms, 4000ms);
  release.workload = process;
  if (random.chance(0.4)) {
    core::DeploymentsWorkload pair{"shop", "shop-canary", "shop", "shop:{{version}}"};
    pair.replicas = static_cast<int>(random.between(1, 4));
    release.workload = pair;
  }
  constexpr std::array<int, 7> weights{1, 5, 10, 25, 50, 75, 100};
  for (const int weight : weights)
    if (random.chance(0.45))
      release.steps.push_back({Percent::whole(weight), random.between(2s, 25s)});
  if (release.steps.empty()) release.steps = core::default_steps();
  release.checks = core::default_checks();
  if (random.chance(0.2)) release.checks.pop_back();
  if (random.chance(0.2)) release.checks.erase(release.checks.begin());
  for (core::Check& check : release.checks)
    if (auto* latency = std::get_if<core::LatencyCheck>(&check.rule); latency && random.chance(0.3))
      latency->limit = random.between(100ms, 3000ms);
  release.min_requests = random.one_of(std::array{1, 5, 20, 20, 50});
  release.no_data.hold = random.between(20s, 60s);
  release.no_data.then = random.chance(0.2) ? core::Then::hold : core::Then::rollback;
  release.progress = random.between(40s, 90s);
  auto& analysis = release.analysis;
  analysis.early_fail = random.chance(0.85);
  analysis.early_pass = random.chance(0.15);
  if (random.chance(0.1)) analysis.decision = core::Analysis::Decision::evidence;
  using Compare = core::Analysis::Compare;
  analysis.compare = random.one_of(
      std::array{Compare::off, Compare::off, Compare::off, Compare::warn, Compare::rollback});
  if (random.chance(0.4)) release.promotion = core::Promotion::automatic;
  if (random.chance(0.25)) release.on_failure = core::Then::hold;
  if (random.chance(0.3)) release.notify = {{"https://hooks.example/x", {}, {}}};
  release.turn = random.one_of(std::array<Duration, 4>{1000ms, 1000ms, 500ms, 2000ms});
  return release;
}

Behaviour a_behaviour(Random& random, std::string version) {
  Behaviour behaviour;
  behaviour.version = std::move(version);
  behaviour.startup = random.between(100ms, 3000ms);
  if (random.chance(0.3)) behaviour.base_errors = random.uniform(0.0, 0.01);
  using Is = Behaviour::Kind;
  behaviour.kind = random.one_of(std::array{Is::good, Is::good, Is::good, Is::bad, Is::bad_later,
                                            Is::bad_above_weight, Is::clumps, Is::recovering});
  if (behaviour.kind != Is::good) {
    const bool slow = random.chance(0.3);
    const double share = random.one_of(std::array{0.03, 0.06, 0.1, 0.3, 0.5, 1.0});
    (slow ? behaviour.slow_share : behaviour.error_share) = share;
    behaviour.turns_after = random.chance(0.5) ? random.between(1s, 12s) : random.between(3s, 60s);
    behaviour.from_weight = random.uniform(0.02, 0.6);
    behaviour.clump = random.between(500ms, 3000ms);
  }
  if (random.chance(0.06)) behaviour.never_ready = true;
  if (random.chance(0.06)) behaviour.crash_loop = true;
  if (random.chance(0.06)) behaviour.never_ready_as_stable = true;
  if (random.chance(0.12)) behaviour.flap_every = random.between(5s, 60s);
  behaviour.dies_when_it_flaps = random.chance(0.4);
  return behaviour;
}

Demand a_demand(Random& random) {
  Demand demand;
  demand.per_second = random.one_of(std::array{2.0, 10.0, 40.0, 100.0, 100.0, 400.0, 2000.0});
  if (random.chance(0.2)) demand.day_swing = random.uniform(0.1, 0.9);
  demand.day = random.between(1min, 5min);
  if (random.chance(0.2)) {
    demand.burst_every = random.between(5s, 60s);
    demand.burst_factor = random.uniform(2.0, 20.0);
  }
  if (random.chance(0.12)) demand.silence_every = random.between(20s, 4min);
  if (random.chance(0.08)) {
    demand.all_fail_share = random.uniform(0.05, 1.0);
    demand.all_fail_from = random.between(5s, 90s);
  }
  return demand;
}

void some_port_faults(Random& random, Case& story) {
  for (std::size_t i = 0; i < port_count; ++i) {
    if (!random.chance(0.3)) continue;
    PortFaults& faults = story.ports[i];
    const auto port = static_cast<Port>(i);
    const auto share = [&](double chance, double most) {
      return random.chance(chance) ? random.uniform(0.0, most) : 0.0;
    };
    faults.slow = share(0.5, 0.5);
    faults.slowness = random.chance(0.7) ? random.between(1ms, 300ms) : random.between(300ms, 8s);
    faults.fails = share(0.5, 0.3);
    faults.hangs = share(0.2, 0.05);
    const bool writes =
        port == Port::router_set || port == Port::workload_set || port == Port::store_save;
    if (writes) faults.lost = share(0.5, 0.2);
    if (writes) faults.conflicts = share(0.3, 0.1);
    if (port == Port::router_read || port == Port::store_intents) faults.stale = share(0.3, 0.1);
  }
}

constexpr std::array<std::string_view, 7> phases{
    "preparing", "stepping",     "stepping", "awaiting_promotion",
    "promoting", "rolling_back", "holding"};

// When: anywhere in the run, or a little after a phase began.
Event at_some_time(Random& random, Action action) {
  Event event;
  event.action = std::move(action);
  if (random.chance(0.4)) {
    event.delay = random.between(1s, 150s);
    return event;
  }
  event.phase = random.one_of(phases);
  event.part = random.chance(0.5) ? -1 : static_cast<int>(random.below(5));
  event.delay = random.chance(0.5) ? random.between(0ms, 2000ms) : random.between(0ms, 20'000ms);
  return event;
}

Event at_time(Duration delay, Kind kind) {
  Event event;
  event.delay = delay;
  event.action.kind = kind;
  return event;
}

core::Intent a_wish(Random& random) {
  using Wish = core::Intent::Kind;
  core::Intent intent;
  intent.kind =
      random.one_of(std::array{Wish::deploy, Wish::deploy, Wish::promote, Wish::promote,
                               Wish::rollback, Wish::pause, Wish::pause, Wish::resume, Wish::resume,
                               Wish::traffic, Wish::cleanup, Wish::interrupt, Wish::init});
  intent.by = random.chance(0.5) ? "anna" : "ben";
  intent.supersede = random.chance(0.5);
  intent.promote = random.chance(0.2);
  intent.hold = random.chance(0.2);
  intent.skip_steps = random.chance(0.5);
  intent.force = random.chance(0.5);
  if (intent.kind == Wish::deploy || intent.kind == Wish::init)
    intent.version = fmt::format("v{}", random.between(1, 4));
  // From what means nothing to it, so that no other story changes.
  if (intent.kind == Wish::interrupt && intent.supersede)
    intent.version = intent.skip_steps ? "v2" : "v3";
  intent.weight = Percent::from_ppm(static_cast<std::int32_t>(random.between(0, 100)) * 10'000);
  if (random.chance(0.1)) intent.weight = Percent::from_ppm(5555);
  return intent;
}

Action an_action(Random& random, bool platform) {
  Action action;
  action.kind = random.one_of(std::array{
      Kind::intent,          Kind::intent,       Kind::intent,       Kind::foreign_weight,
      Kind::foreign_scale,   Kind::delete_pod,   Kind::kill,         Kind::kill,
      Kind::kill_at_call,    Kind::kill_at_call, Kind::kill_at_call, Kind::guardian,
      Kind::counters_reset,  Kind::wall_jump,    Kind::outage,       Kind::engine_stalls,
      Kind::calendar_closes, Kind::reply_lost,   Kind::router_gone,  Kind::watch_stalls});
  if (platform && random.chance(0.4))
    action.kind =
        random.one_of(std::array{Kind::foreign_scale, Kind::foreign_scale, Kind::foreign_image,
                                 Kind::foreign_image, Kind::quota, Kind::deployment_gone});
  action.intent = a_wish(random);
  action.weight = Percent::whole(
      static_cast<std::int32_t>(random.one_of(std::array{0, 0, 0, 1, 5, 10, 25, 50, 100})));
  action.by = random.chance(0.5) ? "kubectl" : "";
  action.track = random.chance(0.6) ? core::Track::canary : core::Track::stable;
  action.count = static_cast<int>(random.between(0, 5));
  action.version = fmt::format("v{}", random.between(1, 4));
  action.port = static_cast<Port>(random.below(port_count));
  action.after = random.chance(0.5);
  action.length = random.chance(0.6) ? random.between(10ms, 4000ms) : random.between(4s, 45s);
  // Its own limit for a copy of which nothing is heard.
  if (action.kind == Kind::watch_stalls) action.length = random.between(100ms, 10s);
  if (action.kind == Kind::wall_jump) action.length = random.between(Duration(-2h), Duration(2h));
  if (action.kind == Kind::reply_lost) {
    action.port = random.one_of(std::array{Port::router_set, Port::workload_set, Port::store_save});
    action.count = static_cast<int>(random.between(1, 3));
  }
  if (action.kind == Kind::kill_at_call) {
    action.port = random.one_of(std::array{Port::router_set, Port::router_set, Port::workload_set,
                                           Port::store_save, Port::store_save, Port::router_read,
                                           Port::metrics_since, Port::store_load,
                                           Port::workload_observe, Port::store_intents});
    action.count = static_cast<int>(random.between(1, 6));
  }
  return action;
}

// Two or three things within a few seconds of one moment: where they meet, the bugs are.
void some_that_meet(Random& random, Case& story) {
  Event moment = at_some_time(random, {});
  if (moment.phase.empty()) moment.phase = random.one_of(phases);
  const std::int64_t count = random.between(2, 3);
  for (std::int64_t i = 0; i < count; ++i) {
    Event event = moment;
    event.action = an_action(random, story.on_platform());
    if (random.chance(0.3)) {
      event.action.kind = Kind::outage;
      event.action.port = random.one_of(
          std::array{Port::router_set, Port::workload_set, Port::store_save, Port::router_read});
      event.action.length = random.between(500ms, 8000ms);
    }
    event.delay += random.between(0ms, 3000ms);
    story.events.push_back(std::move(event));
  }
}

// Somebody's script that sets the weight by hand, again and again, while no notice gets through.
void a_flood_of_notices(Random& random, Case& story) {
  story.release.notify = {{"https://hooks.example/x", {}, {}}};
  story.calm_at = 3min;
  Event away = at_time(0ms, Kind::notifier_away);
  away.action.length = story.calm_at;
  story.events.push_back(away);
  const Duration begin = random.between(6s, 30s);
  for (int i = 0; i < 140; ++i) {
    Event wish = at_time(begin + 1s * i, Kind::intent);
    wish.action.intent.kind = core::Intent::Kind::traffic;
    wish.action.intent.weight = Percent::whole(1 + i % 2);
    wish.action.intent.by = "ben";
    story.events.push_back(wish);
  }
}

// The canary carries all, stable's instances are lost and new ones do not get ready, in an outage
// of the store that is longer than the limit of a loop that cannot save.
void stable_goes_while_nothing_is_saved(Random& random, Case& story) {
  for (Behaviour& behaviour : story.versions)
    if (behaviour.version != "v0" && behaviour.version != "v1")
      behaviour.never_ready_as_stable = true;
  Event event;
  event.phase = "promoting";
  event.part = 1;
  event.delay = random.between(0ms, 2000ms);
  event.action.kind = Kind::outage;
  event.action.port = Port::store_save;
  event.action.length = random.between(11s, 60s);
  story.events.push_back(event);
  if (random.chance(0.3)) {  // one sick server does both
    event.action.port = Port::workload_observe;
    story.events.push_back(event);
  }
  event.action.kind = Kind::delete_pod;
  event.action.track = core::Track::stable;
  for (std::int64_t i = random.between(2, 6); i > 0; --i) {
    event.delay += random.between(100ms, 2000ms);
    story.events.push_back(event);
  }
}

// The canary is ready, and the router cannot be read for longer than anybody waits.
void the_router_is_not_ready(Random& random, Case& story) {
  Event event;
  event.phase = "preparing";
  event.delay = random.between(0ms, 500ms);
  event.action.kind = Kind::outage;
  event.action.port = Port::router_read;
  event.action.length = random.between(30s, 150s);
  story.events.push_back(event);
}

void some_do_not_stop(Random& random, StopFaults& stopping) {
  stopping.stay = random.one_of(std::array{0.1, 0.4, 1.0});
  if (random.chance(0.4)) stopping.stay_for = random.between(20s, 5min);
}

void some_one_writes_the_router(Random& random, Case& story, Kind kind) {
  Action write;
  write.kind = kind;
  write.by = random.chance(0.5) ? "kubectl" : "";
  write.weight = Percent::whole(random.one_of(std::array{0, 1, 5, 10, 25, 50, 100}));
  story.events.push_back(at_some_time(random, write));
}

// Several of a kind, each with a minimum of its own.
void some_more_checks(Random& random, core::Release& release) {
  if (!random.chance(0.2)) return;
  if (random.chance(0.5))
    release.checks.push_back(
        {"errors_beside",
         {},
         core::ErrorRateCheck{Percent::whole(random.one_of(std::array{2, 10, 20}))}});
  if (random.chance(0.5))
    release.checks.push_back(
        {"latency_p50", {}, core::LatencyCheck{Percent::whole(50), random.between(50ms, 900ms)}});
  for (core::Check& check : release.checks)
    if (random.chance(0.4)) check.min_requests = random.one_of(std::array{1, 10, 30, 80});
}

void some_metrics(Random& random, MetricFaults& metrics) {
  if (random.chance(0.05)) metrics.lost = random.uniform(0.0, 0.3);
  metrics.by_instance = random.chance(0.15);
  metrics.die_with_instances = random.chance(0.1);
}

// The resident memory of an instance, with or without a limit, advice or not. Not where another
// hand gives the canary another image: its memory would be of both.
void some_memory(Random& random, Case& story) {
  for (const Event& event : story.events)
    if (event.action.kind == Kind::foreign_image) return;
  core::GaugeCheck rule;
  rule.limit_mib = random.chance(0.7) ? 150 : 0;
  rule.advisory = rule.limit_mib == 0 || random.chance(0.3);
  story.release.checks.push_back({"memory", {}, rule});
  for (Behaviour& behaviour : story.versions)
    behaviour.memory_mib = random.one_of(std::array{-1, 100, 100, 100, 200, 200});
}

// Drawn by themselves, so that a new one leaves all stories that do not have it as they are.
void some_rare_faults(Random& random, Case& story) {
  if (random.chance(0.05)) {
    Action away;
    away.kind = Kind::notifier_away;
    away.length = random.between(1s, 90s);
    story.events.push_back(at_some_time(random, away));
  }
  if (random.chance(0.002)) a_flood_of_notices(random, story);
  if (random.chance(0.02)) some_one_writes_the_router(random, story, Kind::router_marks);
  some_more_checks(random, story.release);
  some_metrics(random, story.metrics);
  if (story.on_platform()) {
    if (random.chance(0.05)) some_one_writes_the_router(random, story, Kind::half_write);
    if (random.chance(0.03)) some_one_writes_the_router(random, story, Kind::foreign_half);
  }
  if (random.chance(0.05)) some_memory(random, story);
  if (random.chance(0.01)) the_router_is_not_ready(random, story);
  if (random.chance(0.01)) stable_goes_while_nothing_is_saved(random, story);
  if (story.on_platform() && random.chance(0.08)) some_do_not_stop(random, story.stopping);
  // Such a stable starts nothing while an old instance stays.
  if (story.on_platform() && story.stopping.stay == 0)
    story.stopping.all_at_once = random.chance(0.3);
}

Event an_intent(core::Intent::Kind kind, std::string version, Duration at) {
  Event event;
  event.delay = at;
  event.action.intent.kind = kind;
  event.action.intent.version = std::move(version);
  event.action.intent.by = "anna";
  return event;
}

}  // namespace

bool Case::is_plain() const {
  if (demand.all_fail_share > 0 || demand.silence_every > 0ms || metrics.any()) return false;
  if (router.applies_after > 0ms) return false;
  for (const core::Check& check : release.checks)
    if (check.min_requests) return false;
  for (const PortFaults& faults : ports)
    if (faults.any()) return false;
  return events.size() == 2;
}

Case case_of_seed(std::uint64_t seed) {
  Random random(mix(seed, 77));
  Case story;
  story.seed = seed;
  story.release = a_release(random);
  story.demand = a_demand(random);
  Behaviour stable;
  stable.version = "v1";
  stable.startup = random.between(100ms, 2000ms);
  if (random.chance(0.2)) stable.base_errors = random.uniform(0.0, 0.02);
  story.versions.push_back(stable);
  Behaviour older = stable;  // what an owner goes back to
  older.version = "v0";
  story.versions.push_back(older);
  for (const char* version : {"v2", "v3", "v4"})
    story.versions.push_back(a_behaviour(random, version));

  using Wish = core::Intent::Kind;
  story.events.push_back(an_intent(Wish::init, "v1", 0ms));
  story.events.push_back(an_intent(Wish::deploy, "v2", random.between(2s, 8s)));
  story.events.back().action.intent.promote = random.chance(0.4);
  if (random.chance(0.3)) {
    Event promote = an_intent(Wish::promote, "", random.between(100ms, 10s));
    promote.phase = "awaiting_promotion";
    story.events.push_back(promote);
  }
  if (random.chance(0.25))
    story.events.push_back(an_intent(Wish::deploy, "v3", random.between(60s, 150s)));

  // The swarm: one seed in six has no faults at all.
  bool has_faults = false;
  if (!random.chance(0.17)) {
    if (random.chance(0.5)) some_port_faults(random, story);
    if (random.chance(0.15)) story.metrics.skew = random.uniform(0.0, 0.5);
    if (random.chance(0.1)) story.metrics.duplicate = random.uniform(0.0, 0.1);
    if (random.chance(0.1)) story.metrics.absurd = random.uniform(0.0, 0.2);
    if (random.chance(0.2)) {
      story.router.applies_after = random.between(50ms, 5s);
      story.router.partly = random.chance(0.5);
    }
    const std::int64_t actions = random.one_of(std::array{0, 1, 1, 2, 2, 3, 5, 8});
    for (std::int64_t i = 0; i < actions; ++i)
      story.events.push_back(at_some_time(random, an_action(random, story.on_platform())));
    if (random.chance(0.2)) {
      Action second;
      second.kind = Kind::second_engine;
      second.length = random.between(5s, 90s);
      story.events.push_back(at_some_time(random, second));
    }
    if (random.chance(0.25)) some_that_meet(random, story);
    story.guardian_late = random.chance(0.2) ? 0.5 : 0.0;
    story.guardian = random.chance(0.85);
    has_faults = true;
  }
  story.calm_at = random.between(60s, 180s);
  Random rare(mix(seed, 78));
  if (has_faults) some_rare_faults(rare, story);
  Random late(mix(seed, 79));
  if (late.chance(0.15)) story.metrics.scraped_every = late.between(1s, 45s);
  return story;
}

}  // namespace linnet::sim
