// The documents of docs/api.md that are the API's own; those of core's values are in wire/json.h.
#pragma once

#include "api/backend.h"

namespace linnet::api {

wire::Json version_document(const DaemonInfo& info);
/// wire::status_document() and {"drives", "abandoned": {"by", "since", "text", "next"} or null,
/// "other_hands": [{"what", "by", "at", "text"}]}
wire::Json status_document(const StatusView& view);
/// {"release", "changed"}
wire::Json put_document(const std::string& release, const PutSpec& put);
/// {"error": {"code", "message"}, "mistakes": [{"file", "line", "column", "key", "message"}]}
wire::Json mistakes_document(const std::vector<spec::Mistake>& mistakes);
wire::Json counts_document(const CountsView& counts);
wire::Json instances_document(const std::vector<InstanceView>& instances);
/// {"lines": [{"instance", "line"}], "next", "lost", "trouble"}
wire::Json logs_document(const LogsView& view);
wire::Json findings_document(const std::vector<Finding>& findings);
/// {"steps": [{"what", "needs"}]}
wire::Json steps_document(const std::vector<PlanStep>& steps);
/// The same and {"changes": [{"kind", "name", "change", "fields": [{"path", "values"}]}],
/// "unknown"}.
wire::Json plan_document(const Plan& plan);

}  // namespace linnet::api
