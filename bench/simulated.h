// Random traffic with fixed seeds, and the tally of figures against their reach, for the evidence
// bench.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

namespace linnet::bench {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  bool chance(double p) { return uniform() < p; }
  int binomial(int n, double p) {
    int hits = 0;
    for (int i = 0; i < n; ++i) hits += chance(p);
    return hits;
  }

 private:
  std::mt19937_64 engine_;
};

/// Poisson numbers by table; mean up to some hundreds.
class Poisson {
 public:
  explicit Poisson(double mean) {
    double term = std::exp(-mean), sum = 0;
    for (int k = 0; k < mean + 12 * std::sqrt(mean) + 30; ++k) {
      sum += term;
      below_.push_back(sum);
      term *= mean / (k + 1);
    }
  }
  int operator()(Random& random) const {
    const auto at = std::upper_bound(below_.begin(), below_.end(), random.uniform());
    return static_cast<int>(at - below_.begin());
  }

 private:
  std::vector<double> below_;
};

/// Share of runs with an event, and the mean time to it.
struct Times {
  double runs = 0, events = 0, sum = 0;
  void none() { runs += 1; }
  void at(double seconds) { runs += 1, events += 1, sum += seconds; }
  [[nodiscard]] double share() const { return events / runs; }
  [[nodiscard]] double mean() const { return events > 0 ? sum / events : 0; }
};

/// Figures beside their reach, row by row; the program fails when one is outside.
class Reach {
 public:
  /// The figures from now on belong to this row of the closing table.
  void row(std::string name) { rows_.push_back({std::move(name)}); }
  /// Marks a figure: "" within reach, " <-- ..." outside.
  std::string at_most(double figure, double limit) {
    Row& row = rows_.back();
    if (row.figures++ == 0 || figure / limit > row.worst / row.limit)
      row.worst = figure, row.limit = limit;
    if (figure <= limit) return "";
    ++missed_;
    return fmt::format("  <-- above {:.4g}", limit);
  }
  /// One line a row: the figure that is nearest to its reach, or farthest beyond.
  void print() const {
    fmt::print("{:62} {:>7} {:>9} {:>9}  held\n", "The nearest to its reach of", "figures",
               "measured", "reach");
    for (const Row& row : rows_)
      fmt::print("  {:60} {:7} {:9.3g} {:>9}  {}\n", row.name, row.figures, row.worst,
                 fmt::format("<={:.3g}", row.limit), row.worst <= row.limit ? "yes" : "NO");
  }
  [[nodiscard]] int missed() const { return missed_; }

 private:
  struct Row {
    std::string name;
    int figures = 0;
    double worst = 0, limit = 1;
  };
  std::vector<Row> rows_;
  int missed_ = 0;
};

// The tables of the bench. `scale` divides the number of runs (--quick).
void detection_times(Reach& reach);
void false_alarms(Reach& reach, int scale);
void compared_rules(int scale);
void compared_relative_rules(int scale);
void complete_rule_table(Reach& reach, int scale);
void accuracy(Reach& reach);

}  // namespace linnet::bench
