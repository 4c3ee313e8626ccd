#include "local/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "local/descriptor.h"

namespace linnet::local {
namespace {

Result<void> write_all(int fd, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Code::unavailable, "{}", errno_text(errno));
    done += static_cast<std::size_t>(n);
  }
  return {};
}

Result<void> write_new(const std::string& path, const std::string& text, Sync sync) {
  const Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return fail(Code::unavailable, "{}", errno_text(errno));
  TRY_VOID(write_all(file.get(), text));
  if (sync == Sync::full && ::fsync(file.get()) != 0)
    return fail(Code::unavailable, "{}", errno_text(errno));
  return {};
}

// Makes the rename itself durable.
Result<void> sync_directory_of(const std::string& path) {
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  const Descriptor opened(
      ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.valid() || ::fsync(opened.get()) != 0)
    return fail(Code::unavailable, "syncing {}: {}", directory, errno_text(errno));
  return {};
}

}  // namespace

std::string errno_text(int error) { return std::generic_category().message(error); }

Result<void> replace_file(const std::string& path, const std::string& text, Sync sync) {
  const std::string fresh = path + ".new";
  if (Result<void> written = write_new(fresh, text, sync); !written) {
    ::unlink(fresh.c_str());
    return fail(std::move(written.error()).while_doing(fmt::format("writing {}", fresh)));
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0)
    return fail(Code::unavailable, "renaming {}: {}", fresh, errno_text(errno));
  if (sync == Sync::full) TRY_VOID(sync_directory_of(path));
  return {};
}

Result<std::string> read_small_file(const std::string& path, std::size_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid())
    return fail(errno == ENOENT ? Code::not_found : Code::unavailable, "reading {}: {}", path,
                errno_text(errno));
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Code::unavailable, "reading {}: {}", path, errno_text(errno));
    if (n == 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > limit)
      return fail(Code::invalid, "reading {}: it has more than {} bytes", path, limit);
  }
}

}  // namespace linnet::local
