#include "core/explain.h"

#include <cmath>

#include "core/decide.h"
#include "core/gauges.h"
#include "core/limits.h"
#include "core/stable_watch.h"
#include "stats/interval.h"
#include "stats/words.h"

namespace linnet::core {
namespace {

using stats::count_words;
using stats::percent_words;

double rate_of(const CheckReport& report) {
  return static_cast<double>(report.bad) / static_cast<double>(report.requests);
}

// "1,250 ms", "4.2 %": a value of a check in its unit.
std::string value_words(double value, const std::string& unit) {
  if (unit == "%") return percent_words(value / 100);
  return count_words(value) + " " + unit;
}

std::string requests_text(std::int64_t count) {
  return count_words(static_cast<double>(count)) + (count == 1 ? " request" : " requests");
}

std::string limit_text(const CheckReport& report, const Limit& limit) {
  if (limit.latency == nullptr)
    return fmt::format("{} of {} failed ({}); limit {}", percent_words(rate_of(report)),
                       requests_text(report.requests), count_words(static_cast<double>(report.bad)),
                       value_words(report.limit, report.unit));
  return fmt::format("P{:g} {} over {}; limit {}: {} took longer ({}, {} may)",
                     limit.latency->quantile.value(), value_words(report.value, report.unit),
                     requests_text(report.requests), value_words(report.limit, report.unit),
                     count_words(static_cast<double>(report.bad)), percent_words(rate_of(report)),
                     percent_words(limit.share));
}

// What more would be needed, at the measured rate, for the evidence to speak.
std::string needed_text(const Release& release, const LimitEvidence& own, const CheckReport& report,
                        std::int64_t least, double shares) {
  const double rate = rate_of(report);
  const double phi = own.clumping.phi_threshold;
  if (rate > own.threshold.limit) {
    const auto more =
        own.threshold.requests_to_fail(std::log(shares / release.analysis.false_alarm), rate, phi);
    if (!more || *more <= 0) return {};
    return fmt::format("; at this rate {} would take it back", stats::requests_words(more));
  }
  // Without a proof to be had at the end of the step, what would be one interests nobody.
  if (release.analysis.early_pass || release.analysis.decision == Analysis::Decision::evidence) {
    const auto more = own.threshold.requests_to_pass(-std::log(release.analysis.missed), rate, phi);
    if (!more) return "; so near its limit, more requests would not tell";
    if (*more <= 0) return "; it is proven to be within its limit";
    return fmt::format("; at this rate {} would prove that it is within its limit",
                       stats::requests_words(more));
  }
  if (report.requests < least)
    return fmt::format("; {} more are needed to judge it at the step's end",
                       requests_text(least - report.requests));
  return {};
}

void explain_limit(const Release& release, const Check& check, const LimitEvidence& own,
                   double shares, CheckReport& report) {
  const Limit limit = *limit_of(check);
  if (report.requests == 0) {
    report.interval_low = 0;
    report.interval_high = 100;
    report.text = "no request on the canary yet";
    return;
  }
  const double phi = own.clumping.phi_threshold;
  const auto interval =
      stats::rate_interval(static_cast<double>(report.requests) / phi,
                           static_cast<double>(report.bad) / phi, release.analysis.false_alarm);
  report.text = limit_text(report, limit);
  if (interval) {
    report.interval_low = interval->low * 100.0;
    report.interval_high = interval->high * 100.0;
    report.text += fmt::format("; the true {} is between {} and {}",
                               limit.latency == nullptr ? "rate" : "share",
                               percent_words(interval->low), percent_words(interval->high));
  }
  if (report.log_evidence >= std::log(2.0))
    report.text += fmt::format("; {} if the canary were within its limit",
                               stats::likelihood_words(report.log_evidence));
  if (report.verdict != Verdict::fail)
    report.text += needed_text(release, own, report,
                               check.min_requests.value_or(release.min_requests), shares);
}

void explain_comparison(const Release& release, const Status& status, CheckReport& report) {
  const Counts& stable = status.stage.stable;
  if (report.verdict == Verdict::no_data) {
    report.text = fmt::format("nothing to compare yet: {} on the canary, {} on stable",
                              requests_text(report.requests), requests_text(stable.requests));
    return;
  }
  const bool latency = report.unit == "ms";
  const std::string own = value_words(report.value, report.unit);
  const std::string other = value_words(report.limit, report.unit);
  report.text =
      latency ? fmt::format("P95 {} over {} against stable's {} over {}", own,
                            requests_text(report.requests), other, requests_text(stable.requests))
              : fmt::format("{} of {} failed against {} of stable's {}", own,
                            requests_text(report.requests), other, requests_text(stable.requests));
  if (!latency) {
    const auto interval =
        stats::rate_interval(static_cast<double>(report.requests), static_cast<double>(report.bad),
                             release.analysis.false_alarm);
    if (interval) {
      report.interval_low = interval->low * 100.0;
      report.interval_high = interval->high * 100.0;
    }
  }
  if (report.log_evidence >= std::log(2.0))
    report.text += fmt::format("; {} if the canary were as good as stable",
                               stats::likelihood_words(report.log_evidence));
  if (status.evidence.placebo_broken) report.text += "; advisory: the error model is broken";
}

void explain_health(CheckReport& report) {
  report.text =
      fmt::format("{} of {} canary instances ready, {:.0f} restarts (limit {:.0f})",
                  report.requests - report.bad, report.requests, report.value, report.limit);
}

// In how many equal shares the error probability is divided, for one check on a limit.
double shares_of(const Release& release, const Status& status) {
  double shares = static_cast<double>(status.evidence.limits.size());
  if (release.analysis.compare == Analysis::Compare::rollback && !status.evidence.placebo_broken)
    shares += 0.5 * (status.evidence.worse.has_value() + status.evidence.slower.has_value());
  return shares;
}

}  // namespace

std::vector<CheckReport> explained(const Release& release, const Status& status) {
  std::vector<CheckReport> checks = status.checks;
  std::size_t limit = 0;
  std::size_t gauge = 0;
  std::size_t at = 0;
  const double shares = shares_of(release, status);
  for (const Check& check : release.checks) {
    if (at >= checks.size() || checks[at].name != check.name) break;
    if (std::holds_alternative<HealthCheck>(check.rule)) {
      explain_health(checks[at++]);
    } else if (std::holds_alternative<GaugeCheck>(check.rule)) {
      if (gauge < status.evidence.gauges.size())
        explain_gauge(release, check, status.evidence.gauges[gauge++], checks[at]);
      ++at;
    } else if (limit < status.evidence.limits.size()) {
      explain_limit(release, check, status.evidence.limits[limit++], shares, checks[at++]);
    } else {
      ++at;
    }
  }
  for (; at < checks.size(); ++at) explain_comparison(release, status, checks[at]);
  return checks;
}

}  // namespace linnet::core
