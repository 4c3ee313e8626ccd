// linnet's own NGINX: started as a daemon that outlives linnet, found again by a later linnet,
// started again when it died, reloaded only when the configuration really changed.
//
//   PREFIX/nginx.conf, nginx.pid, error.log, temp/, own/status.sock (own/ is 0700)
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "local/nginx_config.h"
#include "local/weight_switch.h"
#include "ports/ports.h"

namespace boost::asio {
class io_context;
}

namespace linnet::local {

/// The program, from the directories of `path` and then of `further`. Code::not_found says how to
/// install it.
Result<std::string> find_nginx(const std::string& path,
                               const std::string& further = "/usr/sbin:/usr/local/sbin:/sbin");

/// As whom workers run: www-data or nobody for root, else the user itself (name empty: no `user`
/// line).
Result<WorkerUser> nginx_worker_user();

struct Applied {
  enum class What { unchanged, started, reloaded };
  What what = What::unchanged;
  pid_t master = 0;
  std::string text;  // what was done and what it means for clients, one sentence
};

struct NginxInstanceOptions {
  std::string binary;
  std::string prefix;  // absolute
};

class NginxInstance {
 public:
  NginxInstance(boost::asio::io_context& io, Clock& clock, NginxInstanceOptions options);

  /// Brings NGINX to this configuration and returns when it is in force. A configuration that NGINX
  /// refuses changes nothing. Code::conflict: a port is taken, and by whom.
  Task<Result<Applied>> apply(NginxOwn own, Deadline deadline);
  /// The master's pid; nothing when it does not run.
  [[nodiscard]] std::optional<pid_t> master() const;
  /// Asks for new log files. Code::unavailable: it does not run.
  [[nodiscard]] Result<void> reopen_logs() const;
  /// Serves what it has accepted, then ends. Code::timed_out: it goes on by itself.
  Task<Result<void>> quit(Deadline deadline);
  /// After apply(), until quit(): starts NGINX again, with the configuration last applied, when it
  /// died. `say` gets one sentence for each time.
  Task<void> keep_running(std::function<void(std::string)> say);

 private:
  Task<Result<void>> test(std::string file, Deadline deadline);
  Task<Result<pid_t>> start(NginxOwn own, Deadline deadline);
  Task<Result<void>> reload(pid_t master, Deadline deadline);
  Task<Result<void>> master_is_up(Deadline deadline);
  Task<Result<void>> workers_are_new(pid_t master_pid, std::vector<pid_t> old, Deadline deadline);
  Result<void> make_directories(const NginxOwn& own) const;

  boost::asio::io_context& io_;
  Clock& clock_;
  NginxInstanceOptions options_;
  std::optional<NginxOwn> applied_;
  bool quitting_ = false;
};

}  // namespace linnet::local
