// The fields of every value that is saved, named once. A new field of core is one word here; one
// that is forgotten does not compile (see all_fields_named in codec.h). Private to src/wire.
#pragma once

#include <boost/describe.hpp>

#include "core/decide.h"

namespace linnet::stats {

BOOST_DESCRIBE_ENUM(Exact, automatic, never)
BOOST_DESCRIBE_STRUCT(Cell, (), (requests, bad))
BOOST_DESCRIBE_STRUCT(PooledDispersion, (), (requests, mean, spread, cells, failing))
BOOST_DESCRIBE_STRUCT(GaugeComparison, (), (batches, mean, squares))
BOOST_DESCRIBE_STRUCT(InstanceDispersion, (), (pearson, degrees, windows))
BOOST_DESCRIBE_STRUCT(FrozenDispersion, (), (instances, pooled, phi_compare, phi_threshold))
BOOST_DESCRIBE_STRUCT(Placebo::Instance, (), (id, log_copies, highest))
BOOST_DESCRIBE_STRUCT(Placebo, (), (instances, windows, past_runs, past_alarms))
BOOST_DESCRIBE_STRUCT(StageWeights, (), (stages, weight))
BOOST_DESCRIBE_STRUCT(Threshold, (),
                      (limit, weights, stage, requests, bad, bad_at_most, log_carried))
BOOST_DESCRIBE_STRUCT(TwoSample, (), (tolerance, exact, stage, weights, log_copies))
BOOST_DESCRIBE_STRUCT(LatencyComparison, (),
                      (tolerance, exact, stage, weights, boundaries, boundary_ms, log_copies))

}  // namespace linnet::stats

namespace linnet::core {

BOOST_DESCRIBE_STRUCT(Counts, (), (requests, bad, latency))
BOOST_DESCRIBE_ENUM(Intent::Kind, init, deploy, traffic, promote, rollback, pause, resume, cleanup,
                    interrupt)
BOOST_DESCRIBE_STRUCT(Intent, (),
                      (id, kind, by, version, weight, promote, supersede, hold, skip_steps, force,
                       why))

BOOST_DESCRIBE_STRUCT(Cause, (), (kind, text))
BOOST_DESCRIBE_STRUCT(Idle, (), (waited, ready))
BOOST_DESCRIBE_STRUCT(Preparing, (), (waited, barred))
BOOST_DESCRIBE_STRUCT(Stepping, (), (index, in_force, waited, held, silent, uncounted))
BOOST_DESCRIBE_ENUM(Holding::From, preparing, stepping, awaiting)
BOOST_DESCRIBE_STRUCT(Holding, (), (cause, from, index, held, watched, silent, weight))
BOOST_DESCRIBE_STRUCT(AwaitingPromotion, (), (watched, silent))
BOOST_DESCRIBE_ENUM(Promoting::Part, canary_takes_all, stable_rolls, stable_takes_all,
                    canary_drains, canary_stops)
BOOST_DESCRIBE_STRUCT(Promoting, (), (part, waited, watched))
BOOST_DESCRIBE_ENUM(RollingBack::Part, stable_returns, weight_down, canary_drains, canary_stops)
BOOST_DESCRIBE_STRUCT(RollingBack, (), (cause, part, waited))
BOOST_DESCRIBE_STRUCT(Succeeded, (), ())
BOOST_DESCRIBE_STRUCT(RolledBack, (), (cause))
BOOST_DESCRIBE_STRUCT(Failed, (), (cause))

BOOST_DESCRIBE_ENUM(Verdict, pass, fail, inconclusive, no_data, error)
BOOST_DESCRIBE_STRUCT(CheckReport, (),
                      (name, verdict, value, limit, unit, requests, bad, log_evidence, interval_low,
                       interval_high, text))
BOOST_DESCRIBE_STRUCT(StepResult, (), (index, weight, held, outcome, canary, checks))
BOOST_DESCRIBE_STRUCT(Rollout, (), (id, from, to, by, started, promote, hold, steps))
BOOST_DESCRIBE_STRUCT(RolloutRecord, (), (rollout, ended, outcome, cause))
BOOST_DESCRIBE_STRUCT(Notice, (), (id, event, text, rollout, at))
BOOST_DESCRIBE_STRUCT(Counting, (), (age, begun))
BOOST_DESCRIBE_STRUCT(TellingInterval, (), (last, before))
BOOST_DESCRIBE_STRUCT(Stage, (),
                      (counting, stable, canary, lost, recent, recent_before, recent_age))
BOOST_DESCRIBE_STRUCT(LimitEvidence, (), (threshold, clumping, window))
BOOST_DESCRIBE_STRUCT(CpuSeen, (), (id, cpu_ms))
BOOST_DESCRIBE_STRUCT(GaugeEvidence::Side, (), (sum, weight, last))
BOOST_DESCRIBE_STRUCT(GaugeEvidence, (), (difference, stable, canary, age, cpu))
BOOST_DESCRIBE_STRUCT(Evidence, (),
                      (counting, limits, worse, slower, window_age, instances, placebo, gauges,
                       placebo_broken))
BOOST_DESCRIBE_STRUCT(Status, (),
                      (stable_version, stable_size, stable_most, phase, since, reason, rollout,
                       rollouts, weight, weight_before, weight_seen, canary_replicas, unready,
                       queued, stage, evidence, checks, cursor, told_each, last_intent, outbox,
                       notices))

}  // namespace linnet::core

namespace linnet {
BOOST_DESCRIBE_ENUM(Code, invalid, not_found, conflict, denied, unavailable, timed_out,
                    unknown_outcome, cancelled, internal)
namespace core {
BOOST_DESCRIBE_STRUCT(Answer, (), (intent, accepted, code, text, rollout))
}  // namespace core
}  // namespace linnet
