// SQLite's C interface as Result<T>: prepared statements kept by their text, transactions that end
// with their scope, and errors that say what to do. Private to src/local.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace linnet::local {

class Database;

/// One run of a prepared statement; ends with its scope. At most one run per text at a time.
class Query {
 public:
  Query(Query&& other) noexcept
      : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}
  Query& operator=(Query&&) = delete;
  ~Query();

  /// True: a row is there to be read. A statement that could not be prepared fails here.
  Result<bool> next();
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  friend class Database;
  Query(Database& database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  void bind(int place, std::int64_t value);
  void bind(int place, std::string_view value);

  Database& database_;
  sqlite3_stmt* statement_;
};

class Database {
 public:
  /// Read and write, no threads. The file must exist, unless it is ":memory:".
  static Result<Database> open(const std::string& path);
  Database(Database&& other) noexcept;
  Database& operator=(Database&&) = delete;
  ~Database();

  /// The arguments fill the statement's question marks in order.
  template <class... Args>
  Query query(std::string_view sql, const Args&... args) {
    Query query(*this, prepared(sql));
    int place = 0;
    (query.bind(++place, args), ...);
    return query;
  }
  /// For statements without rows; rows are skipped.
  template <class... Args>
  Result<void> run(std::string_view sql, const Args&... args) {
    Query started = query(sql, args...);
    return finish(started);
  }
  /// The first column of the first row; 0 when there is none.
  template <class... Args>
  Result<std::int64_t> integer(std::string_view sql, const Args&... args) {
    Query started = query(sql, args...);
    TRY(found, started.next());
    return found && !started.is_null(0) ? started.integer(0) : 0;
  }
  /// Several statements separated by semicolons.
  Result<void> script(std::string_view sql);

  [[nodiscard]] std::int64_t changes() const;
  [[nodiscard]] bool is_read_only() const;
  [[nodiscard]] bool in_transaction() const;
  /// Copies the whole database into `path`, which is replaced.
  Result<void> copy_to(const std::string& path);
  /// What went wrong last, as people need it, in a sentence that starts with the file's path.
  [[nodiscard]] Error last_error() const;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] sqlite3* raw() { return handle_; }

 private:
  Database(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}
  sqlite3_stmt* prepared(std::string_view sql);
  static Result<void> finish(Query& started);

  std::string path_;
  sqlite3* handle_;
  std::map<std::string, sqlite3_stmt*, std::less<>> statements_;
};

/// Undone at the end of its scope unless it was committed.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  /// Code::unknown_outcome when the disk failed while making it durable.
  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

/// A file that cannot be trusted any more, and what to do about it.
Error damaged(const std::string& path, std::string_view finding);

}  // namespace linnet::local
