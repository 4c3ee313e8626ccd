#include "api/plan.h"

#include "core/course.h"

namespace linnet::api {

std::vector<PlanStep> plan_of(const core::Release& release, const core::Status& status,
                              const std::string& version) {
  if (std::string why = core::begins_nothing(status, version); !why.empty())
    return {{std::move(why), ""}};
  std::vector<PlanStep> steps;
  int replicas = 0;
  for (const core::Step& step : release.steps) {
    const int needed = core::canary_replicas_for(step.weight, core::stable_size(release, status));
    if (needed > replicas) {
      steps.push_back({fmt::format("start {} canary instance{} of {}", needed - replicas,
                                   needed - replicas == 1 ? "" : "s", version),
                       "ready before any traffic"});
      replicas = needed;
    }
    steps.push_back(
        {fmt::format("send {} of the requests to {} for {}", step.weight.text(), version,
                     duration_text(step.hold)),
         fmt::format("every check passes over at least {} requests", release.min_requests)});
  }
  const bool asks = release.promotion == core::Promotion::ask;
  steps.push_back(
      {asks ? "wait for `linnet promote`" : "promote without asking", asks ? "a person" : ""});
  steps.push_back(
      {fmt::format("restart stable on {} (now {}), one by one", version, status.stable_version),
       "the canary carries all requests meanwhile"});
  steps.push_back({"send everything to stable, drain and stop the canary", ""});
  return steps;
}

}  // namespace linnet::api
