// Deployments, pods and EndpointSlices as a real kubelet 1.36 with containerd left them about a
// minute after they were made: what goes wrong in a cluster, in its own words (shortened to the
// fields that may be read).
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "kubernetes/instances.h"
#include "kubernetes/objects.h"
#include "wire/json.h"

namespace linnet::kubernetes {
namespace {

boost::json::array recorded() {
  std::ifstream file(std::string(LINNET_SOURCE_DIR) + "/src/kubernetes/testdata/objects.json");
  std::stringstream text;
  text << file.rdbuf();
  return boost::json::parse(text.str()).as_array();
}

std::string_view state_name(core::Instance::State state) {
  constexpr std::string_view names[] = {"starting", "ready", "unready", "backoff", "stopping"};
  return names[static_cast<std::size_t>(state)];
}

core::TrackSeen track_of(const boost::json::array& all, const std::string& name) {
  TrackObjects objects;
  objects.deployment_name = name;
  for (const Json& one : all) {
    const std::string kind = text_at(one, {"kind"});
    if (kind == "Deployment" && name_of(one) == name) objects.deployment = &one;
    if (kind == "Pod" && text_at(one, {"metadata", "labels", "app"}) == name)
      objects.pods.push_back(&one);
    if (kind == "EndpointSlice") objects.slices.push_back(&one);
  }
  if (name == "good") objects.service = name;
  core::DeploymentsWorkload spec;
  spec.container = "api-gateway";
  spec.image = "autograph/api-gateway:{{version}}";
  for (const Json* pod : objects.pods) objects.lacking[name_of(*pod)] = 10min;
  const WallTime then = wire::parse_wall_time("2026-11-25T19:23:20Z").value();
  return track_seen(spec, objects, then);
}

TEST(RecordedPods, AreReadAsAPersonWould) {
  struct {
    const char* name;
    const char* reads;
  } const cases[] = {
      {"good", "v1.0.0 ready, 0 restarts"},
      {"crash",
       "v2.0.0-crash starting, 4 restarts: exited with status 3, 4 times; its readiness probe (GET "
       ":8080/health) does not pass"},
      {"unready",
       "v2.0.0-unready starting, 0 restarts: its readiness probe (GET :8080/health) does not pass"},
      {"absent",
       "v9.9.9 starting, 0 restarts, hopeless: the image autograph/api-gateway:v9.9.9 cannot be "
       "pulled: the registry cannot be reached: dial tcp: lookup registry-1.docker.io on "
       "10.255.255.53:53: dial udp 10.255.255.53:53: connect: network is unreachable"},
      {"badname",
       "autograph/api-gateway:V9:9:9 starting, 0 restarts, hopeless: the image "
       "autograph/api-gateway:V9:9:9 cannot be pulled: it is no valid name of an image"},
      {"never",
       "v9.9.8 starting, 0 restarts, hopeless: the image autograph/api-gateway:v9.9.8 cannot be "
       "pulled: it is not on the node, and imagePullPolicy is Never"},
      {"secret", "v1.0.0 starting, 0 restarts: cannot be created: secret \"shop-db\" not found"},
      {"huge",
       "v1.0.0 starting, 0 restarts: cannot be scheduled: 0/1 nodes are available: 1 Insufficient "
       "cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not "
       "helpful for scheduling."},
      {"program",
       "v1.0.0 backoff, 4 restarts, hopeless: cannot be started: exec: \"/nothing\": stat "
       "/nothing: "
       "no such file or directory: unknown, 5 times"},
      {"probe",
       "v1.0.0 starting, 0 restarts: its readiness probe (GET :8081/nothing) does not pass"},
      {"alive",
       "v1.0.0 backoff, 4 restarts, hopeless: exited with status 0, perhaps since its liveness "
       "probe "
       "(GET :8081/health) failed, 5 times"},
  };
  const boost::json::array all = recorded();
  for (const auto& each : cases) {
    const core::TrackSeen seen = track_of(all, each.name);
    EXPECT_EQ(seen.trouble, "") << each.name;
    EXPECT_EQ(seen.count(), std::string_view(each.name) == "good" ? 2 : 1) << each.name;
    ASSERT_FALSE(seen.instances.empty()) << each.name;
    const core::Instance& one = seen.instances.front();
    EXPECT_EQ(fmt::format("{} {}, {} restarts{}{}{}", one.version, state_name(one.state),
                          one.restarts, one.crash_loop ? ", hopeless" : "",
                          one.trouble.empty() ? "" : ": ", one.trouble),
              each.reads)
        << each.name;
  }
  EXPECT_EQ(track_of(all, "good").ready_of("v1.0.0"), 2);
}

}  // namespace
}  // namespace linnet::kubernetes
