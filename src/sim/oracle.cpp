#include "sim/oracle.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "core/phases.h"
#include "sim/oracle_phases.h"
#include "sim/world.h"

namespace linnet::sim {
namespace {

bool is_empty(const core::Counts& counts) { return counts.requests == 0; }

bool is_empty(const core::Stage& stage) {
  return is_empty(stage.canary) && is_empty(stage.stable) && is_empty(stage.recent) &&
         is_empty(stage.recent_before);
}

// Another phase, step or rollout, or the same one begun anew.
bool has_moved(const Lineage& mine, const Lineage& book) {
  return book.phase != mine.phase || book.step != mine.step || book.rollout != mine.rollout ||
         book.since != mine.since;
}

// Nothing in the story keeps a write from the router, undoes it, or lets the next one overtake it.
bool takes_writes(const Case& story) {
  using Kind = Action::Kind;
  constexpr std::array against{Kind::outage,        Kind::reply_lost,  Kind::half_write,
                               Kind::foreign_half,  Kind::router_gone, Kind::foreign_weight,
                               Kind::second_engine, Kind::guardian};
  return !story.ports[at(Port::router_set)].any() && !story.ports[at(Port::router_read)].any() &&
         story.guardian_late == 0 && story.router.applies_after <= 500ms &&
         std::none_of(story.events.begin(), story.events.end(), [&](const Event& event) {
           return std::find(against.begin(), against.end(), event.action.kind) != against.end();
         });
}

// Where it stands still and is judged period by period: how much of the period the status counts.
std::optional<Duration> watched_of(const core::Phase& phase) {
  if (const auto* hold = std::get_if<core::Holding>(&phase)) return hold->watched;
  if (const auto* wait = std::get_if<core::AwaitingPromotion>(&phase)) return wait->watched;
  if (const auto* going = std::get_if<core::Promoting>(&phase)) return going->watched;
  return std::nullopt;
}

}  // namespace

void Told::begins(Port port, std::int64_t now_ms) {
  switch (port) {
    case Port::router_read:
      traffic.reset();
      saved = false;
      began_ms = now_ms;
      return;
    case Port::workload_observe: workload.reset(); return;
    case Port::metrics_since:
      sample_ok = false;
      canary_requests = 0;
      any_request = false;
      reach = 0ms;
      asked_ms = now_ms;
      return;
    case Port::store_intents: last_intent = 0; return;
    default: return;
  }
}

Oracle::Oracle(const World& world) : world_(world) {}

void Oracle::broken(std::string_view invariant, std::string text) {
  if (!violation_)
    violation_ = Violation{std::string(invariant), std::move(text), world_.now_ms(), {}};
  else if (violation_->invariant != invariant)
    violation_->also.emplace_back(invariant);
}

void Oracle::loaded(Told& told) { told.turn_before_ms = -1; }

void Oracle::outside_change() { outside_at_ms_ = world_.now_ms(); }

void Oracle::told_traffic(Told& told, const Lineage& mine, bool stale) {
  if (stale || outside_at_ms_ < 0) return;
  const core::TrafficSeen& seen = *told.traffic;
  // Nobody could tell this from linnet's own write that has not come through yet.
  const bool half = !seen.differ.empty() && seen.by.empty();
  const bool ambiguous = half || (seen.weight == mine.weight_before && !seen.taken_back);
  const bool as_wanted = seen.weight == mine.weight;
  // What was seen in a turn that could not be saved is forgotten with that turn.
  const bool forgotten = ambiguous && !told.outside_kept;
  if ((as_wanted && mine.phase != holding) || forgotten) {
    told.outside_told = told.outside_kept = false;
  } else if (!ambiguous && !as_wanted) {
    told.outside_told = true;
  }
}

// ---- Each turn ----------------------------------------------------------------------------------

Duration Oracle::longest_gap() const {
  return std::max<Duration>(5s, world_.story().release.turn * 3);
}

// A step's clock stands still beyond; a server that is scraped each 40 s is silent for 40 s.
Duration Oracle::longest_quiet(const Lineage& book) const {
  const bool both = book.told_before > 0ms;
  const Duration each = both ? std::min(book.told_last, book.told_before) : book.told_last;
  const Duration turns = world_.story().release.turn * 3;
  return std::max<Duration>({15s, turns, each == 0ms ? 0ms : each + turns});
}

Duration Oracle::elapsed(const Told& told) const {
  const Duration gap(told.observed_ms - told.turn_before_ms);
  return told.turn_before_ms < 0 ? 0ms : std::min(gap, longest_gap());
}

Lineage Oracle::with_window(const Told& told, const Lineage& mine, const core::Status& next) const {
  Lineage out = mine;
  const Duration gap = elapsed(told);
  const Duration reach =
      told.reach > 0ms ? told.reach + Duration(told.observed_ms - told.asked_ms) : 0ms;
  if (told.sample_ok && told.any_request) {
    out.told_before = out.told_last;
    out.told_last = reach;
  }
  const auto begun = [&](core::Counting& counting, const core::Counting& counted) {
    // While nothing can be saved the engine counts a little more or less of the time than there
    // was: after it took a canary back regardless, nothing of that turn.
    counting.age += gap;
    if (counted.age > 0ms && std::chrono::abs(counted.age - counting.age) <= longest_gap())
      counting.age = counted.age;
    const bool after = told.sample_ok && told.any_request && reach <= counting.age;
    counting.begun = counting.begun || after;
    return counting.begun;
  };
  if (!begun(out.stage_counting, next.stage.counting)) out.stage_from = next.cursor;
  if (!begun(out.evidence_counting, next.evidence.counting))
    out.evidence_from = out.recent_from = out.recent_before_from = next.cursor;
  return out;
}

Lineage Oracle::advance(const Told& told, const Lineage& before, const core::Status& next) {
  const Lineage mine = with_window(told, before, next);
  Lineage book = mine;
  book.phase = next.phase.index();
  book.step = step_index(next.phase);
  book.part = part_index(next.phase);
  const bool same_rollout = next.rollout.has_value() == !mine.rollout.empty() &&
                            (!next.rollout || next.rollout->id == mine.rollout);
  if (!same_rollout) book.rollout = rollout_id(next);
  const auto* begun = std::get_if<core::Idle>(&next.phase);
  // A deploy, or the end of its time, may come before that image is there.
  book.stable_starts = begun != nullptr ? !begun->ready : mine.stable_starts && mine.phase == idle;
  book.since = next.since;
  book.weight = next.weight;
  book.weight_before = next.weight_before;
  book.steps_done = next.rollout ? next.rollout->steps.size() : 0;
  book.canary_replicas = next.canary_replicas;
  book.notices = next.notices;

  const core::Release& release = world_.story().release;
  const Duration elapsed = this->elapsed(told);
  book.quiet = told.canary_requests > 0 ? Duration(0) : mine.quiet + elapsed;
  if (book.phase != mine.phase || book.step != mine.step) book.quiet = 0ms;
  const bool moved = has_moved(mine, book);
  const bool has_data = told.sample_ok && told.canary_requests > 0;
  book.watched = moved ? 0ms : mine.watched + (has_data ? elapsed : 0ms);
  if (moved) book.first_turn = elapsed;
  book.in_part = moved || book.part != mine.part ? 0ms : mine.in_part + elapsed;
  const bool ready = told.workload && next.rollout &&
                     told.workload->canary.ready_of(next.rollout->to) >= next.canary_replicas;
  book.unready =
      ready || moved || next.canary_replicas != mine.canary_replicas ? 0ms : mine.unready + elapsed;
  const bool empty = !moved && told.workload && next.rollout && told.traffic &&
                     !told.traffic->weight.is_zero() && told.workload->stable.ready() > 0 &&
                     told.workload->canary.ready() == 0;
  book.empty = empty ? mine.empty + elapsed : 0ms;
  const bool clean = told.traffic && told.traffic->is(Percent()) && !told.traffic->taken_back;
  const bool barred = book.phase == preparing && !moved && ready && !clean;
  book.barred = barred ? mine.barred + elapsed : 0ms;
  const bool marked = book.phase == preparing && !moved && told.traffic &&
                      told.traffic->is(Percent()) && told.traffic->taken_back;
  book.marked = marked ? mine.marked + elapsed : 0ms;

  const auto* step = std::get_if<core::Stepping>(&next.phase);
  const bool was_stepping = mine.phase == stepping && mine.rollout == book.rollout;
  const bool in_same_step =
      was_stepping && step != nullptr && step->index == mine.step && next.since == mine.since;
  if (was_stepping && mine.step >= 0) {
    const Percent wanted = release.steps[static_cast<std::size_t>(mine.step)].weight;
    const bool at_weight = told.traffic && told.traffic->is(wanted);
    const bool quiet = book.quiet >= longest_quiet(book);
    if (mine.force_seen && at_weight && told.sample_ok && !quiet) book.earned += elapsed;
    if (at_weight && told.sample_ok && told.canary_requests > 0 && next.stage.canary.requests > 0)
      book.force_seen = true;
  }
  if (step != nullptr && !in_same_step) {
    // A step that goes on at the weight that is in force already needs no new write.
    const Percent wanted = release.steps[static_cast<std::size_t>(step->index)].weight;
    book.force_seen = mine.weight == wanted && told.traffic && told.traffic->is(wanted) &&
                      told.sample_ok && told.canary_requests > 0 && next.stage.canary.requests > 0;
    // What the turn of a pause would have added is not held against it.
    book.earned = std::min(book.earned, step->held);
  }
  if (step != nullptr) {
    if (step->held > book.earned)
      broken("held_is_earned",
             fmt::format("step {} counts {} in force, but only {} were", step->index + 1,
                         duration_text(step->held), duration_text(book.earned)));
    const Percent most = release.steps[static_cast<std::size_t>(step->index)].weight;
    if (next.weight > most)
      if (in_same_step && mine.weight <= most)
        broken("weight_within_step", fmt::format("{} is wanted in step {} of {}",
                                                 next.weight.text(), step->index + 1, most.text()));
  }
  check_pace(told, mine, next);
  check_verdicts(told, mine, book, next);
  check_promoted(mine, next);
  if (core::is_running(next.phase)) check_evidence(told, mine, book, next);
  // A deploy that superseded begins in the same turn, and with what stable has then.
  const bool same = rollout_id(next) == mine.rollout;
  book.stable_most = std::max(same ? mine.stable_most : 0, next.stable_size);
  check_owner(told, book, next);
  return book;
}

core::Counts Oracle::truth(const std::string& from, const std::string& to, bool canary) const {
  const TrackTotals& older = world_.told_at(from);
  const TrackTotals& newer = world_.told_at(to);
  return world_.traffic().counts(canary ? newer.canary : newer.stable,
                                 canary ? older.canary : older.stable);
}

// The step's weight was asked for in an earlier turn, and is read back.
bool Oracle::is_at_step(const Told& told, const Lineage& mine, int step) const {
  const Percent wanted = world_.story().release.steps[static_cast<std::size_t>(step)].weight;
  return mine.weight == wanted && told.traffic && told.traffic->is(wanted);
}

void Oracle::check_evidence(const Told& told, const Lineage& mine, Lineage& book,
                            const core::Status& next) {
  const bool empty = is_empty(next.stage);
  const bool moved = has_moved(mine, book);
  // Only what was watched for a whole period may be counted anew.
  const bool period = watched_of(next.phase) == Duration(0) &&
                      book.watched + book.first_turn >= world_.story().release.steps.back().hold;
  if (period) book.watched = book.first_turn = 0ms;
  if (empty && (moved || period)) book.stage_from = next.cursor;
  const auto* step = std::get_if<core::Stepping>(&next.phase);
  // Whatever it becomes in this turn: what it counted while it waited is forgotten. A pause may end
  // and the step fail in one.
  const bool resumed = mine.phase == holding && mine.step >= 0 && told.last_intent > 0;
  const bool goes = step != nullptr && !step->in_force;
  const bool waited =
      mine.phase == stepping ? !mine.in_force : goes || (resumed && step == nullptr);
  const int at = mine.phase == stepping || step == nullptr ? mine.step : step->index;
  const bool waits = waited && next.stage.counting == core::Counting{} &&
                     is_empty(next.stage.canary) && is_empty(next.stage.stable) &&
                     !is_at_step(told, mine, at);
  if (waits) book.stage_from = next.cursor;
  if ((empty && moved && next.stage.counting == core::Counting{}) || waits) {
    book.stage_counting = core::Counting{};
    book.stage_happened = told.happened;
  }
  book.in_force = step != nullptr && step->in_force;
  if (book.rollout != mine.rollout) book.evidence_counting = core::Counting{};
  if (!next.evidence.limits.empty() && moved && next.evidence.limits[0].threshold.requests == 0) {
    book.evidence_from = next.cursor;
    check_bets(mine, book, next);
  }
  if (book.stage_from.empty()) book.stage_from = next.cursor;
  if (book.evidence_from.empty()) book.evidence_from = next.cursor;

  const MetricFaults& source = world_.story().metrics;
  const std::int64_t since = told.happened - book.stage_happened;
  if (source.scraped_every > 0ms && source.duplicate == 0 && source.absurd == 0 && told.sample_ok &&
      next.stage.canary.requests > since)
    broken("counts_are_of_the_step",
           fmt::format("{} canary requests counted, and {} came since the step began",
                       next.stage.canary.requests, since));
  const TrackTotals& now = world_.told_at(next.cursor);
  const TrackTotals& from = world_.told_at(book.stage_from);
  const auto differs = [&](std::string_view what, std::int64_t counted, std::int64_t true_count) {
    if (counted == true_count) return;
    broken("evidence_is_exact",
           fmt::format("{} {} counted, the source told {} from {} to {}", counted, what, true_count,
                       book.stage_from, next.cursor));
  };
  differs("canary requests", next.stage.canary.requests,
          now.canary.requests - from.canary.requests);
  differs("bad canary requests", next.stage.canary.bad, now.canary.bad - from.canary.bad);
  differs("stable requests", next.stage.stable.requests,
          now.stable.requests - from.stable.requests);
  differs("bad stable requests", next.stage.stable.bad, now.stable.bad - from.stable.bad);
  // The last half minutes: a late change must not drown in a long good step.
  if (empty && book.stage_from == next.cursor) {
    book.recent_from = book.recent_before_from = next.cursor;
  } else if (next.stage.recent_age < mine.recent_age) {
    book.recent_before_from = mine.recent_from;
    book.recent_from = mine.cursor;
  }
  book.recent_age = next.stage.recent_age;
  book.cursor = next.cursor;
  const Totals& recent = world_.told_at(book.recent_from).canary;
  const Totals& recent_before = world_.told_at(book.recent_before_from).canary;
  differs("recent bad requests", next.stage.recent.bad, now.canary.bad - recent.bad);
  differs("recent requests", next.stage.recent.requests, now.canary.requests - recent.requests);
  differs("bad requests before", next.stage.recent_before.bad, recent.bad - recent_before.bad);
  for (const auto& [what, counted, newer, older] :
       {std::tuple("canary requests of a bucket", &next.stage.canary, &now.canary, &from.canary),
        std::tuple("stable requests of a bucket", &next.stage.stable, &now.stable, &from.stable)})
    for (std::size_t i = 0; i < counted->latency.size(); ++i)
      differs(what, counted->latency[i], newer->latency[i] - older->latency[i]);
  check_limits(book, next);
  check_reports(book, next);
}

// What people see of a check is what the source told.
void Oracle::check_reports(const Lineage& book, const core::Status& next) {
  const auto* step = std::get_if<core::Stepping>(&next.phase);
  if (step == nullptr || next.checks.empty() || is_empty(next.stage)) return;
  const TrackTotals& now = world_.told_at(next.cursor);
  const TrackTotals& from = world_.told_at(book.stage_from);
  const auto& checks = world_.story().release.checks;
  for (std::size_t i = 0; i < checks.size() && i < next.checks.size(); ++i) {
    const std::optional<core::Limit> rule = core::limit_of(checks[i]);
    if (!rule) continue;
    const core::CheckReport& report = next.checks[i];
    const std::int64_t bad = bad_by(*rule, now.canary, from.canary);
    const std::int64_t all = now.canary.requests - from.canary.requests;
    const bool over = static_cast<double>(bad) > rule->share * static_cast<double>(all);
    const bool passes = report.verdict == core::Verdict::pass;
    const bool says_none = report.verdict == core::Verdict::no_data;
    if (report.name != checks[i].name || report.requests != all || report.bad != bad ||
        (passes && over) || says_none != (all == 0))
      broken(
          "reports_are_true",
          fmt::format("{} says {} of {} bad and {}, the source told {} of {}", report.name,
                      report.bad, report.requests, core::verdict_name(report.verdict), bad, all));
  }
}

// The evidence about each limit is a function of few sums (stats/threshold.h): those are compared.
void Oracle::check_limits(Lineage& book, const core::Status& next) {
  const TrackTotals& now = world_.told_at(next.cursor);
  const TrackTotals& from = world_.told_at(book.evidence_from);
  const auto all = static_cast<double>(now.canary.requests - from.canary.requests);
  std::size_t own = 0;
  for (const core::Check& check : world_.story().release.checks) {
    const std::optional<core::Limit> rule = core::limit_of(check);
    if (!rule) continue;
    if (own >= next.evidence.limits.size())
      return broken("evidence_is_exact", "there is no evidence about " + check.name);
    const core::LimitEvidence& limit = next.evidence.limits[own++];
    const double phi = limit.clumping.phi_threshold;
    // Frozen anew in the midst of it: each window counts by what was known then.
    if (book.bets && own <= book.bets->size() && (*book.bets)[own - 1].phi != phi)
      book.frozen_anew = true;
    if (book.frozen_anew) continue;
    const std::int64_t bad = bad_by(*rule, now.canary, from.canary);
    const auto differs = [&](std::string_view what, double counted, double told) {
      if (std::abs(counted - told) > 0.01 + 1e-9 * all)
        broken("evidence_is_exact",
               fmt::format("the evidence of {} rests on {:.1f} {}, the source told {:.0f}",
                           check.name, counted, what, told));
    };
    differs("requests", limit.threshold.requests * phi, all);
    differs("bad requests", limit.threshold.bad * phi, static_cast<double>(bad));
    if (std::abs(limit.threshold.limit - rule->share) > 1e-6)
      broken("evidence_is_exact", fmt::format("the evidence of {} is about {}, not {}", check.name,
                                              limit.threshold.limit, rule->share));
  }
}

std::int64_t Oracle::bad_by(const core::Limit& rule, const Totals& newer,
                            const Totals& older) const {
  if (rule.latency == nullptr) return newer.bad - older.bad;
  return world_.traffic().above(newer, older, static_cast<double>(rule.latency->limit.count()));
}

// What a step adds is carried on into the next: the oracle carries it itself, from the source's
// counts, and compares where a step begins.
void Oracle::check_bets(const Lineage& mine, Lineage& book, const core::Status& next) {
  const TrackTotals& now = world_.told_at(next.cursor);
  // The first word of the source is where it counts from.
  const TrackTotals& from =
      world_.told_at(mine.evidence_from.empty() ? next.cursor : mine.evidence_from);
  const bool goes_on = mine.bets && mine.rollout == book.rollout && mine.phase >= stepping;
  auto bets = std::make_shared<std::vector<Bet>>();
  std::size_t own = 0;
  for (const core::Check& check : world_.story().release.checks) {
    const std::optional<core::Limit> rule = core::limit_of(check);
    if (!rule || own >= next.evidence.limits.size()) continue;
    const core::LimitEvidence& limit = next.evidence.limits[own];
    if (goes_on && own < mine.bets->size()) {
      Bet bet = (*mine.bets)[own];
      const auto all = static_cast<double>(now.canary.requests - from.canary.requests);
      const auto bad = static_cast<double>(bad_by(*rule, now.canary, from.canary));
      (void)bet.threshold.add(all, bad, bet.phi);
      const std::array<double, stats::fail_points> before = bet.threshold.log_carried;
      bet.threshold.next_stage();
      const auto same = [&](const auto& expected) {
        for (std::size_t k = 0; k < expected.size(); ++k) {
          const double off = std::abs(limit.threshold.log_carried[k] - expected[k]);
          if (off > 1e-6 * (1 + std::abs(expected[k]))) return false;
        }
        return true;
      };
      const bool untouched = all == 0 && same(before);  // it moved, and no step began
      if (!mine.frozen_anew && !untouched && !same(bet.threshold.log_carried))
        broken("evidence_is_exact",
               "the evidence of " + check.name + " is another one where a step begins than it was");
    }
    bets->push_back({limit.threshold, limit.clumping.phi_threshold});
    ++own;
  }
  book.bets = std::move(bets);
  book.frozen_anew = false;
}

double Oracle::share_over(const core::Check& check, const core::Counts& counts,
                          std::int64_t& requests, double& limit) const {
  const core::Limit rule = *core::limit_of(check);
  limit = rule.share;
  requests = counts.requests;
  const std::int64_t bad =
      rule.latency == nullptr
          ? counts.bad
          : world_.traffic().above(counts, static_cast<double>(rule.latency->limit.count()));
  return requests > 0 ? static_cast<double>(bad) / static_cast<double>(requests) : 0.0;
}

// How soon it looks again, and how often it tries what was refused.
void Oracle::check_pace(const Told& told, const Lineage& mine, const core::Status& next) {
  const Case& story = world_.story();
  const Duration gap(told.observed_ms - told.turn_before_ms);
  const bool calm = world_.now_ms() > (story.calm_at + 60s).count() || story.is_plain();
  if (calm && told.turn_before_ms >= 0 && mine.phase >= preparing && mine.phase <= rolling_back &&
      gap > story.release.turn + 1s)
    broken("looks_every_turn", fmt::format("nothing was looked at for {}", duration_text(gap)));
  if (const auto* held = std::get_if<core::Holding>(&next.phase);
      held != nullptr && held->weight && next.weight > *held->weight)
    broken("asked_is_done", fmt::format("{} is wanted, and {} was set by hand", next.weight.text(),
                                        held->weight->text()));
  const auto* back = std::get_if<core::RollingBack>(&next.phase);
  if (back != nullptr && back->part == core::RollingBack::Part::stable_returns && told.workload) {
    const core::TrackSeen& stable = told.workload->stable;
    const bool whole =
        stable.is_told(next.stable_version) &&
        stable.ready_of(next.stable_version) >= core::stable_size(story.release, next);
    if (mine.part == 0 && (whole || told.workload->canary.ready() == 0))
      broken("switch_is_tried_again", "the canary keeps its traffic without need");
  }
  if (back == nullptr || back->part != core::RollingBack::Part::weight_down) return;
  if (told.traffic && !told.traffic->weight.is_zero() && told.lowered_ms < told.began_ms - 1000)
    broken("switch_is_tried_again",
           fmt::format("the switch to 0 was last tried {} ago",
                       duration_text(Duration(told.began_ms - told.lowered_ms))));
}

// What must not stand still any more after a turn.
void Oracle::check_verdicts(const Told& told, const Lineage& mine, const Lineage& book,
                            const core::Status& next) {
  const std::size_t phase = next.phase.index();
  const bool went_on = phase == mine.phase && step_index(next.phase) == mine.step &&
                       rollout_id(next) == mine.rollout && part_index(next.phase) == mine.part &&
                       next.since == mine.since;
  if (!went_on || !next.rollout) return;
  const core::Release& release = world_.story().release;
  const bool watched = phase == preparing || phase == stepping || phase == awaiting ||
                       phase == holding || (phase == promoting && part_index(next.phase) <= 1);
  if (!watched) return;
  if (told.workload)
    for (const core::Instance& one : told.workload->canary.instances)
      if (one.crash_loop && one.version == next.rollout->to)
        broken("crash_loop_acts", fmt::format("{} keeps dying, and the rollout goes on", one.id));
  const auto* process = std::get_if<core::ProcessWorkload>(&release.workload);
  const Duration ready_limit =
      process != nullptr ? std::min(release.progress, process->health.startup) : release.progress;
  if (book.unready > ready_limit)
    broken("unready_ends", fmt::format("not ready for {}, limit {}", duration_text(book.unready),
                                       duration_text(ready_limit)));
  if (book.empty > core::longest_empty && book.unready > core::longest_empty)
    broken("empty_is_taken_back", fmt::format("nobody answers for {}", duration_text(book.empty)));
  if (book.marked > 10s && takes_writes(world_.story()))
    broken("mark_goes", fmt::format("it is there for {}", duration_text(book.marked)));
  if (book.barred > release.progress)
    broken("router_wait_ends",
           fmt::format("all is ready but the router for {}, limit {}", duration_text(book.barred),
                       duration_text(release.progress)));
  if (phase == preparing) return;
  const bool may_stand =
      phase == holding && (release.on_failure == core::Then::hold || next.weight.is_zero());
  const auto* step = std::get_if<core::Stepping>(&next.phase);
  if (step != nullptr && book.quiet > release.no_data.hold)
    broken("silence_ends", fmt::format("no data for {}", duration_text(book.quiet)));
  const bool complete =
      step != nullptr ? book.force_seen &&
                            step->held >= release.steps[static_cast<std::size_t>(step->index)].hold
                      : watched_of(next.phase) && book.watched >= release.steps.back().hold;
  if (step != nullptr && book.earned - step->held > 1s)
    broken("time_is_counted", fmt::format("{} of {} in force are counted",
                                          duration_text(step->held), duration_text(book.earned)));
  const auto memory = memory_that_decides(next);
  if (memory && memory->is_over() && complete && !may_stand && next.weight == mine.weight)
    broken("over_limit_is_taken_back",
           fmt::format("{} MiB an instance, limit {}, and the rollout goes on", memory->mib,
                       memory->limit));
  const bool plain = release.analysis.decision == core::Analysis::Decision::plain;
  std::size_t index = 0;
  for (const core::Check& check : release.checks) {
    if (const auto* health = std::get_if<core::HealthCheck>(&check.rule)) {
      if (step != nullptr && told.workload && told.workload->canary.restarts() > health->restarts &&
          next.weight == mine.weight)
        broken("crash_loop_acts", fmt::format("{} restarts, limit {}",
                                              told.workload->canary.restarts(), health->restarts));
      continue;
    }
    if (!core::limit_of(check)) continue;
    std::int64_t requests = 0;
    double limit = 0;
    const double share = share_over(check, next.stage.canary, requests, limit);
    const std::size_t own = index++;
    if (share <= limit || may_stand || next.weight != mine.weight) continue;
    const std::int64_t needed = check.min_requests.value_or(release.min_requests);
    if (complete && plain && requests >= needed)
      broken("over_limit_is_taken_back",
             fmt::format("{} has {:.2f} % of {} requests over a limit of {:.2f} %", check.name,
                         share * 100, requests, limit * 100));
    if (!release.analysis.early_fail || next.evidence.limits.size() <= own) continue;
    const auto parts = static_cast<double>(next.evidence.limits.size()) + 1;
    if (next.evidence.limits[own].threshold.log_fail() >=
        std::log(parts / release.analysis.false_alarm))
      broken("evidence_acts",
             fmt::format("{} has log evidence {:.1f} and {:.2f} % over {:.2f} %", check.name,
                         next.evidence.limits[own].threshold.log_fail(), share * 100, limit * 100));
  }
}

}  // namespace linnet::sim
