#include "cli/leftovers.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <map>
#include <vector>

#include "net/listen.h"

namespace linnet::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "cluster-";
constexpr std::string_view ending = ".sock";

// "cluster-4711.sock" of "cluster-4711.sock.lock"; empty: it is none of these.
std::string socket_of(const std::string& name, pid_t& pid) {
  if (!name.starts_with(prefix)) return {};
  const char* begin = name.data() + prefix.size();
  const auto [end, error] = std::from_chars(begin, name.data() + name.size(), pid);
  const auto at = static_cast<std::size_t>(end - name.data());
  if (error != std::errc() || pid <= 0 || name.compare(at, ending.size(), ending) != 0) return {};
  return name.substr(0, at + ending.size());
}

bool lives(pid_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; }

// The command may be gone and its engine not yet, which holds the lock; so may a command that this
// container cannot see. A lock that is free is taken until the files are gone.
bool take(const std::string& file, net::Descriptor& lock) {
  lock = net::Descriptor(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (lock.get() < 0) return errno == ENOENT;
  struct flock whole {};
  whole.l_type = F_WRLCK;
  return ::fcntl(lock.get(), F_SETLK, &whole) == 0;
}

}  // namespace

void remove_leftovers(const std::string& runtime_dir) {
  std::map<std::string, std::vector<fs::path>> dead;
  std::error_code ignored;
  for (fs::directory_iterator each(runtime_dir, ignored), end; !ignored && each != end;
       each.increment(ignored)) {
    pid_t pid = 0;
    const std::string socket = socket_of(each->path().filename().string(), pid);
    if (!socket.empty() && !lives(pid)) dead[socket].push_back(each->path());
  }
  for (const auto& [socket, files] : dead) {
    net::Descriptor lock;
    if (!take(runtime_dir + "/" + socket + ".lock", lock)) continue;
    for (const fs::path& file : files) fs::remove(file, ignored);
  }
}

}  // namespace linnet::cli
