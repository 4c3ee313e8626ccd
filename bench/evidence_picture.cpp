// Draws docs/evidence.svg: how the evidence grows in a good and in bad releases, from the evidence
// code itself and a fixed seed. Run: build/release/bench/evidence_picture > docs/evidence.svg
#include <array>

#include "bench/simulated.h"
#include "stats/threshold.h"

namespace linnet::bench {
namespace {

constexpr double left = 110, top = 56, width = 560, height = 300;
constexpr int seconds = 60;
constexpr double lowest = .5, highest = 1e6, alpha = .01, limit = .05;

double x_of(double second) { return left + width * second / seconds; }
double y_of(double evidence) {
  const double share =
      std::log(std::clamp(evidence, lowest, highest) / lowest) / std::log(highest / lowest);
  return top + height * (1 - share);
}

struct Release {
  double rate;
  const char* name;
  const char* colour;
  const char* dashes;
};

// Evidence of the whole rollout each second: two checks, four stages, latency in order all the
// time.
std::vector<double> evidence_of(const Release& release) {
  Random random(1);
  const Poisson arrivals(5);
  auto errors = *stats::Threshold::make(limit, 4), latency = errors;
  std::vector<double> result{1};
  for (int second = 1; second <= seconds; ++second) {
    const int n = arrivals(random);
    if (!errors.add(n, random.binomial(n, release.rate)) ||
        !latency.add(n, random.binomial(n, .01)))
      std::abort();
    result.push_back((std::exp(errors.log_fail()) + std::exp(latency.log_fail())) / 2);
  }
  return result;
}

void text(double x, double y, const char* attributes, const std::string& words) {
  fmt::print("<text x=\"{:.0f}\" y=\"{:.0f}\" {}>{}</text>\n", x, y, attributes, words);
}

void axes() {
  for (const auto& [evidence, label] :
       std::initializer_list<std::pair<double, const char*>>{{1, "1"},
                                                             {10, "1 in 10"},
                                                             {1e2, "1 in 100"},
                                                             {1e3, "1 in 1,000"},
                                                             {1e4, "1 in 10,000"},
                                                             {1e5, "1 in 100,000"},
                                                             {1e6, "1 in 1,000,000"}}) {
    fmt::print("<line x1=\"{:.0f}\" x2=\"{:.0f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>\n",
               left, left + width, y_of(evidence), y_of(evidence));
    text(left - 6, y_of(evidence) + 4, "text-anchor=\"end\"", label);
  }
  for (int second = 0; second <= seconds; second += 10)
    text(x_of(second), top + height + 18, "text-anchor=\"middle\"", fmt::format("{} s", second));
  text(left + width / 2, top + height + 38, "text-anchor=\"middle\"",
       "time since the canary got 5 requests per second");
}

void draw(const Release& release) {
  const auto evidence = evidence_of(release);
  std::string points;
  int fired = -1;
  for (int second = 0; second <= seconds; ++second) {
    const double value = evidence[static_cast<std::size_t>(second)];
    points += fmt::format("{:.1f},{:.1f} ", x_of(second), y_of(value));
    if (fired < 0 && value >= 1 / alpha) fired = second;
    if (fired >= 0) break;  // from here on it gets no more requests
  }
  fmt::print(
      "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" "
      "stroke-dasharray=\"{}\"/>\n",
      points, release.colour, release.dashes);
  if (fired < 0) return;
  const double at = evidence[static_cast<std::size_t>(fired)];
  fmt::print("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\" fill=\"{}\"/>\n", x_of(fired), y_of(at),
             release.colour);
  text(x_of(fired) + 9, y_of(at) + (at < 1e4 ? -6 : 14),
       fmt::format("fill=\"{}\"", release.colour).c_str(),
       fmt::format("taken back after {} s", fired));
}

}  // namespace
}  // namespace linnet::bench

int main() {
  using namespace linnet::bench;
  constexpr std::array<Release, 4> releases{
      {{.5, "50 % errors", "#b2182b", "none"},
       {.2, "20 % errors", "#d6604d", "8 3"},
       {.04, "4 % errors, within the limit", "#777777", "3 3"},
       {.005, "0.5 % errors, good", "#2166ac", "none"}}};
  fmt::print(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 700 420\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n"
      "<title>Evidence against four canaries over 60 seconds</title>\n"
      "<rect width=\"700\" height=\"420\" fill=\"white\"/>\n");
  text(left - 40, 20, "font-size=\"14\" font-weight=\"bold\"",
       "How surprised linnet is: evidence that the error rate is above its limit of 5 %");
  for (std::size_t i = 0; i < releases.size(); ++i) {
    constexpr std::array offsets{0., 120., 240., 450.};
    const double at = left - 40 + offsets[i];
    fmt::print(
        "<line x1=\"{:.0f}\" x2=\"{:.0f}\" y1=\"38\" y2=\"38\" stroke=\"{}\" stroke-width=\"2\" "
        "stroke-dasharray=\"{}\"/>\n",
        at, at + 24, releases[i].colour, releases[i].dashes);
    text(at + 30, 42, "", releases[i].name);
  }
  axes();
  for (const Release& release : releases) draw(release);
  fmt::print(
      "<line x1=\"{:.0f}\" x2=\"{:.0f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"black\" "
      "stroke-dasharray=\"6 4\"/>\n",
      left, left + width, y_of(1 / alpha), y_of(1 / alpha));
  text(left + width, y_of(1 / alpha) + 15, "text-anchor=\"end\"",
       "false_alarm 0.01: taken back above this line");
  fmt::print("</svg>\n");
  return 0;
}
