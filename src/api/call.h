// One call of the API, taken apart and checked: what every answer in answers.cpp starts from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/backend.h"
#include "api/changes.h"
#include "net/http.h"
#include "ports/ports.h"

namespace linnet::api {

struct Call {
  Backend& backend;
  Changes& changes;
  Clock& clock;
  net::Target target;
  net::ServerRequest request;

  /// The NAME of /v1/releases/NAME/...; its form has been checked.
  [[nodiscard]] const std::string& release() const { return target.segments[2]; }
};

/// {"a": 1} as an answer.
net::ServerResponse json_response(const wire::Json& document, int status = 200);

/// A whole number from `least` to `most`; Code::invalid says so. `what` names it in the message.
Result<std::int64_t> read_number(std::string_view text, std::string_view what, std::int64_t least,
                                 std::int64_t most);
/// The same of a query's parameter, or `fallback` when it is not given.
Result<std::int64_t> number_parameter(const Call& call, std::string_view name,
                                      std::int64_t fallback, std::int64_t least, std::int64_t most);

using Answer = Task<Result<net::ServerResponse>>;

Answer get_version(Call call);
Answer put_spec(Call call);
Answer get_releases(Call call);
Answer get_status(Call call);
Answer get_spec(Call call);
Answer post_intent(Call call);
Answer get_intent(Call call);
Answer get_journal(Call call);
Answer get_history(Call call);
Answer get_counts(Call call);
Answer get_instances(Call call);
Answer get_logs(Call call);
Answer get_doctor(Call call);
Answer get_plan(Call call);
Answer get_canary(Call call);
Answer delete_canary(Call call);
Answer get_metrics(Call call);
Answer post_shutdown(Call call);

}  // namespace linnet::api
