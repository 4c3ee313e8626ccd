// The command line of linnet_sim, read as a whole before anything runs: a night that was asked for
// with a typing mistake in it must not end as a success.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace linnet::sim {

struct Arguments {
  enum class Do { swarm, replay, shrink, mutants, marks, report, invariants };
  Do what = Do::swarm;
  std::uint64_t seed = 0;  // replay, shrink
  std::string guard;       // mutants; empty: all
  // 0: not given. Of the three limits at most one is.
  std::uint64_t minutes = 0;
  std::uint64_t seeds = 0;
  std::uint64_t rollouts = 0;
  /// The first seed of a swarm. With --minutes and without --from it is the time, so that no two
  /// nights look at the same seeds.
  std::uint64_t from = 1;
};

/// `now_us`: the time since the epoch. No run is faster than a seed in a microsecond, so those that
/// begin at different times share no seed. Code::invalid: what is wrong.
Result<Arguments> read_arguments(const std::vector<std::string>& words, std::uint64_t now_us);

}  // namespace linnet::sim
