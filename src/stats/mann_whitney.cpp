#include "stats/mann_whitney.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace linnet::stats {
namespace {

struct Ranks {
  double x_sum = 0;  // of the ranks of x, ties at their mean
  double ties = 0;   // sum over groups of ties of t^3 - t
};

// Ranks of x - shift among x - shift and y, both sorted.
Ranks rank_sums(std::span<const double> x, std::span<const double> y, double shift) {
  Ranks ranks;
  std::size_t i = 0, j = 0;
  while (i < x.size() || j < y.size()) {
    const double value = j == y.size()   ? x[i] - shift
                         : i == x.size() ? y[j]
                                         : std::min(x[i] - shift, y[j]);
    const std::size_t first = i + j, x_first = i;
    while (i < x.size() && x[i] - shift == value) ++i;
    while (j < y.size() && y[j] == value) ++j;
    const double tied = static_cast<double>(i + j - first);
    ranks.x_sum += static_cast<double>(i - x_first) * (static_cast<double>(first) + (tied + 1) / 2);
    ranks.ties += tied * (tied * tied - 1);
  }
  return ranks;
}

class Statistic {
 public:
  Statistic(std::span<const double> x, std::span<const double> y)
      : x_(x.begin(), x.end()), y_(y.begin(), y.end()) {
    std::sort(x_.begin(), x_.end());
    std::sort(y_.begin(), y_.end());
  }
  [[nodiscard]] double least_shift() const { return x_.front() - y_.back(); }
  [[nodiscard]] double greatest_shift() const { return x_.back() - y_.front(); }

  // Standardised rank sum of x - shift; NaN when all observations are tied.
  [[nodiscard]] double z(double shift) const {
    const auto n = static_cast<double>(x_.size()), m = static_cast<double>(y_.size());
    const Ranks ranks = rank_sums(x_, y_, shift);
    const double surplus = ranks.x_sum - n * (n + 1) / 2 - n * m / 2;
    const double sigma =
        std::sqrt(n * m / 12 * ((n + m + 1) - ranks.ties / ((n + m) * (n + m - 1))));
    if (!(sigma > 0)) return std::numeric_limits<double>::quiet_NaN();
    const double correction = surplus > 0 ? 0.5 : surplus < 0 ? -0.5 : 0;
    return (surplus - correction) / sigma;
  }

 private:
  std::vector<double> x_, y_;
};

constexpr double root_tolerance = 1e-4;

// Brent's zero finder (Brent 1973, ch. 4), in the form of R's uniroot: `b` is the best point so
// far, `c` the one that brackets the root with it, `a` the one before. The steps are part of the
// contract: a rank statistic is flat between its jumps, and which point of a flat piece is returned
// depends on them. NaN when f is NaN somewhere or there is no change of sign.
template <class F>
double brent_root(F f, double a, double b) {
  double fa = f(a), fb = f(b);
  if (fa == 0) return a;
  if (fb == 0) return b;
  if (!(fa * fb < 0)) return std::numeric_limits<double>::quiet_NaN();
  double c = a, fc = fa;
  for (int i = 0; i <= 1000; ++i) {
    const double previous = b - a;
    if (std::abs(fc) < std::abs(fb)) {
      a = b, b = c, c = a;
      fa = fb, fb = fc, fc = fa;
    }
    const double tolerance =
        2 * std::numeric_limits<double>::epsilon() * std::abs(b) + root_tolerance / 2;
    double step = (c - b) / 2;
    if (std::abs(step) <= tolerance || fb == 0) return b;
    if (std::abs(previous) >= tolerance && std::abs(fa) > std::abs(fb)) {
      double p = 0, q = 0;
      if (a == c) {  // two points: a straight line
        const double s = fb / fa;
        p = (c - b) * s;
        q = 1 - s;
      } else {  // three points: inverse quadratic
        const double s = fb / fa, t = fb / fc, u = fa / fc;
        p = s * ((c - b) * u * (u - t) - (b - a) * (t - 1));
        q = (u - 1) * (t - 1) * (s - 1);
      }
      if (p > 0)
        q = -q;
      else
        p = -p;
      if (p < 0.75 * (c - b) * q - std::abs(tolerance * q) / 2 && p < std::abs(previous * q / 2))
        step = p / q;
    }
    if (std::abs(step) < tolerance) step = step > 0 ? tolerance : -tolerance;
    a = b, fa = fb;
    b += step;
    fb = f(b);
    if (std::isnan(fb)) return fb;
    if ((fb > 0) == (fc > 0)) c = a, fc = fa;
  }
  return b;
}

// The shift at which z falls through `quantile`; an end of the range when it does not.
double interval_end(const Statistic& statistic, double quantile) {
  const double least = statistic.least_shift(), greatest = statistic.greatest_shift();
  const double at_least = statistic.z(least) - quantile;
  const double at_greatest = statistic.z(greatest) - quantile;
  if (std::isnan(at_least) || std::isnan(at_greatest)) return at_least + at_greatest;
  if (at_least <= 0) return least;
  if (at_greatest >= 0) return greatest;
  return brent_root([&](double shift) { return statistic.z(shift) - quantile; }, least, greatest);
}

Result<void> check_sample(std::span<const double> values) {
  if (values.empty()) return fail(Code::invalid, "the sample is empty");
  for (const double value : values)
    if (!std::isfinite(value)) return fail(Code::invalid, "value {} is not finite", value);
  return {};
}

}  // namespace

double normal_quantile(double p) {
  if (p > 0.5) return -normal_quantile(1 - p);
  // Newton on ln of the distribution function, which is concave: no step overshoots from the left.
  double z = -std::sqrt(std::max(0.0, -2 * std::log(2 * p)));
  for (int i = 0; i < 60; ++i) {
    const double below = 0.5 * std::erfc(-z / std::numbers::sqrt2);
    const double density = std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    const double step = (std::log(below) - std::log(p)) * below / density;
    z -= step;
    if (std::abs(step) < 1e-16 * (1 + std::abs(z))) break;
  }
  return z;
}

Result<Shift> mann_whitney(std::span<const double> x, std::span<const double> y,
                           double confidence) {
  TRY_VOID(check_sample(x));
  TRY_VOID(check_sample(y));
  if (!(confidence > 0 && confidence < 1))
    return fail(Code::invalid, "confidence {}: must be between 0 and 1", confidence);
  const Statistic statistic(x, y);
  const double tail = normal_quantile((1 - confidence) / 2);
  Shift shift;
  shift.low = interval_end(statistic, -tail);
  shift.high = interval_end(statistic, tail);
  shift.estimate = brent_root([&](double d) { return statistic.z(d); }, statistic.least_shift(),
                              statistic.greatest_shift());
  const double z = statistic.z(0);
  if (std::isnan(shift.low) || std::isnan(shift.high) || std::isnan(shift.estimate))
    return fail(Code::invalid, "no confidence interval: all observations are tied");
  shift.p_value = std::isnan(z) ? 1 : std::min(1.0, std::erfc(std::abs(z) / std::numbers::sqrt2));
  return shift;
}

std::optional<double> quantile_r7(std::span<const double> values, double q) {
  if (values.empty() || !(q >= 0 && q <= 1)) return std::nullopt;
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const double position = static_cast<double>(sorted.size() - 1) * q;
  const double below = std::floor(position);
  const auto i = static_cast<std::size_t>(below);
  if (i + 1 >= sorted.size()) return sorted.back();
  return sorted[i] + (position - below) * (sorted[i + 1] - sorted[i]);
}

std::optional<double> common_language_effect(std::span<const double> x, std::span<const double> y) {
  if (x.empty() || y.empty()) return std::nullopt;
  std::vector<double> xs(x.begin(), x.end()), ys(y.begin(), y.end());
  std::sort(xs.begin(), xs.end());
  std::sort(ys.begin(), ys.end());
  const auto n = static_cast<double>(x.size()), m = static_cast<double>(y.size());
  return (2 * rank_sums(xs, ys, 0).x_sum - n * (n + 1)) / (2 * n * m);
}

}  // namespace linnet::stats
