// A status document as text for people: the screen of `linnet status` and the live block of a
// command that follows a rollout. Pure: the same document and time give the same lines.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/documents.h"
#include "cli/terminal.h"

namespace linnet::cli {

/// Requests per second of one track, measured between two counts documents.
struct Rates {
  double stable = 0;
  double canary = 0;
};
/// Nothing when the counters were reset in between or no time passed.
std::optional<Rates> rates_between(const CountsDocument& before, const CountsDocument& after);

/// One screen.
std::vector<std::string> status_lines(const StatusDocument& status, const Terminal& terminal,
                                      WallTime now);
/// The block that is redrawn while a rollout is followed.
std::vector<std::string> progress_lines(const StatusDocument& status, std::optional<Rates> rates,
                                        const Terminal& terminal);
/// The phase of a release, or that it is not initialised.
std::string state_text(const StatusDocument& status, const Terminal& terminal);
/// "stepping", "rolled back", with its colour.
std::string phase_text(std::string_view phase, const Terminal& terminal);

}  // namespace linnet::cli
