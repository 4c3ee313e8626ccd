// The file that an instance writes its output to. The service holds the descriptor, not linnet, so
// linnet's death cannot stop it; and as it keeps that descriptor, rotation copies and truncates.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "local/descriptor.h"

namespace linnet::local {

/// Opens it for appending, mode 0600; creates it. Code::unavailable otherwise.
Result<Descriptor> open_log(const std::string& path);

/// Its size; 0 when there is none.
std::int64_t log_size(const std::string& path);

/// When it is larger than `limit` bytes: PATH.1 becomes PATH.2 and so on up to `kept`, its last
/// `limit` bytes become PATH.1, and it starts anew. What is written in the instant between copy and
/// truncation is lost. A full disk costs old logs, never the bound: then nothing is copied.
/// Returns whether it rotated.
bool rotate_log(const std::string& path, std::int64_t limit, int kept);

/// The last `lines` non-empty lines from byte `from` on (from the beginning when the file is
/// shorter by now), joined by " | ", at most 400 bytes, without control characters and invalid
/// UTF-8.
std::string last_log_lines(const std::string& path, std::int64_t from, int lines = 3);

/// Printable UTF-8: what is neither becomes '?', a tab a space.
std::string printable(const std::string& text);

}  // namespace linnet::local
