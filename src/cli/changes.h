// What would be written, object by object and field by field, for `plan` and `init --dry-run`.
#pragma once

#include "cli/documents.h"
#include "cli/terminal.h"

namespace linnet::cli {

/// An empty line and then the changes; nothing when there are none and none are unknown.
void print_changes(Terminal& out, const PlanDocument& plan);

}  // namespace linnet::cli
