// A world in which the product's engine runs: every port, the router, the instances, the users'
// requests, people, and the faults of one case, on virtual time and one thread. Nothing here
// decides about a release: that is what is being tested.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/release_loop.h"
#include "sim/oracle.h"
#include "sim/pods.h"
#include "sim/traffic_model.h"
#include "sim/waits.h"

namespace linnet::sim {

/// The router's split. `weight` is what is read back and in force; `share` is where requests go,
/// which differs only while a router applies a weight partly.
struct RouterState {
  Percent weight;
  bool taken_back = false;
  std::string by;
  double share = 0;
  Percent weight_before;  // what a stale read answers
  bool taken_back_before = false;
  std::string by_before;
  std::int64_t changed_ms = 0;
  std::int64_t zero_since_ms = 0;
  std::int64_t all_since_ms = 0;  // the canary has 100 %
  std::string differ;   // of its two objects one has another weight; `weight` is the higher one
  Percent differ_says;  // the weight that is read then
  bool differ_taken_back = false;  // and its mark
  std::int64_t gone_until_ms = 0;  // the object that carries the weight is deleted
  bool by_linnet = true;           // the last change
  bool raised_by_linnet = true;    // the last change from 0
};

/// What the store keeps; `lineage` is the oracle's own book, kept beside the status it belongs to.
struct Durable {
  core::Status status;
  std::int64_t version = 0;
  std::int64_t saved_ms = 0;
  Lineage lineage;
  std::vector<core::Intent> intents;
  std::vector<core::Answer> answers;
  std::vector<core::RolloutRecord> history;
};

/// How one run went.
struct RunResult {
  std::uint64_t hash = 0;  // of everything that happened: the same seed gives the same
  std::int64_t turns = 0;
  std::int64_t rollouts = 0;
  std::int64_t virtual_ms = 0;
  std::int64_t saves = 0;
  std::int64_t kills = 0;
  std::optional<Violation> violation;
  std::vector<std::string> journal;  // only when recorded
  std::vector<core::RolloutRecord> history;
  std::string phase;  // at the end
};

struct SimPorts;

/// One process that runs the loop; it may die and start again.
struct Engine {
  int index = 0;
  bool alive = false;
  std::int64_t boot = 0;  // how often it was started
  std::int64_t started_ms = 0;
  std::int64_t mono_base_ms = 0;  // its own monotonic clock against the world's
  std::int64_t stalled_until_ms = 0;
  std::unique_ptr<Waits> waits;
  std::unique_ptr<SimPorts> ports;
  std::unique_ptr<engine::ReleaseLoop> loop;
  std::uint64_t bell_ticket = 0;  // 0: it does not wait at the doorbell
  bool rang = false;
  std::optional<core::WorkloadSeen> copy;  // of its watch, while that is told nothing new
  std::int64_t copy_until_ms = 0;
  std::optional<Action> dies_at_call;
  int calls_left = 0;
  Told told;
  Lineage lineage;  // of the status it holds
  std::int64_t turns_failed = 0;
  Lineage pending;  // of the one it is saving

  [[nodiscard]] std::int64_t version() const {
    return loop && loop->record() ? loop->record()->version : -1;
  }
};

class World {
 public:
  /// `journal`: keep a line for everything that happens.
  World(Case story, bool journal);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  RunResult run();

  /// Called after each turn of an engine: for pictures and statistics.
  std::function<void(const core::Status&)> on_turn;
  /// Stops the run when it answers true; asked after each save.
  std::function<bool(const core::Status&)> until;

  // ---- For the contract suites, in a world that is not run ----
  /// Lets virtual time pass.
  void pass(Duration length);
  void another_hand_sets(Percent weight, const std::string& by);
  /// The wall clock is set by hand.
  void set_calendar(Duration ahead);
  void close_calendar(Duration length);
  [[nodiscard]] const std::vector<std::string>& journal() const { return result_.journal; }
  /// The first engine's process is alive and does this instead of driving the release.
  void run_as_engine(Task<void> task);
  /// What a platform has before a release of it begins; the version may be empty.
  void create_deployments(const std::string& version);
  void owner_scales(core::Track track, int replicas);
  void owner_gives(core::Track track, const std::string& version);
  /// Requests that were answered just now, the slow ones above every limit.
  void serve(core::Track track, int good, int bad, int slow);
  std::int64_t add_wish(core::Intent intent);
  [[nodiscard]] std::optional<core::Answer> answer_of(std::int64_t intent) const;

  // ---- For the ports ----
  struct Answering {
    Duration before{};  // stands still before it happens; forever: dies
    Duration after{};   // and before it answers
    bool happens = true;
    std::optional<Code> error;
    bool stale = false;
  };
  static constexpr Duration forever = Duration::max();
  /// `allowed`: how long the caller waits at most.
  Answering call(int engine, Port port, Duration allowed);
  Answering fault_of(Port port, const PortFaults& faults, Duration allowed);
  Task<void> stand(int engine, Duration length);
  Task<void> wait_at_bell(int engine, Duration pause);
  void ring();
  [[nodiscard]] Now now_of(int engine) const;
  Result<core::TrafficSeen> read_router(int engine, bool stale);
  core::WorkloadSeen observe(int engine);
  [[nodiscard]] core::WorkloadSeen seen() const;
  Result<core::Sample> sample(int engine, const std::string& cursor);
  /// The call begins; it may yet fail.
  void tries_weight(int engine, const core::SetWeight& level);
  Result<void> set_weight(int engine, const core::SetWeight& level);
  Result<void> set_track(int engine, const core::SetTrack& level);
  Record load(int engine);
  Result<std::int64_t> save(int engine, std::int64_t version, Saving saving);
  std::vector<core::Intent> intents_after(int engine, std::int64_t after, bool stale);
  void send(const core::Notice& notice);
  std::vector<std::int64_t> delivered();
  [[nodiscard]] std::string closed(WallTime at) const;
  [[nodiscard]] std::string closed() const { return closed(now_of(0).wall); }
  [[nodiscard]] std::int64_t closed_since_ms() const { return closed_since_ms_; }
  void note(int engine, const core::Entry& entry);

  // ---- For the oracle ----
  [[nodiscard]] const Case& story() const { return story_; }
  [[nodiscard]] std::int64_t now_ms() const { return now_ms_; }
  [[nodiscard]] const RouterState& router() const { return router_; }
  [[nodiscard]] const Pods& pods() const { return pods_; }
  [[nodiscard]] const Durable& durable() const { return durable_; }
  [[nodiscard]] const TrafficModel& traffic() const { return traffic_; }
  /// What the source had to tell at a cursor, without windows that could not be true.
  [[nodiscard]] const TrackTotals& told_at(const std::string& cursor) const;
  [[nodiscard]] const TrackTotals& happened() const { return happened_; }
  /// When what the source had to tell at a cursor was read of the instances; -1: not known.
  [[nodiscard]] std::int64_t told_of_ms(const std::string& cursor) const;
  [[nodiscard]] bool had_two_engines() const { return engines_[1].boot > 0; }
  [[nodiscard]] bool is_calm() const { return now_ms_ >= story_.calm_at.count(); }

 private:
  enum class Due {
    wake,
    pods,
    router,
    router_back,
    deployment_back,
    part,
    script,
    start,
    kill,
    guardian,
    second_ends,
    scrape,
    tidy,
    end
  };
  struct Item {
    std::int64_t at_ms;
    std::uint64_t seq;
    Due due;
    int who;
    std::uint64_t what;
  };
  struct Later {
    bool operator()(const Item& a, const Item& b) const {
      return a.at_ms != b.at_ms ? a.at_ms > b.at_ms : a.seq > b.seq;
    }
  };
  // After an end the world may still settle, and is looked at again.
  static constexpr Duration settles_within = 40s;
  // A guardian that fires although an engine is alive.
  static constexpr std::uint64_t regardless = ~std::uint64_t{0};
  struct Write {
    core::SetWeight level;
    std::string by;
    bool by_linnet = true;
    int engine = -1;
  };

  void plan(std::int64_t at_ms, Due due, int who = 0, std::uint64_t what = 0);
  void step(const Item& item);
  void act(const Action& action);
  void act_on_engine(const Action& action);
  void start_engine(int index);
  void kill_engine(int index, Duration away, const char* how);
  void router_goes(const Action& action);
  void deployment_goes(const Action& action);
  [[nodiscard]] bool is_router_gone() const { return router_.gone_until_ms > now_ms_; }
  void guardian_fires(std::uint64_t deaths);
  void turn_done(int index);
  void finish();
  void tidy();
  void apply_weight(const Write& write);
  void apply_half(const Write& write);
  void pods_change(const std::function<void()>& change);
  [[nodiscard]] std::vector<core::InstanceCounts> by_instance(const core::Counts& stable,
                                                              std::uint64_t seed) const;
  void flow();
  void scrape();
  void add_intent(core::Intent intent);
  void began();
  [[nodiscard]] bool has_ended() const;
  [[nodiscard]] bool anyone_alive() const;
  void line(int engine, std::string_view kind, const std::string& text);
  void hash(std::uint64_t value) { hash_ = mix(hash_ ^ value); }
  void hash(std::string_view text);

  Case story_;
  bool keeps_journal_;
  std::int64_t now_ms_ = 0;
  std::int64_t flowed_ms_ = 0;
  std::int64_t wall_offset_ms_ = 0;
  std::uint64_t seq_ = 0;
  std::vector<Item> queue_;
  Random random_;
  std::array<Random, port_count> port_random_;
  TrafficModel traffic_;
  Pods pods_;
  RouterState router_;
  std::optional<Write> pending_write_;
  std::uint64_t pending_seq_ = 0;
  TrackTotals happened_;
  TrackTotals reported_;
  TrackTotals sampled_;  // reported_ when it was last read
  std::int64_t sampled_ms_ = 0;
  std::int64_t canary_since_ms_ = 0;
  std::vector<TrackTotals> told_;      // by cursor: what was reported
  std::vector<std::int64_t> told_ms_;  // by cursor: of when that was
  std::vector<TrackTotals> sane_;      // by cursor: without absurd windows; only with that fault
  Durable durable_;
  std::vector<core::Intent> all_intents_;
  std::vector<std::int64_t> delivered_;
  std::int64_t notifier_away_until_ms_ = 0;
  bool half_write_ = false;  // of linnet's next change
  std::array<Engine, 2> engines_;
  std::vector<bool> fired_;
  std::array<std::int64_t, port_count> outage_until_ms_{};
  std::array<int, port_count> reply_lost_in_{};  // calls until one answer is lost; 0: none
  WallTime closed_from_, closed_until_;
  std::int64_t closed_since_ms_ = 0;  // at the latest
  std::uint64_t deaths_ = 0;
  int tidied_ = 0;
  Oracle oracle_;
  RunResult result_;
  std::uint64_t hash_ = 0;
  bool over_ = false;
};

/// Runs one case.
RunResult run_case(const Case& story, bool journal = false);

}  // namespace linnet::sim
