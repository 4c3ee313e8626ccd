// Marks at rare branches. A test build counts them, so that the simulation can say which rare
// branch it never reached; in a product build a mark is nothing. All marks stand in this one table:
// a mark is known although no run ever came by.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

// No layout of this table would be kept by clang-format:
// clang-format off
#define LINNET_MARKS_TABLE(X)                                                                    \
  X(taken_back_seen)                                                                             \
  X(foreign_weight_seen)                                                                         \
  X(stable_returns_first) X(stable_gone)                                                         \
  X(foreign_weight_in_holding) X(weight_not_written_yet) X(canary_crash_loop)                    \
      X(canary_never_ready) X(stable_never_ready) X(promotion_stable_not_ready)                  \
      X(metrics_tell_slowly)                                                                     \
          X(promotion_failed_check) X(promotion_taken_back) X(no_data_in_step)                   \
              X(too_few_requests_in_step) X(held_by_failure) X(early_pass) X(evidence_failed)    \
                  X(plain_rule_failed) X(health_failed) X(comparison_failed)                     \
                      X(watch_period_complete) X(failed_while_waiting) X(counts_refused)         \
                          X(superseded) X(queued_withdrawn) X(queued_joined) X(interrupt_held)   \
                              X(interrupt_past_return) X(rollback_refused) X(steps_skipped)      \
                                  X(resume_anew) X(resume_where_it_stood) X(resume_to_preparing) \
                                      X(resume_to_awaiting) X(manual_weight) X(intent_again)     \
                                          X(window_forced) X(gap_cut) X(mark_cleared)            \
                                              X(outbox_full) X(rollback_without_router)          \
                                                  X(rollback_waits_for_stable) X(save_conflict)  \
                                                      X(save_unknown) X(save_failed)             \
                                                          X(load_failed) X(intents_unreadable)   \
                                                              X(urgent_failed) X(effect_failed)  \
                                                                  X(effects_stale) X(init_again) \
                                                                      X(unsaved_taken_back)      \
                                                                      X(canary_empty)             \
                                                                      X(interrupt_of_another)
// clang-format on

namespace linnet::mark {

#define LINNET_AS_ENUM(name) name,
enum class Mark { LINNET_MARKS_TABLE(LINNET_AS_ENUM) };
#undef LINNET_AS_ENUM

#define LINNET_AS_TEXT(name) std::string_view(#name),
inline constexpr std::array names{LINNET_MARKS_TABLE(LINNET_AS_TEXT)};
#undef LINNET_AS_TEXT

#ifdef LINNET_MARKS
inline std::array<std::uint64_t, names.size()> counts{};  // test builds only
#define LINNET_MARK(name) \
  (++::linnet::mark::counts[static_cast<std::size_t>(::linnet::mark::Mark::name)])
#else
#define LINNET_MARK(name) static_cast<void>(0)
#endif

}  // namespace linnet::mark
