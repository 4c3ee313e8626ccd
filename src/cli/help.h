// Help texts, all made from the table of commands: `--help`, and docs/commands.md.
#pragma once

#include <string>

#include "cli/command.h"

namespace linnet::cli {

/// `linnet --help`
std::string overview();
/// `linnet COMMAND --help`
std::string help_text(const Command& command);
/// The whole of docs/commands.md. A test keeps the committed file equal to it.
std::string commands_markdown();

}  // namespace linnet::cli
