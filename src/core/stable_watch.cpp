#include "core/stable_watch.h"

#include <algorithm>
#include <cmath>

#include "core/decide.h"
#include "core/limits.h"
#include "stats/words.h"

namespace linnet::core {
namespace {

constexpr Duration dispersion_window = 10s;  // longer than a usual burst
constexpr double placebo_run = 360;          // windows: an hour, longer than a usual rollout
constexpr std::size_t most_instances = 128;

// The cell of an instance; the first is for what belongs to none.
std::size_t cell_of(Evidence& evidence, const std::string& id) {
  auto& known = evidence.instances;
  if (known.empty()) known.emplace_back();
  if (id.empty()) return 0;
  const auto found = std::find(known.begin() + 1, known.end(), id);
  if (found != known.end()) return static_cast<std::size_t>(found - known.begin());
  if (known.size() > most_instances) return 0;
  known.push_back(id);
  return known.size() - 1;
}

void add(LimitEvidence& own, std::size_t cell, const Share& share) {
  if (own.window.size() <= cell) own.window.resize(cell + 1);
  own.window[cell].requests += static_cast<double>(share.requests);
  own.window[cell].bad += static_cast<double>(share.bad);
}

void fill_cells(const Release& release, Evidence& evidence, const Sample& sample) {
  const std::vector<double> boundaries = latency_boundaries(release);
  std::vector<std::size_t> cells;
  cells.reserve(sample.stable_instances.size());
  for (const InstanceCounts& one : sample.stable_instances)
    cells.push_back(is_sane(one.counts) ? cell_of(evidence, one.id) : most_instances + 1);
  (void)cell_of(evidence, "");
  std::size_t index = 0;
  for (const Check& check : release.checks) {
    const std::optional<Limit> limit = limit_of(check);
    if (!limit || index >= evidence.limits.size()) continue;
    LimitEvidence& own = evidence.limits[index++];
    Share rest = share_of(*limit, sample.stable, boundaries);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (cells[i] > most_instances) continue;
      const Share share = share_of(*limit, sample.stable_instances[i].counts, boundaries);
      add(own, cells[i], share);
      rest.requests = std::max<std::int64_t>(rest.requests - share.requests, 0);
      rest.bad = std::clamp<std::int64_t>(rest.bad - share.bad, 0, rest.requests);
    }
    add(own, 0, rest);
  }
}

// Whose requests the placebo looks at: failed ones, where a check counts them.
const LimitEvidence* placebo_limit(const Release& release, const Evidence& evidence) {
  std::size_t index = 0;
  for (const Check& check : release.checks) {
    const std::optional<Limit> limit = limit_of(check);
    if (!limit || index >= evidence.limits.size()) continue;
    if (limit->latency == nullptr) return &evidence.limits[index];
    ++index;
  }
  return evidence.limits.empty() ? nullptr : &evidence.limits.front();
}

void add_to_placebo(const Release& release, Evidence& evidence) {
  const LimitEvidence* limit = placebo_limit(release, evidence);
  // Before the dispersion is known a comparison would be divided by 1 here too, but a rollout may
  // come later, when it is: until then the placebo proves nothing.
  if (limit == nullptr || !limit->clumping.instances.phi()) return;
  std::vector<stats::InstanceCounts> window;
  for (std::size_t i = 1; i < limit->window.size() && i < evidence.instances.size(); ++i)
    window.push_back({evidence.instances[i], limit->window[i].requests, limit->window[i].bad});
  if (window.size() < 2) return;
  // Ids come from the metric source; those it cannot take (too long, twice) are no evidence.
  (void)evidence.placebo.add(window, limit->clumping.compare_now());
  evidence.placebo_broken = placebo_verdict(release, evidence).broken;
  if (evidence.placebo.windows >= placebo_run)
    evidence.placebo.next_run(release.analysis.false_alarm);
}

void close_window(const Release& release, Evidence& evidence) {
  add_to_placebo(release, evidence);  // with the dispersion known before this window
  for (LimitEvidence& limit : evidence.limits) {
    if (limit.window.empty()) continue;
    std::vector<stats::Cell> cells(limit.window.begin() + 1, limit.window.end());
    std::erase_if(cells, [](const stats::Cell& cell) { return cell.requests == 0; });
    if (cells.empty() && limit.window[0].requests > 0) cells.push_back(limit.window[0]);
    (void)limit.clumping.add_window(cells);
    limit.window.clear();
  }
  evidence.instances.clear();
  evidence.window_age = 0ms;
}

}  // namespace

void watch_stable(const Release& release, Evidence& evidence, const Sample& sample,
                  Duration elapsed) {
  // An engine's first look brings what came since the one before it, days ago perhaps: of that time
  // there are no windows, and as one it would be a clump.
  if (elapsed <= 0ms || !is_sane(sample.stable)) return;
  evidence.window_age += elapsed;
  if (sample.stable.requests > 0) fill_cells(release, evidence, sample);
  if (evidence.window_age >= dispersion_window) close_window(release, evidence);
}

double comparison_phi(const Release& release, const Evidence& evidence, bool latency) {
  double own = 0, any = 1;
  std::size_t index = 0;
  for (const Check& check : release.checks) {
    const std::optional<Limit> limit = limit_of(check);
    if (!limit || index >= evidence.limits.size()) continue;
    const double phi = evidence.limits[index++].clumping.phi_compare;
    any = std::max(any, phi);
    if ((limit->latency != nullptr) == latency) own = std::max(own, phi);
  }
  return own > 0 ? own : any;
}

stats::Placebo::Verdict placebo_verdict(const Release& release, const Evidence& evidence) {
  return evidence.placebo.verdict(release.analysis.false_alarm);
}

std::string placebo_text(const Release& release, const Evidence& evidence) {
  const stats::Placebo::Verdict verdict = placebo_verdict(release, evidence);
  if (verdict.watched < 1)
    return "not watched yet: it takes two instances of stable and some failed requests on them";
  const std::string found = fmt::format(
      "judged like a canary, stable's own instances would have been taken back in {} of {} trials",
      stats::count_words(std::ceil(verdict.alarms)),
      stats::count_words(std::ceil(verdict.watched)));
  if (!evidence.placebo_broken) return found;
  return fmt::format(
      "{}{}: instances differ, or errors come in bursts that the error model does not know. "
      "Comparisons with stable are advisory until this has gone; limits and the plain rule still "
      "hold",
      found, verdict.worst.empty() ? "" : fmt::format(", most clearly {}", verdict.worst));
}

}  // namespace linnet::core
