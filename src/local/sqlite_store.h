// The store of one machine: every release, its status, intents, journal and history in one SQLite
// file. What a call reports as done is on disk (WAL, synchronous=FULL); what it reports as failed
// left the file as it was. One daemon at a time: a lock file beside the store says who.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ports/ports.h"
#include "wire/json.h"

namespace linnet::local {

/// What is kept of things that are only read again. The journal may exceed its bound by an eighth.
struct Retention {
  std::int64_t journal_lines = 10'000;    // newest, per release
  std::int64_t rollouts = 1'000;          // newest, per release
  std::int64_t answered_intents = 1'000;  // newest, per release
};

struct StoredRelease {
  std::string name;
  std::string spec_yaml;
  friend bool operator==(const StoredRelease&, const StoredRelease&) = default;
};

struct IntentState {
  std::int64_t id = 0;
  std::string release;
  std::optional<core::Answer> answer;  // none: pending
};

/// Errors of every call: Code::unavailable when the file cannot be written or read now (disk full,
/// read-only, locked by another program, moved away, damaged; the message says what to do) -
/// nothing was changed, and calling again later may work. Code::unknown_outcome when the disk
/// failed while making a change durable. All calls are synchronous and take well below the time of
/// one turn.
class SqliteStore final : public Store {
 public:
  /// Opens or creates `path`; its folder must exist. Takes the lock, checks the whole file,
  /// migrates an older schema after a backup to `<path>.before-schema-<n>`. Code::conflict: another
  /// daemon has it (the message names its pid). Code::unavailable: damaged, read-only, not a linnet
  /// store, or written by a newer linnet; the file is left as it is.
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& path,
                                                   Retention retention = {});
  ~SqliteStore() override;

  // -- Store --
  /// A release that was never saved gives an empty status at version 0.
  Task<Result<Record>> load(std::string release) override;
  Task<Result<std::int64_t>> save(std::string release, std::int64_t version,
                                  Saving saving) override;
  /// Only those not answered yet.
  Task<Result<std::vector<core::Intent>>> intents(std::string release, std::int64_t after) override;

  // -- Specs --
  Result<void> put_release(const std::string& name, const std::string& spec_yaml);
  /// In order of names.
  Result<std::vector<StoredRelease>> releases();
  /// Forgets the release with its status, intents, journal and history. Code::not_found.
  Result<void> remove_release(const std::string& name);

  // -- Intents --
  /// Durable when it returns. Answers the id, which grows over the life of the file; `intent.id` is
  /// ignored. Code::not_found when no such release was put.
  Result<std::int64_t> add_intent(const std::string& release, const core::Intent& intent);
  /// Code::not_found when it never existed or was answered so long ago that it was dropped.
  Result<IntentState> intent_state(std::int64_t id);

  // -- Reading back --
  /// Lines with a number above `after`, oldest first, at most `limit`.
  Result<std::vector<wire::JournalLine>> journal(const std::string& release, std::int64_t after,
                                                 std::int64_t limit);
  /// The newest `limit` lines, oldest of them first.
  Result<std::vector<wire::JournalLine>> journal_tail(const std::string& release,
                                                      std::int64_t limit);
  /// Finished rollouts, newest first.
  Result<std::vector<core::RolloutRecord>> history(const std::string& release, std::int64_t limit);

  /// Adds a journal line outside a save: written, but not forced to disk (a power cut may lose it).
  Result<void> note(const std::string& release, WallTime at, const core::Entry& entry);

 private:
  struct Parts;
  explicit SqliteStore(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace linnet::local
