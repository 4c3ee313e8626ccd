// What the daemon notes about a release: in the store, where everybody reads it, and in its log.
#pragma once

#include <string>

#include "api/changes.h"
#include "local/sqlite_store.h"
#include "runtime/log.h"

namespace linnet::daemon {

class StoreJournal final : public Journal {
 public:
  StoreJournal(local::SqliteStore& store, Clock& clock, runtime::Log& log, api::Changes& changes)
      : store_(store), clock_(clock), log_(log), changes_(changes) {}
  void note(const std::string& release, const core::Entry& entry) override {
    if (entry.kind == "trouble")
      log_.warning("{}: {}", release, entry.text);
    else
      log_.info("{}: {}: {}", release, entry.kind, entry.text);
    if (auto noted = store_.note(release, clock_.now().wall, entry); !noted)
      log_.warning("{}: the journal cannot be written: {}", release, noted.error().message);
    changes_.ring(release);
  }

 private:
  local::SqliteStore& store_;
  Clock& clock_;
  runtime::Log& log_;
  api::Changes& changes_;
};

}  // namespace linnet::daemon
