// One release, turn by turn: observe, decide, save, perform, wait. Policy lives in core::decide();
// this only moves data between it and the ports.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ports/ports.h"

namespace linnet::engine {

struct TurnStats {
  std::int64_t turns = 0;
  std::int64_t failed = 0;   // turns that could not be saved or loaded
  std::int64_t busy_ms = 0;  // sum over turns, waiting for ports included
};

class ReleaseLoop {
 public:
  /// `ports` and what they refer to outlive the loop. `changed` is called after each turn.
  ReleaseLoop(core::Release release, Ports ports, std::function<void()> changed);

  /// Turns until it is cancelled, from what the store holds. Errors are retried with back-off and
  /// written to the journal.
  Task<void> run();
  /// One turn; the answer is how long to wait for the next one.
  Task<Result<Duration>> take_turn();

  /// A new spec; used from the next turn on. The caller refuses it while a rollout runs.
  void set_release(core::Release release) { release_ = std::move(release); }
  [[nodiscard]] const core::Release& release() const { return release_; }
  /// The status after the last turn, the unsaved part included; nothing before the first.
  [[nodiscard]] const std::optional<Record>& record() const { return record_; }
  /// The instances as last seen.
  [[nodiscard]] const Result<core::WorkloadSeen>& workload() const { return workload_; }
  [[nodiscard]] const TurnStats& stats() const { return stats_; }

 private:
  Task<Result<void>> load();
  /// At rest nothing is saved, so no conflict tells that somebody else has decided meanwhile.
  Task<void> look_whether_others_saved();
  Task<core::Observation> observe();
  Task<Result<void>> save(core::Decision& decision, WallTime at);
  Task<void> perform(core::Effect effect);
  /// The decision's effects without those that were performed a moment ago and do not show yet.
  std::vector<core::Effect> due_effects(const core::Decision& decision, MonoTime now);
  /// The canary's weight goes to 0, as the guardian would; the next turn finds it taken back.
  Task<void> take_back_unsaved();
  void trouble(const std::string& text);

  core::Release release_;
  Ports ports_;
  std::function<void()> changed_;
  std::optional<Record> record_;
  Result<core::WorkloadSeen> workload_ = fail(Code::unavailable, "not looked yet");
  TurnStats stats_;
  std::string last_trouble_;  // so that the same line is not written each turn
  bool effects_failed_ = false;
  std::optional<MonoTime> looked_;
  bool switched_unsaved_ = false;  // to 0, in a turn that was not kept
  struct Performed {
    core::Effect effect;
    MonoTime at;
  };
  std::vector<Performed> performed_;
};

}  // namespace linnet::engine
