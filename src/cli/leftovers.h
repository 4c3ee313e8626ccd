// What engines that were killed leave in the runtime directory.
#pragma once

#include <string>

namespace linnet::cli {

/// Removes the files of the engines of dead commands ("cluster-PID.sock", its lock, its copies of
/// logs); those of one that lives are left. Says nothing: what cannot be removed does no harm.
void remove_leftovers(const std::string& runtime_dir);

}  // namespace linnet::cli
