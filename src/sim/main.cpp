// linnet_sim: the swarm as a program. Without arguments a fixed set of seeds in under a minute; see
// `usage`.
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include "sim/arguments.h"
#include "sim/swarm.h"

namespace {

using namespace linnet;
using namespace linnet::sim;

constexpr std::int64_t fixed_seeds = 12'000;
constexpr std::int64_t mutant_seeds = 20'000;
constexpr std::int64_t report_rollouts = 1'000'000;
constexpr std::int64_t mark_seeds = 100'000;

constexpr std::string_view usage =
    "usage: linnet_sim               a fixed set of seeds, under a minute\n"
    "       linnet_sim --minutes N [--from SEED]   as many seeds as fit, each time others\n"
    "       linnet_sim --seeds N [--from SEED]     that many\n"
    "       linnet_sim SEED          one story with its whole journal\n"
    "       linnet_sim --shrink SEED the same failure with fewer faults\n"
    "       linnet_sim --mutants [GUARD]   each guard of the product switched off\n"
    "       linnet_sim --marks       rare branches that no story reached, then the mutants\n"
    "       linnet_sim --report [--rollouts N]   the tables: a million rollouts, then rare\n"
    "                                branches and mutants; some 20 minutes of one core\n"
    "       linnet_sim --invariants  what is promised\n";

int show(const Tally& tally) {
  std::cout << tally_text(tally);
  if (tally.failures.empty()) return 0;
  const std::uint64_t seed = tally.failures.front().seed;
  std::cout << failure_text(case_of_seed(seed));
  std::cout << fmt::format("again: linnet_sim {}   smaller: linnet_sim --shrink {}\n", seed, seed);
  return 1;
}

int replay(std::uint64_t seed) {
  const Case story = case_of_seed(seed);
  std::cout << case_text(story) << "\n";
  const RunResult result = run_case(story, true);
  for (const std::string& line : result.journal) std::cout << line << "\n";
  std::cout << fmt::format("{} after {} turns, hash {:016x}\n", result.phase, result.turns,
                           result.hash);
  if (!result.violation) return 0;
  std::cout << failure_text(story, 0);
  return 1;
}

int shrink_seed(std::uint64_t seed) {
  const Case story = case_of_seed(seed);
  const RunResult result = run_case(story);
  if (!result.violation) {
    std::cout << fmt::format("seed {} holds every promise: nothing to shrink\n", seed);
    return 0;
  }
  const Case smaller = shrink(story, result.violation->invariant);
  std::cout << case_text(smaller) << "\n" << failure_text(smaller, 200);
  return 1;
}

// Mutants and marks are in the program beside this one, which is built with them.
[[maybe_unused]] int run_instrumented(const std::string& self,
                                      const std::vector<std::string>& words) {
  const std::string path = self.substr(0, self.find_last_of('/') + 1) + "linnet_sim_mutants";
  std::vector<std::string> all{path};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (std::string& word : all) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv(path.c_str(), arguments.data());
  std::cerr << path << " is missing: build the target sim_mutants\n";
  return 4;
}

[[maybe_unused]] int mutants(const std::string& only) {
  const auto results = run_mutants(mutant_seeds, only);
  std::cout << mutants_text(results);
  return std::all_of(results.begin(), results.end(), [](const auto& one) { return one.caught; })
             ? 0
             : 1;
}

// Rare branches are counted in the program that has marks; the guards are all on there as well.
[[maybe_unused]] int marks_and_mutants() {
  const Tally tally = run_seeds(1, [](const Tally& so_far) { return so_far.seeds < mark_seeds; });
  std::cout << fmt::format("over {} more stories: {}", tally.seeds, marks_text()) << std::endl;
  return std::max(tally.failures.empty() ? 0 : 1, mutants({}));
}

int show_ends(const Tally& tally) {
  const int code = show(tally);
  std::cout << "\nends of stories:\n";
  for (const auto& [name, count] : tally.ends)
    std::cout << fmt::format("  {:<24} {}\n", name, count);
  std::cout << "ends of rollouts:\n";
  for (const auto& [name, count] : tally.causes)
    std::cout << fmt::format("  {:<32} {}\n", name, count);
  std::cout << std::endl;
  return code;
}

// On the product's own libraries.
[[maybe_unused]] int report(std::int64_t rollouts) {
  std::int64_t told = 0;
  return show_ends(run_seeds(1, [&](const Tally& tally) {
    if (tally.rollouts / 100'000 > told) {
      told = tally.rollouts / 100'000;
      std::cerr << fmt::format("{} rollouts, {} violations\n", tally.rollouts, tally.failed);
    }
    return tally.rollouts < rollouts;
  }));
}

int swarm(const Arguments& asked) {
  const auto start = std::chrono::steady_clock::now();
  const auto go_on = [&](const Tally& tally) {
    if (asked.minutes > 0)
      return std::chrono::steady_clock::now() - start < std::chrono::minutes(asked.minutes);
    if (asked.rollouts > 0) return tally.rollouts < static_cast<std::int64_t>(asked.rollouts);
    return tally.seeds < (asked.seeds > 0 ? static_cast<std::int64_t>(asked.seeds) : fixed_seeds);
  };
  if (asked.minutes > 0) std::cout << fmt::format("from seed {}", asked.from) << std::endl;
  const Tally tally = run_seeds(asked.from, go_on);
  const int code = show(tally);
  if (asked.minutes > 0)
    std::cout << fmt::format("all again: linnet_sim --from {} --seeds {}\n", asked.from,
                             tally.seeds);
  return code;
}

int show_invariants() {
  for (const Invariant& one : invariants())
    std::cout << fmt::format("{:<28} {}\n", one.name, one.promise);
  return 0;
}

int run(const Arguments& asked, [[maybe_unused]] const std::string& self,
        [[maybe_unused]] const std::vector<std::string>& words) {
  using Do = Arguments::Do;
  switch (asked.what) {
    case Do::swarm: return swarm(asked);
    case Do::replay: return replay(asked.seed);
    case Do::shrink: return shrink_seed(asked.seed);
    case Do::invariants: return show_invariants();
#ifdef LINNET_MUTANTS
    case Do::marks: return marks_and_mutants();
    case Do::mutants: return mutants(asked.guard);
    case Do::report: break;
#else
    case Do::marks:
    case Do::mutants: return run_instrumented(self, words);
    case Do::report: {
      const int code =
          report(asked.rollouts > 0 ? static_cast<std::int64_t>(asked.rollouts) : report_rollouts);
      return code != 0 ? code : run_instrumented(self, {"--marks"});
    }
#endif
  }
  std::cerr << usage;
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 1 && (words[0] == "--help" || words[0] == "-h")) {
    std::cout << usage;
    return 0;
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  const auto asked = read_arguments(words, static_cast<std::uint64_t>(now_us));
  if (asked) return run(*asked, argv[0], words);
  std::cerr << "linnet_sim: " << asked.error().message << "\n" << usage;
  return 2;
}
