#include "cli/progress.h"

#include <algorithm>
#include <cmath>

namespace linnet::cli {

std::string bar(double fraction, int width, const TerminalOptions& options) {
  const int inside = std::max(width - 2, 1);
  if (!(fraction > 0)) fraction = 0;  // not a number, too
  int full = static_cast<int>(std::lround(std::min(fraction, 1.0) * inside));
  if (fraction > 0) full = std::max(full, 1);
  if (fraction < 1) full = std::min(full, inside - 1);
  std::string out = options.unicode ? "" : "[";
  for (int i = 0; i < inside; ++i)
    out += i < full ? (options.unicode ? "█" : "#") : (options.unicode ? "░" : "-");
  if (!options.unicode) out += "]";
  return out;
}

}  // namespace linnet::cli
