// One instance of a release on this machine, from its first start to its last exit: launched,
// probed, started again when it dies, stopped when it is not wanted any more. It decides nothing
// about others.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "local/process_launch.h"
#include "local/process_record.h"
#include "local/process_workload.h"

namespace linnet::local {

/// What all instances of a release share.
struct MemberContext {
  boost::asio::any_io_executor executor;
  core::ProcessWorkload spec;
  std::string directory;
  std::vector<std::string> environment;  // inherited by every process
  std::function<void()> changed;         // some state changed: look again soon
  Clock& clock;
  ProcessOptions options;
};

std::string record_path(const std::string& directory, const std::string& id);
std::string log_path(const std::string& directory, const std::string& id);

/// Belongs in a shared_ptr: what it waits for keeps it alive until forget() or its end.
class ProcessMember : public std::enable_shared_from_this<ProcessMember> {
 public:
  using State = core::Instance::State;

  ProcessMember(std::shared_ptr<const MemberContext> context, core::Track track, std::size_t slot,
                std::uint16_t port, std::uint64_t serial);
  ~ProcessMember();

  /// Launches the first process. `restarts`: those of an instance that it stands in for.
  void start(std::string version, int restarts = 0);
  /// Goes on where an earlier run of linnet left it. Code::unavailable: it cannot be known whether
  /// the process lives.
  Result<void> take_over(ProcessRecord record);
  /// SIGTERM, later SIGKILL; gone() in the end. Repeating it is harmless.
  void stop();
  /// Ends the watching; a process goes on.
  void forget();
  /// Without a process, and for good.
  void discard();

  [[nodiscard]] core::Instance seen() const;
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool gone() const { return gone_; }
  /// It has no process because somebody else has its port.
  [[nodiscard]] bool port_is_taken() const { return port_taken_; }
  [[nodiscard]] core::Track track() const { return track_; }
  [[nodiscard]] std::size_t slot() const { return slot_; }
  [[nodiscard]] std::uint16_t port() const { return record_.port; }
  [[nodiscard]] std::uint64_t serial() const { return serial_; }
  [[nodiscard]] const std::string& version() const { return record_.version; }
  [[nodiscard]] const std::string& trouble() const { return record_.trouble; }
  [[nodiscard]] int restarts() const { return record_.restarts; }
  [[nodiscard]] pid_t pid() const { return record_.pid; }
  [[nodiscard]] std::string log() const { return log_path(context_->directory, record_.id); }

 private:
  struct Waits;
  using Self = std::shared_ptr<ProcessMember>;

  Launch prepare() const;
  void launch_now();
  void could_not_start(const std::string& why, bool until_changed);
  void pause_then_launch(Duration pause);
  Duration back_off() const;

  void watch(Descriptor pidfd);
  void watch_health();
  static Task<void> probe_again_and_again(Self self, std::uint64_t life);
  void on_probe(const Result<int>& answer);
  void on_probe_starting(bool well, const std::string& problem);
  void on_probe_started(bool well, const std::string& problem);
  [[nodiscard]] Duration until_next_probe(const Result<int>& answer) const;

  void end_process(std::string why);
  void send_signal(int signal);
  void kill_after(Duration limit);
  void on_exit();
  void died(std::string how);
  void sweep_session(pid_t leader) const;
  void finish();
  void save(Sync sync) const;
  void enter(State state);
  void say_trouble(std::string trouble);

  std::shared_ptr<const MemberContext> context_;
  core::Track track_;
  std::size_t slot_;
  std::uint64_t serial_;
  ProcessRecord record_;
  State state_ = State::starting;
  bool gone_ = false;
  bool port_taken_ = false;
  bool useless_to_wait_ = false;  // its files are missing or wrong
  int failed_starts_ = 0;         // in a row, without a process
  bool has_died_ = false;         // the next launch is a restart

  std::uint64_t life_ = 0;  // of the present process: what belongs to an earlier one is void
  MonoTime born_;
  MonoTime ready_since_;
  int successes_ = 0;
  int failures_ = 0;
  std::int64_t log_from_ = 0;
  std::string ending_because_;  // we end it ourselves, for this reason
  // What /proc told, at most once a second.
  struct Gauges {
    std::int64_t rss_bytes = -1;
    std::int64_t cpu_ms = -1;
    std::uint64_t life = 0;
    MonoTime at;
  };
  [[nodiscard]] const Gauges& gauges() const;
  mutable Gauges gauges_;
  std::optional<Launch> launch_;
  Descriptor exec_failure_;
  std::unique_ptr<Waits> waits_;
};

}  // namespace linnet::local
