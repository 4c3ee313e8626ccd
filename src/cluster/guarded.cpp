#include "cluster/guarded.h"

namespace linnet::cluster {
namespace {

Result<void> is_held(const kubernetes::Lease& lease, std::string_view what) {
  if (lease.held()) return {};
  return fail(Code::conflict, "{}: the Lease is not held any more: another engine may decide", what);
}

}  // namespace

Task<Result<core::TrafficSeen>> LeasedRouter::read(Deadline deadline) {
  co_return co_await router_.read(deadline);
}

Task<Result<void>> LeasedRouter::set(core::SetWeight level, Deadline deadline) {
  if (!level.weight.is_zero()) CO_TRY_VOID(is_held(lease_, "setting the weight"));
  co_return co_await router_.set(level, deadline);
}

Task<Result<core::WorkloadSeen>> LeasedWorkload::observe(Deadline deadline) {
  co_return co_await workload_.observe(deadline);
}

Task<Result<void>> LeasedWorkload::set(core::SetTrack level, Deadline deadline) {
  CO_TRY_VOID(is_held(lease_, "changing a Deployment"));
  co_return co_await workload_.set(std::move(level), deadline);
}

Task<Result<Record>> ToldStore::load(std::string release) {
  co_return co_await store_.load(std::move(release));
}

Task<Result<std::int64_t>> ToldStore::save(std::string release, std::int64_t version,
                                           Saving saving) {
  const std::vector<core::Entry> entries = saving.entries;
  Result<std::int64_t> saved =
      co_await store_.save(std::move(release), version, std::move(saving));
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
  // The first answer after a restart may reach back to before this process: it is not ours to sum.
  const bool ours = begun_;
  Result<core::Sample> sample = co_await source_.since(std::move(cursor), deadline);
  if (!sample) co_return sample;
  begun_ = true;
  cursor_ = sample->cursor;
  if (ours) {
    stable_ += sample->stable;
    canary_ += sample->canary;
    lost_ += sample->lost;
  }
  co_return sample;
}

Task<Result<void>> SummedSource::look(Deadline deadline) {
  const Result<core::Sample> sample = co_await since(cursor_, deadline);
  if (!sample) co_return fail(sample.error());
  co_return Result<void>();
}

}  // namespace linnet::cluster
