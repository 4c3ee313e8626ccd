#include "cluster/guarded.h"

#include <algorithm>

namespace linnet::cluster {
namespace {

constexpr Duration longest_patience = 35s;  // an admission webhook has 30 s at most

Result<void> is_held(const kubernetes::Lease& lease, std::string_view what) {
  if (lease.held()) return {};
  return fail(Code::conflict, "{}: the Lease is not held any more: another engine may decide",
              what);
}

}  // namespace

Task<Result<core::TrafficSeen>> LeasedRouter::read(Deadline deadline) {
  co_return co_await router_.read(deadline);
}

Task<Result<void>> LeasedRouter::set(core::SetWeight level, Deadline deadline) {
  if (!level.weight.is_zero() || !lease_.respected())
    CO_TRY_VOID(is_held(lease_, "setting the weight"));
  const MonoTime begun = clock_.now().mono;
  const Duration given = std::max<Duration>(deadline - begun, patience_);
  Result<void> done = co_await router_.set(level, begun + given);
  const bool slow =
      !done && (done.error().code == Code::timed_out || done.error().code == Code::unknown_outcome);
  patience_ = slow ? std::min(given * 2, longest_patience) : Duration();
  co_return done;
}

// Stable's replicas are its owner's.
bool LeasedWorkload::OneTrack::as_set() const {
  if (level->track == core::Track::canary && wanted != level->replicas) return false;
  return level->replicas == 0 || version == level->version;
}

Task<Result<core::WorkloadSeen>> LeasedWorkload::observe(Deadline deadline) {
  Result<core::WorkloadSeen> seen = co_await workload_.observe(deadline);
  for (const core::Track track : {core::Track::stable, core::Track::canary}) {
    if (!seen || !seen->of(track).wanted) continue;
    OneTrack& one = of(track);
    one.wanted = *seen->of(track).wanted;
    one.version = seen->of(track).wanted_version;
    if (one.level && one.as_set()) one.arrived = true;
  }
  if (seen) tell_lost(seen->stable);
  co_return seen;
}

void LeasedWorkload::tell_lost(const core::TrackSeen& stable) {
  const bool ready = stable.ready() > 0;
  if (!std::exchange(stable_ready_, ready) || ready) return;
  const std::string why = stable.instances.empty() ? stable.trouble : stable.instances[0].trouble;
  tell_(fmt::format("stable has no ready instance any more{}{}", why.empty() ? "" : ": ", why));
}

Task<Result<void>> LeasedWorkload::set(core::SetTrack level, Deadline deadline) {
  CO_TRY_VOID(is_held(lease_, "changing a Deployment"));
  OneTrack& one = of(level.track);
  if (one.level == level && std::exchange(one.arrived, false) && !one.as_set())
    tell_(fmt::format(
        "the {} Deployment was changed to {} replicas of {} by another hand: {} of {} "
        "are set again",
        core::track_name(level.track), one.wanted, one.version, level.replicas, level.version));
  Result<void> done = co_await workload_.set(level, deadline);
  if (done) one.level = std::move(level);
  co_return done;
}

Task<Result<Record>> ToldStore::load(std::string release) {
  co_return co_await store_.load(std::move(release));
}

Task<Result<std::int64_t>> ToldStore::save(std::string release, std::int64_t version,
                                           Saving saving) {
  const std::vector<core::Entry> entries = saving.entries;
  Result<std::int64_t> saved = co_await store_.save(std::move(release), version, std::move(saving));
  if (saved) {
    for (const core::Entry& entry : entries) events_.tell(entry);
    saved_();
  }
  co_return saved;
}

Task<Result<std::vector<core::Intent>>> ToldStore::intents(std::string release,
                                                           std::int64_t after) {
  co_return co_await store_.intents(std::move(release), after);
}

Task<Result<core::Sample>> SummedSource::since(std::string cursor, Deadline deadline) {
  Result<core::Sample> sample = co_await source_.since(cursor, deadline);
  if (!sample) co_return sample;
  if (asked_ != cursor) {
    // What a saved cursor reaches back to may have been before this process, or was looked at: it
    // is not ours to sum.
    ours_ = asked_ && cursor == cursor_;
    before_ = sums_;
    asked_ = std::move(cursor);
  }
  cursor_ = sample->cursor;
  sums_ = before_;
  if (ours_) {
    sums_.stable += sample->stable;
    sums_.canary += sample->canary;
    sums_.lost += sample->lost;
  }
  co_return sample;
}

Task<Result<void>> SummedSource::look(Deadline deadline) {
  const Result<core::Sample> sample = co_await since(cursor_, deadline);
  if (!sample) co_return fail(sample.error());
  co_return Result<void>();
}

}  // namespace linnet::cluster
