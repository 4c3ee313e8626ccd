// What the tests of the process adapter share: a directory and ports of their own, the small
// service to supervise, waiting for a condition with a deadline, and the end of everything that was
// started.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>

#include "contract/run_task.h"
#include "local/process_record.h"
#include "local/process_table.h"
#include "local/process_workload.h"

namespace linnet::local::testing {

constexpr Duration deadline = 40s;  // far beyond what any wait needs, also on a busy machine

class RealClock final : public Clock {
 public:
  Now now() override { return {WallTime{read(CLOCK_REALTIME)}, MonoTime{read(CLOCK_MONOTONIC)}}; }

 private:
  static std::int64_t read(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
  }
};

inline std::string read_text(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

/// Somebody else who listens on a port of 127.0.0.1.
class Stranger {
 public:
  explicit Stranger(std::uint16_t port)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(::listen(socket_.get(), 8) == 0);
  }

 private:
  Descriptor socket_;
};

/// A directory that goes away again, with all processes whose records it held.
class Directory {
 public:
  Directory() {
    std::string name = ::testing::TempDir() + "linnet-process-XXXXXX";
    CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name + "/shop";
    std::filesystem::create_directory(path_);
  }
  ~Directory() {
    for (const char* track : {"stable", "canary"})
      for (int slot = 0; slot < 6; ++slot) kill_all(fmt::format("{}-{}", track, slot));
    std::error_code ignored;
    std::filesystem::remove_all(std::filesystem::path(path_).parent_path(), ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] std::string record(const std::string& id) const {
    return path_ + "/instances/" + id + ".json";
  }
  [[nodiscard]] std::vector<MarkedProcess> marked(const std::string& id) const {
    return marked_processes(record(id));
  }

 private:
  // By the record too: a process that has not executed its program yet has no mark.
  void kill_all(const std::string& id) const {
    const Result<ProcessRecord> known = read_record(record(id));
    if (known && known->pid > 1 && known->boot == boot_id()) {
      const Result<Descriptor> alive = open_process(known->pid, known->start_ticks);
      if (alive && alive->valid() && known->pid != ::getpid()) ::kill(known->pid, SIGKILL);
    }
    for (const MarkedProcess& process : marked(id)) ::kill(process.pid, SIGKILL);
  }

  std::string path_;
};

/// A spec that supervises the fixture and loses no time.
inline core::ProcessWorkload fixture_spec(std::vector<std::string> more = {}, int replicas = 2) {
  core::ProcessWorkload spec;
  spec.command = {LINNET_PROCESS_FIXTURE, "--port", "{{port}}"};
  spec.command.insert(spec.command.end(), more.begin(), more.end());
  spec.replicas = replicas;
  spec.health.every = 20ms;
  spec.health.unhealthy_after = 2;
  spec.stop.kill_after = 20s;
  return spec;
}

inline ProcessOptions quick_options() {
  ProcessOptions options;
  options.first_pause = 20ms;
  options.longest_pause = 100ms;
  options.log_check = 20ms;
  return options;
}

/// One run of the supervisor: what the daemon does with it.
class Supervision {
 public:
  Supervision(const Directory& directory, core::ProcessWorkload spec,
              ProcessOptions options = quick_options())
      : slots(choose_slots(directory.path(), spec).value().slots),
        workload(
            io.get_executor(), "shop", std::move(spec), slots, directory.path(),
            [this] { ++rings; }, clock, options) {
    workload.start();
  }

  template <class T>
  T await(Task<T> task) {
    return contract::run(io, std::move(task));
  }

  Result<void> set(core::Track track, const std::string& version, int replicas) {
    return await(workload.set({track, version, replicas}, Deadline{}));
  }
  core::WorkloadSeen seen() { return await(workload.observe(Deadline{})).value(); }
  core::TrackSeen stable() { return seen().stable; }
  core::TrackSeen canary() { return seen().canary; }

  /// Runs until it holds; false when it does not in time.
  bool until(const std::function<bool()>& holds) { return contract::until(io, holds, deadline); }
  bool until_stable_runs(const std::string& version, int replicas) {
    return until([&] {
      const core::TrackSeen track = stable();
      return track.count() == replicas && track.ready_of(version) == replicas;
    });
  }
  std::string states() {
    std::string out;
    for (const ProcessView& view : workload.processes())
      out += fmt::format("{} {} state {} restarts {} pid {} port {} [{}]\n", view.instance.id,
                         view.instance.version, static_cast<int>(view.instance.state),
                         view.instance.restarts, view.pid, view.port, view.instance.trouble);
    return out;
  }

  boost::asio::io_context io{1};
  RealClock clock;
  int rings = 0;
  Slots slots;
  ProcessWorkload workload;
};

}  // namespace linnet::local::testing
