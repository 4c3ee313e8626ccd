// Field by field, in the order of docs/api.md.
#include "api/documents.h"

#include <boost/json.hpp>

namespace linnet::api {
namespace {

namespace js = boost::json;

/// As in the labels of a state elsewhere: "starting", "backoff".
std::string_view state_name(core::Instance::State state) {
  using State = core::Instance::State;
  switch (state) {
    case State::starting: return "starting";
    case State::ready: return "ready";
    case State::unready: return "unready";
    case State::backoff: return "backoff";
    case State::stopping: return "stopping";
  }
  return "unknown";
}

js::string text(std::string_view value) { return js::string(value.data(), value.size()); }

js::object track_counts(const core::Counts& counts) {
  js::array latency;
  for (const std::int64_t requests : counts.latency) latency.emplace_back(requests);
  return {{"requests", counts.requests}, {"bad", counts.bad}, {"latency", std::move(latency)}};
}

}  // namespace

wire::Json version_document(const DaemonInfo& info) {
  return js::object{
      {"version", text(info.version)}, {"pid", info.pid}, {"started", text(info.started.text())}};
}

wire::Json status_document(const StatusView& view) {
  wire::Json out = wire::status_document(view.release, view.status, view.seen);
  out.get_object()["drives"] = view.drives;
  wire::Json& abandoned = out.get_object()["abandoned"];
  if (view.abandoned)
    abandoned = js::object{{"by", text(view.abandoned->by)},
                           {"since", text(view.abandoned->since)},
                           {"text", text(view.abandoned->text)},
                           {"next", text(view.abandoned->next)}};
  js::array others;
  for (const OtherHand& each : view.other_hands)
    others.push_back(js::object{{"what", text(each.what)},
                                {"by", text(each.by)},
                                {"at", text(each.at)},
                                {"text", text(each.text)}});
  out.get_object()["other_hands"] = std::move(others);
  return out;
}

wire::Json put_document(const std::string& release, const PutSpec& put) {
  return js::object{{"release", text(release)}, {"changed", put.changed}};
}

wire::Json mistakes_document(const std::vector<spec::Mistake>& mistakes) {
  js::array list;
  for (const spec::Mistake& mistake : mistakes)
    list.push_back(js::object{{"file", text(mistake.file)},
                              {"line", mistake.line},
                              {"column", mistake.column},
                              {"key", text(mistake.key)},
                              {"message", text(mistake.message)}});
  const std::string message =
      fmt::format("the spec has {} mistake{}", mistakes.size(), mistakes.size() == 1 ? "" : "s");
  return js::object{{"error", js::object{{"code", "invalid"}, {"message", text(message)}}},
                    {"mistakes", std::move(list)}};
}

wire::Json counts_document(const CountsView& counts) {
  js::array boundaries;
  for (const double boundary : counts.boundaries_ms) boundaries.emplace_back(boundary);
  return js::object{{"boundaries_ms", std::move(boundaries)},
                    {"stable", track_counts(counts.stable)},
                    {"canary", track_counts(counts.canary)},
                    {"lost", counts.lost},
                    {"at_ms", counts.at.ms}};
}

wire::Json instances_document(const std::vector<InstanceView>& instances) {
  js::array list;
  for (const InstanceView& each : instances)
    list.push_back(js::object{{"id", text(each.instance.id)},
                              {"track", text(core::track_name(each.track))},
                              {"version", text(each.instance.version)},
                              {"state", text(state_name(each.instance.state))},
                              {"restarts", each.instance.restarts},
                              {"crash_loop", each.instance.crash_loop},
                              {"trouble", text(each.instance.trouble)},
                              {"pid", each.pid},
                              {"port", each.port},
                              {"log", text(each.log)}});
  return list;
}

wire::Json logs_document(const LogsView& view) {
  js::array lines;
  for (const LogLine& each : view.lines)
    lines.push_back(js::object{{"instance", text(each.instance)}, {"line", text(each.text)}});
  return js::object{{"lines", std::move(lines)},
                    {"next", view.next},
                    {"lost", view.lost},
                    {"trouble", text(view.trouble)}};
}

wire::Json findings_document(const std::vector<Finding>& findings) {
  js::array list;
  for (const Finding& finding : findings)
    list.push_back(js::object{{"check", text(finding.check)},
                              {"ok", finding.ok},
                              {"cause", text(finding.cause)},
                              {"remedy", text(finding.remedy)}});
  return list;
}

wire::Json steps_document(const std::vector<PlanStep>& steps) {
  js::array list;
  for (const PlanStep& step : steps)
    list.push_back(js::object{{"what", text(step.what)}, {"needs", text(step.needs)}});
  return js::object{{"steps", std::move(list)}};
}

wire::Json plan_document(const Plan& plan) {
  js::array changes;
  for (const ObjectChange& change : plan.changes) {
    js::array fields;
    for (const FieldChange& field : change.fields) {
      js::array values;
      for (const std::string& value : field.values) values.push_back(js::parse(value));
      fields.push_back(js::object{{"path", text(field.path)}, {"values", std::move(values)}});
    }
    changes.push_back(js::object{{"kind", text(change.kind)},
                                 {"name", text(change.name)},
                                 {"change", text(change.change)},
                                 {"fields", std::move(fields)}});
  }
  wire::Json out = steps_document(plan.steps);
  out.get_object()["changes"] = std::move(changes);
  out.get_object()["unknown"] = text(plan.unknown);
  return out;
}

}  // namespace linnet::api
