// One simulated run as SVG: the weight, the measured rates and the evidence over time, one below
// the other on a common time axis. Plain shapes and text, no script.
#include <algorithm>
#include <cmath>
#include <functional>

#include "sim/simulate.h"

namespace linnet::sim {
namespace {

constexpr double width = 860;
constexpr double left = 70;
constexpr double right = 20;
constexpr double panel_height = 130;
constexpr double panel_gap = 36;
constexpr double top = 56;

struct Panel {
  std::string title;
  double most = 1;
  std::string unit;
  std::function<double(const RunPoint&)> value;
  std::string colour;
  double line = -1;  // a limit to draw; below 0: none
  std::string line_text;
};

double x_of(double at_s, double from_s, double until_s) {
  return left + (width - left - right) * (at_s - from_s) / std::max(1.0, until_s - from_s);
}

std::string text_at(double x, double y, const std::string& text, const std::string& more = {}) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", x, y, more, text);
}

std::string panel_svg(const Panel& panel, const std::vector<RunPoint>& run, double y) {
  const double from_s = run.front().at_s;
  const double until_s = run.back().at_s;
  const auto y_of = [&](double value) {
    return y + panel_height - panel_height * std::clamp(value / panel.most, 0.0, 1.0);
  };
  std::string svg = fmt::format(
      "<rect x=\"{}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\" fill=\"#fafafa\" stroke=\"#ccc\"/>\n",
      left, y, width - left - right, panel_height);
  svg += text_at(left, y - 6, panel.title, "class=\"title\"");
  svg += text_at(left - 6, y + 10, fmt::format("{:.3g}{}", panel.most, panel.unit),
                 "text-anchor=\"end\"");
  svg += text_at(left - 6, y + panel_height, fmt::format("0{}", panel.unit), "text-anchor=\"end\"");
  if (panel.line >= 0 && panel.line <= panel.most) {
    const double at = y_of(panel.line);
    svg += fmt::format(
        "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#c33\" "
        "stroke-dasharray=\"5 4\"/>\n",
        left, width - right, at, at);
    svg += text_at(width - right - 4, at - 4, panel.line_text, "text-anchor=\"end\" fill=\"#c33\"");
  }
  std::string path;
  double before = 0;
  for (const RunPoint& point : run) {
    const double x = x_of(point.at_s, from_s, until_s);
    const double value = y_of(panel.value(point));
    // Values hold until the next turn: steps, not slopes.
    if (path.empty())
      path = fmt::format("M{:.1f} {:.1f}", x, value);
    else
      path += fmt::format("L{:.1f} {:.1f}L{:.1f} {:.1f}", x, before, x, value);
    before = value;
  }
  return svg + fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n",
                           path, panel.colour);
}

double highest(const std::vector<RunPoint>& run,
               const std::function<double(const RunPoint&)>& value, double at_least) {
  double most = at_least;
  for (const RunPoint& point : run) most = std::max(most, value(point));
  return most;
}

}  // namespace

std::string picture(const Simulation& simulation) {
  const std::vector<RunPoint>& run = simulation.run;
  if (run.empty()) return {};
  std::vector<Panel> panels;
  panels.push_back({"canary weight in force",
                    100,
                    " %",
                    [](const RunPoint& p) { return p.weight; },
                    "#2468b0",
                    -1,
                    {}});
  for (const core::Check& check : simulation.release.checks) {
    std::string title;
    double limit = 0;
    std::function<double(const RunPoint&)> value;
    if (const auto* errors = std::get_if<core::ErrorRateCheck>(&check.rule)) {
      title = "canary requests that failed, this step";
      limit = errors->limit.value();
      value = [](const RunPoint& p) { return p.error_rate; };
    } else if (const auto* latency = std::get_if<core::LatencyCheck>(&check.rule)) {
      title = fmt::format("canary requests above {}, this step", duration_text(latency->limit));
      limit = 100 - latency->quantile.value();
      value = [](const RunPoint& p) { return p.slow_share; };
    } else {
      continue;
    }
    panels.push_back({title, highest(run, value, limit * 1.3), " %", value, "#333", limit,
                      fmt::format("limit {:g} %", limit)});
  }
  const auto evidence = [](const RunPoint& p) { return p.log10_evidence; };
  // All limits share the error probability: evidence about one alone needs this much.
  const auto limits = static_cast<double>(std::max<std::size_t>(panels.size(), 2) - 1);
  const double needed = std::log10(limits / simulation.release.analysis.false_alarm);
  panels.push_back({"evidence against the canary: 1 in 10^x", highest(run, evidence, needed * 1.3),
                    "", evidence, "#806000", needed, "enough to take it back"});

  const double height = top + static_cast<double>(panels.size()) * (panel_height + panel_gap);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {:.0f}\" "
      "font-family=\"sans-serif\" "
      "font-size=\"12\" fill=\"#333\">\n<style>.title{{font-weight:bold}}</style>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      width, height);
  svg += text_at(
      left, 22,
      fmt::format("{}: one run of a canary with {}, {:g} requests/s", simulation.release.name,
                  simulation.pictured, simulation.options.requests_per_second),
      "font-size=\"15\"");
  double y = top;
  for (const Panel& panel : panels) {
    svg += panel_svg(panel, run, y);
    y += panel_height + panel_gap;
  }
  const double from_s = run.front().at_s;
  const double until_s = run.back().at_s;
  for (int tick = 0; tick <= 4; ++tick) {
    const double at_s = from_s + (until_s - from_s) * tick / 4;
    svg += text_at(x_of(at_s, from_s, until_s), y - panel_gap + 16, fmt::format("{:.0f} s", at_s),
                   "text-anchor=\"middle\"");
  }
  return svg + "</svg>\n";
}

}  // namespace linnet::sim
