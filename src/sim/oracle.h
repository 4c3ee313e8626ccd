// What must hold whatever happens: linnet's promises, each with a name and a sentence, checked
// after every save, every turn and every effect against what truly happened in the simulated world.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/decide.h"
#include "core/limits.h"
#include "ports/ports.h"
#include "sim/case.h"
#include "sim/traffic_model.h"

namespace linnet::sim {

class World;

struct Violation {
  std::string invariant;
  std::string text;
  std::int64_t at_ms = 0;
  std::vector<std::string> also;  // what else was broken by the same event
};

struct Invariant {
  std::string_view name;
  std::string_view promise;
};
/// All of them, for reports.
const std::vector<Invariant>& invariants();

/// What an engine was told in its current turn: it cannot know better than this.
struct Told {
  std::optional<core::TrafficSeen> traffic;
  std::optional<core::WorkloadSeen> workload;
  bool sample_ok = false;  // read, and can be true
  std::int64_t canary_requests = 0;
  bool any_request = false;      // of either track
  Duration reach{};              // how far before the look those may have been
  std::int64_t asked_ms = 0;     // when that look began
  std::int64_t happened = 0;     // the canary's requests in truth, then
  std::int64_t last_intent = 0;  // of those that it read in this turn; 0: none
  std::int64_t observed_ms = 0;
  std::int64_t turn_before_ms = -1;  // of the last turn whose status was kept; -1: none in this run
  bool outside_told = false;         // somebody else's change of the weight was in an answer
  bool outside_kept = false;         // and a turn that knew it was saved
  bool saved = false;                // in this turn
  std::int64_t began_ms = 0;         // this turn
  std::int64_t lowered_ms = -1'000'000'000;  // when it last set 0 % as taken back
  bool version_current = true;               // when it asked for its effect, nobody else had saved
  bool could_know = false;                   // or had, but long enough ago

  /// A look begins: what an earlier turn was told through this port counts no more.
  void begins(Port port, std::int64_t now_ms);
};

/// The evidence about one limit as it must be when a step begins.
struct Bet {
  stats::Threshold threshold;
  double phi = 1;  // in that step
};

/// The oracle's book about one line of statuses; it is saved and loaded together with the status.
struct Lineage {
  std::size_t phase = 0;
  int step = -1;
  int part = -1;
  std::string rollout;
  Percent weight;
  Percent weight_before;
  std::size_t steps_done = 0;
  bool in_force = false;    // as the engine says
  bool force_seen = false;  // the step's weight was read back with requests on the canary
  Duration earned{};        // time in force with data since the step began
  Duration quiet{};         // since the canary's last request
  Duration watched{};       // time with data since the phase, its part or its period began
  Duration first_turn{};    // and of the turn in which it began, which may count as well
  Duration in_part{};       // in this phase and its part
  Duration empty{};         // since none of the canary's was ready, and it has a weight
  Duration unready{};       // since fewer canary instances were ready than wanted
  Duration barred{};        // ready in preparing, and the router not at a clean 0 %
  Duration marked{};        // in preparing, and the router at 0 % with the mark of a rollback
  int canary_replicas = 0;
  int stable_most = 0;  // what a platform wanted of stable since the rollout began
  std::int64_t notices = 0;
  bool frozen_anew = false;  // phi changed since, in the midst of a step's evidence
  std::shared_ptr<const std::vector<Bet>> bets;  // at the step's start, one for each limit
  WallTime since;
  std::string cursor;
  Duration recent_age{};    // of the stage's newer half minute
  std::string recent_from;  // the cursors at which its halves began
  std::string recent_before_from;
  std::string stage_from;         // the cursor at which the stage's counts began
  std::string evidence_from;      // and the evidence's of this step
  core::Counting stage_counting;  // what may be of before is in neither
  core::Counting evidence_counting;
  Duration told_last{};             // how far back the last sample with requests reached
  Duration told_before{};           // and the one before
  std::int64_t stage_happened = 0;  // the canary's requests in truth before the stage
  bool stage_filled = false;
  bool stable_starts = true;  // `init` is giving stable its image, in this turn at the latest
};

/// The memory of each canary instance, where a limit of it decides; -1: cannot be read.
struct DecidingMemory {
  std::int64_t mib = -1;
  double limit = 0;
  [[nodiscard]] bool is_over() const { return static_cast<double>(mib) > limit; }
};

class Oracle {
 public:
  explicit Oracle(const World& world);

  void loaded(Told& told);
  void told_traffic(Told& told, const Lineage& mine, bool stale);
  /// Before the store takes it over.
  void saves(Told& told, const Lineage& mine, const core::Status& before, const Saving& saving,
             const std::vector<core::Intent>& intents);
  /// The book of the status that follows `mine` in this turn; checks everything a turn may break.
  Lineage advance(const Told& told, const Lineage& mine, const core::Status& next);
  void sets_weight(Told& told, std::int64_t version, const core::SetWeight& level);
  void sets_track(const Told& told, std::int64_t version, const core::SetTrack& level);
  /// Somebody else changed the weight.
  void outside_change();
  void at_end(bool in_time);

  [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }

 private:
  void broken(std::string_view invariant, std::string text);
  /// The most that the engine counts of the time between two turns.
  [[nodiscard]] Duration longest_gap() const;
  [[nodiscard]] Duration longest_quiet(const Lineage& book) const;
  [[nodiscard]] Duration elapsed(const Told& told) const;
  /// `mine` with this turn's window, which is left out of what may have begun after it.
  [[nodiscard]] Lineage with_window(const Told& told, const Lineage& mine,
                                    const core::Status& next) const;
  void check_transition(const Lineage& mine, const core::Status& next, const Saving& saving,
                        const std::vector<const core::Intent*>& accepted);
  void check_steps(const Told& told, const Lineage& mine, const core::Status& next);
  void check_passed(const Told& told, const Lineage& mine, const core::Status& next,
                    const core::StepResult& result);
  void check_promotion(const Lineage& mine, const core::Status& next,
                       const std::vector<const core::Intent*>& accepted);
  void check_ends(const Told& told, const Lineage& mine, const core::Status& next,
                  const Saving& saving);
  void check_entries(const Lineage& mine, const Told& told, const core::Status& next,
                     const Saving& saving);
  void check_answers(const Told& told, const core::Status& before, const Saving& saving,
                     const std::vector<core::Intent>& intents);
  [[nodiscard]] bool is_at_step(const Told& told, const Lineage& mine, int step) const;
  void check_evidence(const Told& told, const Lineage& mine, Lineage& book,
                      const core::Status& next);
  void check_limits(Lineage& book, const core::Status& next);
  void check_reports(const Lineage& book, const core::Status& next);
  void check_bets(const Lineage& mine, Lineage& book, const core::Status& next);
  void check_verdicts(const Told& told, const Lineage& mine, const Lineage& book,
                      const core::Status& next);
  void check_pace(const Told& told, const Lineage& mine, const core::Status& next);
  void check_asked(const Lineage& mine, const core::Status& next, const Saving& saving,
                   const std::vector<core::Intent>& intents);
  void check_interrupted(const core::Status& before, const Saving& saving,
                         const std::vector<core::Intent>& intents);
  void check_heard(const Told& told, const Saving& saving,
                   const std::vector<core::Intent>& intents);
  void check_told(const Lineage& mine, const core::Status& next);
  void check_promoted(const Lineage& mine, const core::Status& next);
  void check_ready(const Told& told, const Lineage& mine, const core::Status& next,
                   const std::vector<const core::Intent*>& accepted);
  void check_bare(const Told& told, const core::Status& saved, const core::SetWeight& level);
  void check_return(const Told& told, const core::Status& next, const core::RollingBack& back);
  void check_owner(const Told& told, const Lineage& book, const core::Status& next);
  void check_good_version(const core::Status& status);
  void check_rollback_reason(const Lineage& mine, const core::Status& next);
  [[nodiscard]] std::optional<DecidingMemory> memory_that_decides(const core::Status& next) const;
  void check_compared(const Lineage& mine, const core::Status& next, const core::Cause& cause);
  [[nodiscard]] std::int64_t bad_by(const core::Limit& rule, const Totals& newer,
                                    const Totals& older) const;
  [[nodiscard]] double share_over(const core::Check& check, const core::Counts& counts,
                                  std::int64_t& requests, double& limit) const;
  [[nodiscard]] core::Counts truth(const std::string& from, const std::string& to,
                                   bool canary) const;

  const World& world_;
  std::optional<Violation> violation_;
  std::map<std::string, std::bitset<64>> passed_;  // steps by rollout
  std::set<std::string> skipped_;                  // rollouts whose steps a person skipped
  std::set<std::string> unasked_;                  // rollouts that may promote without asking
  std::map<std::string, std::string> promised_;    // rollouts that a deploy was told, its version
  std::vector<std::string> condemned_;             // rollouts that failed a check
  std::int64_t outside_at_ms_ = -1;
  std::int64_t permitted_at_ms_ = -1;  // a person asked for something that may raise the weight
  std::int64_t last_answer_ = 0;
};

}  // namespace linnet::sim
