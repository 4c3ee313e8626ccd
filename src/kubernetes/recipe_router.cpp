#include "kubernetes/recipe_router.h"

#include <boost/json.hpp>

#include "kubernetes/names.h"
#include "kubernetes/requests.h"
#include "runtime/with_deadline.h"

namespace linnet::kubernetes {
namespace {

using recipes::ObjectName;
using recipes::Seen;
using recipes::Write;

// Versions of one object are whole numbers that grow (Kubernetes 1.35 promises it, etcd always
// did).
bool is_newer(const Json& a, const Json& b) {
  const std::string left = text_at(a, {"metadata", "resourceVersion"});
  const std::string right = text_at(b, {"metadata", "resourceVersion"});
  return left.size() != right.size() ? left.size() > right.size() : left > right;
}

// Somebody was faster, or a `test` of the patch failed (422), or the object is gone.
bool worth_a_second_look(Code code) {
  return code == Code::conflict || code == Code::invalid || code == Code::not_found;
}

}  // namespace

std::string creation_text(const Write& write) {
  return write.kind == Write::Kind::create
             ? fmt::format("create {} {}: at weight 0 %", write.object.kind, write.object.name)
             : fmt::format("change {} {}: the canary comes into it, at weight 0 %",
                           write.object.kind, write.object.name);
}

RecipeRouter::RecipeRouter(Client& client, recipes::RouterRecipe recipe, recipes::Parameters with,
                           std::string field_manager)
    : client_(client),
      recipe_(std::move(recipe)),
      with_(std::move(with)),
      manager_(std::move(field_manager)) {}

Result<std::unique_ptr<RecipeRouter>> RecipeRouter::make(
    Client& client, recipes::RouterRecipe recipe, recipes::Parameters with,
    std::function<void()> changed, std::string field_manager, CacheTimes times) {
  std::unique_ptr<RecipeRouter> made(
      new RecipeRouter(client, std::move(recipe), std::move(with), std::move(field_manager)));
  auto carriers = made->recipe_.carriers(made->with_);
  if (!carriers)
    return fail(std::move(carriers).error().while_doing("router " + made->recipe_.name()));
  made->carriers_ = *std::move(carriers);
  made->written_.resize(made->carriers_.size());
  for (const ObjectName& name : made->carriers_)
    made->caches_.push_back(std::make_unique<Cache>(client, collection(name), "", changed,
                                                    "metadata.name=" + name.name, times));
  return made;
}

void RecipeRouter::watch(runtime::TaskGroup& tasks) {
  for (std::size_t i = 0; i < caches_.size(); ++i)
    tasks.spawn("watch of " + carriers_[i].name, caches_[i]->run());
}

Result<void> RecipeRouter::fresh() const {
  for (std::size_t i = 0; i < caches_.size(); ++i)
    if (!caches_[i]->fresh())
      return fail(Code::unavailable, "{} {} is not known now: {}", carriers_[i].kind,
                  carriers_[i].name, caches_[i]->trouble().message);
  return {};
}

std::vector<Seen> RecipeRouter::copies() const {
  std::vector<Seen> seen;
  for (std::size_t i = 0; i < caches_.size(); ++i) {
    const auto found = caches_[i]->objects().find(carriers_[i].name);
    Json object = found == caches_[i]->objects().end() ? Json() : found->second;
    // A watch tells of our own write a little later than the answer to it.
    if (!object.is_null() && is_newer(written_[i], object)) object = written_[i];
    seen.push_back({carriers_[i], std::move(object)});
  }
  return seen;
}

Task<Result<std::vector<Seen>>> RecipeRouter::get(std::vector<ObjectName> names,
                                                  Deadline deadline) {
  std::vector<Seen> seen;
  for (const ObjectName& name : names) {
    auto object = co_await client_.get(collection(name), name.name, deadline);
    if (!object && object.error().code != Code::not_found) co_return fail(object.error());
    seen.push_back({name, object ? *std::move(object) : Json()});
  }
  co_return seen;
}

Task<Result<core::TrafficSeen>> RecipeRouter::read(Deadline) {
  CO_TRY_VOID(fresh());
  std::vector<Seen> seen = copies();
  const auto read = recipe_.weight(with_, seen);
  if (!read && read.error().code == Code::not_found) {
    told_ = std::move(seen);
    core::TrafficSeen nothing;
    nothing.by = fmt::format("someone ({})", read.error().message);
    co_return nothing;
  }
  if (!read) co_return fail(read.error());
  if (!read->accepted) co_return fail(Code::unavailable, "{}", read->waits_for);
  told_ = std::move(seen);
  if (read->differ.empty()) agreed_ = read->weight;
  co_return traffic_of(*read);
}

const recipes::SplitRead* RecipeRouter::foreign(const recipes::WeightRead& read) const {
  const auto other = [this](const recipes::SplitRead& split) {
    return !split.by.empty() && split.by != manager_;
  };
  if (read.differ.empty()) return other(read.splits.front()) ? &read.splits.front() : nullptr;
  if (read.taken_back) return nullptr;
  const recipes::SplitRead* found = nullptr;
  for (const recipes::SplitRead& split : read.splits) {
    if (!other(split)) continue;
    // Splits of one object have one writer: what he changed is the one that is not as before.
    const bool later =
        found == nullptr || split.when.empty() || split.when > found->when ||
        (split.when == found->when && found->weight == agreed_ && split.weight != agreed_);
    if (later) found = &split;
  }
  return found;
}

core::TrafficSeen RecipeRouter::traffic_of(const recipes::WeightRead& read) const {
  const recipes::SplitRead* other = foreign(read);
  const std::string by = other == nullptr ? "" : other->by;
  if (read.differ.empty()) return {read.weight, read.taken_back, by, ""};
  // A job was killed between its writes, or someone wrote to one of them.
  if (read.taken_back) return {Percent(), true, "", read.differ};
  return {other == nullptr ? read.weight : other->weight, false, by, read.differ};
}

std::string RecipeRouter::written_when() const {
  const auto read = recipe_.weight(with_, copies());
  const recipes::SplitRead* other = read ? foreign(*read) : nullptr;
  return other == nullptr ? "" : other->when;
}

std::string RecipeRouter::what(const core::SetWeight& level) const {
  return fmt::format("setting the weight of {}/{} to {}", with_.at("namespace").front(),
                     carriers_.front().name, level.weight.text());
}

Task<Result<void>> RecipeRouter::set(core::SetWeight level, Deadline deadline) {
  std::vector<Seen> seen = copies();
  const auto known = fresh();
  if (!known && !level.weight.is_zero()) co_return fail(known.error().while_doing(what(level)));
  auto writes = recipe_.set_weight(with_, seen, level.weight, level.taken_back);
  // An old copy that says 0, or none yet, is no reason to rest.
  if (!known && (!writes || writes->empty())) {
    auto got = co_await get(carriers_, deadline);
    if (!got) co_return fail(got.error().while_doing(what(level)));
    seen = *std::move(got);
    writes = recipe_.set_weight(with_, seen, level.weight, level.taken_back);
  }
  if (!writes) co_return fail(writes.error().while_doing(what(level)));
  if (told_.empty()) told_ = seen;
  const auto told = check_told(level, seen);
  if (!told) co_return fail(told.error().while_doing(what(level)));
  auto done = co_await perform_all(*std::move(writes), level.weight.is_zero(), deadline);
  if (!level.taken_back) know_own_writes();
  if (!done && worth_a_second_look(done.error().code))
    done = co_await set_again(level, done.error(), deadline);
  if (!level.taken_back) know_own_writes();
  // What is another release's was left out.
  if (done) done = recipe_.check_owners(with_, seen);
  if (!done) co_return fail(done.error().while_doing(what(level)));
  co_return Result<void>{};
}

void RecipeRouter::know_own_writes() {
  for (std::size_t i = 0; i < told_.size(); ++i)
    if (!written_[i].is_null() && is_newer(written_[i], told_[i].object))
      told_[i].object = written_[i];
}

Result<void> RecipeRouter::check_told(const core::SetWeight& level,
                                      const std::vector<Seen>& now) const {
  const auto is = recipe_.weight(with_, now);
  const auto told = recipe_.weight(with_, told_);
  const bool nothing = !told && told.error().code == Code::not_found;
  if (!is || (!told && !nothing)) return {};  // what says no weight is written anew
  for (std::size_t i = 0; i < is->splits.size(); ++i) {
    const recipes::SplitRead& split = is->splits[i];
    const bool was_there = told && i < told->splits.size();
    const recipes::SplitRead before = was_there ? told->splits[i] : recipes::SplitRead();
    if (split.weight < level.weight &&
        (split.weight != before.weight || split.taken_back != before.taken_back))
      return fail(Code::conflict, "{} has set it to {} meanwhile",
                  split.by.empty() ? std::string("someone") : split.by, split.weight.text());
  }
  return {};
}

Task<Result<void>> RecipeRouter::set_again(core::SetWeight level, Error trouble,
                                           Deadline deadline) {
  auto seen = co_await get(carriers_, deadline);
  if (!seen) co_return fail(seen.error());
  CO_TRY_VOID(check_told(level, *seen));
  auto writes = recipe_.set_weight(with_, *seen, level.weight, level.taken_back);
  if (!writes) co_return fail(writes.error());
  // Nobody was faster and the same is refused again: it says why.
  auto done = co_await perform_all(*std::move(writes), level.weight.is_zero(), deadline);
  if (!done && done.error().code == Code::not_found) co_return fail(std::move(trouble));
  co_return done;
}

Task<Result<void>> RecipeRouter::perform_all(std::vector<Write> writes, bool all,
                                             Deadline deadline) {
  Result<void> first;
  for (Write& write : writes) {
    auto done = co_await perform(std::move(write), deadline);
    if (!done && first) first = std::move(done);
    // One object that cannot be taken back is no reason to leave the others.
    if (!first && !all) co_return first;
  }
  co_return first;
}

Task<Result<void>> RecipeRouter::perform(Write write, Deadline deadline) {
  const Resource resource = collection(write.object);
  if (write.kind == Write::Kind::remove) {
    auto removed = co_await client_.remove(resource, write.object.name, deadline);
    if (!removed && removed.error().code == Code::not_found) co_return Result<void>{};
    co_return removed;
  }
  if (write.kind == Write::Kind::create) {
    auto created = co_await client_.create(resource, std::move(write.body), deadline);
    if (!created) co_return fail(created.error());
    co_return Result<void>{};
  }
  const PatchKind kind = write.kind == Write::Kind::json_patch ? PatchKind::json : PatchKind::merge;
  std::string name = write.object.name;
  PatchOptions options;  // a temporary in the statement below would be freed twice (GCC 12)
  auto patched = co_await client_.patch(resource, std::move(name), kind, std::move(write.body),
                                        std::move(options), deadline);
  if (!patched) co_return fail(patched.error());
  for (std::size_t i = 0; i < carriers_.size(); ++i)
    if (carriers_[i] == write.object) written_[i] = *std::move(patched);
  co_return Result<void>{};
}

Task<Result<std::string>> RecipeRouter::could_split(std::vector<Percent> weights,
                                                    Deadline deadline) {
  CO_TRY(seen, co_await get(carriers_, deadline));
  for (const Percent weight : weights) {
    const auto writes = recipe_.set_weight(with_, seen, weight, false);
    if (!writes) co_return fail(writes.error());
  }
  const auto read = recipe_.weight(with_, seen);
  co_return read ? read->raise_waits_for : std::string();  // numbers are no controller's word
}

Task<Result<Percent>> RecipeRouter::weight_now(Deadline deadline) {
  CO_TRY(seen, co_await get(carriers_, deadline));
  const auto read = recipe_.weight(with_, seen);
  if (!read && read.error().code == Code::not_found) co_return Percent();
  if (!read) co_return fail(read.error().while_doing("reading the canary's weight"));
  co_return read->weight;
}

Task<Result<std::vector<Write>>> RecipeRouter::plan_create(std::vector<Write> before,
                                                           Deadline deadline) {
  auto names = recipe_.objects(with_);
  if (!names) co_return fail(names.error());
  auto seen = co_await get(*std::move(names), deadline);
  if (!seen) co_return fail(seen.error());
  for (Seen& one : *seen)
    for (const Write& write : before)
      if (one.object.is_null() && write.object == one.name) one.object = write.body;
  co_return recipe_.create(with_, *seen);
}

Task<Result<std::vector<Write>>> RecipeRouter::create(Deadline deadline) {
  auto writes = co_await plan_create(std::vector<Write>(), deadline);
  if (!writes) co_return fail(writes.error().while_doing("making the canary's side"));
  auto done = co_await perform_all(*writes, false, deadline);
  if (!done) co_return fail(done.error().while_doing("making the canary's side"));
  co_return writes;
}

Task<Result<std::vector<Write>>> RecipeRouter::plan_remove(Deadline deadline) {
  auto seen = co_await get(carriers_, deadline);
  if (!seen) co_return fail(seen.error());
  co_return recipe_.remove(with_, *seen);
}

Task<Result<std::vector<Write>>> RecipeRouter::remove(Deadline deadline) {
  // What is another release's is told before anything is lowered.
  auto allowed = co_await plan_remove(deadline);
  if (!allowed) co_return fail(allowed.error().while_doing("removing the canary's side"));
  const core::SetWeight nothing;
  auto zero = co_await set(nothing, deadline);
  if (!zero) co_return fail(zero.error());
  auto writes = co_await plan_remove(deadline);
  if (!writes) co_return fail(writes.error().while_doing("removing the canary's side"));
  auto done = co_await perform_all(*writes, false, deadline);
  if (!done) co_return fail(done.error().while_doing("removing the canary's side"));
  co_return writes;
}

}  // namespace linnet::kubernetes
