#include "core/gauges.h"

#include <algorithm>

#include "base/mutant.h"
#include "stats/words.h"

namespace linnet::core {
namespace {

constexpr Duration batch = 30s;
constexpr double batches_needed = 20;
constexpr std::size_t most_instances = 256;

void add_memory(GaugeEvidence::Side& side, const TrackSeen& track, Duration elapsed) {
  double sum = 0, known = 0;
  for (const Instance& instance : track.instances) {
    if (instance.state != Instance::State::ready || instance.rss_bytes < 0) continue;
    sum += static_cast<double>(instance.rss_bytes) / (1 << 20);
    known += 1;
  }
  if (known == 0) return;
  const double seconds = static_cast<double>(elapsed.count()) / 1000;
  side.sum += sum / known * seconds;
  side.weight += seconds;
}

// What the track's instances spent since they were last seen; a process that was started again
// counts from 0.
double cpu_growth(std::vector<CpuSeen>& before, const TrackSeen& track) {
  double growth = 0;
  for (const Instance& instance : track.instances) {
    if (instance.cpu_ms < 0) continue;
    const auto known = std::find_if(before.begin(), before.end(),
                                    [&](const CpuSeen& one) { return one.id == instance.id; });
    if (known == before.end()) {
      if (before.size() < most_instances) before.push_back({instance.id, instance.cpu_ms});
      continue;
    }
    const bool again = instance.cpu_ms < known->cpu_ms;
    growth += static_cast<double>(again ? instance.cpu_ms : instance.cpu_ms - known->cpu_ms);
    known->cpu_ms = instance.cpu_ms;
  }
  return growth;
}

void close_batch(GaugeEvidence& gauge) {
  const bool both = gauge.stable.weight > 0 && gauge.canary.weight > 0;
  for (GaugeEvidence::Side* side : {&gauge.stable, &gauge.canary}) {
    if (side->weight > 0) side->last = side->sum / side->weight;
    side->sum = side->weight = 0;
  }
  if (both) (void)gauge.difference.add(gauge.canary.last - gauge.stable.last);
  gauge.age = 0ms;
}

bool is_known(const GaugeEvidence::Side& side) { return side.weight > 0 || side.last > 0; }

// The last batch's mean, in the first batch what there is of it.
double mean_of(const GaugeEvidence::Side& side) {
  if (side.last > 0 || side.weight <= 0) return side.last;
  return side.sum / side.weight;
}

}  // namespace

void take_gauges(const Release& release, Evidence& evidence, const WorkloadSeen& workload,
                 const Sample& sample, Duration elapsed) {
  std::size_t index = 0;
  for (const Check& check : release.checks) {
    const auto* rule = std::get_if<GaugeCheck>(&check.rule);
    if (rule == nullptr || index >= evidence.gauges.size()) continue;
    GaugeEvidence& gauge = evidence.gauges[index++];
    if (rule->of == GaugeCheck::Of::memory) {
      add_memory(gauge.stable, workload.stable, elapsed);
      add_memory(gauge.canary, workload.canary, elapsed);
    } else {
      gauge.stable.sum += cpu_growth(gauge.cpu, workload.stable);
      gauge.canary.sum += cpu_growth(gauge.cpu, workload.canary);
      gauge.stable.weight += static_cast<double>(sample.stable.requests);
      gauge.canary.weight += static_cast<double>(sample.canary.requests);
    }
    gauge.age += elapsed;
    if (gauge.age >= batch) close_batch(gauge);
  }
}

CheckReport judge_gauge(const Release& release, const Check& check, const GaugeEvidence& gauge,
                        bool complete) {
  const auto& rule = std::get<GaugeCheck>(check.rule);
  CheckReport report;
  report.name = check.name;
  report.unit = rule.of == GaugeCheck::Of::memory ? "MiB" : "ms/request";
  report.value = mean_of(gauge.canary);
  report.limit = rule.limit_mib > 0 ? rule.limit_mib : mean_of(gauge.stable);
  const bool seen = is_known(gauge.canary) || gauge.difference.batches > 0;
  const bool over = rule.limit_mib > 0 && report.value > rule.limit_mib;
  const bool decides = LINNET_NEEDS(advice_only_tells, !rule.advisory) && complete;
  const bool higher = gauge.difference.advice(release.analysis.false_alarm) ==
                      stats::GaugeComparison::Advice::canary_higher;
  if (!seen)
    report.verdict = Verdict::no_data;
  else if (LINNET_STOPS(memory_limit_fails, over && decides))
    report.verdict = Verdict::fail;
  else
    report.verdict = over || higher ? Verdict::inconclusive : Verdict::pass;
  return report;
}

void explain_gauge(const Release& release, const Check& check, const GaugeEvidence& gauge,
                   CheckReport& report) {
  const auto& rule = std::get<GaugeCheck>(check.rule);
  const bool memory = rule.of == GaugeCheck::Of::memory;
  if (report.verdict == Verdict::no_data) {
    report.text = "not measured yet";
    return;
  }
  const std::string unit = memory ? "MiB" : "ms";
  const std::string beside =
      is_known(gauge.stable) || gauge.difference.batches > 0
          ? fmt::format("against stable's {:.3g} {}", mean_of(gauge.stable), unit)
          : "and stable's is not known";
  report.text = fmt::format("{} {:.3g} {} {} {}", memory ? "memory" : "CPU", report.value, unit,
                            memory ? "an instance" : "a request", beside);
  if (rule.limit_mib > 0) report.text += fmt::format("; limit {:g} MiB", rule.limit_mib);
  const auto interval = gauge.difference.interval(release.analysis.false_alarm);
  if (interval)
    report.text += fmt::format(
        "; the difference is between {:.3g} and {:.3g} {} (asymptotic, {:.0f} "
        "batches of 30 s)",
        interval->low, interval->high, unit, gauge.difference.batches);
  else
    report.text += fmt::format("; {:.0f} of the {:.0f} batches of 30 s that a comparison takes",
                               gauge.difference.batches, batches_needed);
  if (rule.advisory) report.text += "; advisory";
}

}  // namespace linnet::core
