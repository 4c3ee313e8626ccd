#include "local/sqlite_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/crc.hpp>
#include <cerrno>
#include <cstring>
#include <map>

#include "local/file_lock.h"
#include "local/sqlite_database.h"
#include "local/sqlite_schema.h"

namespace linnet::local {
namespace {

// Decision: every transaction but note() is synchronous=FULL, whether or not the phase changed. A
// save happens at most every 10 s per release besides changes of phase; bench/store.cpp has the
// cost.
constexpr std::string_view tuning =
    "PRAGMA cache_size = -256;"         // KiB; the default is 2 MB
    "PRAGMA wal_autocheckpoint = 256;"  // pages: the WAL stays near 1 MB
    "PRAGMA journal_size_limit = 1048576;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA mmap_size = 0";  // a read error must be an error, not a SIGBUS

void add_to(boost::crc_32_type& sum, std::string_view bytes) {
  const std::uint64_t size = bytes.size();  // so that "ab","c" differs from "a","bc"
  sum.process_bytes(&size, sizeof size);
  sum.process_bytes(bytes.data(), bytes.size());
}
void add_to(boost::crc_32_type& sum, std::int64_t number) {
  sum.process_bytes(&number, sizeof number);
}
/// Of everything a row says, its key included.
template <class... Fields>
std::int64_t row_sum(const Fields&... fields) {
  boost::crc_32_type sum;
  (add_to(sum, fields), ...);
  return sum.checksum();
}

/// What identifies a file whatever its name is.
struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};

Result<Identity> identity_of(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0) return Identity{found.st_dev, found.st_ino};
  return fail(Code::unavailable,
              "store {} cannot be found any more ({}); put it back, or restart the daemon", path,
              std::strerror(errno));
}

/// Makes the file for its owner only, and makes sure that its name survives a power cut.
Result<void> make_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail(Code::unavailable, "store {} cannot be opened for writing: {}", path,
                std::strerror(errno));
  std::array<char, 16> head{};
  const ssize_t size = ::pread(fd, head.data(), head.size(), 0);
  ::close(fd);
  if (size != 0 &&
      std::string_view(head.data(), head.size()) != std::string_view("SQLite format 3\0", 16))
    return fail(damaged(path, "it does not begin as a SQLite file does"));
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int folder_fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_fd >= 0) {
    ::fsync(folder_fd);
    ::close(folder_fd);
  }
  return {};
}

}  // namespace

struct SqliteStore::Parts {
  FileLock lock;
  Database database;
  Retention retention;
  Identity identity;
  std::int64_t next_intent = 1;
  std::int64_t next_line = 1;
  bool is_durable = true;  // the connection syncs at each commit now
  /// Lines written since the journal of a release was last pruned.
  std::map<std::string, std::int64_t, std::less<>> unpruned;

  Result<void> learn_numbers();
  Result<void> check_rows();
  Result<Transaction> begin(bool durable = true);
  Result<std::int64_t> save(const std::string& release, std::int64_t version, const Saving& saving);
  Result<Record> load(const std::string& release);
  Result<std::vector<core::Intent>> intents(const std::string& release, std::int64_t after);
  Result<void> write_status(const std::string& release, std::int64_t version, const Saving& saving);
  Result<void> write_answer(const std::string& release, const core::Answer& answer);
  Result<void> write_line(const std::string& release, std::int64_t seq, WallTime at,
                          const core::Entry& entry);
  Result<void> prune(const std::string& release, const Saving& saving);
  Result<void> prune_journal(const std::string& release, std::int64_t added);
  Result<std::vector<wire::JournalLine>> lines(Query rows, const std::string& release);
};

// ---- Opening ------------------------------------------------------------------------------------

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path,
                                                       Retention retention) {
  auto lock = FileLock::take(path + ".lock");
  if (!lock) return fail(std::move(lock).error().while_doing(fmt::format("store {}", path)));
  TRY_VOID(make_file(path));
  TRY(database, Database::open(path));
  TRY_VOID(prepare_schema(database, migrations()));
  TRY_VOID(database.script(tuning));
  TRY(identity, identity_of(path));
  auto parts = std::make_unique<Parts>(
      Parts{std::move(*lock), std::move(database), retention, identity, 1, 1, true, {}});
  TRY_VOID(parts->learn_numbers());
  TRY_VOID(parts->check_rows());
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(parts)));
}

SqliteStore::SqliteStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SqliteStore::~SqliteStore() = default;

/// Numbers are handed out here and not by SQLite, so that a row's sum can cover its own number.
Result<void> SqliteStore::Parts::learn_numbers() {
  constexpr std::string_view last = "SELECT seq FROM sqlite_sequence WHERE name = ?";
  TRY(intent_sequence, database.integer(last, std::string_view("intent")));
  TRY(intent_newest, database.integer("SELECT max(id) FROM intent"));
  TRY(line_sequence, database.integer(last, std::string_view("journal")));
  TRY(line_newest, database.integer("SELECT max(seq) FROM journal"));
  next_intent = std::max(intent_sequence, intent_newest) + 1;
  next_line = std::max(line_sequence, line_newest) + 1;
  return {};
}

/// What the releases need in order to go on is read once, so that damage is told at the start.
Result<void> SqliteStore::Parts::check_rows() {
  std::vector<std::string> names;
  Query rows = database.query(
      "SELECT release FROM status UNION SELECT release FROM intent WHERE answer IS NULL");
  while (true) {
    TRY(more, rows.next());
    if (!more) break;
    names.push_back(rows.text(0));
  }
  for (const std::string& name : names) {
    TRY_VOID(load(name));
    TRY_VOID(intents(name, 0));
  }
  Query specs = database.query("SELECT name, spec, sum FROM release");
  while (true) {
    TRY(more, specs.next());
    if (!more) return {};
    if (specs.integer(2) != row_sum(specs.text(0), specs.text(1)))
      return fail(damaged(database.path(), fmt::format("the spec of '{:.64}'", specs.text(0))));
  }
}

Result<Transaction> SqliteStore::Parts::begin(bool durable) {
  // Writing to a file that nobody will find again would break the promise of every intent.
  TRY(found, identity_of(database.path()));
  if (found != identity)
    return fail(Code::unavailable,
                "store {} was replaced while the daemon ran; restart the daemon to use the new one",
                database.path());
  if (durable != is_durable) {
    // By script(): this PRAGMA acts when it is compiled, so a kept statement would act only once.
    TRY_VOID(
        database.script(durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"));
    is_durable = durable;
  }
  return Transaction::begin(database);
}

// ---- Status -------------------------------------------------------------------------------------

Result<Record> SqliteStore::Parts::load(const std::string& release) {
  Query row = database.query("SELECT version, saved_at, status, sum FROM status WHERE release = ?",
                             release);
  TRY(found, row.next());
  if (!found) return Record{};
  const std::string saved = row.text(2);
  if (row.integer(3) != row_sum(release, row.integer(0), row.integer(1), saved))
    return fail(damaged(database.path(), fmt::format("the status of '{}'", release)));
  auto status = wire::load_status(saved);
  if (!status)
    return fail(Code::unavailable,
                "store {}: the status of '{}' cannot be used by this linnet ({}); install the one "
                "that wrote it",
                database.path(), release, status.error().message);
  return Record{std::move(*status), row.integer(0)};
}

Result<void> SqliteStore::Parts::write_status(const std::string& release, std::int64_t version,
                                              const Saving& saving) {
  const std::string saved = wire::save_status(saving.status);
  const std::int64_t next = version + 1;
  const std::int64_t sum = row_sum(release, next, saving.at.ms, saved);
  if (version == 0)
    TRY_VOID(
        database.run("INSERT INTO status (release, version, saved_at, status, sum) "
                     "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                     release, next, saving.at.ms, saved, sum));
  else
    TRY_VOID(
        database.run("UPDATE status SET version = ?, saved_at = ?, status = ?, sum = ? "
                     "WHERE release = ? AND version = ?",
                     next, saving.at.ms, saved, sum, release, version));
  if (database.changes() == 1) return {};
  TRY(actual, database.integer("SELECT version FROM status WHERE release = ?", release));
  return fail(Code::conflict,
              "saving the status of '{}': it is at version {}, not {}; load it again", release,
              actual, version);
}

Result<void> SqliteStore::Parts::write_answer(const std::string& release,
                                              const core::Answer& answer) {
  const std::string saved = wire::save_answer(answer);
  return database.run(
      "UPDATE intent SET answer = ?, answer_sum = ? "
      "WHERE id = ? AND release = ? AND answer IS NULL",
      saved, row_sum(answer.intent, saved), answer.intent, release);
}

Result<void> SqliteStore::Parts::write_line(const std::string& release, std::int64_t seq,
                                            WallTime at, const core::Entry& entry) {
  return database.run(
      "INSERT INTO journal (seq, release, at, kind, text, sum) "
      "VALUES (?, ?, ?, ?, ?, ?)",
      seq, release, at.ms, entry.kind, entry.text,
      row_sum(release, seq, at.ms, entry.kind, entry.text));
}

Result<std::int64_t> SqliteStore::Parts::save(const std::string& release, std::int64_t version,
                                              const Saving& saving) {
  TRY(transaction, begin());
  TRY_VOID(write_status(release, version, saving));
  for (const core::Answer& answer : saving.answers) TRY_VOID(write_answer(release, answer));
  std::int64_t line = next_line;
  for (const core::Entry& entry : saving.entries)
    TRY_VOID(write_line(release, line++, saving.at, entry));
  if (saving.finished) {
    const std::string record = wire::save_record(*saving.finished);
    TRY_VOID(database.run("INSERT INTO history (release, record, sum) VALUES (?, ?, ?)", release,
                          record, row_sum(release, record)));
  }
  TRY_VOID(prune(release, saving));
  TRY_VOID(transaction.commit());
  next_line = line;
  return version + 1;
}

Result<void> SqliteStore::Parts::prune(const std::string& release, const Saving& saving) {
  if (!saving.answers.empty())
    TRY_VOID(
        database.run("DELETE FROM intent WHERE release = ?1 AND answer IS NOT NULL AND id <= "
                     "(SELECT id FROM intent WHERE release = ?1 AND answer IS NOT NULL "
                     "ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                     release, retention.answered_intents));
  if (saving.finished)
    TRY_VOID(
        database.run("DELETE FROM history WHERE release = ?1 AND seq <= (SELECT seq FROM "
                     "history WHERE release = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
                     release, retention.rollouts));
  return prune_journal(release, static_cast<std::int64_t>(saving.entries.size()));
}

/// Finding the oldest line to keep walks over all that are kept: not for every line.
Result<void> SqliteStore::Parts::prune_journal(const std::string& release, std::int64_t added) {
  const auto counter = unpruned.try_emplace(release, retention.journal_lines).first;
  counter->second += added;
  if (counter->second <= retention.journal_lines / 8) return {};
  TRY_VOID(
      database.run("DELETE FROM journal WHERE release = ?1 AND seq <= (SELECT seq FROM "
                   "journal WHERE release = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
                   release, retention.journal_lines));
  counter->second = 0;
  return {};
}

Task<Result<Record>> SqliteStore::load(std::string release) { co_return parts_->load(release); }

Task<Result<std::int64_t>> SqliteStore::save(std::string release, std::int64_t version,
                                             Saving saving) {
  co_return parts_->save(release, version, saving);
}

// ---- Specs --------------------------------------------------------------------------------------

Result<void> SqliteStore::put_release(const std::string& name, const std::string& spec_yaml) {
  TRY(transaction, parts_->begin());
  TRY_VOID(
      parts_->database.run("INSERT INTO release (name, spec, sum) VALUES (?, ?, ?) "
                           "ON CONFLICT DO UPDATE SET spec = excluded.spec, sum = excluded.sum",
                           name, spec_yaml, row_sum(name, spec_yaml)));
  return transaction.commit();
}

Result<std::vector<StoredRelease>> SqliteStore::releases() {
  std::vector<StoredRelease> out;
  Query rows = parts_->database.query("SELECT name, spec, sum FROM release ORDER BY name");
  while (true) {
    TRY(more, rows.next());
    if (!more) return out;
    out.push_back({rows.text(0), rows.text(1)});
    if (rows.integer(2) != row_sum(out.back().name, out.back().spec_yaml))
      return fail(
          damaged(parts_->database.path(), fmt::format("the spec of '{:.64}'", out.back().name)));
  }
}

Result<void> SqliteStore::remove_release(const std::string& name) {
  Database& database = parts_->database;
  TRY(transaction, parts_->begin());
  TRY_VOID(database.run("DELETE FROM release WHERE name = ?", name));
  if (database.changes() == 0) return fail(Code::not_found, "there is no release '{}'", name);
  TRY_VOID(database.run("DELETE FROM status WHERE release = ?", name));
  TRY_VOID(database.run("DELETE FROM intent WHERE release = ?", name));
  TRY_VOID(database.run("DELETE FROM journal WHERE release = ?", name));
  TRY_VOID(database.run("DELETE FROM history WHERE release = ?", name));
  return transaction.commit();
}

// ---- Intents ------------------------------------------------------------------------------------

Result<std::int64_t> SqliteStore::add_intent(const std::string& release,
                                             const core::Intent& intent) {
  Database& database = parts_->database;
  core::Intent numbered = intent;
  numbered.id = parts_->next_intent;
  const std::string saved = wire::save_intent(numbered);
  TRY(transaction, parts_->begin());
  TRY(exists, database.integer("SELECT count(*) FROM release WHERE name = ?", release));
  if (exists == 0) return fail(Code::not_found, "there is no release '{}'", release);
  TRY_VOID(database.run("INSERT INTO intent (id, release, intent, sum) VALUES (?, ?, ?, ?)",
                        numbered.id, release, saved, row_sum(numbered.id, release, saved)));
  const auto committed = transaction.commit();
  // An outcome that is not known may yet be on disk under this number: it is not used twice.
  if (committed || committed.error().code == Code::unknown_outcome) ++parts_->next_intent;
  if (!committed) return fail(committed.error());
  return numbered.id;
}

Result<std::vector<core::Intent>> SqliteStore::Parts::intents(const std::string& release,
                                                              std::int64_t after) {
  std::vector<core::Intent> out;
  Query rows = database.query(
      "SELECT id, intent, sum FROM intent WHERE release = ? AND "
      "answer IS NULL AND id > ? ORDER BY id",
      release, after);
  while (true) {
    TRY(more, rows.next());
    if (!more) return out;
    const std::string saved = rows.text(1);
    if (rows.integer(2) != row_sum(rows.integer(0), release, saved))
      return fail(damaged(database.path(), fmt::format("intent {}", rows.integer(0))));
    auto intent = wire::load_intent(saved);
    if (!intent) return fail(damaged(database.path(), intent.error().message));
    out.push_back(std::move(*intent));
  }
}

Task<Result<std::vector<core::Intent>>> SqliteStore::intents(std::string release,
                                                             std::int64_t after) {
  co_return parts_->intents(release, after);
}

Result<IntentState> SqliteStore::intent_state(std::int64_t id) {
  Query row =
      parts_->database.query("SELECT release, answer, answer_sum FROM intent WHERE id = ?", id);
  TRY(found, row.next());
  if (!found)
    return fail(Code::not_found, "there is no intent {}, or it was answered long ago", id);
  IntentState state{id, row.text(0), std::nullopt};
  if (row.is_null(1)) return state;
  const std::string saved = row.text(1);
  auto answer = wire::load_answer(saved);
  if (!answer || row.integer(2) != row_sum(id, saved))
    return fail(damaged(parts_->database.path(), fmt::format("the answer to intent {}", id)));
  state.answer = std::move(*answer);
  return state;
}

// ---- Journal and history ------------------------------------------------------------------------

Result<std::vector<wire::JournalLine>> SqliteStore::Parts::lines(Query rows,
                                                                 const std::string& release) {
  std::vector<wire::JournalLine> out;
  while (true) {
    TRY(more, rows.next());
    if (!more) return out;
    wire::JournalLine line{
        rows.integer(0), WallTime{rows.integer(1)}, {rows.text(2), rows.text(3)}};
    // One bad line must not hide all later ones.
    if (rows.integer(4) != row_sum(release, line.seq, line.at.ms, line.entry.kind, line.entry.text))
      line.entry = {"trouble", "this line is damaged in the store"};
    out.push_back(std::move(line));
  }
}

Result<std::vector<wire::JournalLine>> SqliteStore::journal(const std::string& release,
                                                            std::int64_t after,
                                                            std::int64_t limit) {
  return parts_->lines(
      parts_->database.query("SELECT seq, at, kind, text, sum FROM journal WHERE release = ? AND "
                             "seq > ? ORDER BY seq LIMIT ?",
                             release, after, std::max<std::int64_t>(limit, 0)),
      release);
}

Result<std::vector<wire::JournalLine>> SqliteStore::journal_tail(const std::string& release,
                                                                 std::int64_t limit) {
  auto lines = parts_->lines(
      parts_->database.query("SELECT seq, at, kind, text, sum FROM journal WHERE release = ? "
                             "ORDER BY seq DESC LIMIT ?",
                             release, std::max<std::int64_t>(limit, 0)),
      release);
  if (lines) std::reverse(lines->begin(), lines->end());
  return lines;
}

Result<std::vector<core::RolloutRecord>> SqliteStore::history(const std::string& release,
                                                              std::int64_t limit) {
  std::vector<core::RolloutRecord> out;
  Query rows = parts_->database.query(
      "SELECT record, sum FROM history WHERE release = ? ORDER BY seq DESC LIMIT ?", release,
      std::max<std::int64_t>(limit, 0));
  while (true) {
    TRY(more, rows.next());
    if (!more) return out;
    const std::string saved = rows.text(0);
    auto record = wire::load_record(saved);
    if (!record || rows.integer(1) != row_sum(release, saved))
      return fail(damaged(parts_->database.path(), fmt::format("the history of '{}'", release)));
    out.push_back(std::move(*record));
  }
}

Result<void> SqliteStore::note(const std::string& release, WallTime at, const core::Entry& entry) {
  TRY(transaction, parts_->begin(/*durable=*/false));
  TRY_VOID(parts_->write_line(release, parts_->next_line, at, entry));
  TRY_VOID(parts_->prune_journal(release, 1));
  TRY_VOID(transaction.commit());
  ++parts_->next_line;
  return {};
}

}  // namespace linnet::local
