// Small state files (slots, records): read whole with a bound, replaced whole, so that a crash at
// any instant leaves either the old text or the new one.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace linnet::local {

enum class Sync {
  full,  // on the disk when the call returns
  none,  // survives our death, not the machine's
};

/// Writes `path`.new, syncs it if asked, and renames it over `path`; mode 0600.
/// Code::unavailable with the system's reason ("No space left on device").
Result<void> replace_file(const std::string& path, const std::string& text, Sync sync);

/// The whole file. Code::not_found: there is none; Code::invalid: larger than `limit` bytes;
/// Code::unavailable: cannot be read.
Result<std::string> read_small_file(const std::string& path, std::size_t limit = 64 << 10);

/// The system's words for an errno.
std::string errno_text(int error);

}  // namespace linnet::local
