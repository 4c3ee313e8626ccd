#include "stats/hypergeometric.h"

#include <algorithm>
#include <cmath>

#include "base/result.h"

namespace linnet::stats {
namespace {

// Terms below this part of the sum are left out: a relative error of about 1e-13.
constexpr double negligible = 1e-14;

using Pair = double __attribute__((vector_size(16)));

// ln psi^k; for large k a double would lose the digits that are left after the caller's
// subtraction.
long double log_power(double psi, double k) {
  return k < 1e4 ? k * std::log(psi) : k * std::log(static_cast<long double>(psi));
}

struct Support {
  double nc, ns, x, lo, hi;

  explicit Support(const Margins& m)
      : nc(m.canary),
        ns(m.stable),
        x(m.bad),
        lo(std::max(0.0, m.bad - m.stable)),
        hi(std::min(m.bad, m.canary)) {}

  // P(k+1) / P(k).
  [[nodiscard]] double ratio(double k) const {
    return (nc - k) * (x - k) / ((k + 1) * (ns - x + k + 1));
  }
  // The mode of the distribution weighted with psi^k (Liao and Rosen 2001); one off does no harm.
  [[nodiscard]] double mode(double psi) const {
    const double a = psi - 1;
    const double b = (nc + x + 2) * psi + ns - x;
    const double c = (nc + 1) * (x + 1) * psi;
    const double root = std::floor(2 * c / (b + std::sqrt(std::max(0.0, b * b - 4 * a * c))));
    return std::clamp(root, lo, hi);
  }
  // sum_k P(k) psi^k, in units of the term at `mode`. Both directions at once, one in each half of
  // a vector register, because their divisions are what the time goes into.
  [[nodiscard]] double sum(double mode, double psi) const {
    const double z = ns - x;
    // Upwards from k: (nc-k)(x-k) psi / ((k+1)(z+k+1)); downwards the inverse, one k lower.
    Pair rise_1{nc - mode, mode}, rise_2{x - mode, z + mode};
    Pair fall_1{mode + 1, nc - mode + 1}, fall_2{z + mode + 1, x - mode + 1};
    const Pair rise_step{-1, -1}, fall_step{1, 1}, factor{psi, 1 / psi};
    Pair term{1, 1}, total{0, 1};
    // At an end of the support the factor that ends it is 0, and so are all terms after.
    while (term[0] > negligible || term[1] > negligible) {
      term *= rise_1 * rise_2 * factor / (fall_1 * fall_2);
      total += term;
      rise_1 += rise_step;
      rise_2 += rise_step;
      fall_1 += fall_step;
      fall_2 += fall_step;
    }
    return total[0] + total[1];
  }
  // ln(P(to) / P(from)) for to >= from. Four steps share a division (each factor is below 1e31),
  // and the product is renewed before it leaves the range of doubles.
  [[nodiscard]] double log_step(double from, double to) const {
    double sum_of_logs = 0, product = 1, k = from;
    for (; k + 3 < to; k += 4) {
      const double rise = (nc - k) * (x - k) * ((nc - k - 1) * (x - k - 1)) *
                          ((nc - k - 2) * (x - k - 2) * ((nc - k - 3) * (x - k - 3)));
      const double z = ns - x + k;
      const double fall =
          (k + 1) * (z + 1) * ((k + 2) * (z + 2)) * ((k + 3) * (z + 3) * ((k + 4) * (z + 4)));
      product *= rise / fall;
      if (product < 1e-150 || product > 1e150) {
        sum_of_logs += std::log(product);
        product = 1;
      }
    }
    for (; k < to; ++k) product *= ratio(k);
    return sum_of_logs + std::log(product);
  }
  // ln G when most of the weight lies on k = lo: as 1 + a small number, so that a tiny ln G keeps
  // its digits.
  [[nodiscard]] long double log_g_from_edge(double psi) const {
    double base = 1, excess = 0, term = 1, weighted = 1;
    for (double k = lo; k < hi && weighted > negligible * (base + excess); ++k) {
      const double r = ratio(k);
      term *= r;
      weighted *= r * psi;
      base += term;
      excess += weighted - term;
    }
    return log_power(psi, lo) + std::log1p(excess / base);
  }
};

}  // namespace

double support_width(const Margins& margins) {
  const Support support(margins);
  return support.hi - support.lo;
}

void log_g_exact(const Margins& margins, std::span<const double> psi, std::span<long double> out) {
  CHECK(psi.size() == out.size());
  const Support support(margins);
  const double central = support.mode(1);
  const double log_central_sum = std::log(support.sum(central, 1));
  double at = central, log_height = 0;  // ln(P(at) / P(central))
  for (std::size_t i = 0; i < psi.size(); ++i) {
    if (psi[i] == 1) {
      out[i] = 0;
      continue;
    }
    const double mode = std::max(at, support.mode(psi[i]));
    if (mode == support.lo) {
      out[i] = support.log_g_from_edge(psi[i]);
      continue;
    }
    log_height += support.log_step(at, mode);
    at = mode;
    out[i] = log_power(psi[i], mode) + log_height + std::log(support.sum(mode, psi[i])) -
             log_central_sum;
  }
}

namespace {

// T is double, or long double where the terms are so large that their difference needs it.
template <class T>
void bound(const Margins& m, std::span<const double> psi, std::span<long double> out) {
  const T n = static_cast<T>(m.canary) + m.stable;
  const T w = m.canary / n, q = m.bad / n;
  // Of each pair of bounds the smaller is known beforehand: ln(1 + a t) / a falls with a.
  const T wide = std::max(w, q), narrow = std::min(w, q);
  for (std::size_t i = 0; i < psi.size(); ++i) {
    const T t = static_cast<T>(psi[i]) - 1;
    const T low = n * narrow * std::log1p(wide * t);
    const T high = n * ((w + q - 1) * std::log1p(t) + (1 - wide) * std::log1p((1 - narrow) * t));
    out[i] = std::min(low, high);
  }
}

}  // namespace

void log_g_bound(const Margins& margins, std::span<const double> psi, std::span<long double> out) {
  CHECK(psi.size() == out.size());
  if (margins.bad > 1e5)
    bound<long double>(margins, psi, out);
  else
    bound<double>(margins, psi, out);
}

void log_g_ratio_bound(const Margins& margins, double psi0, std::span<const double> psi,
                       std::span<long double> out) {
  CHECK(psi.size() == out.size());
  const long double w =
      margins.canary / (static_cast<long double>(margins.canary) + margins.stable);
  const long double base = std::log1p(w * (psi0 - 1));
  for (std::size_t i = 0; i < psi.size(); ++i) {
    const long double product = static_cast<long double>(psi0) * psi[i];
    out[i] = margins.bad * (std::log1p(w * (product - 1)) - base);
  }
}

}  // namespace linnet::stats
