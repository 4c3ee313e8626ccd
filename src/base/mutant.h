// Guards that can be switched off one at a time, to prove that the simulation notices when one is
// missing. In a product build a guard is its condition and nothing else; only a build with
// LINNET_MUTANTS can switch one off.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

// Every guard by name. LINNET_STOPS(name, c): c being true stops something; off, it is false.
// LINNET_NEEDS(name, c): c must be true to go on; off, it is true.
// No layout of this table would be kept by clang-format:
// clang-format off
#define LINNET_GUARDS(X)                                                                           \
  X(preparing_needs_ready)                                                                         \
  X(preparing_needs_clean_router)                                                                  \
  X(raise_needs_ready) X(held_needs_weight) X(held_needs_data)                                     \
      X(force_needs_requests) X(pass_needs_time) X(pass_needs_requests) X(silence_waits) X(        \
          no_data_ends) X(step_failure_stops) X(crash_loop_ends) X(unready_ends)                   \
          X(taken_back_is_rollback) X(foreign_weight_holds) X(stable_rolls_needs_weight) X(        \
              weight_down_needs_stable) X(drain_needs_weight) X(promoting_drains)                  \
              X(promoted_needs_canary_gone) X(stop_needs_weight_down) X(rollback_drains) X(        \
                  rollback_needs_canary_gone) X(rollback_needs_stable) X(verdict_needs_requests)   \
                  X(plain_rule_fails) X(evidence_needs_value) X(evidence_fails) X(counts_are_sane) \
                      X(health_fails) X(watching_fails) X(promotion_is_watched) X(busy_refuses) X( \
                          window_refuses) X(answered_once) X(promote_needs_steps)                  \
                          X(past_return_refuses) X(init_refuses) X(elapsed_is_bounded) X(          \
                              rollback_restores_stable) X(mark_is_cleared) X(resumed_forgets_time) \
                              X(save_before_effects) X(failed_save_ends_turn) X(conflict_reloads)  \
                                  X(urgent_first) X(effects_need_proof) X(window_keeps_cursor)     \
                                      X(traffic_needs_ready) X(write_needs_ready)                  \
                                          X(draining_keeps_canary) X(supersede_takes_back)         \
                                              X(steps_follow) X(promotion_needs_asking)            \
                                                  X(step_bounds_weight) X(ended_stays_ended)       \
                                                      X(phase_is_told) X(failure_takes_back)       \
                                                          X(failed_stays_low) X(stable_keeps_size) \
                                                              X(pass_needs_health)                 \
                                                                  X(owners_zero_is_whole)          \
                                                                  X(owners_image_followed)         \
                                                                  X(unseen_image_stays)            \
                                                                  X(canary_grows_with_stable)      \
                                                                  X(writes_are_changes)            \
                                                                  X(rest_is_kept)                  \
                                                                  X(end_of_step_decides)          \
                                                                  X(stable_returns_first)         \
                                                                  X(recreated_returns_first)      \
                                                                  X(empty_is_taken_back)          \
                                                                  X(promotion_parts_are_judged)   \
                                                                  X(evidence_sees_bad)            \
                                                                  X(warnings_only_warn)           \
                                                                  X(unready_is_counted)           \
                                                                  X(silence_is_counted)           \
                                                                  X(time_is_counted)              \
                                                                  X(watch_has_periods)            \
                                                                  X(no_data_may_hold)             \
                                                                  X(people_are_told)              \
                                                                  X(promotion_is_wished)          \
                                                                  X(history_is_kept)              \
                                                                  X(traffic_is_set)               \
                                                                  X(pause_stands_still)           \
                                                                  X(standing_is_watched)          \
                                                                  X(effects_come_again)           \
                                                                  X(stable_drains)                \
                                                                  X(less_is_set_at_once)          \
                                                                  X(unsaved_needs_stable)         \
                                                                  X(memory_limit_fails)           \
                                                                  X(advice_only_tells)            \
                                                                  X(unmeasured_is_no_pass)        \
                                                                  X(router_is_waited_for)         \
                                                                  X(interrupt_spares_others)      \
                                                                  X(leaving_is_let_go)            \
                                                                  X(leaving_is_waited_for)        \
                                                                  X(canary_keeps_load)            \
                                                                  X(step_counts_its_own)          \
                                                                  X(outage_is_no_interval)        \
                                                                  X(rollout_counts_its_own)
// clang-format on

namespace linnet::mutant {

#define LINNET_AS_ENUM(name) name,
enum class Guard { none, LINNET_GUARDS(LINNET_AS_ENUM) };
#undef LINNET_AS_ENUM

#define LINNET_AS_TEXT(name) std::string_view(#name),
inline constexpr std::array guard_names{std::string_view("none"), LINNET_GUARDS(LINNET_AS_TEXT)};
#undef LINNET_AS_TEXT

#ifdef LINNET_MUTANTS
inline Guard off = Guard::none;  // test builds only: the guard that is switched off now
#define LINNET_STOPS(name, ...) \
  ((__VA_ARGS__) && ::linnet::mutant::off != ::linnet::mutant::Guard::name)
#define LINNET_NEEDS(name, ...) \
  ((__VA_ARGS__) || ::linnet::mutant::off == ::linnet::mutant::Guard::name)
#else
#define LINNET_STOPS(name, ...) (__VA_ARGS__)
#define LINNET_NEEDS(name, ...) (__VA_ARGS__)
#endif

}  // namespace linnet::mutant
