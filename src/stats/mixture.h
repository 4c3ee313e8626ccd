// The fixed priors of all evidence and the likelihood ratios built on them. A prior is a list of
// odds ratios psi with weights: "the canary's odds of failing are psi times the limit's". Averaging
// likelihood ratios over it costs little against knowing the true rate (Robbins 1970) and stays
// valid at every look (Ville 1939).
#pragma once

#include <array>
#include <cmath>
#include <span>

#include "stats/numeric.h"

namespace linnet::stats {

inline constexpr std::size_t fail_points = 8;
inline constexpr std::size_t pass_points = 5;

/// R8: odds ratios worse than the limit; evidence for "fail" and for "worse than stable".
inline constexpr std::array<double, fail_points> fail_psi{1.1, 1.4, 2, 3, 7, 20, 45, 150};
inline constexpr std::array<double, fail_points> fail_weight{.02, .04, .14, .15,
                                                             .33, .16, .12, .04};
/// P5: odds ratios better than the limit; evidence for "pass".
inline constexpr std::array<double, pass_points> pass_psi{0.8, 0.6, 0.35, 0.12, 0.02};
inline constexpr std::array<double, pass_points> pass_weight{.05, .15, .25, .35, .20};

/// The probability whose odds are psi times those of p. Both arguments may be extreme.
inline double odds(double p, double psi) { return psi * p / (1 - p + psi * p); }

/// F2 with p1 = odds(p0, psi): ln of the likelihood ratio of x bad among n requests,
/// x ln psi - n ln(1 + p0 (psi - 1)). Kept in extended precision: at n = 1e9 the two terms are 1e8
/// and cancel. n and x may be sums divided by a dispersion. Precondition: 0 < p0 < 1.
double log_likelihood_ratio(double p0, double psi, double n, double x);

/// F3: ln of the R8 mixture of F2: evidence that the rate is above p0, from one sample of counts.
/// Code::invalid unless 0 < p0 < 1 and the counts are sane.
Result<double> log_mixture_above(double p0, double n, double x);
/// F4: ln of the P5 mixture of F2: evidence that the rate is below p0.
Result<double> log_mixture_below(double p0, double n, double x);

/// Wald's lower bound F1 on the expected requests of any test that detects rate p1 against limit p0
/// with error probability alpha: ln(1/alpha) / KL(p1 || p0); infinite when p1 == p0. With a miss
/// probability beta > 0: [(1-beta) ln((1-beta)/alpha) + beta ln(beta/(1-alpha))] / KL.
double wald_bound(double p0, double p1, double alpha, double beta = 0);

/// F17: ln sum_m v_m E_m over the checks of one rollout, given ln E_m and weights v_m that sum to
/// at most 1: the average of evidences is evidence, whatever the dependence between them. -inf when
/// empty. Use current values of the same tick, never running maxima. Sizes must agree.
double log_weighted_sum(std::span<const double> log_evidence, std::span<const double> weights);

/// Logarithms of the priors' points and weights, computed once.
struct PriorLogs {
  std::array<double, fail_points> fail_psi, fail_weight;
  std::array<double, pass_points> pass_psi, pass_weight;
};
const PriorLogs& prior_logs();

/// ln(sum_k weight_k exp(terms_k)) for terms computed by `term(psi)`.
template <std::size_t N, class Term>
double log_mix(const std::array<double, N>& psi, const std::array<double, N>& log_weight,
               Term term) {
  std::array<double, N> terms;
  for (std::size_t k = 0; k < N; ++k) terms[k] = log_weight[k] + term(psi[k]);
  return log_sum_exp(terms);
}

}  // namespace linnet::stats
