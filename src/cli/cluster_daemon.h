// For a release on a cluster the "daemon" is a child of this very command: the engine runs as long
// as the command does, and the next command takes up what this one leaves.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "cli/daemon.h"
#include "cluster/drive.h"

namespace linnet::cli {

/// Starts nothing before the first request. `signal_fd` as for local_daemon(). Destroyed: tells the
/// engine to end in order, and waits for that; not for its last notices when a signal waits. `tell`
/// gets its last words for the user, if any.
std::unique_ptr<Daemon> cluster_daemon(cluster::DriveOptions options, int signal_fd,
                                       std::function<void(std::string_view)> tell);

}  // namespace linnet::cli
