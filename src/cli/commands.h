// The table of all commands. A new command is one file and one row here.
#pragma once

#include <span>

#include "cli/command.h"

namespace linnet::cli {

extern const Command init_command, status_command, deploy_command, traffic_command, promote_command,
    rollback_command, pause_command, resume_command, monitor_command, cleanup_command,
    history_command, logs_command, doctor_command, plan_command, validate_command, spec_command,
    version_command, completion_command, judge_command, serve_command, recipes_command,
    rbac_command, simulate_command, names_command;

/// In the order in which `linnet --help` shows them.
std::span<const Command* const> commands();
const Command* find_command(std::string_view name);

}  // namespace linnet::cli
