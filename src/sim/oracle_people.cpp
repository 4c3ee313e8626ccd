// What must hold between linnet and people: what they ask is answered and done, what happens is
// told.
#include <algorithm>
#include <cctype>

#include "sim/oracle.h"
#include "sim/oracle_phases.h"
#include "sim/world.h"

namespace linnet::sim {
namespace {

using Kind = core::Intent::Kind;

// Why a rollout is or was taken back; empty: none is the last.
std::string_view back_for(const core::Phase& phase) {
  if (const auto* back = std::get_if<core::RollingBack>(&phase)) return back->cause.kind;
  if (const auto* back = std::get_if<core::RolledBack>(&phase)) return back->cause.kind;
  return {};
}

bool interrupts(const core::Intent& intent, std::string_view version) {
  return intent.kind == Kind::interrupt && (intent.version.empty() || intent.version == version);
}

// Two words at least: "." and "" explain nothing.
bool says_something(std::string_view text) {
  int words = 0;
  bool in_word = false;
  for (const char c : text) {
    const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0;
    words += letter && !in_word ? 1 : 0;
    in_word = letter;
  }
  return words >= 2;
}

// The event that tells people of a phase that began; empty: none does.
std::string_view event_of(std::size_t phase) {
  switch (phase) {
    case preparing: return "started";
    case stepping: return "step";
    case holding: return "paused";
    case awaiting: return "waiting";
    case succeeded: return "promoted";
    case rolled_back: return "rolled_back";
    case failed: return "failed";
    default: return {};
  }
}

}  // namespace

void Oracle::check_answers(const Told& told, const core::Status& before, const Saving& saving,
                           const std::vector<core::Intent>& intents) {
  const bool was_running = core::is_running(before.phase);
  for (const core::Answer& answer : saving.answers) {
    if (!says_something(answer.text)) broken("entries_have_reasons", "an answer without words");
    if (answer.intent <= last_answer_)
      broken("answered_once", fmt::format("intent {} is answered again", answer.intent));
    last_answer_ = std::max(last_answer_, answer.intent);
    for (const core::Intent& intent : intents) {
      if (intent.id != answer.intent || !answer.accepted) continue;
      const bool alone = saving.answers.size() == 1;
      const bool is_queued = before.queued && before.queued->version == intent.version;
      const bool joins = before.rollout && (is_queued || before.rollout->to == intent.version) &&
                         (before.rollout->id == answer.rollout) != is_queued;
      if (intent.kind == Kind::deploy && was_running && !intent.supersede && !joins && alone)
        broken("busy_is_refused",
               fmt::format("deploy of {} accepted while a rollout runs", intent.version));
      if (intent.kind == Kind::init && was_running && alone)
        broken("busy_is_refused", "init accepted while a rollout runs");
      if (intent.kind == Kind::deploy && !intent.force && !answer.rollout.empty() &&
          !world_.closed().empty() && world_.closed_since_ms() <= told.began_ms)
        broken("window_is_kept",
               fmt::format("deploy of {} accepted: {}", intent.version, world_.closed()));
      if (intent.kind == Kind::deploy && intent.promote) unasked_.insert(answer.rollout);
      if (intent.kind != Kind::deploy || answer.rollout.empty()) continue;
      const auto [promised, fresh] = promised_.try_emplace(answer.rollout, intent.version);
      if (!fresh && promised->second != intent.version)
        broken("asked_is_done", fmt::format("{} is said to be of {} and of {}", answer.rollout,
                                            promised->second, intent.version));
    }
  }
}

// Whoever interrupts a deploy of their own stops nobody else's.
void Oracle::check_interrupted(const core::Status& before, const Saving& saving,
                               const std::vector<core::Intent>& intents) {
  const core::Status& next = saving.status;
  const auto was_accepted = [&](const auto& is_it) {
    return std::any_of(intents.begin(), intents.end(), [&](const core::Intent& intent) {
      return is_it(intent) && std::any_of(saving.answers.begin(), saving.answers.end(),
                                          [&](const core::Answer& answer) {
                                            return answer.intent == intent.id && answer.accepted;
                                          });
    });
  };
  const bool is_new = back_for(before.phase) != "interrupted";
  if (is_new && back_for(next.phase) == "interrupted" &&
      !was_accepted([&](const auto& intent) { return interrupts(intent, next.rollout->to); }))
    broken("interrupt_spares_others",
           fmt::format("{} to {} is taken back", next.rollout->id, next.rollout->to));
  const bool is_withdrawn = before.queued && !next.queued && rollout_id(before) == rollout_id(next);
  if (is_withdrawn && !was_accepted([&](const auto& intent) {
        const bool may = intent.version.empty() || !(intent.hold || before.queued->hold);
        return intent.kind == Kind::rollback || intent.kind == Kind::cleanup ||
               (interrupts(intent, before.queued->version) && may);
      }))
    broken("interrupt_spares_others",
           fmt::format("the deploy of {} that waits is withdrawn", before.queued->version));
  if (!before.queued || saving.answers.size() != 1 || is_withdrawn) return;
  if (was_accepted([&](const auto& intent) {
        return intent.kind == Kind::interrupt && intent.version == before.queued->version &&
               !intent.hold && !before.queued->hold;
      }))
    broken("asked_is_done",
           fmt::format("the deploy of {} that waits goes on", before.queued->version));
}

// Whoever asks waits for the answer.
void Oracle::check_heard(const Told& told, const Saving& saving,
                         const std::vector<core::Intent>& intents) {
  for (const core::Intent& intent : intents) {
    if (intent.id > told.last_intent) continue;
    const bool answered =
        std::any_of(saving.answers.begin(), saving.answers.end(),
                    [&](const core::Answer& answer) { return answer.intent == intent.id; });
    if (!answered)
      broken("answered_once",
             fmt::format("{} was read and got no answer", core::intent_name(intent.kind)));
  }
}

// One wish alone, so that no other explains what came of it.
void Oracle::check_asked(const Lineage& mine, const core::Status& next, const Saving& saving,
                         const std::vector<core::Intent>& intents) {
  if (saving.answers.size() != 1) return;
  const core::Answer& answer = saving.answers.front();
  const auto found = std::find_if(intents.begin(), intents.end(), [&](const core::Intent& intent) {
    return intent.id == answer.intent;
  });
  if (found == intents.end()) return;
  const core::Intent& intent = *found;
  const std::size_t phase = next.phase.index();
  const auto broke = [&](std::string_view what) {
    broken("asked_is_done", fmt::format("{} was {}, and {}", core::intent_name(intent.kind),
                                        answer.accepted ? "accepted" : "refused", what));
  };
  const bool is_open = mine.phase >= preparing && mine.phase <= awaiting;
  const bool takes_back = intent.kind == Kind::rollback || intent.kind == Kind::cleanup;
  if (!answer.accepted) {
    const bool in_reach = is_open || (mine.phase == promoting && mine.part <= 1);
    if (takes_back && in_reach) broke("there was something to take back");
    if (intent.kind == Kind::pause && is_open) broke("the rollout could stand still");
    if (intent.kind == Kind::resume && mine.phase == holding) broke("it held");
    return;
  }
  // What fails in the same turn is taken back, whatever was asked.
  const bool gone = phase == rolling_back || is_ended(phase);
  const auto* held = std::get_if<core::Holding>(&next.phase);
  const bool is_interrupted =
      next.rollout && interrupts(intent, next.rollout->to) && !intent.hold && !next.rollout->hold;
  if ((takes_back || is_interrupted) && is_open && !gone) broke("the rollout goes on");
  if (intent.kind == Kind::pause && held == nullptr && !gone) broke("it does not stand still");
  const bool foreign = held != nullptr && held->cause.kind == "foreign_weight";
  const bool as_asked = held != nullptr && (held->weight == intent.weight || foreign);
  if (intent.kind == Kind::resume && held != nullptr && next.since == mine.since)
    broke("it still holds");
  if (intent.kind == Kind::traffic && is_open && !as_asked && !gone)
    broke("that weight is not what is wanted");
  if (intent.kind == Kind::promote && phase != promoting && !gone && phase != holding)
    broke("nothing is promoted");
  if (intent.kind != Kind::deploy || answer.rollout.empty() || next.queued) return;
  if (rollout_id(next) != answer.rollout) return broke(answer.rollout + " does not run");
  if (intent.promote && !next.rollout->promote) broke("it will not promote by itself");
  if (intent.hold != next.rollout->hold) broke("an interruption would do something else");
}

void Oracle::check_told(const Lineage& mine, const core::Status& next) {
  const std::size_t phase = next.phase.index();
  const std::string_view event = event_of(phase);
  const bool begins = phase != mine.phase || rollout_id(next) != mine.rollout;
  // What a person resumes is not news to people; neither is an `init`.
  if (!begins || event.empty() || mine.phase == holding) return;
  if (world_.story().release.notify.empty()) return;
  const bool told =
      std::any_of(next.outbox.begin(), next.outbox.end(), [&](const core::Notice& notice) {
        return notice.id > mine.notices && notice.event == event && says_something(notice.text);
      });
  if (!told)
    broken("people_are_told",
           fmt::format("{} began without a notice '{}'", core::phase_name(next.phase), event));
}

void Oracle::check_entries(const Lineage& mine, const Told& told, const core::Status& next,
                           const Saving& saving) {
  const auto has_entry = [&](std::string_view kind) {
    return std::any_of(saving.entries.begin(), saving.entries.end(),
                       [&](const core::Entry& entry) { return entry.kind == kind; });
  };
  for (const core::Entry& entry : saving.entries)
    if (!says_something(entry.text))
      broken("entries_have_reasons", entry.kind + " without a reason");
  const bool changed = next.phase.index() != mine.phase || step_index(next.phase) != mine.step;
  if (changed && !has_entry("phase"))
    broken("entries_have_reasons",
           fmt::format("{} without an entry", core::phase_name(next.phase)));
  if (changed && !says_something(next.reason))
    broken("entries_have_reasons",
           fmt::format("{} without a reason", core::phase_name(next.phase)));
  if (changed && is_ended(next.phase.index())) {
    // The journal says what was done, `status` the same and why.
    const auto last = std::find_if(saving.entries.rbegin(), saving.entries.rend(),
                                   [](const core::Entry& entry) { return entry.kind == "phase"; });
    const std::string named = fmt::format("{}: ", core::phase_name(next.phase));
    if (last != saving.entries.rend() &&
        (!last->text.starts_with(named) ||
         !next.reason.starts_with(last->text.substr(named.size()))))
      broken("entries_have_reasons",
             fmt::format("the journal says '{}', and the status '{}'", last->text, next.reason));
  }
  const auto* back = std::get_if<core::RollingBack>(&next.phase);
  if (back != nullptr && mine.phase != rolling_back) {
    if (!says_something(back->cause.text))
      broken("entries_have_reasons", "rolling back without a cause");
    // Where nobody on stable would answer, the switch waits (check_bare looks at that).
    const bool needed = (told.traffic ? !told.traffic->weight.is_zero() : true) &&
                        back->part != core::RollingBack::Part::stable_returns;
    // What was written within the last second is not written again.
    if (needed && told.lowered_ms < told.began_ms - 1000)
      broken("rollback_waits_for_nothing", "the rollback was saved before the switch");
    if (mine.phase == promoting) check_return(told, next, *back);
    const auto& checks = world_.story().release.checks;
    const std::string& kind = back->cause.kind;
    const bool judged = kind.ends_with("_vs_stable") ||
                        std::any_of(checks.begin(), checks.end(),
                                    [&](const core::Check& check) { return check.name == kind; });
    const bool is_health = kind == "health";  // a crash loop is told by the phase
    if (judged && !is_health && !has_entry("verdict"))
      broken("entries_have_reasons", "taken back for " + kind + " without a verdict");
  }
  if (!has_entry("verdict") || mine.phase < preparing || mine.phase > promoting) return;
  const bool holds = world_.story().release.on_failure == core::Then::hold;
  const bool back_or_ended = back != nullptr || is_ended(next.phase.index());
  const bool stands = holds && std::holds_alternative<core::Holding>(next.phase);
  if (!back_or_ended && !stands && rollout_id(next) == mine.rollout)
    broken("fail_takes_back",
           fmt::format("a check failed, and the phase is {}", core::phase_name(next.phase)));
  condemned_.push_back(mine.rollout);
}

}  // namespace linnet::sim
