// How well the net holds: which mutants are caught, after how many seeds, and which rare branches
// the swarm never reached.
#include <algorithm>
#include <ctime>

#include "base/mark.h"
#include "base/mutant.h"
#include "sim/random.h"
#include "sim/swarm.h"

namespace linnet::sim {
namespace {

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

bool fails_with(const Case& story, const std::string& invariant) {
  const RunResult result = run_case(story);
  return result.violation && result.violation->invariant == invariant;
}

// Tries a simpler story; keeps it when it still fails in the same way.
bool try_simpler(Case& story, const std::string& invariant,
                 const std::function<void(Case&)>& simplify) {
  Case simpler = story;
  simplify(simpler);
  if (!fails_with(simpler, invariant)) return false;
  story = std::move(simpler);
  return true;
}

}  // namespace

Tally run_seeds(std::uint64_t first, const std::function<bool(const Tally&)>& go_on,
                int twice_every) {
  constexpr std::size_t most_failures = 100;
  Tally tally;
  const double start = processor_seconds();
  for (std::uint64_t seed = first; go_on(tally); ++seed) {
    const Case story = case_of_seed(seed);
    RunResult result = run_case(story);
    if (twice_every > 0 && seed % static_cast<std::uint64_t>(twice_every) == 0) {
      ++tally.checked_twice;
      if (run_case(story).hash != result.hash)
        result.violation = Violation{"deterministic", "the same seed went another way", 0, {}};
    }
    ++tally.seeds;
    tally.hash = mix(tally.hash ^ result.hash);
    tally.turns += result.turns;
    tally.rollouts += result.rollouts;
    tally.saves += result.saves;
    tally.kills += result.kills;
    tally.virtual_ms += result.virtual_ms;
    ++tally.ends[result.phase];
    for (const core::RolloutRecord& record : result.history)
      ++tally.causes[record.outcome + ": " + record.cause.kind];
    if (result.violation) {
      ++tally.failed;
      if (tally.failures.size() < most_failures)
        tally.failures.push_back({seed, *result.violation});
    }
    tally.seconds = processor_seconds() - start;
  }
  return tally;
}

Case shrink(const Case& story, const std::string& invariant) {
  Case best = story;
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (std::size_t i = best.events.size(); i-- > 1;)  // the first is init
      smaller |= try_simpler(best, invariant, [i](Case& simpler) {
        simpler.events.erase(simpler.events.begin() + static_cast<std::ptrdiff_t>(i));
      });
    for (std::size_t i = 0; i < port_count; ++i) {
      if (!best.ports[i].any()) continue;
      smaller |= try_simpler(best, invariant, [i](Case& simpler) { simpler.ports[i] = {}; });
      for (double PortFaults::*share :
           {&PortFaults::slow, &PortFaults::fails, &PortFaults::hangs, &PortFaults::lost,
            &PortFaults::stale, &PortFaults::conflicts})
        if (best.ports[i].*share > 0)
          smaller |=
              try_simpler(best, invariant, [&](Case& simpler) { simpler.ports[i].*share = 0; });
    }
    if (best.metrics.any())
      smaller |= try_simpler(best, invariant, [](Case& simpler) { simpler.metrics = {}; });
    if (best.router.applies_after > 0ms)
      smaller |= try_simpler(best, invariant, [](Case& simpler) { simpler.router = {}; });
    if (best.guardian_late > 0)
      smaller |= try_simpler(best, invariant, [](Case& simpler) { simpler.guardian_late = 0; });
    if (best.release.steps.size() > 1)
      smaller |=
          try_simpler(best, invariant, [](Case& simpler) { simpler.release.steps.pop_back(); });
  }
  return best;
}

std::string failure_text(const Case& story, std::size_t last_lines) {
  const RunResult result = run_case(story, true);
  if (!result.violation) return fmt::format("seed {} holds every promise\n", story.seed);
  std::string text =
      fmt::format("seed {} breaks `{}` at {:.3f} s: {}\n", story.seed, result.violation->invariant,
                  static_cast<double>(result.violation->at_ms) / 1000.0, result.violation->text);
  for (const Invariant& one : invariants())
    if (one.name == result.violation->invariant)
      text += fmt::format("  the promise: {}\n", one.promise);
  const std::size_t from =
      result.journal.size() > last_lines ? result.journal.size() - last_lines : 0;
  for (std::size_t i = from; i < result.journal.size(); ++i) text += result.journal[i] + "\n";
  return text;
}

std::string tally_text(const Tally& tally) {
  std::string text = fmt::format(
      "{} stories, {} rollouts, {} turns, {} saves, {} deaths of the engine, {:.1f} days of "
      "virtual time; "
      "{} run twice with the same hash; hash of all {:016x}\n"
      "{:.1f} s of one core: {:.0f} turns/s, {:.0f} rollouts/s; {} violations\n",
      tally.seeds, tally.rollouts, tally.turns, tally.saves, tally.kills,
      static_cast<double>(tally.virtual_ms) / 86'400'000.0, tally.checked_twice, tally.hash,
      tally.seconds, static_cast<double>(tally.turns) / tally.seconds,
      static_cast<double>(tally.rollouts) / tally.seconds, tally.failed);
  std::map<std::string, std::vector<std::uint64_t>> by_name;
  for (const Failure& failure : tally.failures)
    by_name[failure.violation.invariant].push_back(failure.seed);
  for (const auto& [name, seeds] : by_name) {
    text += fmt::format("  {} x {}: seeds", seeds.size(), name);
    for (std::size_t i = 0; i < std::min<std::size_t>(seeds.size(), 8); ++i)
      text += fmt::format(" {}", seeds[i]);
    text += "\n";
  }
  return text;
}

#ifdef LINNET_MUTANTS
constexpr std::int64_t seeds_after_first = 500;

std::vector<MutantResult> run_mutants(std::int64_t most_seeds, const std::string& only) {
  std::vector<MutantResult> results;
  for (std::size_t i = 1; i < mutant::guard_names.size(); ++i) {
    if (!only.empty() && only != mutant::guard_names[i]) continue;
    mutant::off = static_cast<mutant::Guard>(i);
    MutantResult result;
    result.guard = mutant::guard_names[i];
    // The first seed that breaks a promise counts; some more tell which others it breaks, too.
    std::int64_t last = most_seeds;
    for (std::int64_t seed = 1; seed <= last; ++seed) {
      if (!result.caught) result.seeds = seed;
      const RunResult run = run_case(case_of_seed(static_cast<std::uint64_t>(seed)));
      if (!run.violation) continue;
      if (!result.caught) last = seed + seeds_after_first;
      result.caught = true;
      result.by.push_back(run.violation->invariant);
      result.by.insert(result.by.end(), run.violation->also.begin(), run.violation->also.end());
    }
    results.push_back(std::move(result));
  }
  mutant::off = mutant::Guard::none;
  return results;
}

std::string marks_text() {
  std::string text;
  std::size_t reached = 0;
  std::string never;
  for (std::size_t i = 0; i < mark::names.size(); ++i) {
    if (mark::counts[i] > 0)
      ++reached;
    else
      never += fmt::format(" {}", mark::names[i]);
  }
  text = fmt::format("{} of {} rare branches reached", reached, mark::names.size());
  return never.empty() ? text + "\n" : fmt::format("{}; never:{}\n", text, never);
}
#else
std::vector<MutantResult> run_mutants(std::int64_t, const std::string&) { return {}; }
std::string marks_text() { return "this build has no marks\n"; }
#endif

std::string mutants_text(const std::vector<MutantResult>& results) {
  std::string text = fmt::format("{:<30} {:>8}  {}\n", "guard switched off", "seeds", "noticed by");
  std::size_t caught = 0;
  for (const MutantResult& one : results) {
    caught += one.caught ? 1 : 0;
    text += fmt::format("{:<30} {:>8}  {}\n", one.guard, one.seeds,
                        one.caught ? one.by.front() : "NOBODY: the net has a hole");
  }
  text += fmt::format("{} of {} mutants caught\n", caught, results.size());
  std::string silent;
  for (const Invariant& promise : invariants())
    if (std::none_of(results.begin(), results.end(), [&](const MutantResult& one) {
          return std::count(one.by.begin(), one.by.end(), promise.name) > 0;
        }))
      silent += fmt::format(" {}", promise.name);
  if (results.size() > 1 && !silent.empty())
    text += fmt::format("promises that no mutant breaks:{}\n", silent);
  return text;
}

}  // namespace linnet::sim
