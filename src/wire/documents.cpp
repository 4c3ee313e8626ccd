// The documents of docs/api.md, as the daemon answers them.
#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "core/explain.h"
#include "core/stable_watch.h"
#include "wire/json.h"

namespace linnet::wire {
namespace {

namespace js = boost::json;

js::array checks_array(const std::vector<core::CheckReport>& checks) {
  js::array out;
  for (const core::CheckReport& check : checks) out.push_back(check_document(check));
  return out;
}

js::object replicas(int wanted, const Result<core::WorkloadSeen>& seen, core::Track track) {
  js::object out{{"wanted", wanted}, {"ready", nullptr}};
  if (seen) out["ready"] = seen->of(track).ready();
  return out;
}

/// Where the rollout stands among its steps.
struct Place {
  int step = 0;  // from 1; 0: none entered
  Duration held{};
};

Place place_of(const core::Release& release, const core::Status& status) {
  const int steps = static_cast<int>(release.steps.size());
  if (const auto* stepping = std::get_if<core::Stepping>(&status.phase))
    return {stepping->index + 1, stepping->held};
  if (const auto* holding = std::get_if<core::Holding>(&status.phase)) {
    if (holding->from == core::Holding::From::stepping) return {holding->index + 1, holding->held};
    if (holding->from == core::Holding::From::preparing) return {};
  }
  if (!core::is_running(status.phase) || std::holds_alternative<core::Preparing>(status.phase))
    return {};
  if (status.rollout && !status.rollout->steps.empty()) {
    const core::StepResult& last = status.rollout->steps.back();
    return {last.index + 1, last.held};
  }
  // Rolling back before the first step began, or promoted by hand without one.
  return {std::holds_alternative<core::RollingBack>(status.phase) ? 0 : steps, {}};
}

std::string canary_version(const core::Status& status, const Result<core::WorkloadSeen>& seen) {
  if (core::is_running(status.phase) && status.rollout) return status.rollout->to;
  if (seen && !seen->canary.instances.empty()) return seen->canary.instances.front().version;
  return {};
}

/// False from init until stable runs behind its router.
bool is_ready(const core::Status& status) {
  if (const auto* idle = std::get_if<core::Idle>(&status.phase)) return idle->ready;
  return !status.stable_version.empty();
}

/// Why it stands still, goes back or ended badly; null in every other phase.
js::value cause_of(const core::Phase& phase) {
  const core::Cause* cause = nullptr;
  if (const auto* holding = std::get_if<core::Holding>(&phase)) cause = &holding->cause;
  if (const auto* rolling = std::get_if<core::RollingBack>(&phase)) cause = &rolling->cause;
  if (const auto* rolled = std::get_if<core::RolledBack>(&phase)) cause = &rolled->cause;
  if (const auto* failed = std::get_if<core::Failed>(&phase)) cause = &failed->cause;
  if (cause == nullptr) return nullptr;
  return {{"kind", cause->kind}, {"text", cause->text}};
}

js::value rollout_of(const core::Status& status) {
  if (!status.rollout) return nullptr;
  const core::Rollout& rollout = *status.rollout;
  return {{"id", rollout.id},
          {"by", rollout.by},
          {"started", rollout.started.text()},
          {"from", rollout.from},
          {"to", rollout.to}};
}

js::value placebo_of(const core::Release& release, const core::Status& status) {
  const stats::Placebo::Verdict verdict = core::placebo_verdict(release, status.evidence);
  return {{"watched", verdict.watched},
          {"alarms", verdict.alarms},
          {"log_evidence", verdict.highest},
          {"worst", std::string(verdict.worst)},
          {"broken", status.evidence.placebo_broken},
          {"text", core::placebo_text(release, status.evidence)}};
}

}  // namespace

Json check_document(const core::CheckReport& check) {
  // Evidence grows without bound; e^700 is as good as certain and still a number.
  const double evidence = std::exp(std::min(check.log_evidence, 700.0));
  return {{"name", check.name},
          {"verdict", core::verdict_name(check.verdict)},
          {"value", check.value},
          {"limit", check.limit},
          {"unit", check.unit},
          {"requests", check.requests},
          {"bad", check.bad},
          {"evidence", evidence},
          {"log_evidence", check.log_evidence},
          {"interval", js::array{check.interval_low, check.interval_high}},
          {"text", check.text}};
}

Json status_document(const core::Release& release, const core::Status& status,
                     const Result<core::WorkloadSeen>& seen) {
  const Place place = place_of(release, status);
  const auto index = static_cast<std::size_t>(place.step) - 1;
  const Duration hold = index < release.steps.size() ? release.steps[index].hold : Duration();
  const bool initialised = !status.stable_version.empty();
  const int stable = initialised ? core::stable_size(release, status) : 0;
  return {
      {"release", release.name},
      {"phase", core::phase_name(status.phase)},
      {"ready", is_ready(status)},
      {"step", place.step},
      {"steps", release.steps.size()},
      {"step_hold_ms", hold.count()},
      {"step_held_ms", place.held.count()},
      {"weight_wanted", status.weight.value()},
      {"weight_in_force", status.weight_seen.value()},
      {"versions", {{"stable", status.stable_version}, {"canary", canary_version(status, seen)}}},
      {"replicas",
       {{"stable", initialised ? replicas(stable, seen, core::Track::stable)
                               : js::object{{"wanted", 0}, {"ready", nullptr}}},
        {"canary", replicas(status.canary_replicas, seen, core::Track::canary)}}},
      {"checks", checks_array(core::explained(release, status))},
      {"placebo", placebo_of(release, status)},
      {"reason", status.reason},
      {"cause", cause_of(status.phase)},
      {"since", status.since.text()},
      {"rollout", rollout_of(status)}};
}

Json history_document(const core::RolloutRecord& record) {
  const core::Rollout& rollout = record.rollout;
  js::array steps;
  for (const core::StepResult& step : rollout.steps) {
    steps.push_back({{"step", step.index + 1},
                     {"weight", step.weight.value()},
                     {"held_ms", step.held.count()},
                     {"outcome", step.outcome},
                     {"requests", step.canary.requests},
                     {"bad", step.canary.bad},
                     {"latency", js::array(step.canary.latency.begin(), step.canary.latency.end())},
                     {"checks", checks_array(step.checks)}});
  }
  return {{"id", rollout.id},
          {"from", rollout.from},
          {"to", rollout.to},
          {"by", rollout.by},
          {"started", rollout.started.text()},
          {"ended", record.ended.text()},
          {"outcome", record.outcome},
          {"cause", {{"kind", record.cause.kind}, {"text", record.cause.text}}},
          {"steps", std::move(steps)}};
}

Json answer_document(std::int64_t intent, const std::optional<core::Answer>& answer) {
  if (!answer)
    return {{"intent", intent}, {"state", "pending"}, {"code", ""}, {"text", ""}, {"rollout", ""}};
  return {{"intent", intent},
          {"state", answer->accepted ? "accepted" : "refused"},
          {"code", answer->accepted ? std::string_view() : code_name(answer->code)},
          {"text", answer->text},
          {"rollout", answer->rollout}};
}

Json line_document(const JournalLine& line) {
  return {{"seq", line.seq},
          {"at", line.at.text()},
          {"kind", line.entry.kind},
          {"text", line.entry.text}};
}

Json journal_document(const std::vector<JournalLine>& lines, std::int64_t after) {
  js::array entries;
  for (const JournalLine& line : lines) entries.push_back(line_document(line));
  return {{"entries", std::move(entries)}, {"next", lines.empty() ? after : lines.back().seq}};
}

Json error_document(const Error& error) {
  return {{"error", {{"code", code_name(error.code)}, {"message", error.message}}}};
}

}  // namespace linnet::wire
