// Bars: how far a step is, and how the traffic is divided.
#pragma once

#include <string>

#include "cli/terminal.h"

namespace linnet::cli {

/// "[######--------]": `fraction` of `width` columns, brackets included; outside 0..1 is clamped.
/// Something above 0 shows at least one mark, and only 1 shows a full bar.
std::string bar(double fraction, int width, const TerminalOptions& options);

}  // namespace linnet::cli
