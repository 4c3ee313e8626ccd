#include "kubernetes/config_map_store.h"

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json.hpp>
#include <random>

#include "kubernetes/requests.h"
#include "runtime/with_deadline.h"

namespace linnet::kubernetes {
namespace {

constexpr std::size_t most_notes = 300;
constexpr int most_tries = 20;  // of one write against other hands
constexpr Duration after_conflict = 20ms;
constexpr Duration turn_pause = 2ms;

/// An object as it was read, and what it says. Null: there is none.
struct Held {
  Json object;
  ReleaseDocument document;
};
using HeldNow = std::shared_ptr<const Held>;

struct Note {
  WallTime at;
  core::Entry entry;
};

/// What this process knows of one release.
struct Known {
  HeldNow held;             // the newest that was seen
  Cache* cache = nullptr;   // while it is followed
  std::vector<Note> notes;  // not written yet
  /// Of them, those whose numbers are sure: a write under way puts its own lines behind them.
  [[nodiscard]] std::size_t shown() const { return writing ? in_flight : notes.size(); }
  bool writing = false;
  std::size_t in_flight = 0;  // of the notes, in the write that bears this mark
  std::string mark;
  std::optional<MonoTime> written;
  std::vector<core::Intent> asked;  // by this process, as written last
  bool unsure = false;              // of one of them: whether it is there
};

using Change = std::function<Result<void>(ReleaseDocument&)>;

bool takes_back(core::Intent::Kind kind) {
  using Kind = core::Intent::Kind;
  return kind == Kind::rollback || kind == Kind::cleanup || kind == Kind::interrupt;
}

/// Neither a wish nor a line of the journal makes the object: only a spec, or an engine, does.
Result<void> check_begun(const ReleaseDocument& document, const std::string& name_space) {
  if (!document.spec.empty() || document.revision != 0) return {};
  return fail(Code::not_found, "there is no release '{}' in namespace {}; `linnet init` creates it",
              document.release, name_space);
}

bool begins_or_runs(const ReleaseDocument& document) {
  using Kind = core::Intent::Kind;
  return core::is_running(document.status.phase) ||
         std::any_of(document.intents.begin(), document.intents.end(), [](const auto& intent) {
           return intent.kind == Kind::deploy || intent.kind == Kind::init;
         });
}

bool has_mark(const ReleaseDocument& document, const std::string& mark) {
  const auto& marks = document.marks;
  return std::find(marks.begin(), marks.end(), mark) != marks.end();
}

std::string version_of(const Json& object) {
  return text_at(object, {"metadata", "uid"}) + "/" +
         text_at(object, {"metadata", "resourceVersion"});
}

}  // namespace

struct ConfigMapStore::State {
  Client& client;
  Clock& clock;
  Resource maps;
  StoreTimes times;
  std::mt19937_64 random{std::random_device()()};
  std::map<std::string, Known> known;

  State(Client& c, Clock& k, std::string name_space, StoreTimes t)
      : client(c), clock(k), maps{"v1", "configmaps", std::move(name_space)}, times(t) {}

  [[nodiscard]] Deadline deadline() { return clock.now().mono + times.deadline; }
  Result<void> adopt(const std::string& release, const Json& object);
  /// What the watch shows, if it is fresh.
  Result<HeldNow> watched(const std::string& release);
  static Task<Result<HeldNow>> ask(std::shared_ptr<State> self, std::string release,
                                   Deadline deadline);
  static Task<Result<HeldNow>> read(std::shared_ptr<State> self, std::string release);
  static Task<Result<void>> change(std::shared_ptr<State> self, std::string release, Change change);
  static Task<Result<void>> write(std::shared_ptr<State> self, std::string release,
                                  std::string mark, Change change, Deadline deadline);
  static Task<Result<void>> flush(std::shared_ptr<State> self, std::string release);
  static Task<void> write_notes(std::shared_ptr<State> self, std::string release);
  static Task<void> follow(std::shared_ptr<State> self, std::string release,
                           std::function<void()> changed);
  static Task<Result<std::int64_t>> save(std::shared_ptr<State> self, std::string release,
                                         std::int64_t version, Saving saving);
  static Task<Result<std::int64_t>> add_intent(std::shared_ptr<State> self, std::string release,
                                               core::Intent intent);
  static Task<Result<void>> withdraw(std::shared_ptr<State> self, std::string release);
};

// ---- Reading ------------------------------------------------------------------------------------

/// Takes it for the newest unless a newer one is known: events of a watch may be behind.
Result<void> ConfigMapStore::State::adopt(const std::string& release, const Json& object) {
  Known& mine = known[release];
  const bool is_known = mine.held && mine.held->object.is_object();
  if (is_known && version_of(mine.held->object) == version_of(object)) return {};
  TRY(document, read_document(object, release));
  const bool same_object = is_known && text_at(mine.held->object, {"metadata", "uid"}) ==
                                           text_at(object, {"metadata", "uid"});
  if (same_object && document.writes < mine.held->document.writes) return {};
  mine.held = std::make_shared<const Held>(Held{object, std::move(document)});
  // A watch may tell of our own write before its answer comes, or when that is lost.
  if (!mine.mark.empty() && has_mark(mine.held->document, mine.mark)) {
    mine.notes.erase(mine.notes.begin(),
                     mine.notes.begin() + static_cast<std::ptrdiff_t>(mine.in_flight));
    mine.in_flight = 0;
    mine.mark.clear();
  }
  return {};
}

Result<HeldNow> ConfigMapStore::State::watched(const std::string& release) {
  Known& mine = known[release];
  if (mine.cache == nullptr || !mine.cache->fresh()) return HeldNow();
  const auto& objects = mine.cache->objects();
  const auto found = objects.find(config_map_name(release));
  if (found != objects.end()) {
    TRY_VOID(adopt(release, found->second));
    return mine.held;
  }
  // It may be gone, or so new that the watch has not told yet.
  const bool none = mine.held && !mine.held->object.is_object();
  return none ? mine.held : HeldNow();
}

Task<Result<HeldNow>> ConfigMapStore::State::ask(std::shared_ptr<State> self, std::string release,
                                                 Deadline deadline) {
  auto got = co_await self->client.get(self->maps, config_map_name(release), deadline);
  Known& mine = self->known[release];
  if (!got && got.error().code == Code::not_found) {
    Held none;
    none.document.release = release;
    mine.held = std::make_shared<const Held>(std::move(none));
    co_return mine.held;
  }
  if (!got) co_return fail(got.error());
  CO_TRY_VOID(self->adopt(release, *got));
  co_return mine.held;
}

Task<Result<HeldNow>> ConfigMapStore::State::read(std::shared_ptr<State> self,
                                                  std::string release) {
  CO_TRY(watched, self->watched(release));
  if (watched) co_return watched;
  const Deadline deadline = self->deadline();
  co_return co_await ask(self, std::move(release), deadline);
}

// ---- Writing ------------------------------------------------------------------------------------

/// One write of this process after the other, each with the notes that wait.
Task<Result<void>> ConfigMapStore::State::change(std::shared_ptr<State> self, std::string release,
                                                 Change change) {
  const Deadline deadline = self->deadline();
  Known& mine = self->known[release];
  while (mine.writing) {
    if (self->clock.now().mono >= deadline)
      co_return fail(Code::timed_out, "release '{}': waiting for the write before", release);
    co_await runtime::sleep_for(turn_pause);
  }
  const std::string mark = fmt::format("{:016x}", self->random());
  struct Writing {
    Known& known;
    Writing(Known& k, std::string m) : known(k) {
      known.writing = true;
      known.in_flight = known.notes.size();
      known.mark = std::move(m);
    }
    ~Writing() { known.writing = false; }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;
  } writing(mine, mark);
  const std::vector<Note> notes = mine.notes;
  const Change with_notes = [&notes, &change](ReleaseDocument& document) {
    for (const Note& note : notes) add_line(document, note.at, note.entry);
    return change(document);
  };
  auto done = co_await write(self, std::move(release), mark, with_notes, deadline);
  if (!done) co_return fail(done.error());
  mine.written = self->clock.now().mono;
  co_return Result<void>();
}

/// Reads, changes and writes, again while other hands are first. Each attempt bears the same mark,
/// so that one whose answer was lost is known when it is met; and only one of them can win, since
/// each is locked by the version that it was made from.
Task<Result<void>> ConfigMapStore::State::write(std::shared_ptr<State> self, std::string release,
                                                std::string mark, Change change,
                                                Deadline deadline) {
  std::optional<Error> lost;
  Error last{Code::unavailable, ""};
  CO_TRY_VOID(self->watched(release));
  for (int tries = 0; tries < most_tries; ++tries) {
    // The first attempt may be made from what was seen last.
    HeldNow held = tries == 0 ? self->known[release].held : HeldNow();
    const bool is_surely_new = !held;
    if (is_surely_new) {
      auto asked = co_await ask(self, release, deadline);
      if (!asked) co_return fail(lost ? *lost : asked.error());
      held = *asked;
    }
    ReleaseDocument document = held->document;
    if (has_mark(document, mark)) co_return Result<void>();
    const Result<void> changed = change(document);
    if (!changed && !is_surely_new) continue;
    if (!changed) co_return fail(lost ? *lost : changed.error());
    ++document.writes;
    document.marks.push_back(mark);
    CO_TRY(object, write_document(document, held->object, self->maps.name_space));
    const bool is_new = !held->object.is_object();
    Task<Result<Json>> request =
        is_new ? self->client.create(self->maps, std::move(object), deadline)
               : self->client.replace(self->maps, std::move(object), deadline);
    auto written = co_await std::move(request);
    if (written) co_return self->adopt(release, *written);
    last = written.error();
    if (last.code == Code::unknown_outcome) lost = last;
    const bool was_removed = last.code == Code::not_found && !is_new;
    const bool again =
        last.code == Code::unknown_outcome || last.code == Code::conflict || was_removed;
    if (!again) co_return fail(lost ? *lost : last);
    if (tries > 0) co_await runtime::sleep_for(after_conflict);
  }
  if (lost) co_return fail(*lost);
  last.code = Code::unavailable;
  co_return fail(std::move(last).while_doing("others write it all the time"));
}

Task<Result<std::int64_t>> ConfigMapStore::State::save(std::shared_ptr<State> self,
                                                       std::string release, std::int64_t version,
                                                       Saving saving) {
  const Change make = [&saving, version](ReleaseDocument& document) {
    return apply_saving(document, version, saving);
  };
  auto done = co_await change(self, std::move(release), make);
  if (!done) co_return fail(done.error());
  co_return version + 1;
}

Task<Result<void>> ConfigMapStore::State::flush(std::shared_ptr<State> self, std::string release) {
  if (self->known[release].notes.empty()) co_return Result<void>();
  const Change make = [&self](ReleaseDocument& document) {
    return check_begun(document, self->maps.name_space);
  };
  co_return co_await change(self, std::move(release), make);
}

Task<Result<std::int64_t>> ConfigMapStore::State::add_intent(std::shared_ptr<State> self,
                                                             std::string release,
                                                             core::Intent intent) {
  std::int64_t id = 0;
  const Change make = [&self, &intent, &id](ReleaseDocument& document) -> Result<void> {
    TRY_VOID(check_begun(document, self->maps.name_space));
    if (document.intents.size() >= Kept{}.pending)
      return fail(Code::unavailable, "release '{}': {} intents wait already; does an engine run?",
                  document.release, document.intents.size());
    id = ++document.last_intent;
    intent.id = id;
    document.intents.push_back(intent);
    return {};
  };
  auto done = co_await change(self, release, make);
  // One whose outcome is unknown may be there, and then with the number of the last attempt: those
  // before were made from older versions of the object.
  const bool unsure = !done && done.error().code == Code::unknown_outcome;
  Known& mine = self->known[release];
  if (done || unsure) mine.asked.push_back(std::move(intent));
  mine.unsure = mine.unsure || unsure;
  if (!done) co_return fail(done.error());
  co_return id;
}

Task<Result<void>> ConfigMapStore::State::withdraw(std::shared_ptr<State> self,
                                                   std::string release) {
  const Known& mine = self->known[release];
  if (mine.asked.empty()) co_return Result<void>();
  // Compared as a whole: the number alone may be another's, where ours did not get there.
  const auto is_ours = [&mine](const core::Intent& intent) {
    return !takes_back(intent.kind) &&
           std::find(mine.asked.begin(), mine.asked.end(), intent) != mine.asked.end();
  };
  HeldNow held = mine.held;  // never older than what was written: what it lacks is answered
  if (mine.unsure) {
    const Deadline deadline = self->deadline();
    CO_TRY(asked, co_await ask(self, release, deadline));
    held = asked;
  }
  const std::vector<core::Intent>& open = held->document.intents;
  if (std::none_of(open.begin(), open.end(), is_ours)) co_return Result<void>();
  const Change make = [&is_ours](ReleaseDocument& document) -> Result<void> {
    if (std::erase_if(document.intents, is_ours) > 0) ++document.revision;
    return {};
  };
  co_return co_await change(self, release, make);
}

// ---- Following ----------------------------------------------------------------------------------

Task<void> ConfigMapStore::State::write_notes(std::shared_ptr<State> self, std::string release) {
  for (;;) {
    co_await runtime::sleep_for(self->times.notes_after);
    Known& mine = self->known[release];
    const bool soon =
        mine.written && self->clock.now().mono - *mine.written < self->times.writes_after;
    if (mine.notes.empty() || soon) continue;
    // Tried again next time; nothing that matters depends on it.
    co_await flush(self, release);
  }
}

Task<void> ConfigMapStore::State::follow(std::shared_ptr<State> self, std::string release,
                                         std::function<void()> changed) {
  using namespace boost::asio::experimental::awaitable_operators;
  Known& mine = self->known[release];
  Cache cache(self->client, self->maps, "", std::move(changed),
              "metadata.name=" + config_map_name(release), self->times.cache);
  struct Followed {
    Known& known;
    Followed(Known& k, Cache& c) : known(k) { known.cache = &c; }
    ~Followed() { known.cache = nullptr; }
    Followed(const Followed&) = delete;
    Followed& operator=(const Followed&) = delete;
  } followed(mine, cache);
  Task<void> watching = cache.run();
  Task<void> writing = write_notes(self, release);
  co_await (std::move(watching) || std::move(writing));
}

// ---- The interface ------------------------------------------------------------------------------

ConfigMapStore::ConfigMapStore(Client& client, Clock& clock, std::string name_space,
                               StoreTimes times)
    : state_(std::make_shared<State>(client, clock, std::move(name_space), times)) {}
ConfigMapStore::~ConfigMapStore() = default;

Task<void> ConfigMapStore::follow(std::string release, std::function<void()> changed) {
  return State::follow(state_, std::move(release), std::move(changed));
}

Task<Result<Record>> ConfigMapStore::load(std::string release) {
  const Deadline deadline = state_->deadline();
  auto held = co_await State::ask(state_, std::move(release), deadline);
  if (!held) co_return fail(held.error());
  co_return Record{(*held)->document.status, (*held)->document.revision};
}

Task<Result<core::Status>> ConfigMapStore::status(std::string release) {
  auto held = co_await State::read(state_, std::move(release));
  if (!held) co_return fail(held.error());
  co_return (*held)->document.status;
}

Task<Result<std::int64_t>> ConfigMapStore::save(std::string release, std::int64_t version,
                                                Saving saving) {
  return State::save(state_, std::move(release), version, std::move(saving));
}

Task<Result<std::vector<core::Intent>>> ConfigMapStore::intents(std::string release,
                                                                std::int64_t after) {
  auto held = co_await State::read(state_, std::move(release));
  if (!held) co_return fail(held.error());
  std::vector<core::Intent> out = (*held)->document.intents;
  std::erase_if(out, [after](const core::Intent& intent) { return intent.id <= after; });
  co_return out;
}

void ConfigMapStore::note(const std::string& release, const core::Entry& entry) {
  std::vector<Note>& notes = state_->known[release].notes;
  if (notes.size() >= most_notes) return;  // nothing was written for long; the first tell more
  notes.push_back({state_->clock.now().wall, entry});
}

Task<Result<void>> ConfigMapStore::flush(std::string release) {
  return State::flush(state_, std::move(release));
}

Task<Result<void>> ConfigMapStore::put_spec(std::string release, StoredSpec spec) {
  const Change make = [&spec](ReleaseDocument& document) -> Result<void> {
    // Another command's deploy may have been first: its rollout has the spec that it began with.
    if (begins_or_runs(document) && document.spec != spec.yaml) return {};
    document.spec = spec.yaml;
    document.own = spec.own;
    return {};
  };
  auto held = co_await State::read(state_, release);
  if (!held) co_return fail(held.error());
  const ReleaseDocument& document = (*held)->document;
  const bool same = document.spec == spec.yaml && document.own == spec.own;
  if ((*held)->object.is_object() && same) co_return Result<void>();
  co_return co_await State::change(state_, std::move(release), make);
}

Task<Result<ConfigMapStore::SpecChange>> ConfigMapStore::plan_spec(std::string release,
                                                                   StoredSpec spec) {
  auto held = co_await State::read(state_, std::move(release));
  if (!held) co_return fail(held.error());
  SpecChange change{(*held)->object, (*held)->object};
  ReleaseDocument document = (*held)->document;
  if (document.spec == spec.yaml && document.own == spec.own) co_return change;
  document.spec = std::move(spec.yaml);
  document.own = std::move(spec.own);
  CO_TRY(after, write_document(document, change.before, state_->maps.name_space));
  change.after = std::move(after);
  co_return change;
}

Task<Result<ConfigMapStore::StoredSpec>> ConfigMapStore::spec(std::string release) {
  auto held = co_await State::read(state_, release);
  if (!held) co_return fail(held.error());
  const ReleaseDocument& document = (*held)->document;
  if (document.spec.empty())
    co_return fail(Code::not_found,
                   "there is no release '{}' in namespace {}; `linnet init` creates it", release,
                   state_->maps.name_space);
  co_return StoredSpec{document.spec, document.own};
}

Task<Result<std::vector<std::string>>> ConfigMapStore::releases() {
  const Deadline deadline = state_->deadline();
  std::string ours = "app.kubernetes.io/managed-by=linnet";
  auto list = co_await state_->client.list(state_->maps, std::move(ours), deadline);
  if (!list) co_return fail(list.error());
  std::vector<std::string> names;
  for (const Json& item : list->at("items").as_array()) {
    const std::string name = text_at(item, {"metadata", "labels", "linnet.dev/release"});
    if (!name.empty() && text_at(item, {"metadata", "name"}) == config_map_name(name))
      names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  co_return names;
}

Task<Result<void>> ConfigMapStore::remove_release(std::string release) {
  const Deadline deadline = state_->deadline();
  auto held = co_await State::ask(state_, release, deadline);
  if (!held) co_return fail(held.error());
  if (!(*held)->object.is_object())
    co_return fail(Code::not_found, "there is no release '{}' in namespace {}", release,
                   state_->maps.name_space);
  state_->known[release].held.reset();
  state_->known[release].notes.clear();
  state_->known[release].asked.clear();
  co_return co_await state_->client.remove(state_->maps, config_map_name(release), deadline);
}

Task<Result<std::int64_t>> ConfigMapStore::add_intent(std::string release, core::Intent intent) {
  return State::add_intent(state_, std::move(release), std::move(intent));
}

Task<Result<void>> ConfigMapStore::withdraw(std::string release) {
  return State::withdraw(state_, std::move(release));
}

Task<Result<std::optional<core::Answer>>> ConfigMapStore::intent_state(std::string release,
                                                                       std::int64_t id) {
  auto held = co_await State::read(state_, release);
  if (!held) co_return fail(held.error());
  for (const core::Answer& answer : (*held)->document.answers)
    if (answer.intent == id) co_return answer;
  for (const core::Intent& intent : (*held)->document.intents)
    if (intent.id == id) co_return std::nullopt;
  co_return fail(Code::not_found, "release {} has no intent {}, or it was answered long ago",
                 release, id);
}

Task<Result<std::vector<wire::JournalLine>>> ConfigMapStore::journal(std::string release,
                                                                     std::int64_t after,
                                                                     std::int64_t limit) {
  auto held = co_await State::read(state_, release);
  if (!held) co_return fail(held.error());
  std::vector<wire::JournalLine> lines = (*held)->document.journal;
  std::int64_t number = (*held)->document.last_line;
  const Known& mine = state_->known[release];
  for (std::size_t i = 0; i < mine.shown(); ++i)
    lines.push_back({++number, mine.notes[i].at, mine.notes[i].entry});
  std::erase_if(lines, [after](const wire::JournalLine& line) { return line.seq <= after; });
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(limit, 0));
  if (lines.size() > most) lines.resize(most);
  co_return lines;
}

Task<Result<std::int64_t>> ConfigMapStore::journal_end(std::string release) {
  auto held = co_await State::read(state_, release);
  if (!held) co_return fail(held.error());
  co_return (*held)->document.last_line + static_cast<std::int64_t>(state_->known[release].shown());
}

Task<Result<std::vector<core::RolloutRecord>>> ConfigMapStore::history(std::string release,
                                                                       std::int64_t limit) {
  auto held = co_await State::read(state_, std::move(release));
  if (!held) co_return fail(held.error());
  std::vector<core::RolloutRecord> out = (*held)->document.history;
  std::reverse(out.begin(), out.end());
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(limit, 0));
  if (out.size() > most) out.resize(most);
  co_return out;
}

}  // namespace linnet::kubernetes
