// From counters as they stand to requests since the last look. Pure. Each series is counted for
// itself, so that a process that restarts, a page that is missing and a series that is new are
// never taken for something else.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/observation.h"
#include "prometheus/baseline.h"
#include "recipes/metric.h"

namespace linnet::prometheus {

struct Reading {
  SeriesKey series = 0;
  recipes::Role role;
  double value = 0;
};

/// What one process said at one time. A page that could not be read is not among those given.
struct Page {
  std::string id;
  std::optional<double> started_s;  // process_start_time_seconds, when the page has it
  std::vector<Reading> readings;
  std::string name = {};  // for people; empty: the id
  // When the process was read, where another one did that: see SeriesCounter.
  std::optional<WallTime> sampled = {};
};

struct CounterOptions {
  std::vector<double> boundaries_ms;  // core::latency_boundaries(release)
  Duration forget = 15min;  // a page not read for this long is a new one when it comes back
};

struct Counted {
  core::Sample sample;  // without its cursor
  Baseline next;
  std::vector<std::string> remarks;  // what was ignored and why, in words
};

class SeriesCounter {
 public:
  explicit SeriesCounter(CounterOptions options) : options_(std::move(options)) {}

  /// The rules (facts: a counter that falls began anew at 0):
  /// - a page's first reading only sets the baseline, unless its process started after `before`;
  /// - a series that is new on a known page counts from 0, one that fell counts from 0;
  /// - a page or series that is missing keeps its baseline, its requests come later;
  /// - of several servers that read the same page one may be behind: a page sampled before the one
  ///   that was counted waits, as does one hardly later in which all that moved fell. A server is
  ///   behind by less than it answers for (5 min), so nothing waits for longer;
  /// - a number that no counter can have is ignored, of two equal series the first counts;
  /// - a request is in the bucket of the smallest boundary that its histogram proves;
  /// - the sample reaches back to where the pages that grew were counted before, the oldest of
  /// them. Code::invalid: more series than a cursor can hold.
  [[nodiscard]] Result<Counted> count(const Baseline& before, std::span<const Page> pages,
                                      WallTime at) const;

 private:
  CounterOptions options_;
};

/// Limits that are none of the histograms' bounds: requests between the bound below and the limit
/// count as above it. Empty: all is exact, or nothing is known. `limits_ms` of the release's
/// checks.
std::string inexact_limits(const Baseline& baseline, const std::vector<double>& limits_ms);

/// Of the name and the labels in any order, "le" excepted.
SeriesKey key_of(std::string_view metric, std::span<const recipes::LabelView> labels);

}  // namespace linnet::prometheus
