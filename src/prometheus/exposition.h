// Metrics pages in Prometheus' text format 0.0.4 and in OpenMetrics. A page may have 10 MB of which
// a few hundred lines matter: lines of other metrics are skipped by their name, unread.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "recipes/metric.h"

namespace linnet::prometheus {

/// One line, valid until the call returns.
struct Line {
  std::string_view metric;
  std::span<const recipes::LabelView> labels;
  double value = 0;  // NaN and infinities too
};

using Wanted = std::function<bool(std::string_view metric)>;
using Take = std::function<void(const Line& line)>;

/// Code::invalid: a wanted line that is not of the format, or text that ends in the middle of a
/// line. Then the page is to be taken as not read: a cut number looks like a counter that fell.
Result<void> read_exposition(std::string_view text, const Wanted& wanted, const Take& take);

/// "1.5e3", "+Inf", "NaN", as pages and query answers write numbers.
std::optional<double> parse_number(std::string_view text);

}  // namespace linnet::prometheus
