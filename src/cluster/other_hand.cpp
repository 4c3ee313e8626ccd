#include "cluster/other_hand.h"

#include <boost/json.hpp>

#include "kubernetes/objects.h"
#include "recipes/last_writer.h"

namespace linnet::cluster {
namespace {

constexpr std::string_view own_name = "linnet";  // as field manager

// Before init nothing was written.
bool has_written(const core::Status& status) { return !status.stable_version.empty(); }

void add_unless_ours(std::vector<api::OtherHand>& all, std::string what,
                     const recipes::LastWriter& last, std::string is, const std::string& wanted) {
  if (last.by.empty() || last.by == own_name) return;
  all.push_back({std::move(what), last.by, last.when,
                 fmt::format("{}, set by {}; linnet left it at {}", is, last.by, wanted)});
}

}  // namespace

std::vector<api::OtherHand> other_weight(const core::Status& status,
                                         const core::TrafficSeen& traffic,
                                         const std::string& when) {
  std::vector<api::OtherHand> all;
  if (!has_written(status) || traffic.is(status.weight)) return all;
  std::string is = "the weight is " + traffic.weight.text();
  if (!traffic.differ.empty()) is += fmt::format(" ({})", traffic.differ);
  add_unless_ours(all, "weight", {traffic.by, when}, std::move(is), status.weight.text());
  return all;
}

std::vector<api::OtherHand> other_levels(const core::DeploymentsWorkload& spec,
                                         const core::Status& status, core::Track track,
                                         const recipes::Json* deployment) {
  std::vector<api::OtherHand> all;
  if (!has_written(status) || deployment == nullptr) return all;
  const bool canary = track == core::Track::canary;
  const std::string name(core::track_name(track));
  const std::string who = canary ? "the canary" : "stable";
  const std::int64_t replicas = kubernetes::number_at(*deployment, {"spec", "replicas"}, 1);
  if (canary && replicas != status.canary_replicas)  // stable's are its owner's
    add_unless_ours(
        all, name + " replicas", recipes::last_writer(*deployment, {"spec", "replicas"}),
        fmt::format("{} has {} replicas", who, replicas), std::to_string(status.canary_replicas));
  const bool has_version = !canary || (core::is_running(status.phase) && status.rollout);
  const std::string wanted = canary && has_version ? status.rollout->to : status.stable_version;
  const std::string version = kubernetes::running_version(spec, *deployment);
  if (has_version && version != wanted)
    add_unless_ours(
        all, name + " version",
        recipes::last_writer(*deployment,
                             {"spec", "template", "spec", "containers",
                              fmt::format(R"(k:{{"name":"{}"}})", spec.container), "image"}),
        fmt::format("{} runs {}", who, version.empty() ? "another image" : version), wanted);
  return all;
}

}  // namespace linnet::cluster
