#include "core/explain.h"

#include <cmath>

#include "core/decide.h"
#include "stats/interval.h"

namespace linnet::core {
namespace {

// From 1 in 20: a likelihood such as "1 in 4" beside a failed check would only confuse.
constexpr double worth_telling = 3.0;

std::string number_text(double value) {
  std::string digits = fmt::format("{:.0f}", value);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string limit_text(const CheckReport& report) {
  const std::string what = report.unit == "ms"
                               ? fmt::format("{} {:.0f} ms over {} requests ({} above the limit)",
                                             report.name, report.value, report.requests, report.bad)
                               : fmt::format("{:.3g} % of {} requests failed ({})", report.value,
                                             report.requests, report.bad);
  return fmt::format("{}; limit {:g} {}", what, report.limit, report.unit);
}

// What more would be needed, at the measured rate, for the evidence to speak.
std::string needed_text(const Release& release, const LimitEvidence& limit,
                        const CheckReport& report, double shares) {
  if (report.requests == 0) return {};
  const double rate = static_cast<double>(report.bad) / static_cast<double>(report.requests);
  const double log_target = std::log(shares / release.analysis.false_alarm);
  const auto more = limit.threshold.requests_to_fail(log_target, rate, limit.phi);
  if (!more || *more <= 0 || rate <= limit.threshold.limit) return {};
  return fmt::format("; at this rate about {} more requests decide", number_text(std::ceil(*more)));
}

void explain_limit(const Release& release, const LimitEvidence& limit, double shares,
                   CheckReport& report) {
  if (report.requests == 0) {
    report.text = fmt::format("{}: no request on the canary yet", report.name);
    return;
  }
  const auto interval = stats::rate_interval(static_cast<double>(report.requests) / limit.phi,
                                             static_cast<double>(report.bad) / limit.phi,
                                             release.analysis.false_alarm);
  if (interval) {
    report.interval_low = interval->low * 100.0;
    report.interval_high = interval->high * 100.0;
  }
  report.text = limit_text(report);
  if (report.log_evidence > worth_telling)
    report.text += fmt::format(
        "; such counts happen at most {} times if the canary were within its "
        "limit",
        likelihood_text(report.log_evidence));
  if (report.verdict != Verdict::fail) report.text += needed_text(release, limit, report, shares);
}

void explain_comparison(CheckReport& report) {
  const bool latency = report.unit == "ms";
  report.text =
      latency
          ? fmt::format("P95 {:.0f} ms against stable's {:.0f} ms", report.value, report.limit)
          : fmt::format("{:.3g} % failed against stable's {:.3g} %", report.value, report.limit);
  if (report.log_evidence > worth_telling)
    report.text += fmt::format(
        "; such a difference happens at most {} times if the canary were as "
        "good as stable",
        likelihood_text(report.log_evidence));
}

void explain_health(CheckReport& report) {
  report.text =
      fmt::format("{} of {} canary instances ready, {:.0f} restarts (limit {:.0f})",
                  report.requests - report.bad, report.requests, report.value, report.limit);
}

}  // namespace

std::string likelihood_text(double log_evidence) {
  if (log_evidence <= std::log(2.0)) return "1 in 1";
  if (log_evidence > std::log(1e15)) return "1 in more than 10^15";
  const double odds = std::exp(log_evidence);
  if (odds >= 1e12) return fmt::format("1 in {} million million", number_text(odds / 1e12));
  if (odds >= 1e6) return fmt::format("1 in {} million", number_text(odds / 1e6));
  return fmt::format("1 in {}", number_text(std::floor(odds)));
}

std::vector<CheckReport> explained(const Release& release, const Status& status) {
  std::vector<CheckReport> checks = status.checks;
  std::size_t limit = 0;
  std::size_t at = 0;
  const auto shares = static_cast<double>(status.evidence.limits.size());
  for (const Check& check : release.checks) {
    if (at >= checks.size() || checks[at].name != check.name) break;
    if (std::holds_alternative<HealthCheck>(check.rule)) {
      explain_health(checks[at++]);
    } else if (limit < status.evidence.limits.size()) {
      explain_limit(release, status.evidence.limits[limit++], shares, checks[at++]);
    } else {
      ++at;
    }
  }
  for (; at < checks.size(); ++at) explain_comparison(checks[at]);
  return checks;
}

}  // namespace linnet::core
