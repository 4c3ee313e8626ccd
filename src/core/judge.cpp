#include "core/judge.h"

#include <algorithm>
#include <cmath>

#include "base/mark.h"
#include "base/mutant.h"
#include "core/decide.h"
#include "core/explain.h"
#include "core/gauges.h"
#include "core/limits.h"
#include "core/stable_watch.h"
#include "stats/numeric.h"

namespace linnet::core {
namespace {

constexpr Duration recent_half = 30s;
constexpr std::int64_t early_pass_requests = 100;
constexpr Duration early_pass_time = 10s;

std::int64_t total(const std::vector<std::int64_t>& buckets) {
  std::int64_t sum = 0;
  for (std::int64_t count : buckets) sum += count;
  return sum;
}

stats::Histogram histogram(const std::vector<std::int64_t>& buckets,
                           const std::vector<double>& boundaries) {
  stats::Histogram result;
  result.upper_ms = boundaries;
  result.upper_ms.push_back(HUGE_VAL);
  result.count.assign(result.upper_ms.size(), 0.0);
  for (std::size_t i = 0; i < buckets.size() && i < result.count.size(); ++i)
    result.count[i] = static_cast<double>(buckets[i]);
  return result;
}

void add_comparison(const Release& release, Evidence& evidence, const Sample& sample,
                    const std::vector<double>& boundaries) {
  const stats::PairedCounts pair{
      static_cast<double>(sample.canary.requests), static_cast<double>(sample.canary.bad),
      static_cast<double>(sample.stable.requests), static_cast<double>(sample.stable.bad)};
  // Windows were checked before; a refusal would leave the evidence as it was, which is safe.
  if (evidence.worse) (void)evidence.worse->add(pair, comparison_phi(release, evidence, false));
  if (evidence.slower && !sample.canary.latency.empty() && !sample.stable.latency.empty())
    (void)evidence.slower->add(histogram(sample.canary.latency, boundaries),
                               histogram(sample.stable.latency, boundaries),
                               comparison_phi(release, evidence, true));
}

double measured_value(const Check& check, const Counts& counts,
                      const std::vector<double>& boundaries) {
  if (const auto* latency = std::get_if<LatencyCheck>(&check.rule))
    return latency_quantile(counts.latency, boundaries, latency->quantile.fraction());
  return Share{counts.requests, counts.bad}.value() * 100.0;
}

CheckReport judge_limit(const Release& release, const Counts& canary, const Check& check,
                        const Limit& limit, double log_evidence,
                        const std::vector<double>& boundaries, bool complete) {
  const Share share = share_of(limit, canary, boundaries);
  CheckReport report;
  report.name = check.name;
  report.value = measured_value(check, canary, boundaries);
  report.limit = limit.latency != nullptr ? static_cast<double>(limit.latency->limit.count())
                                          : limit.share * 100.0;
  report.unit = limit.latency != nullptr ? "ms" : "%";
  report.requests = share.requests;
  report.bad = share.bad;
  report.log_evidence = log_evidence;
  const std::int64_t needed = check.min_requests.value_or(release.min_requests);
  const bool over = LINNET_STOPS(plain_rule_fails, share.value() > limit.share);
  if (share.requests == 0)
    report.verdict = Verdict::no_data;
  else if (LINNET_STOPS(verdict_needs_requests, share.requests < needed))
    report.verdict = Verdict::inconclusive;
  else if (!over)
    report.verdict = Verdict::pass;
  else
    report.verdict =
        LINNET_STOPS(end_of_step_decides, complete) ? Verdict::fail : Verdict::inconclusive;
  return report;
}

CheckReport judge_health(const Status& status, const Check& check, const HealthCheck& rule,
                         const Result<WorkloadSeen>& workload) {
  CheckReport report;
  report.name = check.name;
  report.limit = rule.restarts;
  if (!workload) {
    report.verdict = Verdict::error;
    return report;
  }
  const TrackSeen& canary = workload->canary;
  report.value = canary.restarts();
  report.requests = status.canary_replicas;
  // Somebody may have given the canary another image: that one is not judged.
  const std::string version = status.rollout ? status.rollout->to : std::string();
  const int ready = canary.ready_of(version);
  report.bad = status.canary_replicas - ready;
  const bool looping =
      std::any_of(canary.instances.begin(), canary.instances.end(),
                  [&](const Instance& i) { return i.crash_loop && i.version == version; });
  if (LINNET_STOPS(health_fails, looping || canary.restarts() > rule.restarts))
    report.verdict = Verdict::fail;
  else if (LINNET_STOPS(pass_needs_health, ready < status.canary_replicas))
    report.verdict = Verdict::inconclusive;
  else
    report.verdict = Verdict::pass;
  return report;
}

// The parts of the evidence that may roll back, with their shares v_m of the error probability.
struct Weighed {
  std::size_t report;  // index into Judgement::checks
  double weight;
  double log_evidence;
  bool over;  // the measured value is above the limit as well
};

// F17: the weighted sum of all evidence against 1/alpha; names the check that carries it.
std::optional<std::size_t> fails_by_evidence(const std::vector<Weighed>& parts, double alpha) {
  double sum_weight = 0;
  for (const Weighed& part : parts) sum_weight += part.weight;
  if (sum_weight <= 0) return std::nullopt;
  double log_max = -HUGE_VAL;
  for (const Weighed& part : parts) log_max = std::max(log_max, part.log_evidence);
  double sum = 0;
  for (const Weighed& part : parts)
    sum += part.weight / sum_weight * std::exp(part.log_evidence - log_max);
  const double log_needed = -std::log(alpha);
  if (!LINNET_STOPS(evidence_fails, log_max + std::log(sum) >= log_needed)) return std::nullopt;
  const Weighed* strongest = nullptr;
  for (const Weighed& part : parts) {
    const double log_own = std::log(part.weight / sum_weight) + part.log_evidence;
    const bool crosses = log_own >= log_needed && LINNET_NEEDS(evidence_needs_value, part.over);
    if (crosses) return part.report;
    if (strongest == nullptr || part.log_evidence > strongest->log_evidence) strongest = &part;
  }
  if (LINNET_NEEDS(evidence_needs_value, strongest->over)) return strongest->report;
  return std::nullopt;  // evidence without a measured value above its limit never rolls back
}

void judge_comparison(const Release& release, const Status& status,
                      const std::vector<double>& boundaries, Judgement& judgement,
                      std::vector<Weighed>& parts) {
  if (release.analysis.compare == Analysis::Compare::off) return;
  // A comparison that would take stable itself back must not decide.
  const bool may_roll_back =
      LINNET_NEEDS(warnings_only_warn, release.analysis.compare == Analysis::Compare::rollback) &&
      !status.evidence.placebo_broken;
  const double log_needed = -std::log(release.analysis.false_alarm);
  const auto report = [&](std::string name, const std::string& unit, double value, double reference,
                          double log_evidence) {
    CheckReport check;
    check.name = std::move(name);
    check.unit = unit;
    check.value = value;
    check.limit = reference;  // what stable does at the same time
    check.requests = status.stage.canary.requests;
    check.bad = status.stage.canary.bad;
    check.log_evidence = log_evidence;
    if (check.requests == 0 || status.stage.stable.requests == 0)
      check.verdict = Verdict::no_data;
    else
      check.verdict = log_evidence >= log_needed ? Verdict::inconclusive : Verdict::pass;
    judgement.checks.push_back(std::move(check));
    if (may_roll_back)
      parts.push_back({judgement.checks.size() - 1, 0.5, log_evidence, value > reference});
  };
  if (status.evidence.worse) {
    const Counts& stable = status.stage.stable;
    const Counts& canary = status.stage.canary;
    report("errors_vs_stable", "%", Share{canary.requests, canary.bad}.value() * 100.0,
           Share{stable.requests, stable.bad}.value() * 100.0, status.evidence.worse->log_worse());
  }
  if (status.evidence.slower) {
    report("latency_vs_stable", "ms",
           latency_quantile(status.stage.canary.latency, boundaries, 0.95),
           latency_quantile(status.stage.stable.latency, boundaries, 0.95),
           status.evidence.slower->log_slower());
  }
}

// How far the passing side is: the minimum of requests, and with `decision: evidence` or
// `early_pass` the evidence that each rate is below its limit.
void judge_passing(const Release& release, const Status& status, Duration held, bool complete,
                   Judgement& judgement) {
  const bool needs_evidence = release.analysis.decision == Analysis::Decision::evidence && complete;
  if (!needs_evidence && !release.analysis.early_pass) return;  // the usual case: spares the sums
  const double log_needed = -std::log(release.analysis.missed);
  bool all_pass = !status.evidence.limits.empty();
  // Evidence about the true rate never passes a measured value above its limit.
  const bool within =
      std::all_of(judgement.checks.begin(), judgement.checks.end(), [](const CheckReport& check) {
        return check.name.ends_with("_vs_stable") || check.verdict == Verdict::pass;
      });
  for (const LimitEvidence& limit : status.evidence.limits)
    all_pass = all_pass && limit.threshold.log_pass() >= log_needed;
  const bool rested =
      status.stage.canary.requests >= early_pass_requests && held >= early_pass_time;
  judgement.early_pass = release.analysis.early_pass && all_pass && within && rested &&
                         judgement.enough && !judgement.failed;
  if (judgement.early_pass) LINNET_MARK(early_pass);
  if (needs_evidence && !all_pass) {
    judgement.held_back = true;
    if (judgement.missing.empty()) judgement.missing = "the evidence does not suffice yet to pass";
  }
}

void mark_failure([[maybe_unused]] const Judgement& judgement, [[maybe_unused]] std::size_t failed,
                  [[maybe_unused]] bool plain, [[maybe_unused]] std::size_t own_checks) {
  if (failed >= own_checks)
    LINNET_MARK(comparison_failed);
  else if (judgement.checks[failed].unit.empty())
    LINNET_MARK(health_failed);
  else if (plain)
    LINNET_MARK(plain_rule_failed);
  else
    LINNET_MARK(evidence_failed);
}

}  // namespace

void start_evidence(const Release& release, Status& status) {
  status.stage = Stage{};
  status.checks.clear();
  status.unready = 0ms;
  const int stages = std::clamp(static_cast<int>(release.steps.size()), 1, stats::max_stages);
  std::vector<LimitEvidence> limits;
  for (const Check& check : release.checks) {
    const std::optional<Limit> limit = limit_of(check);
    if (!limit) continue;
    // What was learned of stable stays.
    LimitEvidence evidence;
    if (limits.size() < status.evidence.limits.size())
      evidence = std::move(status.evidence.limits[limits.size()]);
    auto threshold = stats::Threshold::make(std::clamp(limit->share, 1e-6, 1 - 1e-6), stages);
    CHECK(threshold.has_value());
    evidence.threshold = *threshold;
    limits.push_back(std::move(evidence));
  }
  status.evidence.limits = std::move(limits);
  status.evidence.counting = Counting{};
  status.evidence.gauges.assign(
      static_cast<std::size_t>(std::count_if(
          release.checks.begin(), release.checks.end(),
          [](const Check& check) { return std::holds_alternative<GaugeCheck>(check.rule); })),
      GaugeEvidence{});
  status.evidence.worse.reset();
  status.evidence.slower.reset();
  if (release.analysis.compare == Analysis::Compare::off) return;
  const double tolerance = std::clamp(release.analysis.tolerance, 1.0, 100.0);
  if (auto worse = stats::TwoSample::make(stages, tolerance)) status.evidence.worse = *worse;
  const auto weights = stats::StageWeights::uniform(stages);
  CHECK(weights.has_value());
  auto slower = stats::LatencyComparison::make(latency_boundaries(release), *weights, tolerance);
  if (slower) status.evidence.slower = *slower;
}

void start_stage(const Release&, Status& status, bool first) {
  status.stage = Stage{};
  for (LimitEvidence& limit : status.evidence.limits) {
    if (!first) limit.threshold.next_stage();
    limit.clumping.freeze();
  }
  if (first) return;
  if (status.evidence.worse) status.evidence.worse->next_stage();
  if (status.evidence.slower) status.evidence.slower->next_stage();
}

void start_counts(Stage& stage) {
  stage.counting = Counting{};
  stage.stable = stage.canary = Counts{};
  stage.lost = 0;
}

namespace {

// Each page is scraped about as often as the others: where the windows of one begin after, so do
// those that follow, of all. A restart or a clock says nothing against that.
bool is_counted(Counting& counting, const Sample& sample) {
  counting.begun = counting.begun || (has_requests(sample) && sample.reach <= counting.age);
  return counting.begun;
}

void add_recent(Stage& stage, const Counts& canary, Duration elapsed) {
  stage.recent_age += elapsed;
  if (stage.recent_age >= recent_half) {
    stage.recent_before = std::move(stage.recent);
    stage.recent = Counts{};
    stage.recent_age = 0ms;
  }
  stage.recent += canary;
}

}  // namespace

Result<void> take_window(const Release& release, Status& status, const Sample& sample,
                         Duration elapsed) {
  if (LINNET_STOPS(counts_are_sane, !is_sane(sample))) {
    LINNET_MARK(counts_refused);
    return fail(
        Code::invalid, "the counts cannot be true: {} of {} canary, {} of {} stable requests bad",
        sample.canary.bad, sample.canary.requests, sample.stable.bad, sample.stable.requests);
  }
  watch_stable(release, status.evidence, sample, elapsed);
  // At another weight, and in another rollout of another version, they were not what is judged.
  Stage& stage = status.stage;
  if (LINNET_NEEDS(step_counts_its_own, is_counted(stage.counting, sample))) {
    stage.stable += sample.stable;
    stage.canary += sample.canary;
    stage.lost += sample.lost;
  }
  if (!LINNET_NEEDS(rollout_counts_its_own, is_counted(status.evidence.counting, sample)))
    return {};
  add_recent(stage, sample.canary, elapsed);
  const std::vector<double> boundaries = latency_boundaries(release);
  std::size_t index = 0;
  for (const Check& check : release.checks) {
    const std::optional<Limit> limit = limit_of(check);
    if (!limit || index >= status.evidence.limits.size()) continue;
    LimitEvidence& own = status.evidence.limits[index++];
    const Share share = share_of(*limit, sample.canary, boundaries);
    const auto bad = LINNET_STOPS(evidence_sees_bad, true) ? static_cast<double>(share.bad) : 0.0;
    (void)own.threshold.add(static_cast<double>(share.requests), bad, own.clumping.phi_threshold);
  }
  add_comparison(release, status.evidence, sample, boundaries);
  return {};
}

Judgement judge(const Release& release, const Status& status, const Result<WorkloadSeen>& workload,
                bool complete, Duration held) {
  Judgement judgement;
  judgement.enough = true;
  judgement.checks.reserve(release.checks.size() + 2);
  const std::vector<double> boundaries = latency_boundaries(release);
  Counts trailing = status.stage.recent_before;
  trailing += status.stage.recent;
  std::vector<Weighed> parts;
  std::optional<std::size_t> plain;  // the check that fails by the plain rule or by trouble
  std::size_t index = 0;
  std::size_t gauge = 0;
  const bool plain_decides = release.analysis.decision == Analysis::Decision::plain;
  for (const Check& check : release.checks) {
    if (const auto* rule = std::get_if<HealthCheck>(&check.rule)) {
      judgement.checks.push_back(judge_health(status, check, *rule, workload));
      const Verdict verdict = judgement.checks.back().verdict;
      if (verdict == Verdict::fail && !plain) plain = judgement.checks.size() - 1;
      if (verdict != Verdict::pass) {
        judgement.enough = false;
        if (judgement.missing.empty()) judgement.missing = "not all canary instances are healthy";
      }
      continue;
    }
    if (std::holds_alternative<GaugeCheck>(check.rule)) {
      if (gauge >= status.evidence.gauges.size()) continue;
      judgement.checks.push_back(
          judge_gauge(release, check, status.evidence.gauges[gauge++], complete));
      const Verdict verdict = judgement.checks.back().verdict;
      if (verdict == Verdict::fail && !plain) plain = judgement.checks.size() - 1;
      // A limit that holds a canary back is no pass as long as nothing is known of it.
      const bool unknown =
          verdict == Verdict::no_data && !std::get<GaugeCheck>(check.rule).advisory;
      if (LINNET_STOPS(unmeasured_is_no_pass, unknown)) {
        judgement.enough = false;
        if (judgement.missing.empty()) judgement.missing = check.name + " was not measured yet";
      }
      continue;
    }
    const Limit limit = *limit_of(check);
    const double log_evidence = index < status.evidence.limits.size()
                                    ? status.evidence.limits[index].threshold.log_fail()
                                    : 0.0;
    ++index;
    judgement.checks.push_back(judge_limit(release, status.stage.canary, check, limit, log_evidence,
                                           boundaries, complete && plain_decides));
    const CheckReport& report = judgement.checks.back();
    const double rate = std::max(share_of(limit, status.stage.canary, boundaries).value(),
                                 share_of(limit, trailing, boundaries).value());
    parts.push_back({judgement.checks.size() - 1, 1.0, log_evidence, rate > limit.share});
    if (report.verdict == Verdict::fail && !plain) plain = judgement.checks.size() - 1;
    const std::int64_t needed = check.min_requests.value_or(release.min_requests);
    if (report.requests < needed) {
      judgement.enough = false;
      if (judgement.missing.empty())
        judgement.missing = fmt::format("{} has {} of the {} requests it needs", check.name,
                                        report.requests, needed);
    }
  }
  judge_comparison(release, status, boundaries, judgement, parts);
  std::optional<std::size_t> failed = plain;
  if (!failed && (release.analysis.early_fail || complete))
    failed = fails_by_evidence(parts, release.analysis.false_alarm);
  if (failed) {
    mark_failure(judgement, *failed, plain.has_value(), release.checks.size());
    // Before anything counts for the step it fails by what the steps before are known by.
    if (status.stage.canary.requests == 0 && *failed < release.checks.size())
      if (const auto limit = limit_of(release.checks[*failed])) {
        CheckReport& report = judgement.checks[*failed];
        report = judge_limit(release, trailing, release.checks[*failed], *limit,
                             report.log_evidence, boundaries, false);
      }
    judgement.checks[*failed].verdict = Verdict::fail;
    Status judged = status;
    judged.checks = judgement.checks;
    const std::vector<CheckReport> told = explained(release, judged);
    judgement.failed = Cause{told[*failed].name, told[*failed].text};
  }
  judge_passing(release, status, held, complete, judgement);
  return judgement;
}

double latency_quantile(const std::vector<std::int64_t>& buckets,
                        const std::vector<double>& boundaries, double quantile) {
  const std::int64_t all = total(buckets);
  if (all == 0) return 0.0;
  const double rank = quantile * static_cast<double>(all);
  double below = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const auto here = static_cast<double>(buckets[i]);
    if (below + here >= rank && here > 0) {
      if (i >= boundaries.size()) return boundaries.back();
      const double low = i == 0 ? 0.0 : boundaries[i - 1];
      return low + (boundaries[i] - low) * std::clamp((rank - below) / here, 0.0, 1.0);
    }
    below += here;
  }
  return boundaries.back();
}

}  // namespace linnet::core
