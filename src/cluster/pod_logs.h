// `linnet logs` reads files; on a cluster the API server has the lines. They are fetched into files
// of this command's own, which go with it.
#pragma once

#include <string>

#include "cluster/parts.h"

namespace linnet::cluster {

class PodLogs {
 public:
  /// Files are `prefix` + the pod's name + ".log".
  PodLogs(Parts& parts, std::string prefix) : parts_(parts), prefix_(std::move(prefix)) {}
  /// Removes the files.
  ~PodLogs();
  PodLogs(const PodLogs&) = delete;
  PodLogs& operator=(const PodLogs&) = delete;

  /// The last lines of the release's container in this pod, as the path of a file; empty when there
  /// are none. Code::denied: the Role lacks "get pods/log".
  Task<Result<std::string>> fetch(std::string pod, Deadline deadline);

 private:
  Parts& parts_;
  std::string prefix_;
  std::vector<std::string> files_;
};

}  // namespace linnet::cluster
