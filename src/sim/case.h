// One simulated story: the release, its traffic, how each version behaves, which faults the world
// has, and what happens when. All of it comes from one seed, or from a script written by hand.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/decide.h"

namespace linnet::sim {

/// How one version treats its users.
struct Behaviour {
  std::string version;
  enum class Kind { good, bad, bad_later, bad_above_weight, clumps, recovering };
  Kind kind = Kind::good;
  double error_share = 0;  // of its requests, while it is bad
  double slow_share = 0;   // answered after 1.5 x the highest latency limit, while it is bad
  double base_errors = 0;  // while it is good
  Duration turns_after{};  // bad_later: good before; recovering: bad before (since it got traffic)
  double from_weight = 0;  // bad_above_weight: a fraction
  Duration clump{};        // clumps: bad for this long, then good for nine times that
  Duration startup = 1s;   // until an instance is ready
  bool never_ready = false;
  bool never_ready_as_stable = false;  // the canary was fine: another node, another address
  bool crash_loop = false;             // dies soon after its start, again and again
  Duration flap_every{};               // an instance turns unready now and then; 0: never
  bool dies_when_it_flaps = false;     // and is started again: restarts count
  std::int64_t memory_mib = 100;       // of each instance, always; -1: cannot be read

  /// Nothing is wrong with it: only its base errors.
  [[nodiscard]] bool harmless() const {
    return kind == Kind::good && !never_ready && !crash_loop && !never_ready_as_stable;
  }
};

/// Requests that arrive, per second.
struct Demand {
  double per_second = 100;
  double day_swing = 0;  // 0..1: up and down over `day`
  Duration day = 10min;
  double burst_factor = 1;    // for a tenth of each `burst_every`
  Duration burst_every{};     // 0: none
  Duration silence_every{};   // no request at all for a quarter of this; 0: none
  double all_fail_share = 0;  // both tracks answer errors, from `all_fail_from` on
  Duration all_fail_from{};
};

enum class Port {
  router_read,
  router_set,
  workload_observe,
  workload_set,
  metrics_since,
  store_load,
  store_save,
  store_intents,
};
inline constexpr std::size_t port_count = 8;
std::string_view port_name(Port port);
/// Its place in an array with one element a port.
constexpr std::size_t at(Port port) { return static_cast<std::size_t>(port); }

/// How one port misbehaves while faults last; shares are of its calls.
struct PortFaults {
  double slow = 0;  // answers late, up to `slowness`
  Duration slowness{};
  double fails = 0;      // nothing happened, and it says so
  double hangs = 0;      // nothing happened, and it says so at its deadline
  double lost = 0;       // it happened, but the answer is unknown_outcome
  double stale = 0;      // reads: an older answer
  double conflicts = 0;  // writes: conflict although nobody else wrote

  [[nodiscard]] bool any() const {
    return slow > 0 || fails > 0 || hangs > 0 || lost > 0 || stale > 0 || conflicts > 0;
  }
};

struct MetricFaults {
  double skew = 0;           // share of answers in which the canary's counts lag behind
  double duplicate = 0;      // share of answers whose requests were counted twice by the source
  double absurd = 0;         // share of answers with negative or huge counts
  double lost = 0;           // share of answers that say how many requests they do not count
  bool by_instance = false;  // no fault: stable's counts come apart by instance as well
  Duration scraped_every{};  // no fault: what is told is of a server's last scrape; 0: of now
  bool die_with_instances = false;  // an instance that dies takes along what was not read of it
  [[nodiscard]] bool any() const {
    return skew > 0 || duplicate > 0 || absurd > 0 || lost > 0 || die_with_instances;
  }
};

struct RouterFaults {
  Duration applies_after{};  // up to this long after the write; the newest write wins
  bool partly = false;       // half of the traffic follows earlier than the other half
};

/// Of a platform's instances: some that are asked to stop do not (a node that is gone, a finalizer,
/// a long grace period), and are lost in the same way.
struct StopFaults {
  double stay = 0;      // share of them
  Duration stay_for{};  // 0: for ever
  /// Stable, told another version, stops all its instances before it starts others.
  bool all_at_once = false;
};

struct Action {
  enum class Kind {
    intent,
    foreign_weight,
    foreign_scale,
    delete_pod,
    kill,
    kill_at_call,
    second_engine,
    guardian,
    counters_reset,
    wall_jump,
    outage,
    engine_stalls,
    calendar_closes,
    router_marks,
    reply_lost,
    foreign_image,
    router_gone,
    watch_stalls,
    quota,
    deployment_gone,
    notifier_away,
    half_write,
    foreign_half,
  };
  Kind kind = Kind::intent;
  core::Intent intent;
  Percent weight;  // foreign_weight; router_gone: with which it comes back
  std::string by;  // foreign_weight, foreign_half, router_marks
  core::Track track = core::Track::canary;
  std::string version;  // foreign_image
  int count = 0;        // foreign_scale: replicas; kill_at_call: which call of the port from now
  Duration length{};    // away, outage, stall, gone, second engine's life, jump (may be negative)
  Port port = Port::router_read;
  bool after = false;  // kill_at_call: the call took effect before the death
};

/// When a thing happens: after `delay` from the start, or from the first time the named phase
/// begins.
struct Event {
  std::string phase;  // empty: from the start
  int part = -1;      // step index, or part of promoting or rolling back; -1: any
  int rollout = 0;    // only in the rollout with this number; 0: any
  Duration delay{};
  Action action;
};

struct Case {
  std::uint64_t seed = 0;
  core::Release release;
  Demand demand;
  std::vector<Behaviour> versions;
  std::array<PortFaults, port_count> ports;
  MetricFaults metrics;
  RouterFaults router;
  StopFaults stopping;
  bool guardian = true;
  Duration guardian_after = 10s;
  double guardian_late = 0;  // share of deaths after which it fires although the engine is back
  std::vector<Event> events;
  Duration calm_at = 5min;  // from here on no faults and no actions but an operator who tidies up
  bool tidy_up = true;      // that operator: resumes what holds, and takes back what holds again

  [[nodiscard]] const Behaviour& behaviour(const std::string& version) const;
  /// The simulated platform keeps the levels itself, as a Deployment does.
  [[nodiscard]] bool on_platform() const {
    return std::holds_alternative<core::DeploymentsWorkload>(release.workload);
  }
  /// No fault and nobody interferes: init, one deploy, nothing else.
  [[nodiscard]] bool is_plain() const;
};

/// The swarm's case for a seed: a random spec, random versions, and a random subset of all faults.
Case case_of_seed(std::uint64_t seed);

/// With how many instances stable begins.
int first_replicas(const core::Release& release);
/// One line for people: "at 12s: the engine is killed for 3s".
std::string event_text(const Event& event);
std::string action_text(const Action& action);
/// What is special about the case, in a few lines.
std::string case_text(const Case& story);

}  // namespace linnet::sim
