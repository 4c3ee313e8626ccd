// Socket files: made closed to others, kept by a lock, and cleared away when their owner has died.
#include "net/listen.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/paths.h"

namespace linnet::net {

using runtime::max_socket_path;

namespace {

Result<sockaddr_un> address_of(const std::string& path) {
  if (path.size() > max_socket_path)
    return fail(Code::invalid,
                "the socket's path '{}' has {} bytes, the system allows {}: set "
                "LINNET_RUNTIME_DIR to a shorter directory",
                path, path.size(), max_socket_path);
  if (path.empty() || path.find('\0') != std::string::npos)
    return fail(Code::invalid, "the socket's path '{}' is not a path", path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  return address;
}

/// Holds PATH.lock or says who does. A record lock: it ends with this process, whatever children
/// have inherited.
Result<Descriptor> take_lock(const std::string& path) {
  const std::string file = path + ".lock";
  Descriptor lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock.get() < 0) {
    const Code code = errno == EACCES ? Code::denied : Code::unavailable;
    return fail(code, "opening '{}': {}", file, std::strerror(errno));
  }
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(lock.get(), F_SETLK, &whole) == 0) return lock;
  if (errno != EAGAIN && errno != EACCES)
    return fail(Code::unavailable, "locking '{}': {}", file, std::strerror(errno));
  ::fcntl(lock.get(), F_GETLK, &whole);
  return fail(Code::conflict, "another linnet serve (pid {}) already uses '{}'", whole.l_pid, path);
}

/// Makes the path free, if what is there is a socket that nobody answers on.
Result<void> clear_leftover(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return fail(Code::unavailable, "looking at '{}': {}", path, std::strerror(errno));
  }
  if (!S_ISSOCK(found.st_mode))
    return fail(Code::invalid, "'{}' is not a socket; it was left alone: remove it yourself", path);
  const auto connected = connect_unix(path);
  if (connected || connected.error().code != Code::unavailable)
    return fail(Code::conflict, "another linnet serve already answers at '{}'", path);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return fail(Code::denied, "removing the dead socket '{}': {}", path, std::strerror(errno));
  return {};
}

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}
Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (number_ >= 0) ::close(number_);
    number_ = other.release();
  }
  return *this;
}
int Descriptor::release() noexcept { return std::exchange(number_, -1); }

Result<Descriptor> connect_unix(const std::string& path) {
  TRY(address, address_of(path));
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) return fail(Code::internal, "making a socket: {}", std::strerror(errno));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket.get(), generic, sizeof address) == 0) return socket;
  switch (errno) {
    case ENOENT:
    case ECONNREFUSED:
    case ENOTDIR: return fail(Code::unavailable, "no linnet daemon answers at '{}'", path);
    case EACCES:
    case EPERM:
      return fail(Code::denied,
                  "no permission to reach the daemon at '{}': it belongs to another user", path);
    case EAGAIN:  // its queue is full: it lives
      return fail(Code::timed_out, "the daemon at '{}' is too busy to answer", path);
    default: return fail(Code::internal, "connecting to '{}': {}", path, std::strerror(errno));
  }
}

Result<UnixListener> UnixListener::open(const std::string& path) {
  TRY(address, address_of(path));
  UnixListener listener;
  TRY(lock, take_lock(path));
  listener.lock_ = std::move(lock);
  TRY_VOID(clear_leftover(path));
  listener.socket_ = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (listener.socket_.get() < 0)
    return fail(Code::internal, "making a socket: {}", std::strerror(errno));
  // The mode is there from the first instant: a chmod afterwards would leave a gap.
  const mode_t before = ::umask(0177);
  const int bound =
      ::bind(listener.socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(before);
  if (bound != 0) {
    const Code code = error == EADDRINUSE ? Code::conflict
                      : error == EACCES   ? Code::denied
                                          : Code::unavailable;
    return fail(code, "binding the socket '{}': {}", path, std::strerror(error));
  }
  struct stat made {};
  if (::lstat(path.c_str(), &made) == 0) {
    listener.path_ = path;
    listener.device_ = made.st_dev;
    listener.inode_ = made.st_ino;
  }
  if (::listen(listener.socket_.get(), 128) != 0)
    return fail(Code::unavailable, "listening at '{}': {}", path, std::strerror(errno));
  return listener;
}

UnixListener::~UnixListener() { remove_file(); }

void UnixListener::remove_file() {
  if (path_.empty()) return;
  struct stat found {};
  if (::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_)
    ::unlink(path_.c_str());
  path_.clear();
}

}  // namespace linnet::net
