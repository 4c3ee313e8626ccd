// One turn while it is being decided: the status under construction and what it will leave behind.
// Private to core. Every change of phase, weight or wish passes through here and leaves an entry.
#pragma once

#include <string>

#include "core/decide.h"

namespace linnet::core {

class Turn {
 public:
  Turn(const Release& spec, const Status& status, const Observation& observation, Now time);

  const Release& release;
  const Observation& seen;
  const Now now;
  const Status& before;
  const Duration elapsed;  // since the last turn of this run of the engine; bounded
  Decision decision;
  Status& next;             // decision.next
  bool has_counts = false;  // this turn's sample could be read and can be true

  /// Changes the phase; `reason` is written to the journal and shown by status.
  /// The journal says `noted`, or the reason where there is none.
  void enter(Phase phase, std::string reason, const std::string& noted = {});
  /// Changes the text of why it waits, without an entry.
  void waits(std::string reason) { next.reason = std::move(reason); }
  void entry(std::string kind, std::string text);
  /// The journal tells an intent before what it changes.
  void begin_intent() { intent_at_ = decision.entries.size(); }
  void notice(std::string event, std::string text);
  void want_weight(Percent weight, const std::string& reason);
  void answer(const Intent& intent, bool accepted, Code code, std::string text,
              std::string rollout = {});

  void roll_back(Cause cause);
  /// A check failed, data is missing too long...: rolls back or holds, as the spec says.
  void stop_for(Cause cause, Then then);
  void start_rollout(const Intent& intent);
  void finish_rollout(const std::string& outcome, const Cause& cause);
  void start_step(int index);
  /// Of the canary that runs: it carries all traffic while stable is replaced.
  void start_promotion(std::string reason);
  /// Closes the record of the step that is left.
  void record_step(const std::string& outcome);
  /// Closes it and writes down that it and all steps after it were skipped.
  void record_skipped(int from);

  [[nodiscard]] bool weight_in_force() const;
  [[nodiscard]] int canary_ready() const;
  /// Nobody on stable would answer, by no wish of its owner, and the canary does.
  [[nodiscard]] bool is_stable_bare() const;
  [[nodiscard]] Duration drain() const;

 private:
  bool save_ = false;
  std::size_t intent_at_ = 0;  // where the entry of the intent at hand belongs
  friend Decision decide(const Release&, const Status&, const Observation&, Now);
};

/// Stable has the new version and all traffic: there is nothing left that could be taken back.
bool is_past_return(const Phase& phase);

/// Intents in their order; each is answered once (core/intents.cpp).
void answer_intents(Turn& turn);
/// One step of the phase the turn is in (core/phases.cpp).
void advance_phase(Turn& turn);
/// Effects that bring the world to the levels of turn.next (core/levels.cpp).
void want_levels(Turn& turn);

}  // namespace linnet::core
