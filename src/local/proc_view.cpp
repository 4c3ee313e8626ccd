#include "local/proc_view.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

namespace linnet::local {
namespace {

void each_entry(const std::string& path, const std::function<void(const std::string&)>& visit) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return;
  while (const dirent* entry = ::readdir(directory)) visit(entry->d_name);
  ::closedir(directory);
}

void each_process(const std::function<void(pid_t)>& visit) {
  each_entry("/proc", [&](const std::string& name) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc() && end == name.data() + name.size()) visit(pid);
  });
}

pid_t parent_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text;
  std::getline(file, text);
  const auto after_name = text.rfind(')');
  if (after_name == std::string::npos) return 0;
  std::istringstream rest(text.substr(after_name + 1));
  std::string state;
  pid_t parent = 0;
  rest >> state >> parent;
  return parent;
}

/// Inodes of the sockets that listen on the port.
std::set<std::string> listening_sockets(std::uint16_t port) {
  std::set<std::string> inodes;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(table);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
      std::istringstream words(line);
      std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
      words >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >>
          timeout >> inode;
      if (state == "0A" && local.ends_with(fmt::format(":{:04X}", port))) inodes.insert(inode);
    }
  }
  return inodes;
}

}  // namespace

std::string command_line(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/cmdline", pid), std::ios::binary);
  std::string text(4096, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

std::optional<NginxProcess> nginx_process(pid_t pid, const std::string& directory) {
  const auto command = command_line(pid);
  if (!command.starts_with("nginx: ")) return std::nullopt;
  struct stat home {
  }, cwd{};
  if (::stat(directory.c_str(), &home) != 0) return std::nullopt;
  if (::stat(fmt::format("/proc/{}/cwd", pid).c_str(), &cwd) != 0) return std::nullopt;
  if (cwd.st_ino != home.st_ino || cwd.st_dev != home.st_dev) return std::nullopt;
  NginxProcess process{pid, parent_of(pid), NginxProcess::Role::worker};
  if (command.starts_with("nginx: master process"))
    process.role = NginxProcess::Role::master;
  else if (command.find("is shutting down") != std::string::npos)
    process.role = NginxProcess::Role::leaving;
  return process;
}

std::vector<NginxProcess> nginx_processes(const std::string& directory) {
  std::vector<NginxProcess> found;
  each_process([&](pid_t pid) {
    if (const auto process = nginx_process(pid, directory)) found.push_back(*process);
  });
  return found;
}

std::vector<PortHolder> port_holders(std::uint16_t port) {
  std::vector<PortHolder> holders;
  const auto inodes = listening_sockets(port);
  if (inodes.empty()) return holders;
  each_process([&](pid_t pid) {
    bool holds = false;
    const auto folder = fmt::format("/proc/{}/fd", pid);
    each_entry(folder, [&](const std::string& name) {
      char target[64];
      const auto size = ::readlink((folder + "/" + name).c_str(), target, sizeof target);
      const std::string_view link(target, size > 0 ? static_cast<std::size_t>(size) : 0);
      if (!link.starts_with("socket:[")) return;
      holds |= inodes.contains(std::string(link.substr(8, link.size() - 9)));
    });
    if (!holds) return;
    auto name = command_line(pid);
    if (name.size() > 60) name = name.substr(0, 57) + "...";
    holders.push_back({pid, fmt::format("{} (pid {})", name, pid)});
  });
  if (holders.empty()) holders.push_back({0, "a process of another user"});
  return holders;
}

}  // namespace linnet::local
