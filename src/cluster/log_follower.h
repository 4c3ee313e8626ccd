// `linnet logs --follow` on a cluster: what the pods write that are there and that come, as one row
// of numbered lines, which the command asks for as it asks for the journal.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "api/backend.h"
#include "cluster/parts.h"

namespace linnet::cluster {

class LogFollower {
 public:
  explicit LogFollower(Parts& parts);

  /// Lines after the number `after`, as many as one answer may hold. The first call says of which
  /// track and how many of the lines of before. Code::denied: the Role lacks "get pods/log", for
  /// long enough to believe it.
  Result<api::LogsView> lines(const api::LogsWish& wish, std::int64_t after);
  [[nodiscard]] bool begun() const { return wish_.has_value(); }
  /// Cancels and joins what lines() began.
  Task<void> end();

 private:
  Task<void> look_for_pods();
  Task<void> follow(std::string pod, int tail);
  void add(const std::string& pod, std::string text);
  /// `pod`: empty for all of them.
  void tell(const std::string& pod, const std::string& trouble);

  Parts& parts_;
  runtime::TaskGroup tasks_;
  std::optional<api::LogsWish> wish_;  // once it was begun
  bool looked_ = false;                // the pods of before are known
  std::set<std::string> followed_;
  std::deque<api::LogLine> lines_;
  std::size_t bytes_ = 0;                        // of them
  std::int64_t last_ = 0;                        // the number of the newest
  std::map<std::string, std::string> troubles_;  // why a pod cannot be followed now
  std::optional<Error> refused_;
};

}  // namespace linnet::cluster
