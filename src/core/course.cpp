#include "core/course.h"

namespace linnet::core {

std::string begins_nothing(const Status& status, const std::string& version) {
  if (status.stable_version.empty())
    return "not initialised: start stable with `linnet init` first";
  if (!is_running(status.phase) && version == status.stable_version)
    return fmt::format("stable already runs {}; nothing to do", version);
  return {};
}

std::vector<Effect> course_of(const Release& release, const Status& status,
                              const std::string& version) {
  std::vector<Effect> all;
  if (!begins_nothing(status, version).empty()) return all;
  const int whole = stable_size(release, status);
  int replicas = 0;
  Percent weight;
  const auto to = [&](Percent wanted) {
    const int needed = canary_replicas_for(wanted, whole);
    if (needed > replicas) all.emplace_back(SetTrack{Track::canary, version, needed});
    replicas = std::max(replicas, needed);
    if (wanted != weight) all.emplace_back(SetWeight{wanted, false});
    weight = wanted;
  };
  for (const Step& step : release.steps) to(step.weight);
  to(Percent::whole(100));  // the canary carries all while stable is restarted
  all.emplace_back(SetTrack{Track::stable, version, whole});
  all.emplace_back(SetWeight{Percent(), false});
  all.emplace_back(SetTrack{Track::canary, version, 0});
  return all;
}

}  // namespace linnet::core
