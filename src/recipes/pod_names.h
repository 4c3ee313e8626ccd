// The names that Kubernetes gives the pods of a Deployment, as a regular expression: what tells the
// tracks apart where a metric knows only the pod's name.
#pragma once

#include <string>
#include <string_view>

namespace linnet::recipes {

/// Matches "web-6d4cf56db6-x7k2p" for "web", and not "web-canary-6d4cf56db6-x7k2p", "web-db-0" of a
/// StatefulSet or "web-worker-x7k2p" of a DaemonSet. A name is cut after 58 characters before its
/// last five (k8s.io/apiserver/pkg/storage/names/generate.go); hashes and endings are of the 27
/// characters of k8s.io/apimachinery/pkg/util/rand.
std::string pods_pattern(std::string_view deployment);

/// The name of one of its pods.
std::string a_pod_of(std::string_view deployment);

}  // namespace linnet::recipes
