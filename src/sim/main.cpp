// linnet_sim: runs the swarm. Without arguments a fixed set of seeds in under a minute; with a seed, that
// story with its whole journal.
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>

#include "sim/world.h"

namespace {
using namespace linnet;
using namespace linnet::sim;
}  // namespace

int main(int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "";
  if (!first.empty() && first[0] != '-') {
    const std::uint64_t seed = std::strtoull(first.c_str(), nullptr, 10);
    const Case story = case_of_seed(seed);
    fmt::print("{}\n", case_text(story));
    const RunResult result = run_case(story, true);
    for (const std::string& line : result.journal) fmt::print("{}\n", line);
    fmt::print("phase {}, {} turns, hash {:x}\n", result.phase, result.turns, result.hash);
    if (result.violation)
      fmt::print("VIOLATION {}: {}\n", result.violation->invariant, result.violation->text);
    return result.violation ? 1 : 0;
  }
  const std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1000;
  const std::uint64_t from = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
  const std::clock_t start = std::clock();
  std::int64_t turns = 0, rollouts = 0, saves = 0, bad = 0;
  std::map<std::string, std::vector<std::uint64_t>> by_name;
  std::map<std::string, int> ends;
  for (std::uint64_t seed = from; seed < from + count; ++seed) {
    const RunResult result = run_case(case_of_seed(seed));
    turns += result.turns;
    rollouts += result.rollouts;
    saves += result.saves;
    ++ends[result.phase];
    if (result.violation) {
      ++bad;
      by_name[result.violation->invariant].push_back(seed);
    }
  }
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  fmt::print("{} seeds, {} turns, {} rollouts, {} saves, {} violations, {:.2f} s, {:.0f} turns/s, {:.0f} rollouts/s\n",
             count, turns, rollouts, saves, bad, seconds, static_cast<double>(turns) / seconds,
             static_cast<double>(rollouts) / seconds);
  for (const auto& [name, seeds] : by_name) {
    fmt::print("  {} x {}:", seeds.size(), name);
    for (std::size_t i = 0; i < std::min<std::size_t>(seeds.size(), 8); ++i) fmt::print(" {}", seeds[i]);
    fmt::print("\n");
  }
  for (const auto& [name, n] : ends) fmt::print("  ends {}: {}\n", name, n);
}
