// The rules of the XDG base directories and of root, and directories that only their owner enters.
#include "runtime/paths.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace linnet::runtime {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<std::string> absolute(std::string_view name, const std::string& value) {
  if (value.front() != '/' || value.find('\0') != std::string::npos)
    return fail(Code::invalid, "{} is '{}': it must be an absolute path", name, value);
  std::string path = std::filesystem::path(value).lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

Result<std::string> below(std::string_view name, const std::string& value) {
  TRY(base, absolute(name, value));
  return base + "/linnet";
}

Result<std::string> state_dir(const Environment& from) {
  if (!from.linnet_state_dir.empty()) return absolute("LINNET_STATE_DIR", from.linnet_state_dir);
  // Root's places do not depend on the shell: the service and a login must find the same daemon.
  if (from.uid == 0) return std::string("/var/lib/linnet");
  if (!from.xdg_state_home.empty()) return below("XDG_STATE_HOME", from.xdg_state_home);
  if (from.home.empty())
    return fail(Code::invalid,
                "no place for linnet's state: set LINNET_STATE_DIR, XDG_STATE_HOME or HOME");
  return below("HOME", from.home + "/.local/state");
}

Result<std::string> runtime_dir(const Environment& from) {
  if (!from.linnet_runtime_dir.empty())
    return absolute("LINNET_RUNTIME_DIR", from.linnet_runtime_dir);
  if (from.uid == 0) return std::string("/run/linnet");
  if (!from.xdg_runtime_dir.empty()) return below("XDG_RUNTIME_DIR", from.xdg_runtime_dir);
  // No session (cron, a container): a name nobody else needs, checked for its owner when created.
  return fmt::format("/tmp/linnet-{}", from.uid);
}

/// mkdir -p; what is missing gets the mode, parents too (the XDG specification asks for 0700).
Result<void> create(const std::string& path, mode_t mode) {
  std::filesystem::path made;
  for (const auto& part : std::filesystem::path(path)) {
    made /= part;
    if (::mkdir(made.c_str(), 0700) == 0) {
      // By chmod: the umask would take bits away.
      if (mode != 0700) ::chmod(made.c_str(), mode);
      continue;
    }
    if (errno == EEXIST) continue;
    const int error = errno;
    if (std::error_code ignored; std::filesystem::is_directory(made, ignored)) continue;
    const Code code = error == EACCES || error == EPERM ? Code::denied : Code::unavailable;
    return fail(code, "creating directory '{}': {}", made.string(), std::strerror(error));
  }
  return {};
}

}  // namespace

Environment Environment::of_process() {
  return Environment{.uid = ::geteuid(),
                     .home = variable("HOME"),
                     .xdg_state_home = variable("XDG_STATE_HOME"),
                     .xdg_runtime_dir = variable("XDG_RUNTIME_DIR"),
                     .linnet_state_dir = variable("LINNET_STATE_DIR"),
                     .linnet_runtime_dir = variable("LINNET_RUNTIME_DIR")};
}

Result<Paths> paths_for(const Environment& environment) {
  TRY(state, state_dir(environment));
  TRY(runtime, runtime_dir(environment));
  Paths paths{.state_dir = state,
              .runtime_dir = runtime,
              .socket = runtime + "/linnet.sock",
              .store = state + "/linnet.db",
              .serve_log = state + "/serve.log"};
  if (paths.socket.size() > max_socket_path)
    return fail(Code::invalid,
                "the socket's path '{}' has {} bytes, the system allows {}: set "
                "LINNET_RUNTIME_DIR to a shorter directory",
                paths.socket, paths.socket.size(), max_socket_path);
  return paths;
}

Result<void> make_private_directory(const std::string& path, uid_t uid, mode_t mode) {
  TRY_VOID(create(path, mode));
  // Looked at through a descriptor, so that no link is followed.
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (directory < 0) {
    if (errno == ENOTDIR || errno == ELOOP)
      return fail(Code::denied, "'{}' is a link or a file, not a directory: remove it", path);
    const Code code = errno == EACCES ? Code::denied : Code::unavailable;
    return fail(code, "opening directory '{}': {}", path, std::strerror(errno));
  }
  struct stat found {};
  Result<void> result;
  if (::fstat(directory, &found) != 0) {
    result = fail(Code::unavailable, "reading directory '{}': {}", path, std::strerror(errno));
  } else if (found.st_uid != uid) {
    result = fail(Code::denied,
                  "directory '{}' belongs to user {}, not to {}: remove it or set "
                  "LINNET_STATE_DIR and LINNET_RUNTIME_DIR to places of your own",
                  path, found.st_uid, uid);
  } else if ((found.st_mode & 022) != 0) {
    // Not narrowed here: it may be /tmp, or a directory with another purpose.
    result = fail(Code::denied,
                  "directory '{}' can be written by others (mode {:o}): chmod 0700 it, or name "
                  "another place in LINNET_STATE_DIR or LINNET_RUNTIME_DIR",
                  path, found.st_mode & 07777);
  }
  ::close(directory);
  return result;
}

Result<void> make_directories(const Paths& paths, uid_t uid) {
  TRY_VOID(make_private_directory(paths.state_dir, uid, uid == 0 ? 0711 : 0700));
  return make_private_directory(paths.runtime_dir, uid);
}

}  // namespace linnet::runtime
