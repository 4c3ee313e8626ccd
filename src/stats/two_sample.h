// Evidence that the canary fails more often than stable does at the same time, valid at every look
// and whatever stable's rate is or becomes. Section 2a: each window's 2x2 table given its margins.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "stats/hypergeometric.h"
#include "stats/mixture.h"
#include "stats/stage_weights.h"

namespace linnet::stats {

/// Counts of one window of both tracks, read at the same instants.
struct PairedCounts {
  double canary_requests = 0;
  double canary_bad = 0;
  double stable_requests = 0;
  double stable_bad = 0;
};

enum class Exact : std::int32_t {
  automatic = 0,  // exact sums, the bound F7 only where the support is wider than 4096
  never = 1,      // always the bound F7: constant cost, up to some percent slower to decide
};

/// The state is plain and trivially copyable: save every field, load it, and it goes on bit for
/// bit. Windows must not be split or merged afterwards: each is judged given its own margins. Use
/// realised counts, never the configured weight.
struct TwoSample {
  double tolerance = 1;  // psi0 of F8: odds ratio that is still allowed, >= 1
  Exact exact = Exact::automatic;
  std::int32_t stage = 0;  // 0-based
  StageWeights weights;    // v_s
  std::array<double, fail_points>
      log_copies{};  // per psi_k: ln sum_(s started) v_s prod_t e_t(psi_k)

  /// A fresh state in its first stage. Code::invalid unless 1 <= tolerance <= 100.
  static Result<TwoSample> make(const StageWeights& stage_weights, double tolerance = 1,
                                Exact exact = Exact::automatic);
  static Result<TwoSample> make(int stages = 1, double tolerance = 1,
                                Exact exact = Exact::automatic);

  /// Adds a window. phi >= 1 is the dispersion known before it (F11). A window without requests of
  /// one track, without any bad request, or with only bad ones, changes nothing. Code::invalid
  /// unless all counts are whole, 0 <= bad <= requests <= 1e15; the state then stays as it was.
  Result<void> add(const PairedCounts& window, double phi = 1);

  /// Starts the next stage: a new copy of the evidence beside the older ones.
  void next_stage();

  /// ln of the evidence against "the canary's odds of failing are at most `tolerance` times
  /// stable's". The canary is worse when it reaches ln(1/alpha).
  [[nodiscard]] double log_worse() const;

  /// About how many more requests to the canary, at these failure rates (0..1) and with this share
  /// of all requests going to the canary, lift log_worse() to `log_target`; 0 when it is there,
  /// nothing when it does not grow at these rates.
  [[nodiscard]] std::optional<double> requests_to_fail(double log_target, double canary_rate,
                                                       double stable_rate, double canary_share,
                                                       double phi = 1) const;

  /// Code::invalid when loaded fields cannot be a state of this type.
  [[nodiscard]] Result<void> check() const;

  friend bool operator==(const TwoSample&, const TwoSample&) = default;
};

/// Code::invalid unless both tracks' counts are whole and sane.
Result<void> check_paired(const PairedCounts& window);

/// ln e_t(psi_k) of F5/F8 for each point of R8: the increments of one window, not divided by phi.
/// All 0 when the window carries no information. Precondition: check_paired(window), tolerance
/// >= 1.
std::array<double, fail_points> log_e_of_window(const PairedCounts& window, double tolerance,
                                                Exact exact);

}  // namespace linnet::stats
