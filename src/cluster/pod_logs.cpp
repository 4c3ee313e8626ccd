#include "cluster/pod_logs.h"

#include <unistd.h>

#include <fstream>

namespace linnet::cluster {
namespace {

constexpr int kept_lines = 2000;

}  // namespace

PodLogs::~PodLogs() {
  for (const std::string& file : files_) ::unlink(file.c_str());
}

Task<Result<std::string>> PodLogs::fetch(std::string pod, Deadline deadline) {
  kubernetes::ApiRequest request;
  request.target = kubernetes::path_of({"v1", "pods", parts_.names.name_space}, pod, "log") +
                   fmt::format("?container={}&tailLines={}",
                               net::percent_encode(parts_.names.workload.container), kept_lines);
  CO_TRY(answer, co_await parts_.client->send(std::move(request), deadline));
  if (answer.status == 403)
    co_return fail(Code::denied,
                   "reading the log of {}: the Role lacks `get pods/log`; `linnet rbac` prints it",
                   pod);
  if (answer.status != 200 || answer.body.empty()) co_return std::string();  // not started yet
  std::string file = prefix_ + pod + ".log";
  std::ofstream out(file, std::ios::trunc);
  out << answer.body;
  out.close();
  if (!out) co_return fail(Code::unavailable, "writing {}: is the disk full?", file);
  files_.push_back(file);
  co_return file;
}

}  // namespace linnet::cluster
