// The workload of a release on one machine: processes that linnet starts, watches, starts again and
// stops. They outlive linnet; what a record on disk says about each lets the next run take them
// over.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "local/slots.h"
#include "ports/ports.h"

namespace linnet::local {

/// One instance as `linnet doctor` and the API show it.
struct ProcessView {
  core::Track track = core::Track::stable;
  core::Instance instance;
  std::int64_t pid = 0;  // 0: no process now
  int port = 0;
  std::string log;  // path of its standard output and error
};

/// Limits that a spec has no key for; tests shorten them.
struct ProcessOptions {
  std::int64_t log_limit_bytes = 10 << 20;  // then the log becomes .1
  int logs_kept = 3;                        // .1, .2, .3
  Duration log_check = 500ms;               // how often sizes are looked at
  Duration first_pause = 500ms;             // before a dead instance is started again; doubles
  Duration longest_pause = 30s;
  Duration settled = 60s;  // ready for that long: earlier deaths are forgotten
  int deaths_of_a_loop = 3;
};

/// One release. One thread: everything runs on `executor`, and `clock` must outlive the object.
///
/// Files in `directory`: instances/ID.json (the records), logs/ID.log (+ .1 .2 .3), where ID is
/// "stable-0": the track and the slot. Each process runs in a session of its own with LINNET_RECORD
/// (its record's path) and LINNET_VERSION in its environment.
class ProcessWorkload final : public Workload {
 public:
  /// `changed` is called on the executor whenever an instance's state changes, not after stop().
  ProcessWorkload(boost::asio::any_io_executor executor, std::string release,
                  core::ProcessWorkload spec, Slots slots, std::string directory,
                  std::function<void()> changed, Clock& clock, ProcessOptions options = {});
  /// As stop().
  ~ProcessWorkload() override;
  ProcessWorkload(const ProcessWorkload&) = delete;
  ProcessWorkload& operator=(const ProcessWorkload&) = delete;

  /// Takes over what the records name: living instances are watched on, as ready as they were; dead
  /// ones are started again at their version. Levels come by set().
  void start();
  /// Ends the watching at once. The processes go on: they are the user's service.
  void stop();

  /// From memory. Code::unavailable before start(), or when the records cannot be read.
  Task<Result<core::WorkloadSeen>> observe(Deadline deadline) override;
  /// Records the level; the work begins with the next turn of the executor. Stable is replaced one
  /// by one, never below its size; the canary likewise as long as it has a free slot.
  /// Code::invalid: more replicas than slots, or no acceptable version.
  Task<Result<void>> set(core::SetTrack level, Deadline deadline) override;

  [[nodiscard]] std::vector<ProcessView> processes() const;
  /// What is wrong beyond single instances, in plain words: a damaged record, a port taken by a
  /// stranger. Empty when all is well.
  [[nodiscard]] std::vector<std::string> troubles() const;

 private:
  struct Supervisor;  // keeps itself alive while it waits for something
  std::string release_;
  core::ProcessWorkload spec_;
  std::shared_ptr<Supervisor> supervisor_;
};

}  // namespace linnet::local
