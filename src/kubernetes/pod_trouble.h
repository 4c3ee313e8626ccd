// What is wrong with a pod, in plain words, from its status: what `kubectl describe` would have to
// be read for.
#pragma once

#include <string>

#include "base/units.h"
#include "kubernetes/client.h"

namespace linnet::kubernetes {

struct PodTrouble {
  std::string text;       // empty: nothing is wrong
  bool hopeless = false;  // waiting will not help: it dies again and again, or has no image
};

/// A container's image could not be pulled the last time that it was tried.
bool lacks_image(const Json& pod);
/// `container` is named first when several have troubles. `lacking`: for how long we have seen that
/// it lacks an image. The times in the pod are of another clock than ours, which may be ahead.
PodTrouble trouble_of(const Json& pod, const std::string& container, Duration lacking);

/// "exited with status 1, 3 times", "killed for lack of memory (limit 64Mi)", from a container's
/// status; empty when it never ended.
std::string ending_text(const Json& status, const Json* container);
/// How often it has ended; one that waits to be started again has ended once more than it
/// restarted.
std::int64_t endings(const Json& status);

/// "GET :8080/health", "TCP :5432", "command"; empty without a probe.
std::string probe_text(const Json& container, std::string_view kind);

}  // namespace linnet::kubernetes
