#include "stats/placebo.h"

#include <algorithm>
#include <cmath>

#include "stats/two_sample.h"

namespace linnet::stats {

Result<void> Placebo::add(std::span<const InstanceCounts> window, double phi) {
  TRY_VOID(check_phi(phi));
  double requests = 0, bad = 0;
  for (std::size_t i = 0; i < window.size(); ++i) {
    if (window[i].id.empty() || window[i].id.size() > 128)
      return fail(Code::invalid, "instance id of {} bytes", window[i].id.size());
    for (std::size_t j = 0; j < i; ++j)
      if (window[i].id == window[j].id)
        return fail(Code::invalid, "instance {} is given twice", window[i].id);
    TRY_VOID(check_whole_counts(window[i].requests, window[i].bad));
    requests += window[i].requests;
    bad += window[i].bad;
  }
  TRY_VOID(check_whole_counts(requests, bad));
  for (const InstanceCounts& one : window) {
    auto known = std::find_if(instances.begin(), instances.end(),
                              [&](const Instance& instance) { return instance.id == one.id; });
    if (known == instances.end()) {
      if (instances.size() >= max_placebo_instances) continue;
      instances.push_back({std::string(one.id), {}, 0});
      known = std::prev(instances.end());
    }
    const PairedCounts against_rest{one.requests, one.bad, requests - one.requests, bad - one.bad};
    const auto increments = log_e_of_window(against_rest, 1, Exact::automatic);
    for (std::size_t k = 0; k < fail_points; ++k) known->log_copies[k] += increments[k] / phi;
    known->highest = std::max(known->highest, log_mix(known->log_copies, prior_logs().fail_weight,
                                                      [](double copy) { return copy; }));
  }
  windows += 1;
  return {};
}

void Placebo::next_run(double alpha) {
  const Verdict last = verdict(alpha);
  // Half of what was known before, so that an old trouble is forgotten after a few runs.
  past_runs = last.watched - past_runs / 2;
  past_alarms = last.alarms - past_alarms / 2;
  instances.clear();
  windows = 0;
}

Placebo::Verdict Placebo::verdict(double alpha) const {
  Verdict result;
  result.watched = past_runs;
  result.alarms = past_alarms;
  for (const Instance& instance : instances) {
    result.watched += 1;
    if (instance.highest >= -std::log(alpha)) result.alarms += 1;
    if (instance.highest > result.highest) {
      result.highest = instance.highest;
      result.worst = instance.id;
    }
  }
  // One false alarm among many instances is what alpha permits: four deviations above its mean.
  const double expected = result.watched * alpha;
  const bool clear = result.alarms >= 1.5 || result.highest >= -2 * std::log(alpha);
  result.broken = clear && result.alarms >= 1 && result.alarms > expected + 4 * std::sqrt(expected);
  return result;
}

}  // namespace linnet::stats
