// What is kept of one release, as the data of its ConfigMap: readable with kubectl, bounded well
// below the 1 MiB that an object may have, and refused rather than overwritten when it is not ours.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kubernetes/client.h"
#include "ports/ports.h"
#include "recipes/library.h"
#include "wire/json.h"

namespace linnet::kubernetes {

struct ReleaseDocument {
  std::string release;
  std::int64_t revision = 0;       // of the status: what an engine's save names; 0: never saved
  std::int64_t writes = 0;         // grows with each write of anything
  std::vector<std::string> marks;  // of the newest writes, so that each is known again
  std::int64_t last_intent = 0;    // ids handed out
  std::int64_t last_line = 0;      // numbers handed out
  core::Status status;
  std::string spec;                          // YAML; empty: never put
  recipes::OwnRecipes own;                   // that the spec uses; they hold no secrets
  std::vector<core::Intent> intents;         // not answered yet, oldest first
  std::vector<core::Answer> answers;         // newest last
  std::vector<wire::JournalLine> journal;    // newest last
  std::vector<core::RolloutRecord> history;  // newest last

  friend bool operator==(const ReleaseDocument&, const ReleaseDocument&) = default;
};

/// The newest that are kept, in number and in bytes of all of them.
struct Kept {
  std::size_t lines = 300, line_bytes = 100u << 10;
  std::size_t answers = 50, answer_bytes = 50u << 10;
  std::size_t rollouts = 20, rollout_bytes = 150u << 10;
  std::size_t pending = 100;       // intents that wait; more are refused
  std::size_t bytes = 600u << 10;  // of what cannot be cut: status, spec, recipes, intents
  std::size_t longest_line = 4u << 10;
  std::size_t marks = 16;
};

std::string config_map_name(const std::string& release);

/// Code::invalid, naming the object and what to do: it was not written by linnet, by a newer one,
/// or is damaged. An object without any data is a release without anything.
Result<ReleaseDocument> read_document(const Json& config_map, const std::string& release);

/// `before` with this document in it; all else in it stays as it is. Null: a new object. Old lines,
/// answers and rollouts are dropped from the document. Code::invalid: the status is too large.
Result<Json> write_document(ReleaseDocument& document, const Json& before,
                            const std::string& name_space, const Kept& kept = {});

/// The changes that a save means. Code::conflict: the document is not at `version`.
Result<void> apply_saving(ReleaseDocument& document, std::int64_t version, const Saving& saving);
void add_line(ReleaseDocument& document, WallTime at, core::Entry entry);

}  // namespace linnet::kubernetes
