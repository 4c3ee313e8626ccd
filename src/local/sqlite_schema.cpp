#include "local/sqlite_schema.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace linnet::local {
namespace {

// `sum` columns are CRC-32 of the row (see row_sum in sqlite_store.cpp): SQLite finds a damaged
// tree, but not a flipped bit inside a value.
constexpr std::array<std::string_view, 1> all_migrations{R"sql(
CREATE TABLE release (
  name TEXT PRIMARY KEY, spec TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;
CREATE TABLE status (
  release TEXT PRIMARY KEY, version INTEGER NOT NULL, saved_at INTEGER NOT NULL,
  status TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;
CREATE TABLE intent (
  id INTEGER PRIMARY KEY AUTOINCREMENT, release TEXT NOT NULL, intent TEXT NOT NULL,
  sum INTEGER NOT NULL, answer TEXT, answer_sum INTEGER) STRICT;
CREATE INDEX intent_open ON intent (release, id) WHERE answer IS NULL;
CREATE INDEX intent_answered ON intent (release, id) WHERE answer IS NOT NULL;
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, release TEXT NOT NULL, at INTEGER NOT NULL,
  kind TEXT NOT NULL, text TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;
CREATE INDEX journal_of_release ON journal (release, seq);
CREATE TABLE history (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, release TEXT NOT NULL, record TEXT NOT NULL,
  sum INTEGER NOT NULL) STRICT;
CREATE INDEX history_of_release ON history (release, seq);
)sql"};

constexpr std::int64_t application = 0x6c6e6e74;  // "lnnt", in the file's header

/// The definitions of all tables as SQLite keeps them.
Result<std::string> definitions(Database& database) {
  std::string all;
  Query rows =
      database.query("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name, type");
  while (true) {
    TRY(more, rows.next());
    if (!more) return all;
    for (int column = 0; column < 4; ++column) all += rows.text(column) + "\n";
  }
}

Result<void> check_tree(Database& database) {
  Query rows = database.query("PRAGMA integrity_check(1)");
  TRY(found, rows.next());
  const std::string finding = found ? rows.text(0) : "no answer";
  if (finding != "ok") return fail(damaged(database.path(), finding));
  return {};
}

Result<void> apply(Database& database, std::span<const std::string_view> steps, std::int64_t from) {
  TRY(transaction, Transaction::begin(database));
  for (auto step = static_cast<std::size_t>(from); step < steps.size(); ++step)
    TRY_VOID(database.script(steps[step]));
  // The numbers stand in the file's header, which a transaction covers as well.
  TRY_VOID(database.script(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                                       application, steps.size())));
  return transaction.commit();
}

/// A flipped byte in a definition would turn every later statement on its head.
Result<void> check_definitions(Database& database, std::span<const std::string_view> steps) {
  TRY(model, Database::open(":memory:"));
  TRY_VOID(apply(model, steps, 0));
  TRY(expected, definitions(model));
  TRY(found, definitions(database));
  if (found != expected)
    return fail(damaged(database.path(), "its tables are not those of linnet"));
  return {};
}

Result<void> back_up(Database& database, std::size_t schema) {
  const std::string copy = fmt::format("{}.before-schema-{}", database.path(), schema);
  const std::string unfinished = copy + ".part";
  std::remove(unfinished.c_str());
  // Made here so that it is readable for nobody else.
  const int fd = ::open(unfinished.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail(Code::unavailable, "making the copy {} before an upgrade: {}", unfinished,
                std::strerror(errno));
  ::close(fd);
  TRY_VOID(database.copy_to(unfinished));
  if (std::rename(unfinished.c_str(), copy.c_str()) != 0)
    return fail(Code::unavailable, "making the copy {} before an upgrade: {}", copy,
                std::strerror(errno));
  return {};
}

Result<void> turn_on_wal(Database& database) {
  Query rows = database.query("PRAGMA journal_mode = WAL");
  TRY(found, rows.next());
  if (found && rows.text(0) == "wal") return {};
  return fail(Code::unavailable,
              "store {}: its file system has no shared memory for SQLite (a network file system?); "
              "keep it on a local disk",
              database.path());
}

}  // namespace

std::span<const std::string_view> migrations() { return all_migrations; }

Result<void> prepare_schema(Database& database, std::span<const std::string_view> steps) {
  // A reader or another journal mode may have left less than what a promise of durability needs.
  TRY_VOID(database.script("PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON"));
  TRY(tables, database.integer("SELECT count(*) FROM sqlite_schema"));
  if (database.is_read_only())
    return fail(Code::unavailable,
                "store {} is read-only; make the file and its folder writable for the user of the "
                "daemon",
                database.path());
  TRY(owner, database.integer("PRAGMA application_id"));
  TRY(version, database.integer("PRAGMA user_version"));
  const bool fresh = tables == 0 && owner == 0 && version == 0;
  if (!fresh) {
    if (owner != application)
      return fail(Code::unavailable,
                  "store {} is not a store of linnet (its application id is {:x}); name another "
                  "file, or move it away",
                  database.path(), owner);
    if (version > static_cast<std::int64_t>(steps.size()))
      return fail(Code::unavailable,
                  "store {} has schema {}, written by a newer linnet; this one knows {}: install "
                  "the newer one, or go back to the copy {}.before-schema-{}",
                  database.path(), version, steps.size(), database.path(), steps.size() + 1);
    if (version < 1) return fail(damaged(database.path(), "its schema number is below 1"));
    TRY_VOID(check_tree(database));
    TRY_VOID(check_definitions(database, steps.first(static_cast<std::size_t>(version))));
  }
  if (fresh || version < static_cast<std::int64_t>(steps.size())) {
    if (!fresh) TRY_VOID(back_up(database, steps.size()));
    TRY_VOID(apply(database, steps, version));
  }
  return turn_on_wal(database);
}

}  // namespace linnet::local
