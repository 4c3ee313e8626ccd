#include "cli/views.h"

#include <algorithm>
#include <cmath>

#include "cli/format.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "stats/words.h"

namespace linnet::cli {
namespace {

Style verdict_style(std::string_view verdict) {
  if (verdict == "pass") return Style::green;
  if (verdict == "fail") return Style::red;
  if (verdict == "error" || verdict == "no_data") return Style::yellow;
  return Style::plain;
}

std::string spaced(std::string_view word) {
  std::string text = printable(word);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string quantity(std::optional<double> value, const std::string& unit) {
  if (!value || unit.empty()) return "";
  return number_text(*value) + " " + printable(unit);
}

std::string version_text(const std::string& version) {
  return version.empty() ? "-" : printable(version);
}

// As it grows: how rarely a canary within its limit would look this bad.
std::string evidence_text(const CheckDocument& check) {
  if (!check.log_evidence || check.unit.empty()) return "";
  return *check.log_evidence < std::log(2.0) ? "none"
                                             : stats::likelihood_words(*check.log_evidence);
}

bool speaks(const CheckDocument& check) {
  return check.verdict == "fail" || check.verdict == "inconclusive" ||
         (check.log_evidence && *check.log_evidence >= std::log(2.0));
}

// Else the counts of the step that was judged last are over, and no request comes any more.
bool are_judged(const StatusDocument& status) {
  return status.phase == "stepping" || status.phase == "holding" ||
         status.phase == "awaiting_promotion" || status.phase == "promoting";
}

// Before that nobody has looked what runs there.
bool is_initialised(const StatusDocument& status) {
  return !status.stable_version.empty() || status.rollout;
}

// The whole sentence of each check that has something to say, and what is wrong with the model.
void add_details(const StatusDocument& status, const Terminal& terminal,
                 std::vector<std::string>& lines) {
  for (const CheckDocument& check : status.checks)
    if (are_judged(status) && speaks(check) && !check.unit.empty())
      for (const std::string& line :
           terminal.wrapped(fmt::format("{}: {}", printable(check.name), printable(check.text)), 2))
        lines.push_back(terminal.styled(Style::faint, line));
  if (!status.warning.empty())
    lines.push_back(
        terminal.styled(Style::yellow, "the error model is broken: " + printable(status.warning)));
}

std::string step_text(const StatusDocument& status) {
  if (status.step <= 0 || status.steps <= 0) return "";
  std::string text = fmt::format("step {}/{}", status.step, status.steps);
  if (status.phase == "stepping" && status.step_hold > 0ms)
    text += fmt::format(", {} of {}",
                        span_text(std::chrono::floor<std::chrono::seconds>(status.step_held)),
                        span_text(status.step_hold));
  return text;
}

Table check_table(const StatusDocument& status, const Terminal& terminal) {
  Table table({Align::left, Align::left, Align::right, Align::right, Align::right, Align::left});
  if (!are_judged(status)) return table;
  if (!status.checks.empty())
    table.row({"CHECK", "VERDICT", "MEASURED", "AGAINST", "REQUESTS", "EVIDENCE"});
  for (const CheckDocument& check : status.checks) {
    const std::string verdict =
        terminal.styled(verdict_style(check.verdict), spaced(check.verdict));
    if (check.unit.empty() || check.verdict == "error" || check.verdict == "no_data")
      table.sentence({printable(check.name), verdict, printable(check.text)});
    else
      table.row({printable(check.name), verdict, quantity(check.value, check.unit),
                 quantity(check.limit, check.unit), std::to_string(check.requests),
                 evidence_text(check)});
  }
  return table;
}

std::vector<std::string> track_lines(const StatusDocument& status, const Terminal& terminal) {
  const double canary = std::clamp(status.weight_in_force, 0.0, 100.0);
  const TerminalOptions& options = terminal.options();
  const int width = std::clamp(options.width - 50, 10, 40);
  const bool none = status.stable_version.empty() && status.canary_version.empty();
  Table table({Align::left, Align::left, Align::right, Align::right, Align::left});
  const auto row = [&](std::string_view name, const std::string& version,
                       const ReplicasDocument& replicas, double share) {
    table.row({std::string(name), version_text(version),
               fmt::format("{}/{} ready", replicas.ready ? std::to_string(*replicas.ready) : "?",
                           replicas.wanted),
               none ? "" : percent_text(share), none ? "" : bar(share / 100, width, options)});
  };
  row("stable", status.stable_version, status.stable, 100 - canary);
  row("canary", status.canary_version, status.canary, canary);
  return table.lines();
}

std::string rollout_line(const StatusDocument& status, const RolloutDocument& rollout,
                         WallTime now) {
  // After `init` the phase tells of something else, and how it ended stands in the history.
  const bool over = status.phase == "idle";
  std::string text =
      fmt::format("{}rollout {}: {} -> {} by {}", over ? "last " : "", printable(rollout.id),
                  version_text(rollout.from), version_text(rollout.to), printable(rollout.by));
  if (const auto started = parse_time(rollout.started))
    text += fmt::format(", started {} ({})", date_text(*started),
                        ago_text(Duration(now.ms - started->ms)));
  if (status.ended()) text += ", " + spaced(status.phase);
  if (over) text += "; its outcome: `linnet history`";
  return text;
}

std::string other_hand_text(const OtherHandDocument& hand, WallTime now) {
  std::string text = printable(hand.text);
  if (const auto at = parse_time(hand.at))
    text += fmt::format("; {} ({})", date_text(*at), ago_text(Duration(now.ms - at->ms)));
  return text;
}

bool weights_differ(const StatusDocument& status) {
  return std::abs(status.weight_wanted - status.weight_in_force) > 0.001;
}

}  // namespace

std::optional<Rates> rates_between(const CountsDocument& before, const CountsDocument& after) {
  const std::int64_t ms = after.at_ms - before.at_ms;
  const std::int64_t stable = after.stable.requests - before.stable.requests;
  const std::int64_t canary = after.canary.requests - before.canary.requests;
  if (ms <= 0 || stable < 0 || canary < 0) return std::nullopt;
  const double seconds = static_cast<double>(ms) / 1000;
  return Rates{static_cast<double>(stable) / seconds, static_cast<double>(canary) / seconds};
}

std::string phase_text(std::string_view phase, const Terminal& terminal) {
  Style style = Style::bold;
  if (phase == "succeeded") style = Style::green;
  if (phase == "rolled_back" || phase == "rolling_back" || phase == "failed") style = Style::red;
  if (phase == "holding" || phase == "awaiting_promotion") style = Style::yellow;
  return terminal.styled(style, spaced(phase));
}

std::string state_text(const StatusDocument& status, const Terminal& terminal) {
  if (is_initialised(status)) return phase_text(status.phase, terminal);
  return terminal.styled(Style::yellow, "not initialised");
}

std::vector<std::string> status_lines(const StatusDocument& status, const Terminal& terminal,
                                      WallTime now) {
  std::vector<std::string> lines;
  std::string head =
      terminal.styled(Style::bold, printable(status.release)) + "  " + state_text(status, terminal);
  if (const std::string step = step_text(status); !step.empty()) head += "  " + step;
  if (const auto since = parse_time(status.since); since && since->ms > 0)
    head += terminal.styled(Style::faint, fmt::format("  since {}", clock_text(*since)));
  lines.push_back(head);
  if (!status.reason.empty() && is_initialised(status))
    for (std::string& line : terminal.wrapped(printable(status.reason), 2))
      lines.push_back(std::move(line));
  if (!status.abandoned.empty())
    for (const std::string& line : terminal.wrapped(printable(status.abandoned), 2))
      lines.push_back(terminal.styled(Style::yellow, line));
  lines.emplace_back();
  if (is_initialised(status))
    for (std::string& line : track_lines(status, terminal)) lines.push_back(std::move(line));
  else
    lines.emplace_back("not initialised: `linnet init` starts stable and the traffic splitting");
  const bool told = std::any_of(status.other_hands.begin(), status.other_hands.end(),
                                [](const OtherHandDocument& one) { return one.what == "weight"; });
  if (!told && weights_differ(status))
    lines.push_back(fmt::format("the canary shall have {}; {} is in force",
                                percent_text(status.weight_wanted),
                                percent_text(status.weight_in_force)));
  for (const OtherHandDocument& hand : status.other_hands)
    for (const std::string& line : terminal.wrapped(other_hand_text(hand, now), 0))
      lines.push_back(terminal.styled(Style::yellow, line));
  const Table checks = check_table(status, terminal);
  if (!checks.empty()) {
    lines.emplace_back();
    for (std::string& line : checks.lines()) lines.push_back(std::move(line));
  }
  add_details(status, terminal, lines);
  if (status.rollout) {
    lines.emplace_back();
    lines.push_back(rollout_line(status, *status.rollout, now));
  }
  return lines;
}

std::vector<std::string> progress_lines(const StatusDocument& status, std::optional<Rates> rates,
                                        const Terminal& terminal) {
  std::vector<std::string> lines;
  const std::string step = step_text(status);
  lines.push_back(
      fmt::format("{}  {} -> {}  {}{}", terminal.styled(Style::bold, printable(status.release)),
                  version_text(status.rollout ? status.rollout->from : status.stable_version),
                  version_text(status.rollout ? status.rollout->to : status.canary_version),
                  phase_text(status.phase, terminal), step.empty() ? "" : "  " + step));
  if (status.phase == "stepping" && status.step_hold > 0ms) {
    const double fraction = static_cast<double>(status.step_held.count()) /
                            static_cast<double>(status.step_hold.count());
    const Duration left = std::chrono::ceil<std::chrono::seconds>(
        std::max(status.step_hold - status.step_held, Duration(0)));
    lines.push_back(
        fmt::format("{}  {} left", bar(fraction, 32, terminal.options()), span_text(left)));
  }
  std::string weight =
      weights_differ(status)
          ? fmt::format("canary weight {}, {} in force", percent_text(status.weight_wanted),
                        percent_text(status.weight_in_force))
          : fmt::format("canary weight {} in force", percent_text(status.weight_in_force));
  if (rates)
    weight += fmt::format("; {:.0f} requests/s on the canary, {:.0f} on stable", rates->canary,
                          rates->stable);
  lines.push_back(std::move(weight));
  for (std::string& line : check_table(status, terminal).lines()) lines.push_back(std::move(line));
  add_details(status, terminal, lines);
  const bool told = status.phase == "stepping" && status.step_hold > 0ms;  // by the first lines
  if (!status.reason.empty() && !told)
    for (const std::string& line : terminal.wrapped(printable(status.reason), 2))
      lines.push_back(terminal.styled(Style::faint, line));
  return lines;
}

}  // namespace linnet::cli
