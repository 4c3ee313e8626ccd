#include "local/weight_switch.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <utility>

namespace linnet::local {
namespace {

constexpr std::string_view rollback_name = "taken-back";
constexpr std::string_view guardian_name = "taken-back.guardian";
constexpr std::string_view ready_link = ".take-back";
constexpr std::size_t kept_directories = 16;  // weights come back: 5, 25, 50, 100
constexpr std::time_t keep_unused_s = 10;     // a worker may have looked up the old one just now

Code code_of(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
    case EROFS: return Code::denied;
    case ENOENT: return Code::not_found;
    default: return Code::unavailable;
  }
}

tl::unexpected<Error> fail_errno(std::string_view doing, const std::string& path) {
  const int error = errno;
  return fail(code_of(error), "weight switch: {} {}: {}", doing, path, std::strerror(error));
}

/// "w250" -> 250.
std::optional<int> tenths_of(std::string_view name) {
  if (name.size() < 2 || name.size() > 5 || name[0] != 'w') return std::nullopt;
  int tenths = 0;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), tenths);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  if (tenths < 0 || tenths > switch_buckets || fmt::format("w{}", tenths) != name)
    return std::nullopt;
  return tenths;
}

Percent percent_of(int tenths) { return Percent::from_ppm(tenths * 1000); }

Result<std::string> read_link(const std::string& path) {
  char buffer[256];
  const ssize_t size = ::readlink(path.c_str(), buffer, sizeof buffer);
  if (size < 0) return fail_errno("reading", path);
  return std::string(buffer, static_cast<std::size_t>(size));
}

Result<void> make_directory(const std::string& path) {
  // 0711: NGINX's workers look through it, nobody lists it. chmod: the umask may have taken that
  // away.
  if (::mkdir(path.c_str(), 0711) == 0) {
    if (::chmod(path.c_str(), 0711) != 0) return fail_errno("opening for NGINX", path);
    return {};
  }
  if (errno != EEXIST) return fail_errno("creating", path);
  return {};
}

Result<void> sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno("opening", path);
  const int status = ::fsync(fd);
  ::close(fd);
  if (status != 0) return fail_errno("making durable", path);
  return {};
}

std::vector<std::string> entries_of(const std::string& path) {
  std::vector<std::string> names;
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return names;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  ::closedir(directory);
  return names;
}

void remove_tree(const std::string& path) {
  for (const auto& name : entries_of(path)) ::unlink((path + "/" + name).c_str());
  ::rmdir(path.c_str());
}

bool is_directory(const std::string& path) {
  struct stat seen {};
  return ::stat(path.c_str(), &seen) == 0 && S_ISDIR(seen.st_mode);
}

/// Buckets that NGINX finds behind `cur`, one by one as it does.
int count_buckets(const std::string& cur) {
  int found = 0;
  for (int bucket = 0; bucket < switch_buckets; ++bucket) {
    struct stat seen {};
    if (::stat(fmt::format("{}/{}", cur, bucket).c_str(), &seen) == 0 && S_ISREG(seen.st_mode))
      ++found;
  }
  return found;
}

/// An empty regular file: a link to one inode where the file system lets us, else a file of its
/// own.
Result<void> add_bucket(const std::string& seed, const std::string& path) {
  if (::link(seed.c_str(), path.c_str()) == 0 || errno == EEXIST) return {};
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
  if (fd < 0) return fail_errno("creating", path);
  ::close(fd);
  return {};
}

}  // namespace

WeightSwitch::WeightSwitch(std::string directory) : directory_(std::move(directory)) {}

Result<void> WeightSwitch::prepare() const {
  TRY_VOID(make_directory(directory_));
  for (const std::string_view name : {std::string_view("w0"), rollback_name, guardian_name})
    TRY_VOID(make_directory(fmt::format("{}/{}", directory_, name)));
  const std::string seed = directory_ + "/bucket";
  const int fd = ::open(seed.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
  if (fd >= 0)
    ::close(fd);
  else if (errno != EACCES)
    return fail_errno("creating", seed);  // EACCES: exists, read-only
  const std::string ready = fmt::format("{}/{}", directory_, ready_link);
  if (::symlink(rollback_name.data(), ready.c_str()) != 0 && errno != EEXIST)
    return fail_errno("creating", ready);
  const std::string cur = directory_ + "/cur";
  if (::symlink("w0", cur.c_str()) != 0 && errno != EEXIST) return fail_errno("creating", cur);
  return sync_directory(directory_);
}

Result<SwitchState> WeightSwitch::read() const {
  const std::string cur = directory_ + "/cur";
  auto target = read_link(cur);
  if (!target && target.error().code != Code::not_found) {
    struct stat seen {};
    if (::lstat(cur.c_str(), &seen) != 0 || !S_ISDIR(seen.st_mode))
      return fail(Code::conflict,
                  "weight switch: {} is neither linnet's symlink nor a directory: remove it; all "
                  "traffic goes to stable until then",
                  cur);
    return SwitchState{percent_of(count_buckets(cur)), false,
                       "someone who put a directory at " + cur};
  }
  if (!target) return fail(std::move(target).error());
  if (*target == rollback_name) return SwitchState{Percent(), true, ""};
  if (*target == guardian_name) return SwitchState{Percent(), true, "guardian"};
  const auto tenths = tenths_of(*target);
  if (tenths && is_directory(cur)) return SwitchState{percent_of(*tenths), false, ""};
  if (tenths && *tenths == 0) return SwitchState{};
  return SwitchState{percent_of(count_buckets(cur)), false,
                     fmt::format("someone who made {} lead to {}", cur, *target)};
}

Result<void> WeightSwitch::set(Percent weight, bool taken_back) const {
  if (weight < Percent() || weight > Percent::whole(100) || !weight.is_tenth_step())
    return fail(Code::invalid, "weight {} is not a multiple of 0.1 % from 0 to 100 %",
                weight.text());
  if (weight.is_zero()) return point_to(taken_back ? std::string(rollback_name) : "w0");
  const int tenths = weight.ppm() / 1000;
  const std::string target = fmt::format("w{}", tenths);
  const auto before = read();
  const bool raises = !before || before->weight < weight;
  TRY_VOID(build(tenths));
  TRY_VOID(point_to(target));
  prune(target);
  if (raises) return sync_directory(directory_);
  return {};
}

Result<void> WeightSwitch::take_back_as_guardian() const {
  auto done = point_to(std::string(guardian_name));
  if (done) return done;
  return point_to(std::string(rollback_name));  // the ready link needs no space
}

Result<void> WeightSwitch::point_to(const std::string& target) const {
  const std::string cur = directory_ + "/cur";
  const std::string ready = fmt::format("{}/{}", directory_, ready_link);
  const auto move_over = [&](const std::string& link) {
    if (::rename(link.c_str(), cur.c_str()) == 0) return true;
    if (errno != EISDIR && errno != ENOTEMPTY && errno != EEXIST) return false;
    // A real directory stands there: put it aside, as it may be someone's.
    const std::string aside =
        fmt::format("{}/foreign-{}-{}", directory_, std::time(nullptr), ::getpid());
    return ::rename(cur.c_str(), aside.c_str()) == 0 && ::rename(link.c_str(), cur.c_str()) == 0;
  };
  if (target == rollback_name && move_over(ready)) {
    // For the next time; when it fails, the next rollback takes the slower way.
    [[maybe_unused]] const int made = ::symlink(rollback_name.data(), ready.c_str());
    return {};
  }
  const std::string next = fmt::format("{}/.next-{}", directory_, ::getpid());
  if (::symlink(target.c_str(), next.c_str()) != 0) {
    if (errno != EEXIST) return fail_errno("creating", next);
    ::unlink(next.c_str());  // left by a process of the same id that was killed
    if (::symlink(target.c_str(), next.c_str()) != 0) return fail_errno("creating", next);
  }
  if (!move_over(next)) {
    auto failed = fail_errno("moving a new weight to", cur);
    ::unlink(next.c_str());
    return failed;
  }
  return {};
}

Result<void> WeightSwitch::build(int tenths) const {
  const std::string path = fmt::format("{}/w{}", directory_, tenths);
  // The last bucket is made last, and what a crash left half-made is made whole.
  struct stat seen {};
  const std::string last = fmt::format("{}/{}", path, tenths - 1);
  if (::lstat(last.c_str(), &seen) == 0) {
    ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);  // used now: not to be pruned soon
    return {};
  }
  TRY_VOID(make_directory(path));
  const std::string seed = directory_ + "/bucket";
  for (int bucket = 0; bucket < tenths; ++bucket)
    TRY_VOID(add_bucket(seed, fmt::format("{}/{}", path, bucket)));
  return sync_directory(path);
}

void WeightSwitch::prune(const std::string& keep) const {
  std::vector<std::pair<std::time_t, std::string>> unused;
  for (auto& name : entries_of(directory_)) {
    if (name.starts_with(".old-")) remove_tree(directory_ + "/" + name);  // a crash left it
    if (name == "w0" || name == keep || !tenths_of(name)) continue;
    struct stat seen {};
    if (::lstat((directory_ + "/" + name).c_str(), &seen) == 0)
      unused.emplace_back(seen.st_mtim.tv_sec, std::move(name));
  }
  if (unused.size() < kept_directories) return;
  std::sort(unused.begin(), unused.end());
  unused.resize(unused.size() - kept_directories + 1);
  const auto current = read_link(directory_ + "/cur");
  const std::time_t now = std::time(nullptr);
  for (const auto& [used, name] : unused) {
    if (std::abs(now - used) < keep_unused_s || (current && *current == name)) continue;
    // Renamed first: a half-removed directory must never be taken for a whole one.
    const std::string old = fmt::format("{}/.old-{}", directory_, name);
    if (::rename((directory_ + "/" + name).c_str(), old.c_str()) == 0) remove_tree(old);
  }
}

Result<void> check_searchable(const std::string& directory, const WorkerUser& user) {
  if (user.uid == 0) return {};
  for (std::size_t at = 0; at != std::string::npos;) {
    at = directory.find('/', at + 1);
    const std::string element = directory.substr(0, at);
    struct stat seen {};
    if (::stat(element.c_str(), &seen) != 0) return fail_errno("looking at", element);
    mode_t needed = S_IXOTH;
    if (seen.st_uid == user.uid)
      needed = S_IXUSR;
    else if (std::find(user.groups.begin(), user.groups.end(), seen.st_gid) != user.groups.end())
      needed = S_IXGRP;
    if ((seen.st_mode & needed) == 0)
      return fail(
          Code::denied,
          "NGINX's workers run as {} and cannot look into {} (mode {:o}): every request would "
          "go to stable. Allow it: chmod {} {}",
          user.name, element, seen.st_mode & 07777,
          needed == S_IXUSR   ? "u+x"
          : needed == S_IXGRP ? "g+x"
                              : "o+x",
          element);
  }
  return {};
}

}  // namespace linnet::local
