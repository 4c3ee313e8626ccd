#include "local/access_log_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

namespace linnet::local {
namespace {

constexpr std::size_t chunk_bytes = 256u << 10;

std::int64_t modified_ns(const struct stat& seen) {
  return seen.st_mtim.tv_sec * 1'000'000'000 + seen.st_mtim.tv_nsec;
}

bool is_compressed(std::string_view name) {
  for (const std::string_view end : {".gz", ".xz", ".bz2", ".zst"})
    if (name.ends_with(end)) return true;
  return false;
}

}  // namespace

std::vector<LogFile> log_files(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
  const std::string base = path.substr(slash + 1);
  std::vector<LogFile> files;
  DIR* directory = ::opendir(folder.c_str());
  if (directory == nullptr) return files;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with(base) || is_compressed(name)) continue;
    if (name.size() > base.size() && name[base.size()] != '.' && name[base.size()] != '-') continue;
    LogFile file;
    file.path = fmt::format("{}/{}", folder, name);
    struct stat seen {};
    if (::stat(file.path.c_str(), &seen) != 0 || !S_ISREG(seen.st_mode)) continue;
    file.inode = seen.st_ino;
    file.size = static_cast<std::uint64_t>(seen.st_size);
    file.modified_ns = name == base ? std::numeric_limits<std::int64_t>::max() : modified_ns(seen);
    files.push_back(std::move(file));
  }
  ::closedir(directory);
  std::sort(files.begin(), files.end(), [](const LogFile& a, const LogFile& b) {
    return std::pair(a.modified_ns, a.inode) < std::pair(b.modified_ns, b.inode);
  });
  return files;
}

std::string aside_name(const std::string& path, std::uint64_t inode) {
  return fmt::format("{}.linnet-{}", path, inode);
}

bool is_put_aside(const std::string& path, const std::string& candidate) {
  const auto slash = path.rfind('/');
  const auto other = candidate.rfind('/');
  return candidate.substr(other + 1).starts_with(path.substr(slash + 1) + ".linnet-");
}

LogReader& LogReader::operator=(LogReader&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(position_, other.position_);
  return *this;
}

void LogReader::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<LogReader> LogReader::open(const std::string& path, std::uint64_t offset) {
  LogReader reader;
  reader.fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat seen {};
  if (reader.fd_ < 0 || ::fstat(reader.fd_, &seen) != 0)
    return fail(errno == ENOENT   ? Code::not_found
                : errno == EACCES ? Code::denied
                                  : Code::unavailable,
                "access log: opening {}: {}", path, std::strerror(errno));
  if (!S_ISREG(seen.st_mode))
    return fail(Code::invalid, "access log: {} is not a regular file", path);
  reader.position_ = {seen.st_ino, offset};
  return reader;
}

Result<std::size_t> LogReader::read(const ConsumeLines& consume, std::uint64_t end,
                                    std::size_t limit) {
  static thread_local std::vector<char> buffer(chunk_bytes);
  std::size_t total = 0;
  while (total < limit && position_.offset < end) {
    const auto want =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end - position_.offset));
    const ssize_t got = ::pread(fd_, buffer.data(), want, static_cast<off_t>(position_.offset));
    if (got < 0) {
      if (errno == EINTR) continue;
      return fail(Code::unavailable, "access log: reading: {}", std::strerror(errno));
    }
    if (got == 0) break;
    const std::size_t used = consume({buffer.data(), static_cast<std::size_t>(got)});
    if (used == 0) break;
    position_.offset += used;
    total += used;
  }
  return total;
}

Result<std::uint64_t> LogReader::size() const {
  struct stat seen {};
  if (::fstat(fd_, &seen) != 0)
    return fail(Code::unavailable, "access log: looking at its size: {}", std::strerror(errno));
  return static_cast<std::uint64_t>(seen.st_size);
}

bool LogReader::has_no_writer() const {
  // The kernel grants a read lease only while no process has the file open for writing. Breaking it
  // would send SIGIO, which kills: SIGURG is ignored instead.
  ::fcntl(fd_, F_SETSIG, SIGURG);
  if (::fcntl(fd_, F_SETLEASE, F_RDLCK) != 0) return false;
  ::fcntl(fd_, F_SETLEASE, F_UNLCK);
  return true;
}

bool LogReader::is_removed() const {
  struct stat seen {};
  return ::fstat(fd_, &seen) == 0 && seen.st_nlink == 0;
}

}  // namespace linnet::local
