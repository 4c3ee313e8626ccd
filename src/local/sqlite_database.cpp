#include "local/sqlite_database.h"

#include <sqlite3.h>

#include <utility>

namespace linnet::local {
namespace {

// SQLite's calls are short; waiting longer for another program would stall all releases.
constexpr int busy_wait_ms = 250;

}  // namespace

Error damaged(const std::string& path, std::string_view finding) {
  return {
      Code::unavailable,
      fmt::format("store {0} is damaged ({1}). It is left as it is, and so is the traffic. Put a "
                  "copy back, or save what is readable: `sqlite3 {0} .recover | sqlite3 "
                  "new.db`; to start anew move {0} and {0}-wal away",
                  path, finding)};
}

// ---- Query --------------------------------------------------------------------------------------

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Query::bind(int place, std::int64_t value) {
  if (statement_ != nullptr) sqlite3_bind_int64(statement_, place, value);
}

void Query::bind(int place, std::string_view value) {
  if (statement_ == nullptr) return;
  sqlite3_bind_text64(statement_, place, value.data() == nullptr ? "" : value.data(), value.size(),
                      SQLITE_TRANSIENT, SQLITE_UTF8);
}

Result<bool> Query::next() {
  if (statement_ == nullptr) return fail(database_.last_error());
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return fail(database_.last_error());
}

std::int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Query::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

bool Query::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

// ---- Database -----------------------------------------------------------------------------------

Result<Database> Database::open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    SQLITE_OPEN_PRIVATECACHE;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  Database database(path, handle);
  if (code != SQLITE_OK) {
    if (handle == nullptr) return fail(Code::unavailable, "store {}: out of memory", path);
    return fail(database.last_error());
  }
  sqlite3_busy_timeout(handle, busy_wait_ms);
  // A damaged or foreign file must not make SQLite run what it holds.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // Look-aside slots are allocated at once, used or not.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_LOOKASIDE, nullptr, 0, 0);
  return database;
}

Database::Database(Database&& other) noexcept
    : path_(std::move(other.path_)),
      handle_(std::exchange(other.handle_, nullptr)),
      statements_(std::move(other.statements_)) {
  other.statements_.clear();
}

Database::~Database() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

sqlite3_stmt* Database::prepared(std::string_view sql) {
  const auto known = statements_.find(sql);
  if (known != statements_.end()) return known->second;
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK || statement == nullptr) return nullptr;
  statements_.emplace(sql, statement);
  return statement;
}

Result<void> Database::finish(Query& started) {
  while (true) {
    TRY(more, started.next());
    if (!more) return {};
  }
}

Result<void> Database::script(std::string_view sql) {
  if (sqlite3_exec(handle_, std::string(sql).c_str(), nullptr, nullptr, nullptr) == SQLITE_OK)
    return {};
  return fail(last_error());
}

std::int64_t Database::changes() const { return sqlite3_changes64(handle_); }
bool Database::is_read_only() const { return sqlite3_db_readonly(handle_, "main") == 1; }
bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

Result<void> Database::copy_to(const std::string& path) {
  sqlite3* target = nullptr;
  int code =
      sqlite3_open_v2(path.c_str(), &target,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code == SQLITE_OK) {
    sqlite3_backup* backup = sqlite3_backup_init(target, "main", handle_, "main");
    if (backup != nullptr) {
      sqlite3_backup_step(backup, -1);
      sqlite3_backup_finish(backup);
    }
    code = sqlite3_errcode(target);
  }
  const std::string message = target == nullptr ? "out of memory" : sqlite3_errmsg(target);
  sqlite3_close(target);
  if (code == SQLITE_OK) return {};
  return fail(Code::unavailable, "copying store {} to {}: {}", path_, path, message);
}

Error Database::last_error() const {
  const int code = sqlite3_extended_errcode(handle_);
  const std::string text = fmt::format("{}, code {}", sqlite3_errmsg(handle_), code);
  switch (code & 0xFF) {
    case SQLITE_FULL:
      return {Code::unavailable,
              fmt::format("store {}: no space left ({}); nothing was changed: free some space, and "
                          "it goes on",
                          path_, text)};
    case SQLITE_READONLY:
      return {Code::unavailable,
              fmt::format("store {}: cannot be written ({}); make the file and its folder writable "
                          "for the user of the daemon",
                          path_, text)};
    case SQLITE_IOERR:
      return {
          Code::unavailable,
          fmt::format("store {}: reading or writing failed ({}); check the disk, its free space "
                      "and limits",
                      path_, text)};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {
          Code::unavailable,
          fmt::format("store {}: another program holds it ({}); close that program", path_, text)};
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {Code::unavailable,
              fmt::format("store {}: cannot be opened ({}); check that its folder exists and that "
                          "both may be written",
                          path_, text)};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR:  // our statements are right: the tables are not those we made
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT: return damaged(path_, text);
    case SQLITE_NOMEM: return {Code::unavailable, fmt::format("store {}: out of memory", path_)};
    default: return {Code::internal, fmt::format("store {}: {}", path_, text)};
  }
}

// ---- Transaction --------------------------------------------------------------------------------

Result<Transaction> Transaction::begin(Database& database) {
  TRY_VOID(database.run("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::~Transaction() {
  // SQLite may have rolled back by itself (disk full): then there is nothing to undo.
  if (database_ != nullptr && database_->in_transaction()) (void)database_->run("ROLLBACK");
}

Result<void> Transaction::commit() {
  auto done = database_->run("COMMIT");
  if (done) {
    database_ = nullptr;
    return {};
  }
  const int code = sqlite3_extended_errcode(database_->raw());
  if (code != SQLITE_IOERR_FSYNC && code != SQLITE_IOERR_DIR_FSYNC) return done;
  // The pages are written and may or may not survive a crash.
  return fail(Code::unknown_outcome, "{}", done.error().message);
}

}  // namespace linnet::local
