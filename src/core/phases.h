// What the phases share: private to core. The phases of a canary that goes on are in
// core/phases.cpp, the ways out in core/endings.cpp.
#pragma once

#include <string>

#include "core/turn.h"

namespace linnet::core {

/// A canary that lacks instances, or does not start, for so long: an entry says it.
constexpr Duration missing_is_told = 1s;
/// A process that died, or a pod that is asked again, is back by then as a rule; what the router
/// sends it until then is lost.
constexpr Duration longest_empty = 5s;

/// How long an instance may take to get ready.
Duration not_ready_limit(const Release& release);
/// What keeps one of them from running, in the platform's words; empty: nothing.
std::string first_trouble(const TrackSeen& track);
const Instance* crash_looping(const TrackSeen& track, const std::string& version);
std::string ready_text(const Turn& turn, Track track, const std::string& version, int wanted);
std::string read_back_text(const Turn& turn);
/// The canary had requests in this turn, and they were counted.
bool has_data(const Turn& turn);
/// The canary lost instances and does not get them back in time: it is taken back then.
bool fails_readiness(Turn& turn);
/// The wanted weight is not in force for longer than `progress`: the router refuses, or cannot be
/// read. It is taken back then.
bool fails_force(Turn& turn, Duration waited);
/// Checks of a canary outside of the steps: evidence at any time, the plain rule once a period, and
/// where what comes next needs it (`due`). True when that decided the turn.
bool fails_while_watched(Turn& turn, Duration& watched, bool due);
/// Brings the canary's weight to `target`: down at once, up only when its instances are ready.
bool at_weight(Turn& turn, Percent target, const std::string& why);

void on_promoting(Turn& turn, Promoting promoting);
void on_rolling_back(Turn& turn, RollingBack rolling);

}  // namespace linnet::core
