#include "cli/release_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "spec/read.h"
#include "spec/write.h"

namespace linnet::cli {

std::string spec_file(const std::string& option, const char* environment) {
  if (!option.empty()) return option;
  if (environment != nullptr && *environment != '\0') return environment;
  return "linnet.yaml";
}

Result<std::string> read_text_file(const std::string& file, std::size_t limit) {
  const bool standard_input = file == "-";
  const int fd = standard_input ? STDIN_FILENO : ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const Code code = errno == ENOENT ? Code::not_found : Code::invalid;
    return fail(code, "reading {}: {}", file, std::strerror(errno));
  }
  std::string text;
  char buffer[65536];
  ssize_t count = 0;
  while (text.size() <= limit && (count = ::read(fd, buffer, sizeof buffer)) != 0) {
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
  }
  const int trouble = errno;
  if (!standard_input) ::close(fd);
  if (count < 0) return fail(Code::invalid, "reading {}: {}", file, std::strerror(trouble));
  if (text.size() > limit)
    return fail(Code::invalid, "reading {}: it is larger than {} KiB, which no spec is", file,
                limit / 1024);
  return text;
}

Result<std::vector<core::Release>> read_release_file(const std::string& file) {
  auto text = read_text_file(file, spec::max_bytes);
  if (!text && text.error().code == Code::not_found)
    return fail(Code::not_found,
                "there is no spec at {}; name one with --spec FILE or $LINNET_SPEC", file);
  if (!text) return fail(std::move(text).error());
  spec::ReadSpecs read = spec::read_specs(*text, file);
  if (read.mistakes.empty()) return std::move(read.releases);
  std::string message = fmt::format("the spec has {} mistake{}:", read.mistakes.size(),
                                    read.mistakes.size() == 1 ? "" : "s");
  for (const spec::Mistake& mistake : read.mistakes) message += "\n  " + mistake.text();
  return fail(Error{Code::invalid, std::move(message)});
}

Result<ReleaseFile> read_release(const std::string& file, const std::string& name) {
  TRY(releases, read_release_file(file));
  std::string names;
  core::Release* found = nullptr;
  for (core::Release& release : releases) {
    names += (names.empty() ? "" : ", ") + release.name;
    if (release.name == name || (name.empty() && releases.size() == 1)) found = &release;
  }
  if (found == nullptr && name.empty())
    return fail(Code::invalid, "{} holds {} releases ({}); pick one with --release NAME", file,
                releases.size(), names);
  if (found == nullptr)
    return fail(Code::invalid, "{} holds no release '{}', only {}", file, name, names);
  return ReleaseFile{file, spec::to_yaml(*found), std::move(*found), {}, {}};
}

}  // namespace linnet::cli
