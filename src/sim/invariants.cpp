// What linnet promises, each promise under the name that a violation has.
#include "sim/oracle.h"

namespace linnet::sim {

namespace {

const std::vector<Invariant> all{
    {"weight_within_step",
     "the weight is never set above what the step, a person or the promotion allows"},
    {"no_raise_after_fail", "after a check failed, that rollout's weight is never raised again"},
    {"no_raise_after_reset",
     "a weight that someone else changed is not raised until a person asks"},
    {"held_is_earned", "a step's clock counts only time in force with data"},
    {"step_has_its_time", "no step passes before its time in force is over"},
    {"step_has_requests", "no step passes without its minimum of requests"},
    {"step_is_within_limits", "no step passes while a measured value is above its limit"},
    {"step_is_healthy", "no step passes while canary instances are missing or dying"},
    {"no_data_never_advances", "no step passes in a turn without data"},
    {"steps_in_order", "no step is left out or passed twice"},
    {"over_limit_is_taken_back", "a canary above its limit at the end of a step is taken back"},
    {"promotion_is_within_limits",
     "no promotion gets ahead while a measured value is above its limit"},
    {"time_is_counted", "a step's clock counts all time in force with data"},
    {"no_data_then", "want of data takes back or holds, as the spec says"},
    {"looks_every_turn", "while a rollout runs, no turn is left out"},
    {"switch_is_tried_again", "a switch to 0 that is not in force is tried every second"},
    {"evidence_acts",
     "evidence that suffices, with a measured value above the limit, takes back at once"},
    {"crash_loop_acts", "a canary that keeps dying is taken back"},
    {"silence_ends", "a step without data ends after its limit"},
    {"mark_goes",
     "the mark of a rollback goes when the next rollout begins, where the router takes writes"},
    {"router_wait_ends",
     "a canary that is ready while the router is not at a clean 0 % is taken back after "
     "progress"},
    {"unready_ends", "a canary that is not ready in time is taken back"},
    {"empty_is_taken_back",
     "a canary without a ready instance keeps no traffic that stable can answer"},
    {"fail_takes_back",
     "a recorded failure takes the canary back, or holds where the spec says so"},
    {"rollback_has_reason",
     "a rollback for a rate has a measured value above the limit, and evidence or enough "
     "requests"},
    {"rollback_waits_for_nothing", "the switch back is made before the store is asked"},
    {"stable_keeps_its_size", "stable is never made smaller than the spec says"},
    {"stable_rolls_behind_canary", "stable is replaced only while the canary carries all traffic"},
    {"no_traffic_to_nothing",
     "no weight is raised for, and no instance taken from, a track that then has none ready"},
    {"drained_before_stop",
     "the canary is stopped only after its traffic was away for the drain time"},
    {"step_begins_ready", "the first step begins with the canary ready and the router clean at 0"},
    {"weight_needs_ready", "a higher weight is decided only when the instances for it are ready"},
    {"stable_is_ready_to_take", "in a promotion stable takes the traffic when all of it is ready"},
    {"promotion_is_final", "once stable has taken all traffic, the promotion is not undone"},
    {"good_version_passes",
     "without faults and with enough traffic a good version is promoted, or waits for it"},
    {"promotion_is_earned", "a promotion has every step passed, or the report says skipped"},
    {"promotion_is_asked", "a promotion was asked for, or the spec says automatic"},
    {"success_is_complete",
     "a rollout that succeeded left stable on the new version, weight 0 and no canary, on a "
     "platform but what has been stopping for a minute"},
    {"rollback_is_complete",
     "a rollout that was taken back left stable on the old version, weight 0 and no canary, on a "
     "platform but what has been stopping for a minute"},
    {"terminal_stays", "an ended rollout stays ended until a new intent"},
    {"legal_transition", "phases follow the table of transitions"},
    {"evidence_is_exact",
     "the counts are what the source told since the step began: nothing forgotten, nothing "
     "twice"},
    {"counts_are_of_the_step",
     "no request of before a step counts for it, however late a server tells of it"},
    {"reports_are_true", "what a check reports of a step is what the source told"},
    {"effects_are_saved",
     "every effect but a lowering of the weight is what the store holds as wanted"},
    {"one_rollout", "at most one rollout runs, each starts once and ends once"},
    {"busy_is_refused",
     "a deploy of another version while one runs is refused unless it supersedes"},
    {"window_is_kept", "no rollout starts outside its window unless forced"},
    {"asked_is_done", "what was accepted is done, and what can be done is not refused"},
    {"interrupt_spares_others",
     "an interruption that names a version takes nothing back but a deploy of that version"},
    {"history_is_kept", "no rollout ends without its record"},
    {"people_are_told", "each phase that people wait for is told to those who asked for it"},
    {"answered_once", "each intent is answered once"},
    {"entries_have_reasons", "each change has a journal entry with a reason"},
    {"owners_size_is_followed",
     "a platform's size of stable is never linnet's: the canary is sized by the most of it"},
    {"owners_image_is_kept",
     "an image that its owner gives stable while linnet does not replace it becomes stable, is "
     "what a rollback returns to, and is never undone"},
    {"no_idle_writes", "a platform is not told again what it was told already"},
    {"ends_in_time",
     "once faults stop, every rollout ends within its steps' times, no_data.hold and a minute for "
     "each, progress (on a platform six times), and three minutes; longer where metrics come late"},
    {"rests_clean",
     "at rest the weight is 0, no canary is left but what stops, and stable is whole"},
};

}  // namespace

const std::vector<Invariant>& invariants() { return all; }

}  // namespace linnet::sim
