// What /proc tells about processes and sockets that linnet did not start in this life: who listens
// on a port, which NGINX processes belong to a directory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace linnet::local {

/// Command line with spaces between its words; empty when the process is gone.
std::string command_line(pid_t pid);

struct NginxProcess {
  pid_t pid = 0;
  pid_t parent = 0;
  enum class Role { master, worker, leaving } role = Role::worker;  // leaving: "is shutting down"
};
/// Nothing when it is no NGINX, or one that was started in another directory.
std::optional<NginxProcess> nginx_process(pid_t pid, const std::string& directory);
/// All NGINX processes that were started in `directory` (a working directory says whose they are).
std::vector<NginxProcess> nginx_processes(const std::string& directory);

struct PortHolder {
  pid_t pid = 0;     // 0: somebody whose descriptors we may not see
  std::string text;  // "python3 (pid 812)"
};
/// Who listens on a local TCP port; empty: nobody.
std::vector<PortHolder> port_holders(std::uint16_t port);

}  // namespace linnet::local
