// linnet's evidence against what release tools do today, on the same simulated traffic: fixed
// windows of a rate, as Argo Rollouts and Flagger are usually set up, plain peeking, and Kayenta's
// judge.
#include <array>
#include <deque>

#include "bench/simulated.h"
#include "stats/kayenta.h"
#include "stats/threshold.h"
#include "stats/two_sample.h"

namespace linnet::bench {
namespace {

constexpr int seconds = 600;
constexpr double limit = .05;

struct Second {
  int canary = 0, canary_bad = 0, stable = 0, stable_bad = 0;
};
using Traffic = std::vector<Second>;  // running totals, [0] is zero

Second between(const Traffic& t, int from, int to) {
  const Second &a = t[static_cast<std::size_t>(std::max(0, from))],
               &b = t[static_cast<std::size_t>(to)];
  return {b.canary - a.canary, b.canary_bad - a.canary_bad, b.stable - a.stable,
          b.stable_bad - a.stable_bad};
}

double share(int bad, int all) { return all > 0 ? static_cast<double>(bad) / all : 0; }

// First time at which `broken(t)` held `needed` times (in a row, when `in_row`), or 0.
template <class Broken>
int first_rollback(int every, int needed, bool in_row, Broken broken) {
  int count = 0;
  for (int t = every; t <= seconds; t += every) {
    if (broken(t))
      ++count;
    else if (in_row)
      count = 0;
    if (count >= needed) return t;
  }
  return 0;
}

void count(Times& times, int at) { at > 0 ? times.at(at) : times.none(); }

std::string cell(const Times& times, bool false_alarm) {
  return false_alarm            ? fmt::format("{:.4f}", times.share())
         : times.share() < .995 ? fmt::format("P={:.3f}, {:.0f} s", times.share(), times.mean())
                                : fmt::format("{:.3g} s", times.mean());
}

Traffic traffic(Random& random, const Poisson& canary_bad, const Poisson& canary_good,
                const Poisson* stable_bad, const Poisson* stable_good) {
  Traffic t(seconds + 1);
  for (std::size_t i = 1; i <= seconds; ++i) {
    const int cb = canary_bad(random), cg = canary_good(random);
    const int sb = stable_bad ? (*stable_bad)(random) : 0;
    const int sg = stable_good ? (*stable_good)(random) : 0;
    t[i] = {t[i - 1].canary + cb + cg, t[i - 1].canary_bad + cb, t[i - 1].stable + sb + sg,
            t[i - 1].stable_bad + sb};
  }
  return t;
}

int evidence_rollback(const Traffic& t, double alpha) {
  auto state = *stats::Threshold::make(limit);
  for (int s = 1; s <= seconds; ++s) {
    const Second now = between(t, s - 1, s);
    if (!state.add(now.canary, now.canary_bad)) std::abort();
    if (now.canary_bad > 0 && state.log_fail() >= -std::log(alpha)) return s;
  }
  return 0;
}

struct AbsoluteRow {
  double rate;
  const char* reference;
};

}  // namespace

void compared_rules(int scale) {
  const int runs = 10'000 / scale;
  fmt::print(
      "Limit 5 %, 5 canary requests per second, 600 s, {} runs. At or below the limit: "
      "probability\n"
      "of a (false) rollback; above: mean time to it. A60: Argo, 1m rate each 60 s, failures "
      "allowed 0,\n"
      "3. FL: Flagger, 1m rate each 10 s, threshold 1, 5. C3: three in a row. E: evidence, alpha "
      ".01, .001.\n"
      "Second line: the reference.\n"
      "  rate  A60 0           A60 3           FL 1            FL 5            C3              E "
      ".01      "
      "     E .001\n",
      runs);
  constexpr AbsoluteRow rows[] = {
      {.01,
       ".0000           .0000           .0168           .0000           .0001           .0000"},
      {.02,
       ".0084           .0000           .1213           .0009           .0106           .0000"},
      {.03,
       ".2503           .0000           .6309           .1592           .2330           .0003      "
       "     .0000"},
      {.04,
       ".8759           .0953           .9865           .8753           .8540           .0003      "
       "     .0000"},
      {.05,
       ".9992           .7907           1.000           .9992           .9977           .0028      "
       "     .0000"},
      {.06,
       "79 s            315 s           25 s            77 s            59 s            P=.138, "
       "344 s   P=.044"},
      {.08,
       "62 s            246 s           14 s            56 s            37 s            170 s      "
       "     231 s"},
      {.10,
       "60 s            240 s           12 s            52 s            32 s            61 s       "
       "     85 s"},
      {.20,
       "60 s            240 s           10 s            50 s            30 s            9.5 s      "
       "     13 s"},
      {.50,
       "60 s            240 s           10 s            50 s            30 s            2.1 s      "
       "     2.7 s"},
      {1.0,
       "60 s            240 s           10 s            50 s            30 s            1.1 s      "
       "     1.3 s"}};
  for (const AbsoluteRow& row : rows) {
    Random random(2000 + static_cast<std::uint64_t>(row.rate * 100));
    const Poisson bad(5 * row.rate), good(5 * (1 - row.rate));
    std::array<Times, 7> times;
    for (int run = 0; run < runs; ++run) {
      const Traffic t = traffic(random, bad, good, nullptr, nullptr);
      const auto broken = [&](int at) {
        const Second minute = between(t, at - 60, at);
        return share(minute.canary_bad, minute.canary) > limit;
      };
      count(times[0], first_rollback(60, 1, false, broken));
      count(times[1], first_rollback(60, 4, false, broken));
      count(times[2], first_rollback(10, 1, false, broken));
      count(times[3], first_rollback(10, 5, false, broken));
      count(times[4], first_rollback(10, 3, true, broken));
      count(times[5], evidence_rollback(t, .01));
      count(times[6], evidence_rollback(t, .001));
    }
    fmt::print("  {:3.0f}% ", 100 * row.rate);
    for (const Times& one : times) fmt::print(" {:15}", cell(one, row.rate <= limit));
    fmt::print("\n  ref.  {}\n", row.reference);
  }
}

namespace {

// P(X >= x) for X ~ Binomial(n, w).
double binomial_tail(int n, int x, double w) {
  double term = std::exp(n * std::log1p(-w)), below = 0;
  for (int k = 0; k < x; ++k) {
    below += term;
    term *= static_cast<double>(n - k) / (k + 1) * w / (1 - w);
  }
  return 1 - below;
}

int kayenta_rollback(const Traffic& t) {
  stats::KayentaMetric metric;
  metric.name = "error rate";
  metric.direction = stats::Direction::increase;
  std::vector<double> control, experiment;
  for (int at = 10; at <= seconds; at += 10) {
    const Second window = between(t, at - 10, at);
    experiment.push_back(100 * share(window.canary_bad, window.canary));
    control.push_back(100 * share(window.stable_bad, window.stable));
    if (at % 60 == 0 && stats::kayenta_metric(metric, control, experiment).classification ==
                            stats::KayentaClass::high)
      return at;
  }
  return 0;
}

int comparison_rollback(const Traffic& t, double alpha) {
  auto state = *stats::TwoSample::make();
  for (int s = 1; s <= seconds; ++s) {
    const Second now = between(t, s - 1, s);
    if (!state.add({double(now.canary), double(now.canary_bad), double(now.stable),
                    double(now.stable_bad)}))
      std::abort();
    if (now.canary_bad > 0 && state.log_worse() >= -std::log(alpha)) return s;
  }
  return 0;
}

}  // namespace

void compared_relative_rules(int scale) {
  const int runs = 2000 / scale;
  fmt::print(
      "Against stable at 0.5 %, 5 and 95 requests per second, 600 s, {} runs. 2x: canary above "
      "twice\n"
      "stable; peek: binomial p < .01 each 10 s; Kayenta: 10 s points each 60 s; F6: evidence each "
      "second.\n"
      "   rate 2x A60 0        2x FL 5         2x C3           peek            Kayenta         F6 "
      ".01  "
      "        F6 .001\n",
      runs);
  constexpr AbsoluteRow rows[] = {{.005,
                                   ".763            .734            .755            .050           "
                                   " .0003           .0030           .0007"},
                                  {.01,
                                   ".998, 128 s     .999, 130 s     .996, 111 s     .855, 240 s    "
                                   " .008            .500, 325 s     .275, 378 s"},
                                  {.02,
                                   "67 s            64 s            46 s            66 s           "
                                   " .680, 298 s     103 s           147 s"},
                                  {.05,
                                   "60 s            51 s            31 s            20 s           "
                                   " 95 s            21 s            28 s"},
                                  {.10,
                                   "60 s            50 s            30 s            12 s           "
                                   " 71 s            8.1 s           11 s"},
                                  {.50,
                                   "60 s            50 s            30 s            10 s           "
                                   " 60 s            1.6 s           2.0 s"}};
  const Poisson stable_bad(95 * .005), stable_good(95 * .995);
  for (const AbsoluteRow& row : rows) {
    Random random(3000 + static_cast<std::uint64_t>(row.rate * 1000));
    const Poisson bad(5 * row.rate), good(5 * (1 - row.rate));
    std::array<Times, 7> times;
    for (int run = 0; run < runs; ++run) {
      const Traffic t = traffic(random, bad, good, &stable_bad, &stable_good);
      const auto broken = [&](int at) {
        const Second m = between(t, at - 60, at);
        return share(m.canary_bad, m.canary) > 2 * share(m.stable_bad, m.stable);
      };
      count(times[0], first_rollback(60, 1, false, broken));
      count(times[1], first_rollback(10, 5, false, broken));
      count(times[2], first_rollback(10, 3, true, broken));
      count(times[3], first_rollback(10, 1, false, [&](int at) {
              const Second all = t[static_cast<std::size_t>(at)];
              return binomial_tail(all.canary_bad + all.stable_bad, all.canary_bad,
                                   share(all.canary, all.canary + all.stable)) < .01;
            }));
      count(times[4], kayenta_rollback(t));
      count(times[5], comparison_rollback(t, .01));
      count(times[6], comparison_rollback(t, .001));
    }
    fmt::print("  {:4.1f}%", 100 * row.rate);
    for (const Times& one : times) fmt::print(" {:15}", cell(one, row.rate == .005));
    fmt::print("\n  ref.  {}\n", row.reference);
  }
}

}  // namespace linnet::bench
