#include "sim/simulate.h"

#include <algorithm>
#include <cmath>

#include "sim/world.h"

namespace linnet::sim {
namespace {

constexpr std::size_t most_points = 4000;

core::Intent an_intent(core::Intent::Kind kind, std::string version) {
  core::Intent intent;
  intent.kind = kind;
  intent.version = std::move(version);
  intent.by = "simulate";
  return intent;
}

Event at_time(Duration delay, core::Intent intent) {
  Event event;
  event.delay = delay;
  event.action.intent = std::move(intent);
  return event;
}

Duration longest(const core::Release& release) {
  Duration sum = 2 * release.progress + 10min;
  for (const core::Step& step : release.steps) sum += step.hold + 2 * release.no_data.hold + 2min;
  return sum;
}

Case story_of(const core::Release& release, const SimulateOptions& options,
              const KindOfCanary& kind, std::uint64_t seed) {
  Case story;
  story.seed = seed;
  story.release = release;
  story.release.name = "simulated";
  story.release.notify.clear();
  // Nobody can say how much memory a version that does not exist yet will take.
  std::erase_if(story.release.checks, [](const core::Check& check) {
    return std::holds_alternative<core::GaugeCheck>(check.rule);
  });
  story.demand.per_second = options.requests_per_second;
  Behaviour stable;
  stable.version = "v1";
  stable.base_errors = options.stable_error_rate.fraction();
  Behaviour canary = stable;
  canary.version = "v2";
  canary.kind = Behaviour::Kind::bad;
  canary.error_share = kind.error_share;
  canary.slow_share = kind.slow_share;
  if (kind.bad_after > 0ms) {
    canary.kind = Behaviour::Kind::bad_later;
    canary.turns_after = kind.bad_after;
  } else if (!kind.bad_from.is_zero()) {
    canary.kind = Behaviour::Kind::bad_above_weight;
    canary.from_weight = kind.bad_from.fraction() - 1e-9;
  }
  story.versions = {stable, canary};
  story.events.push_back(at_time(0ms, an_intent(core::Intent::Kind::init, "v1")));
  story.events.push_back(at_time(5s, an_intent(core::Intent::Kind::deploy, "v2")));
  story.guardian = false;
  story.tidy_up = false;
  story.calm_at = longest(release);
  return story;
}

// Those that a first step cannot show: bad in the midst of the rollout, or under more traffic.
void add_late_kinds(const core::Release& release, double share, std::vector<KindOfCanary>& kinds) {
  if (release.steps.size() < 2) return;
  Duration half{};
  for (const core::Step& step : release.steps) half += step.hold / 2;
  KindOfCanary later;
  later.error_share = share;
  later.bad_after = std::chrono::ceil<std::chrono::seconds>(half);
  later.name = fmt::format("{:g} % after {}", share * 100, duration_text(later.bad_after));
  KindOfCanary above;
  above.error_share = share;
  above.bad_from = release.steps[release.steps.size() / 2].weight;
  above.name = fmt::format("{:g} % from weight {}", share * 100, above.bad_from.text());
  kinds.push_back(std::move(later));
  kinds.push_back(std::move(above));
}

std::vector<KindOfCanary> kinds_of(const core::Release& release, const SimulateOptions& options) {
  const auto named = [](std::string name, double errors, double slow) {
    KindOfCanary kind;
    kind.name = std::move(name);
    kind.error_share = errors;
    kind.slow_share = slow;
    return kind;
  };
  const double good = options.stable_error_rate.fraction();
  if (options.canary_error_rate || options.canary_slow_share) {
    const double errors = options.canary_error_rate ? options.canary_error_rate->fraction() : good;
    const double slow = options.canary_slow_share ? options.canary_slow_share->fraction() : 0;
    return {named(slow > 0 ? fmt::format("{:g} % errors, {:g} % slow", errors * 100, slow * 100)
                           : fmt::format("{:g} % errors", errors * 100),
                  errors, slow)};
  }
  std::vector<KindOfCanary> kinds{named("as good as stable", good, 0)};
  for (const core::Check& check : release.checks) {
    if (const auto* rule = std::get_if<core::ErrorRateCheck>(&check.rule)) {
      const double limit = rule->limit.fraction();
      for (const double share : {limit / 2, limit * 1.5, limit * 2, limit * 4, 0.5, 1.0})
        if (share > good && share <= 1)
          kinds.push_back(named(fmt::format("{:g} % errors", share * 100), share, 0));
      if (limit * 4 > good && limit * 4 <= 1) add_late_kinds(release, limit * 4, kinds);
    }
    if (const auto* rule = std::get_if<core::LatencyCheck>(&check.rule)) {
      const double limit = 1 - rule->quantile.fraction();
      for (const double share : {limit / 2, limit * 2, limit * 6, 1.0})
        if (share <= 1)
          kinds.push_back(
              named(fmt::format("{:g} % above {}", share * 100, duration_text(rule->limit)), good,
                    share));
    }
  }
  return kinds;
}

Spread spread_of(std::vector<double> values) {
  Spread spread;
  if (values.empty()) return spread;
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
  };
  spread.median = at(0.5);
  spread.p95 = at(0.95);
  spread.most = values.back();
  for (const double value : values) spread.mean += value / static_cast<double>(values.size());
  return spread;
}

struct OneRun {
  std::string phase;  // in which it was decided; empty: it was not
  std::string cause;
  double decided_after_s = 0;
  double harmed = 0;
};

void note_point(const World& world, const core::Status& status, std::vector<RunPoint>& points) {
  if (!core::is_running(status.phase) || points.size() >= most_points) return;
  RunPoint point;
  point.at_s = static_cast<double>(world.now_ms() - 5000) / 1000.0;
  point.weight = world.router().weight.value();
  const core::Counts& counts = status.stage.canary;
  const auto share = [&](std::int64_t bad) {
    return counts.requests > 0
               ? 100.0 * static_cast<double>(bad) / static_cast<double>(counts.requests)
               : 0.0;
  };
  point.error_rate = share(counts.bad);
  for (const core::Check& check : world.story().release.checks)
    if (const auto* rule = std::get_if<core::LatencyCheck>(&check.rule))
      point.slow_share =
          share(world.traffic().above(counts, static_cast<double>(rule->limit.count())));
  double strongest = 0;
  for (const core::LimitEvidence& limit : status.evidence.limits)
    strongest = std::max(strongest, limit.threshold.log_fail());
  point.log10_evidence = strongest / std::log(10.0);
  points.push_back(point);
}

OneRun run_once(const Case& story, std::vector<RunPoint>* points) {
  World world(story, false);
  OneRun one;
  world.until = [&](const core::Status& status) {
    const std::string_view phase = core::phase_name(status.phase);
    const bool decided = phase == "rolling_back" || phase == "holding" || phase == "failed" ||
                         phase == "awaiting_promotion" || phase == "promoting";
    if (!decided) return false;
    one.phase = phase;
    if (const auto* back = std::get_if<core::RollingBack>(&status.phase))
      one.cause = back->cause.kind;
    if (const auto* hold = std::get_if<core::Holding>(&status.phase)) one.cause = hold->cause.kind;
    one.decided_after_s = static_cast<double>(world.now_ms() - 5000) / 1000.0;
    if (points != nullptr) note_point(world, status, *points);
    return true;
  };
  if (points != nullptr)
    world.on_turn = [&](const core::Status& status) { note_point(world, status, *points); };
  (void)world.run();
  const Totals& canary = world.happened().canary;
  double slow_limit = 0;
  for (const core::Check& check : story.release.checks)
    if (const auto* rule = std::get_if<core::LatencyCheck>(&check.rule))
      slow_limit = static_cast<double>(rule->limit.count());
  one.harmed = static_cast<double>(canary.bad);
  if (slow_limit > 0 && canary.requests > 0) {
    const auto slow = static_cast<double>(
        world.traffic().above(world.traffic().counts(canary, Totals()), slow_limit));
    // Drawn apart from each other: so many, on average, are both.
    one.harmed += slow * (1 - one.harmed / static_cast<double>(canary.requests));
  }
  return one;
}

void run_kind(const core::Release& release, const SimulateOptions& options, std::uint64_t salt,
              KindOfCanary& kind) {
  std::vector<double> seconds;
  std::vector<double> harmed;
  for (int i = 0; i < options.runs; ++i) {
    const std::uint64_t seed = mix(options.seed * 1'000'003 + salt, static_cast<std::uint64_t>(i));
    const OneRun one = run_once(story_of(release, options, kind, seed), nullptr);
    ++kind.runs;
    harmed.push_back(one.harmed);
    if (one.phase.empty()) {
      ++kind.undecided;
      continue;
    }
    seconds.push_back(one.decided_after_s);
    if (one.phase == "awaiting_promotion" || one.phase == "promoting")
      ++kind.passed;
    else if (one.phase == "holding")
      ++kind.held;
    else
      ++kind.rolled_back;
    if (!one.cause.empty()) ++kind.causes[one.cause];
  }
  kind.decided_after_s = spread_of(std::move(seconds));
  kind.harmed = spread_of(std::move(harmed));
}

std::string seconds_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f}s", seconds);
  return fmt::format("{:.0f}m{:02.0f}s", std::floor(seconds / 60), std::fmod(seconds, 60));
}

std::string text_of(const Simulation& simulation) {
  const SimulateOptions& options = simulation.options;
  std::string text = fmt::format("{} at {:g} requests/s, steps", simulation.release.name,
                                 options.requests_per_second);
  for (const core::Step& step : simulation.release.steps)
    text += fmt::format(" {}/{}", step.weight.text(), duration_text(step.hold));
  text += fmt::format("; {} runs per kind, seed {}\n\n", options.runs, options.seed);
  text +=
      fmt::format("{:<24} {:>7} {:>8} {:>6} {:>10} {:>10} {:>9} {:>9}  {}\n", "canary", "passed",
                  "back", "held", "decided in", "95 % in", "harmed", "95 %", "because of");
  for (const KindOfCanary& kind : simulation.kinds) {
    const auto percent = [&](int count) {
      return fmt::format("{:.1f} %", 100.0 * count / std::max(1, kind.runs));
    };
    std::string causes;
    for (const auto& [cause, count] : kind.causes)
      causes += fmt::format("{}{} {}", causes.empty() ? "" : ", ", cause, percent(count));
    if (kind.undecided > 0)
      causes += fmt::format("{}undecided {}", causes.empty() ? "" : ", ", percent(kind.undecided));
    text += fmt::format("{:<24} {:>7} {:>8} {:>6} {:>10} {:>10} {:>9.0f} {:>9.0f}  {}\n", kind.name,
                        percent(kind.passed), percent(kind.rolled_back), percent(kind.held),
                        seconds_text(kind.decided_after_s.median),
                        seconds_text(kind.decided_after_s.p95), kind.harmed.median, kind.harmed.p95,
                        causes);
  }
  return text +
         "\ndecided in: from the deploy to the verdict, medians; harmed: requests that the canary "
         "failed or answered above the latency limit\n";
}

std::string json_of(const Spread& spread) {
  return fmt::format(R"({{"median":{:.3f},"p95":{:.3f},"mean":{:.3f},"most":{:.3f}}})",
                     spread.median, spread.p95, spread.mean, spread.most);
}

// Names are made here and of the spec's bounded alphabet: nothing in them needs escaping.
std::string json_of(const Simulation& simulation) {
  const SimulateOptions& options = simulation.options;
  std::string text =
      fmt::format(R"({{"release":"{}","requests_per_second":{:g},"seed":{},"runs":{},"kinds":[)",
                  simulation.release.name, options.requests_per_second, options.seed, options.runs);
  for (std::size_t i = 0; i < simulation.kinds.size(); ++i) {
    const KindOfCanary& kind = simulation.kinds[i];
    text += fmt::format(
        R"({}{{"name":"{}","error_share":{:g},"slow_share":{:g},"bad_after_s":{:g},"bad_from_weight":{:g},)"
        R"("runs":{},"passed":{},"rolled_back":{},)"
        R"("held":{},"undecided":{},"decided_after_s":{},"harmed":{},"causes":{{)",
        i == 0 ? "" : ",", kind.name, kind.error_share, kind.slow_share,
        std::chrono::duration<double>(kind.bad_after).count(), kind.bad_from.value(), kind.runs,
        kind.passed, kind.rolled_back, kind.held, kind.undecided, json_of(kind.decided_after_s),
        json_of(kind.harmed));
    bool first = true;
    for (const auto& [cause, count] : kind.causes) {
      text += fmt::format(R"({}"{}":{})", first ? "" : ",", cause, count);
      first = false;
    }
    text += "}}";
  }
  return text + "]}";
}

}  // namespace

Result<Simulation> simulate(const core::Release& release, const SimulateOptions& options) {
  if (release.steps.empty()) return fail(Code::invalid, "simulating: the release has no steps");
  if (!(options.requests_per_second > 0 && options.requests_per_second <= 1e6))
    return fail(Code::invalid,
                "simulating: {} requests per second: must be above 0 and at most 1,000,000",
                options.requests_per_second);
  if (options.runs < 1 || options.runs > 1'000'000)
    return fail(Code::invalid, "simulating: {} runs: must be between 1 and 1,000,000",
                options.runs);
  Simulation simulation{release, options, kinds_of(release, options), {}, {}};
  std::uint64_t salt = 0;
  for (KindOfCanary& kind : simulation.kinds) run_kind(release, options, ++salt, kind);
  // Pictured: the first bad canary that is usually taken back, else the only one.
  const auto bad =
      std::find_if(simulation.kinds.begin(), simulation.kinds.end(),
                   [](const KindOfCanary& kind) { return kind.rolled_back * 2 > kind.runs; });
  const KindOfCanary& shown = bad != simulation.kinds.end() ? *bad : simulation.kinds.front();
  simulation.pictured = shown.name;
  (void)run_once(story_of(release, options, shown, mix(options.seed, 4711)), &simulation.run);
  return simulation;
}

SimulateReport report(const Simulation& simulation) {
  return {text_of(simulation), json_of(simulation), picture(simulation)};
}

}  // namespace linnet::sim
