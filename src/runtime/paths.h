// Where linnet keeps its files. The environment is read once, here, and handed on as a value. The
// directories hold logs, the store and a socket that commands the releases: they belong to one
// user.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace linnet::runtime {

/// What the places depend on. Empty string: not set.
struct Environment {
  uid_t uid = 0;  // effective
  std::string home = {};
  std::string xdg_state_home = {};
  std::string xdg_runtime_dir = {};
  std::string linnet_state_dir =
      {};  // LINNET_STATE_DIR: this very directory, for root as for users
  std::string linnet_runtime_dir = {};  // LINNET_RUNTIME_DIR

  /// Reads the process's environment.
  static Environment of_process();
};

struct Paths {
  std::string state_dir;    // $XDG_STATE_HOME/linnet, ~/.local/state/linnet; root: /var/lib/linnet
  std::string runtime_dir;  // $XDG_RUNTIME_DIR/linnet, /tmp/linnet-UID; root: /run/linnet
  std::string socket;       // runtime_dir/linnet.sock
  std::string store;        // state_dir/linnet.db
  std::string serve_log;    // state_dir/serve.log

  friend bool operator==(const Paths&, const Paths&) = default;
};

/// Pure: names the places, creates nothing. Code::invalid: a relative path, no home, or a socket
/// path of more than 107 bytes (the kernel's limit), with what to set instead.
Result<Paths> paths_for(const Environment& environment);

/// Creates the directory (and missing parents) with this mode, or checks the one that is there: a
/// real directory, not a link, that `uid` owns and nobody else may write to (systemd makes 0755).
/// Code::denied otherwise.
Result<void> make_private_directory(const std::string& path, uid_t uid, mode_t mode = 0700);

/// Both directories of `paths`. Root's state directory gets 0711: the workers of its NGINX are
/// another user and must pass through it to what they read. So every file in it needs a mode of its
/// own.
Result<void> make_directories(const Paths& paths, uid_t uid);

/// Bytes that fit into a unix socket's address, without the closing NUL.
inline constexpr std::size_t max_socket_path = 107;

}  // namespace linnet::runtime
