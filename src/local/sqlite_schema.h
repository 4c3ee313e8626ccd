// The tables of the store, how an older file becomes a newer one, and how a file is found damaged.
// Private to src/local.
#pragma once

#include <span>
#include <string_view>

#include "local/sqlite_database.h"

namespace linnet::local {

/// migrations()[i] makes schema i + 1 out of schema i; 0 is an empty file.
std::span<const std::string_view> migrations();

/// Checks the whole file, migrates it after a copy to `<path>.before-schema-<n>`, and turns WAL on.
/// Code::unavailable when it is damaged, not a store of linnet's, newer, or cannot be written; the
/// file's contents are then as they were.
Result<void> prepare_schema(Database& database, std::span<const std::string_view> steps);

}  // namespace linnet::local
