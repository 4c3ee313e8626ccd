// The store of a cluster without an operator: one ConfigMap for each release, in its namespace. The
// object's resourceVersion is the lock of each write; the engine's version is a counter inside. It
// is safe that several processes write: one drives the release, others add intents.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kubernetes/client.h"
#include "kubernetes/release_document.h"
#include "ports/ports.h"

namespace linnet::kubernetes {

struct StoreTimes {
  Duration deadline = 5s;       // of one call, its retries included
  Duration notes_after = 3s;    // notes that no save took along are written after so long ...
  Duration writes_after = 10s;  // ... and not sooner after the last write
  CacheTimes cache;
};

/// Errors of every call: those of the Client, and Code::invalid when the ConfigMap is not linnet's
/// or cannot be read by this one: nothing is overwritten then.
class ConfigMapStore final : public Store, public Journal {
 public:
  /// All that is passed outlives it.
  ConfigMapStore(Client& client, Clock& clock, std::string name_space, StoreTimes times = {});
  ~ConfigMapStore() override;
  ConfigMapStore(const ConfigMapStore&) = delete;
  ConfigMapStore& operator=(const ConfigMapStore&) = delete;

  /// Watches the release's object, so that reading it costs no request and another process' intent
  /// is seen at once (`changed` is called), and writes notes that wait. Until cancelled. Without it
  /// every call asks the server, and notes wait for the next save.
  Task<void> follow(std::string release, std::function<void()> changed);

  // -- Store --
  /// A release that was never saved gives an empty status at version 0. Always asks the server.
  Task<Result<Record>> load(std::string release) override;
  /// A lost answer is cleared up by looking again; Code::unknown_outcome when that is not possible
  /// within the deadline.
  Task<Result<std::int64_t>> save(std::string release, std::int64_t version,
                                  Saving saving) override;
  /// Of load(), for showing: what is followed costs no request.
  Task<Result<core::Status>> status(std::string release);
  /// Only those not answered yet.
  Task<Result<std::vector<core::Intent>>> intents(std::string release, std::int64_t after) override;

  // -- Journal --
  /// Kept in this process until it is written with the next save, or by follow().
  void note(const std::string& release, const core::Entry& entry) override;
  /// Writes what waits now; before the process ends.
  Task<Result<void>> flush(std::string release);

  // -- Specs --
  struct StoredSpec {
    std::string yaml;
    recipes::OwnRecipes own;
    friend bool operator==(const StoredSpec&, const StoredSpec&) = default;
  };
  /// A rollout that runs, or was asked for, keeps the spec that it began with: then only recipes
  /// are replaced, of the same spec.
  Task<Result<void>> put_spec(std::string release, StoredSpec spec);
  /// What put_spec() would make of the object, and the object itself; null: it is not there.
  struct SpecChange {
    Json before, after;
  };
  Task<Result<SpecChange>> plan_spec(std::string release, StoredSpec spec);
  /// Code::not_found when none was put.
  Task<Result<StoredSpec>> spec(std::string release);
  /// Names, in order, of all releases of the namespace. Needs the right to list ConfigMaps.
  Task<Result<std::vector<std::string>>> releases();
  /// Forgets the release with all that is kept of it. Code::not_found.
  Task<Result<void>> remove_release(std::string release);

  // -- Intents --
  /// Durable when it returns; from any process. Answers the id, which grows over the life of the
  /// object; `intent.id` is ignored. Code::not_found when no such release was put;
  /// Code::unavailable when too many wait.
  Task<Result<std::int64_t>> add_intent(std::string release, core::Intent intent);
  /// None: pending. Code::not_found: it never existed, or was answered so long ago that it was
  /// dropped.
  Task<Result<std::optional<core::Answer>>> intent_state(std::string release, std::int64_t id);
  /// Takes out what this process asked for and nobody has answered, those that take a canary back
  /// excepted: a deploy must not begin after its command has gone. One whose write has an unknown
  /// outcome is among them. An engine that has read them and decided since has to load again.
  /// Costs no request where none is known to wait.
  Task<Result<void>> withdraw(std::string release);

  // -- Reading back --
  /// Lines with a number above `after`, oldest first, at most `limit`; those that wait included.
  Task<Result<std::vector<wire::JournalLine>>> journal(std::string release, std::int64_t after,
                                                       std::int64_t limit);
  /// The number of the newest line; 0: none.
  Task<Result<std::int64_t>> journal_end(std::string release);
  /// Finished rollouts, newest first.
  Task<Result<std::vector<core::RolloutRecord>>> history(std::string release, std::int64_t limit);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace linnet::kubernetes
