// The weight of one release as a symlink that NGINX looks through at each request: `cur` leads to a
// directory that holds one empty file per bucket (of 1000) that belongs to the canary. Changing the
// weight is one rename(2): atomic, without a reload, and possible for a guardian that knows nothing
// but the directory. Whatever is missing means stable.
//
//   DIR/cur -> w250        25 %: the files w250/0 ... w250/249, all links to one empty inode
//   DIR/w0                 empty
//   DIR/taken-back         empty: 0 % as a rollback wrote it
//   DIR/taken-back.guardian  the same, by the guardian
//   DIR/.take-back         a symlink kept ready, so that a rollback is one rename and needs no disk
//   space DIR/bucket             the empty file that the others are links to
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace linnet::local {

constexpr int switch_buckets = 1000;

struct SwitchState {
  Percent weight;           // as NGINX acts on it
  bool taken_back = false;  // the 0 of a rollback
  std::string by;           // "guardian", or what someone else did to the switch; else empty
  friend bool operator==(const SwitchState&, const SwitchState&) = default;
};

class WeightSwitch {
 public:
  /// `directory` is the release's own; nothing is touched before prepare(), set() or take_back().
  explicit WeightSwitch(std::string directory);

  /// Creates what is missing; an existing weight is left as it is, a missing one becomes 0.
  [[nodiscard]] Result<void> prepare() const;
  /// One readlink. Code::not_found: never prepared. A `cur` that linnet did not write is counted
  /// and described in `by`; Code::conflict when that is not possible.
  [[nodiscard]] Result<SwitchState> read() const;
  /// Raising is durable when it returns; lowering is in force first and costs no fsync.
  /// Code::invalid: not a multiple of 0.1 % in 0..100 %.
  [[nodiscard]] Result<void> set(Percent weight, bool taken_back) const;
  /// Weight 0 as the guardian writes it. Works on a full disk.
  [[nodiscard]] Result<void> take_back_as_guardian() const;

  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  [[nodiscard]] Result<void> point_to(const std::string& target) const;
  [[nodiscard]] Result<void> build(int tenths) const;
  void prune(const std::string& keep) const;

  std::string directory_;
};

/// A user that must be able to look through the switch: an NGINX worker.
struct WorkerUser {
  std::string name;
  uid_t uid = 0;
  std::vector<gid_t> groups;
};
/// Code::denied names the first path element that `user` cannot search, and the command that helps:
/// without it NGINX would silently send everything to stable.
Result<void> check_searchable(const std::string& directory, const WorkerUser& user);

}  // namespace linnet::local
