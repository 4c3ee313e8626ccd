// From what the API server says of pods, their Deployment and the endpoints of their Service to
// what the core sees of a track. Pure: JSON and the time in, instances out.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/observation.h"
#include "core/release.h"
#include "kubernetes/client.h"

namespace linnet::kubernetes {

/// What belongs to one track, as far as it was found.
struct TrackObjects {
  std::string deployment_name;
  const Json* deployment = nullptr;  // null: it does not exist
  std::vector<const Json*> pods;     // that its selector selects; others' are left out here
  std::string service;               // empty: readiness is the pods' own word alone
  std::vector<const Json*> slices;   // EndpointSlices of the Service
  /// For how long pods, by their names, are known to lack an image.
  std::map<std::string, Duration> lacking;
};

/// An instance is ready only when its pod says so and an EndpointSlice of the Service has it as
/// ready: before that no data plane sends anything to it. One that was asked to stop is `stopping`
/// only when none has it as ready any more. `now` is for a pod whose time to stop is over. Pods
/// that have ended (evicted, completed) are nobody's replicas and left out.
core::TrackSeen track_seen(const core::DeploymentsWorkload& spec, const TrackObjects& objects,
                           WallTime now);

/// How many of its pods may be missing while it is replaced; all where its strategy is Recreate.
std::int64_t most_missing(const Json& deployment);

/// One pod, without its endpoints. `lacking`: see trouble_of().
core::Instance instance_of(const core::DeploymentsWorkload& spec, const Json& pod, Duration lacking,
                           WallTime now);

/// "web, proxy": of a list of containers, for people.
std::string container_names(const boost::json::array& containers);

/// What is wrong with the Deployment as a whole, in plain words: absent, paused, over a quota, no
/// progress. Empty when nothing is.
std::string deployment_trouble(const std::string& name, const Json* deployment);

}  // namespace linnet::kubernetes
