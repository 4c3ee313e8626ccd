#include "local/inherited_sockets.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

namespace linnet::local {
namespace {

bool listens(int fd) {
  int accepting = 0;
  socklen_t size = sizeof accepting;
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &size) == 0 && accepting == 1;
}

std::vector<int> descriptors_of(pid_t pid) {
  std::vector<int> numbers;
  DIR* directory = ::opendir(fmt::format("/proc/{}/fd", pid).c_str());
  if (directory == nullptr) return numbers;
  while (const dirent* entry = ::readdir(directory))
    if (entry->d_name[0] != '.') numbers.push_back(std::atoi(entry->d_name));
  ::closedir(directory);
  return numbers;
}

}  // namespace

InheritedSockets::~InheritedSockets() {
  for (const int fd : fds_) ::close(fd);
}

InheritedSockets take_listening_sockets(const std::vector<pid_t>& holders) {
  InheritedSockets sockets;
  std::set<ino_t> known;
  for (const pid_t pid : holders) {
    const int process = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (process < 0) continue;
    for (const int number : descriptors_of(pid)) {
      const int fd = static_cast<int>(::syscall(SYS_pidfd_getfd, process, number, 0));
      if (fd < 0) continue;
      struct stat seen {};
      if (listens(fd) && ::fstat(fd, &seen) == 0 && known.insert(seen.st_ino).second)
        sockets.add(fd);
      else
        ::close(fd);
    }
    ::close(process);
    if (!sockets.fds().empty()) break;
  }
  return sockets;
}

}  // namespace linnet::local
