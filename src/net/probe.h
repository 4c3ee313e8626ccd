// Asks a service on this machine whether it is well: one HTTP GET, of whose answer only the status
// counts. By hand, as a probe a second for each instance should cost next to nothing.
#pragma once

#include <cstdint>
#include <string>

#include "async/task.h"

namespace linnet::net {

/// GET `path` from 127.0.0.1:`port`; the HTTP status of the answer (100..599), whatever it is.
/// Takes at most `limit`. Code::invalid: the path is no path ("/..." of visible ASCII);
/// Code::unavailable: nothing listens, or it hung up without an answer, or what it said is no HTTP;
/// Code::timed_out: no status line within `limit`. Messages are complete sentences' ends ("nothing
/// listens on port 20001"). Cancelled: throws boost::system::system_error(operation_aborted).
Task<Result<int>> probe(std::uint16_t port, std::string path, Duration limit);

}  // namespace linnet::net
