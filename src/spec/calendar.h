// When a release may start: its windows and freezes against an instant. Pure: the time is an
// argument and the zones' files are brought by the caller. A running rollout is never stopped by
// it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "core/release.h"

namespace linnet::spec {

/// The bytes of a zone's TZif file ("Europe/Berlin" -> /usr/share/zoneinfo/Europe/Berlin), or
/// nothing when there is no such zone. Not asked for UTC. The names hold no "." and no leading "/".
using ZoneBytes = std::function<std::optional<std::string>(std::string_view zone)>;

/// Why the release may not start at `now`, for people, or nothing when it may:
/// "freeze until 2027-01-03: holidays" or "outside the release window mon-fri 09:00-17:00
/// Europe/Berlin; opens 2026-11-23 09:00 CET". A window whose zone is unknown stays closed.
std::optional<std::string> closed(const core::Release& release, WallTime now,
                                  const ZoneBytes& zones);

/// The first whole minute from `now` on at which it may start; nothing when there is none
/// within 60 days that are not frozen.
std::optional<WallTime> next_opening(const core::Release& release, WallTime now,
                                     const ZoneBytes& zones);

/// The zones of the release's windows that cannot be read; a mistake in the spec on this machine.
std::vector<std::string> unknown_zones(const core::Release& release, const ZoneBytes& zones);

}  // namespace linnet::spec
