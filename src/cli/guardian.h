// `linnet guardian`: not a command for people; the daemon starts it (local/guardian.h says why).
#pragma once

namespace linnet::cli {

/// Returns the process's exit code.
int run_guardian(int argc, char** argv);

}  // namespace linnet::cli
