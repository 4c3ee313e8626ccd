// The composition root of a release on a cluster: which adapters it gets, when the engine runs, and
// what the API answers. One process, one release.
#pragma once

#include <memory>
#include <string>

#include "api/backend.h"
#include "api/changes.h"
#include "cluster/doctor.h"
#include "cluster/drive.h"
#include "cluster/log_follower.h"
#include "cluster/parts.h"
#include "cluster/pod_logs.h"
#include "runtime/task_group.h"

namespace linnet::cluster {

class ClusterBackend final : public api::Backend {
 public:
  /// `socket`: where it serves; its files stand beside it.
  ClusterBackend(std::unique_ptr<Parts> parts, api::Changes& changes, std::string version,
                 const std::string& socket);
  ~ClusterBackend() override;

  /// Begins to watch the cluster. The engine itself starts with the first intent.
  void start();
  /// Starts the engine unless it runs. An exception out of it ends the process.
  void engage();
  /// Waits, a bounded time, until the notices of what has just ended are delivered, while the
  /// engine still drives: striking one off needs a turn, and one that is not struck off is sent
  /// again.
  Task<void> deliver_last();
  /// Which notices wait, why, and what becomes of them, in one line for people; empty when none
  /// does, or another engine is to send them.
  [[nodiscard]] std::string undelivered() const;
  /// Ends in order: what was noted is saved, the Lease is released. A running rollout stays as it
  /// is, for the next command to take up.
  Task<void> wind_down();

  api::DaemonInfo info() override;
  /// Checks it; it is kept with the first intent that is accepted, see keep_spec().
  Task<Result<api::PutSpec>> put_spec(std::string release, std::string yaml,
                                      std::string file) override;
  Task<Result<std::vector<api::StatusView>>> releases() override;
  Task<Result<api::StatusView>> status(std::string release) override;
  Task<Result<std::string>> spec(std::string release) override;
  Task<Result<std::int64_t>> add_intent(std::string release, core::Intent intent) override;
  std::string waits_for(const std::string&) override { return waits_for_; }
  Task<Result<std::optional<core::Answer>>> intent_state(std::string release,
                                                         std::int64_t id) override;
  Task<Result<std::vector<wire::JournalLine>>> journal(std::string release, std::int64_t after,
                                                       int limit) override;
  Task<Result<std::int64_t>> journal_end(std::string release) override;
  Task<Result<std::vector<core::RolloutRecord>>> history(std::string release, int limit) override;
  Task<Result<api::CountsView>> counts(std::string release) override;
  Task<Result<std::vector<api::InstanceView>>> instances(std::string release) override;
  Task<Result<api::LogsView>> logs(std::string release, api::LogsWish wish,
                                   std::int64_t after) override;
  Task<Result<std::vector<api::Finding>>> doctor(std::string release) override;
  Task<Result<api::Plan>> plan(std::string release, std::string version) override;
  Task<Result<api::Plan>> plan_init(std::string release, std::string version) override;
  Task<Result<std::vector<api::PlanStep>>> plan_removal(std::string release) override;
  Task<Result<std::vector<api::PlanStep>>> remove_canary(std::string release) override;
  Task<Result<api::MetricsView>> metrics() override;
  void shutdown(bool hold) override;

 private:
  static constexpr Duration look_again = 1ms;
  static constexpr Duration one_call = 10s;    // to the API server
  static constexpr Duration some_calls = 30s;  // one after the other

  [[nodiscard]] Result<void> is_ours(const std::string& release) const;
  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] Deadline within(Duration limit) const;
  runtime::TaskGroup::OnFailure failure_teller();
  /// Holds the Lease and runs the loop, until cancelled; takes over from a holder that died.
  Task<void> drive();
  Task<void> run_loop();
  /// Code::denied names every right that a rollout and these writes need and the API server
  /// refuses: better now than halfway.
  Task<Result<void>> check_rights(std::vector<recipes::Write> writes);
  Task<Result<void>> check_these(std::vector<kubernetes::Right> needed, std::string remedy);
  /// Code::invalid: no deploy may begin as the release's objects are now, and what helps. Going on
  /// with a rollout that runs already is no beginning.
  Task<Result<void>> check_ground(std::string version);
  /// RecipeRouter::could_split(), whose controller gets a moment to say its word on what was just
  /// changed.
  Task<Result<std::string>> ask_router(Deadline deadline);
  /// Both, for a deploy. Code::cancelled as soon as it is withdrawn.
  Task<Result<void>> check_deploy(std::string version);
  /// From now on nothing is written that takes no canary back; what is being written is waited for,
  /// so that whatever is written next comes after it.
  Task<void> withdraw();
  /// The release of this process, as it is kept.
  [[nodiscard]] kubernetes::ConfigMapStore::StoredSpec own_spec() const;
  /// Whether a kept spec says what this process has, however it is written.
  [[nodiscard]] bool is_own(const std::string& yaml) const;
  /// Code::conflict: a rollout runs with a spec that is not the one of this process, which
  /// therefore must not drive it.
  Task<Result<void>> check_spec();
  /// Before an intent that passed its checks is written down. Whatever they refuse leaves the spec
  /// that is kept, and where nothing is kept, no object.
  Task<Result<void>> keep_spec(core::Intent::Kind kind);
  /// After both; all of it is what withdraw() waits for.
  Task<Result<std::int64_t>> write_down(core::Intent intent);
  /// Code::invalid: the namespace does not exist, and so what is missing there means nothing.
  Task<Result<void>> check_place();
  /// Makes what is missing, before stable is told its version.
  Task<Result<void>> prepare_init(core::Intent& intent);
  /// Takes a canary off its traffic that somebody else has given it, and waits until its requests
  /// have ended. Code::invalid: stable could not take them.
  Task<Result<void>> relieve_canary();
  /// Why nobody on stable would answer if it got all traffic now, in words; empty where somebody
  /// would, or where it cannot be read.
  Task<std::string> why_stable_cannot();
  /// The switch to 0 of a rollback. Safe whoever drives, and waits for nothing: not for a look
  /// around, the Lease or the store. Left to the engine where nobody could take the traffic.
  Task<void> take_back();
  void take_refusal(const Error& error);
  /// An answer of the store. While this process drives, a refusal of what was allowed before
  /// becomes Code::unavailable, which is waited for: an API server that has just started refuses
  /// all until it knows the roles. Code::denied when that lasts.
  template <class T>
  Result<T> believed(Result<T> answer);
  /// The store's word, or the engine's when it runs here. Code::denied when the engine could not
  /// drive for long: waiting brings no rights back.
  Task<Result<core::Status>> status_now();

  std::unique_ptr<Parts> parts_;
  PodLogs logs_;
  LogFollower follower_;
  api::Changes& changes_;
  std::string version_;
  WallTime started_;
  runtime::TaskGroup watches_;
  runtime::TaskGroup engine_;
  bool placed_ = false;     // the namespace was seen
  bool driving_ = false;    // the engine was asked for
  bool withdrawn_ = false;  // whoever asked has been interrupted, or is gone
  int being_written_ = 0;   // intents
  std::string waits_for_;   // whose Lease; for this command only: the journal is the driver's
  /// Set while the Lease is refused for want of rights.
  struct Refused {
    Now since;
    std::string why;
  };
  std::optional<Refused> refused_;
  std::optional<MonoTime> denied_since_;  // what the commands ask
};

}  // namespace linnet::cluster
