// Runs many seeds and keeps the score; makes a failing story smaller.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sim/world.h"

namespace linnet::sim {

struct Failure {
  std::uint64_t seed = 0;
  Violation violation;
};

struct Tally {
  std::int64_t seeds = 0;
  std::int64_t turns = 0;
  std::int64_t rollouts = 0;
  std::int64_t saves = 0;
  std::int64_t kills = 0;
  std::int64_t virtual_ms = 0;
  double seconds = 0;                          // of this thread's processor time
  std::map<std::string, std::int64_t> ends;    // by phase
  std::map<std::string, std::int64_t> causes;  // of finished rollouts
  std::vector<Failure> failures;               // at most 100
  std::int64_t failed = 0;
  std::int64_t checked_twice = 0;  // seeds that were run again for their hash
  std::uint64_t hash = 0;          // of all stories: another process must come to the same
};

/// Runs seeds from `first` on until `go_on` says no. One seed in `twice_every` is run again and
/// must give the same hash; 0: none.
Tally run_seeds(std::uint64_t first, const std::function<bool(const Tally&)>& go_on,
                int twice_every = 50);

/// The same failure with fewer events and faults.
Case shrink(const Case& story, const std::string& invariant);

/// The last lines before the failure, and what was promised.
std::string failure_text(const Case& story, std::size_t last_lines = 25);
std::string tally_text(const Tally& tally);

/// For each guard of the product: switched off alone, after how many seeds is it noticed? Only in a
/// build with LINNET_MUTANTS.
struct MutantResult {
  std::string guard;
  std::int64_t seeds = 0;  // tried
  bool caught = false;
  std::vector<std::string> by;  // the invariants, the first to notice in front
};
std::vector<MutantResult> run_mutants(std::int64_t most_seeds, const std::string& only = {});
std::string mutants_text(const std::vector<MutantResult>& results);
/// Rare branches and how often they were reached by what ran in this process.
std::string marks_text();

}  // namespace linnet::sim
