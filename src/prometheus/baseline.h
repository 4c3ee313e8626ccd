// Where every counter stood when a cursor was handed out. The cursor is this, as text: so a restart
// goes on exactly where it was, and no memory is needed in between.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace linnet::prometheus {

/// A series by the hash of its name and labels ("le" excepted).
using SeriesKey = std::uint64_t;

/// Empty: the series was there with numbers of no use; the next ones are the baseline.
struct HistogramCounts {
  std::vector<double> bounds_ms;     // ascending, the last is +Inf
  std::vector<std::int64_t> counts;  // cumulative, as on the page

  friend bool operator==(const HistogramCounts&, const HistogramCounts&) = default;
};

/// One page of one process; a process that starts anew begins at zero with all its series.
struct PageBaseline {
  WallTime read;                               // last
  WallTime started;                            // its process, by its own clock; 0: not known
  WallTime sampled = {};                       // Page::sampled of what was counted; 0: not known
  std::map<SeriesKey, std::int64_t> counters;  // -1: as an empty histogram
  std::map<SeriesKey, HistogramCounts> histograms;

  friend bool operator==(const PageBaseline&, const PageBaseline&) = default;
};

struct Baseline {
  static constexpr std::size_t max_bytes = 256 * 1024;
  static constexpr std::size_t max_values = 40'000;

  WallTime at;  // 0: nothing was read yet
  std::map<std::string, PageBaseline> pages;

  [[nodiscard]] bool begun() const { return at.ms > 0; }
  /// Numbers kept, as a measure of its size.
  [[nodiscard]] std::size_t values() const;
  /// Compact JSON.
  [[nodiscard]] std::string text() const;
  /// Code::invalid: not a text of ours.
  static Result<Baseline> parse(std::string_view text);

  friend bool operator==(const Baseline&, const Baseline&) = default;
};

}  // namespace linnet::prometheus
