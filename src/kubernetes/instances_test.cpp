// Pods as an API server shows them, shortened to what is read.
#include "kubernetes/instances.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "kubernetes/objects.h"
#include "wire/json.h"

namespace linnet::kubernetes {
namespace {

using State = core::Instance::State;

const core::DeploymentsWorkload spec{"web", "web-canary", "web",     "shop/web:{{version}}",
                                     2,     8080,         "/health", ""};
const WallTime noon = wire::parse_wall_time("2026-10-01T12:00:00Z").value();

struct PodText {
  std::string name = "web-6d4cf56db6-x7k2p";
  std::string metadata;  // more of it, with a comma in front
  std::string phase = "Running";
  std::string conditions;  // the list's inside
  std::string statuses;
  std::string init_statuses;
  std::string container = R"({"name":"web","image":"shop/web:v2",
      "resources":{"limits":{"memory":"64Mi"}},
      "readinessProbe":{"httpGet":{"path":"/health","port":8080}}})";
  std::string init_container = R"({"name":"migrate","image":"shop/migrate:1"})";
};

Json pod(const PodText& p) {
  return boost::json::parse(fmt::format(
      R"({{"metadata":{{"name":"{}","creationTimestamp":"2026-10-01T11:59:30Z",
          "labels":{{"app":"web","pod-template-hash":"6d4cf56db6"}},
          "ownerReferences":[{{"kind":"ReplicaSet","name":"web-6d4cf56db6","controller":true}}]{}}},
         "spec":{{"containers":[{},{{"name":"proxy","image":"proxy:1"}}],
                  "initContainers":[{}]}},
         "status":{{"phase":"{}","podIP":"10.88.0.7","conditions":[{}],
                    "containerStatuses":[{}],"initContainerStatuses":[{}]}}}})",
      p.name, p.metadata, p.container, p.init_container, p.phase, p.conditions, p.statuses,
      p.init_statuses));
}

const std::string ready_condition =
    R"({"type":"Ready","status":"True","lastTransitionTime":"2026-10-01T11:59:40Z"})";
const std::string running_ready = R"({"name":"web","ready":true,"restartCount":0,
    "image":"docker.io/shop/web:v2","state":{"running":{"startedAt":"2026-10-01T11:59:31Z"}}})";

std::string not_ready_since(const std::string& time) {
  return R"({"type":"Ready","status":"False","reason":"ContainersNotReady","lastTransitionTime":")" +
         time + "\"}";
}

std::string running(const std::string& more = R"("restartCount":0)") {
  return R"({"name":"web","ready":false,"state":{"running":{"startedAt":"2026-10-01T11:59:31Z"}},)" +
         more + "}";
}

std::string waiting(const std::string& reason, const std::string& message,
                    const std::string& more = R"("restartCount":0)") {
  return fmt::format(
      R"({{"name":"web","ready":false,"state":{{"waiting":{{"reason":"{}","message":{}}}}},{}}})",
      reason, boost::json::serialize(boost::json::string(message)), more);
}

struct Case {
  std::string what;
  PodText pod;
  State state;
  std::string trouble;
  bool crash_loop = false;
  int restarts = 0;
  Duration lacking = 0ms;  // an image
};

const std::string two_deaths = R"("restartCount":1,"lastState":{"terminated":{"exitCode":1,
    "reason":"Error","startedAt":"2026-10-01T11:59:41Z","finishedAt":"2026-10-01T11:59:42Z"}})";
const std::string three_deaths = R"("restartCount":2,"lastState":{"terminated":{"exitCode":1,
    "reason":"Error","startedAt":"2026-10-01T11:59:41Z","finishedAt":"2026-10-01T11:59:42Z"}})";
const std::string out_of_memory = R"("restartCount":3,"lastState":{"terminated":{"exitCode":137,
    "reason":"OOMKilled"}})";

std::vector<Case> starting_cases() {
  const std::string since = not_ready_since("2026-10-01T11:59:30Z");
  const std::string unscheduled = R"({"type":"PodScheduled","status":"False",
      "reason":"Unschedulable","message":"0/3 nodes are available: 3 Insufficient cpu."})";
  return {
      {"ready", {.conditions = ready_condition, .statuses = running_ready}, State::ready, ""},
      {"ready but asked to stop",
       {.metadata = R"(,"deletionTimestamp":"2026-10-01T12:00:00Z")",
        .conditions = ready_condition,
        .statuses = running_ready},
       State::stopping,
       ""},
      {"being created",
       {.phase = "Pending", .conditions = since, .statuses = waiting("ContainerCreating", "")},
       State::starting,
       ""},
      {"not ready yet",
       {.conditions = since, .statuses = running()},
       State::starting,
       "its readiness probe (GET :8080/health) does not pass"},
      {"startup probe",
       {.conditions = since,
        .statuses = running(R"("restartCount":0,"started":false)"),
        .container = R"({"name":"web","image":"shop/web:v2",
            "startupProbe":{"tcpSocket":{"port":"http"}}})"},
       State::starting,
       "its startup probe (TCP :http) does not pass"},
      {"was ready and is not",
       {.conditions = not_ready_since("2026-10-01T11:59:55Z"), .statuses = running()},
       State::unready,
       "its readiness probe (GET :8080/health) does not pass"},
      {"no node has room",
       {.phase = "Pending", .conditions = unscheduled},
       State::starting,
       "cannot be scheduled: 0/3 nodes are available: 3 Insufficient cpu."},
      {"a Secret is missing",
       {.phase = "Pending",
        .conditions = since,
        .statuses = waiting("CreateContainerConfigError", "secret \"shop-db\" not found")},
       State::starting,
       "cannot be created: secret \"shop-db\" not found"},
      {"no such program",
       {.conditions = since,
        .statuses = waiting("RunContainerError", "exec: \"/bin/web\": no such file or directory")},
       State::starting,
       "cannot be started: RunContainerError: exec: \"/bin/web\": no such file or directory"},
  };
}

std::vector<Case> sidecar_cases() {
  const std::string since = not_ready_since("2026-10-01T11:59:30Z");
  const auto sidecar = [&](const std::string& more, const std::string& state) {
    return PodText{
        .phase = "Pending",
        .conditions = since,
        .statuses = waiting("PodInitializing", ""),
        .init_statuses = R"({"name":"mesh","ready":false,"restartCount":0,)" + state + "}",
        .init_container = R"({"name":"mesh","image":"mesh:1",
                       "startupProbe":{"httpGet":{"path":"/up","port":15021}})" +
                          more + "}"};
  };
  const std::string always = R"(,"restartPolicy":"Always")";
  const std::string runs = R"("started":false,"state":{"running":{}})";
  return {
      {"a native sidecar that does not start", sidecar(always, runs), State::starting,
       "init container mesh: its startup probe (GET :15021/up) does not pass"},
      {"a native sidecar that ended, though in order",
       sidecar(always, R"("state":{"terminated":{"exitCode":0,"reason":"Completed"}})"),
       State::starting, "init container mesh: exited with status 0"},
      {"an init container that runs", sidecar("", runs), State::starting, ""},
  };
}

std::vector<Case> dying_cases() {
  const std::string since = not_ready_since("2026-10-01T11:59:30Z");
  return {
      {"died once",
       {.conditions = since, .statuses = R"({"name":"web","ready":false,"restartCount":0,
            "state":{"terminated":{"exitCode":2,"reason":"Error","message":"no config\n"}}})"},
       State::backoff,
       "exited with status 2 (no config )"},
      {"died twice and waits: not a loop yet",
       {.conditions = since, .statuses = waiting("CrashLoopBackOff", "back-off 10s", two_deaths)},
       State::backoff,
       "exited with status 1, 2 times",
       false,
       1},
      {"dies again and again",
       {.conditions = since, .statuses = waiting("CrashLoopBackOff", "back-off 20s", three_deaths)},
       State::backoff,
       "exited with status 1, 3 times",
       true,
       2},
      {"runs again after a death",
       {.conditions = since, .statuses = running(two_deaths)},
       State::starting,
       "exited with status 1; its readiness probe (GET :8080/health) does not pass",
       false,
       1},
      {"killed for memory",
       {.conditions = since, .statuses = waiting("CrashLoopBackOff", "", out_of_memory)},
       State::backoff,
       "killed for lack of memory (limit 64Mi), 4 times",
       true,
       3},
      {"a sidecar dies",
       {.conditions = since, .statuses = R"({"name":"web","ready":true,"restartCount":0,
              "state":{"running":{"startedAt":"2026-10-01T11:59:31Z"}}},
            {"name":"proxy","ready":false,"restartCount":4,
              "state":{"waiting":{"reason":"CrashLoopBackOff"}},
              "lastState":{"terminated":{"exitCode":3,"reason":"Error"}}})"},
       State::starting,
       "container proxy: exited with status 3, 5 times",
       true,
       4},
      {"an init container fails",
       {.phase = "Pending",
        .conditions = since,
        .statuses = waiting("PodInitializing", ""),
        .init_statuses = R"({"name":"migrate","ready":false,"restartCount":3,
            "state":{"waiting":{"reason":"CrashLoopBackOff"}},
            "lastState":{"terminated":{"exitCode":1,"reason":"Error"}}})"},
       State::starting,
       "init container migrate: exited with status 1, 4 times",
       true},
  };
}

std::vector<Case> image_cases() {
  const std::string since = not_ready_since("2026-10-01T11:59:30Z");
  const std::string absent =
      "rpc error: code = NotFound desc = failed to pull and unpack image "
      "\"docker.io/shop/web:v2\": failed to resolve reference \"docker.io/shop/web:v2\": "
      "docker.io/shop/web:v2: not found";
  const std::string no_name = "dial tcp: lookup registry.example: no such host";
  const auto pulling = [&](const std::string& reason, const std::string& message) {
    return PodText{.phase = "Pending", .conditions = since, .statuses = waiting(reason, message)};
  };
  const std::string start = "the image shop/web:v2 cannot be pulled: ";
  return {
      {"no such tag, yet", pulling("ErrImagePull", absent), State::starting,
       start + "the registry has no such image or tag"},
      {"no such tag", pulling("ErrImagePull", absent), State::starting,
       start + "the registry has no such image or tag", true, 0, 40s},
      {"no such tag, waiting",
       pulling("ImagePullBackOff", "Back-off pulling image \"shop/web:v2\": " + absent),
       State::starting, start + "the registry has no such image or tag", true, 0, 40s},
      {"refused", pulling("ErrImagePull", "pull access denied, repository does not exist"),
       State::starting,
       start + "the registry refuses it, or has no such repository (imagePullSecrets?)", true},
      {"not on the node", pulling("ErrImageNeverPull", ""), State::starting,
       start + "it is not on the node, and imagePullPolicy is Never", true},
      {"not a name", pulling("InvalidImageName", "couldn't parse image name"), State::starting,
       start + "it is no valid name of an image", true},
      {"a registry that may come back", pulling("ErrImagePull", no_name), State::starting,
       start + "the registry's name cannot be resolved", false, 0, 39s},
      {"a registry that did not come back", pulling("ImagePullBackOff", no_name), State::starting,
       start + "the registry's name cannot be resolved", true, 0, 40s},
  };
}

void check(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    const core::Instance seen = instance_of(spec, pod(each.pod), each.lacking, noon);
    EXPECT_EQ(seen.id, "web-6d4cf56db6-x7k2p");
    EXPECT_EQ(seen.version, "v2") << each.what;
    EXPECT_EQ(static_cast<int>(seen.state), static_cast<int>(each.state)) << each.what;
    EXPECT_EQ(seen.trouble, each.trouble) << each.what;
    EXPECT_EQ(seen.crash_loop, each.crash_loop) << each.what;
    EXPECT_EQ(seen.restarts, each.restarts) << each.what;
  }
}

TEST(Instances, TellHowAPodStarts) { check(starting_cases()); }
TEST(Instances, TellWhatANativeSidecarLacks) { check(sidecar_cases()); }
TEST(Instances, TellWhyAPodDies) { check(dying_cases()); }
TEST(Instances, TellWhyAnImageIsNotThere) { check(image_cases()); }

TEST(Instances, WithoutTheNamedContainerNothingIsAVersion) {
  PodText other{.conditions = ready_condition, .statuses = running_ready};
  other.container = R"({"name":"app","image":"shop/web:v2"})";
  const core::Instance seen = instance_of(spec, pod(other), 0ms, noon);
  EXPECT_EQ(seen.version, "unknown");
  EXPECT_EQ(seen.trouble, "it has no container web; it has app, proxy");
}

TEST(Instances, OfAnythingAtAllAreReadWithoutHarm) {
  for (const char* text : {"{}", "[]", "null", "7", R"({"metadata":7,"status":[]})",
                           R"({"spec":{"containers":[7,{}]},"status":{"conditions":[null]}})"}) {
    const core::Instance seen = instance_of(spec, boost::json::parse(text), 0ms, noon);
    EXPECT_EQ(seen.version, "unknown") << text;
    EXPECT_FALSE(seen.crash_loop) << text;
  }
}

// --- tracks --------------------------------------------------------------------------------------

Json slice(const std::string& endpoints) {
  return boost::json::parse(R"({"metadata":{"labels":{"kubernetes.io/service-name":"web"}},
      "addressType":"IPv4","endpoints":[)" +
                            endpoints + "]}");
}

Json deployment(const std::string& conditions = "") {
  return boost::json::parse(R"({"metadata":{"name":"web"},
      "spec":{"replicas":3,"progressDeadlineSeconds":120},"status":{"conditions":[)" +
                            conditions + "]}}");
}

core::TrackSeen track_of(const Json* deployed, const std::vector<Json>& pods,
                         const std::vector<Json>& slices, const std::string& service = "web") {
  TrackObjects objects{"web", deployed, {}, service, {}};
  for (const Json& one : pods) objects.pods.push_back(&one);
  for (const Json& one : slices) objects.slices.push_back(&one);
  return track_seen(spec, objects, noon);
}

const PodText good{.conditions = ready_condition, .statuses = running_ready};

TEST(TrackSeen, IsReadyOnlyThroughTheEndpointsOfItsService) {
  const std::string reference = R"("targetRef":{"kind":"Pod","name":"web-6d4cf56db6-x7k2p"})";
  const Json deployed = deployment();
  struct {
    const char* what;
    std::string endpoints;
    int ready;
  } const cases[] = {
      {"none", "", 0},
      {"ready", R"({"conditions":{"ready":true},)" + reference + "}", 1},
      {"nothing said", R"({"conditions":{},)" + reference + "}", 1},
      {"not ready", R"({"conditions":{"ready":false},)" + reference + "}", 0},
      {"terminating", R"({"conditions":{"ready":true,"terminating":true},)" + reference + "}", 0},
      {"by address", R"({"conditions":{"ready":true},"addresses":["10.88.0.7"]})", 1},
      {"another", R"({"conditions":{"ready":true},"addresses":["10.88.0.8"]})", 0},
  };
  for (const auto& each : cases) {
    const core::TrackSeen seen = track_of(&deployed, {pod(good)}, {slice(each.endpoints)});
    EXPECT_EQ(seen.count(), 1) << each.what;
    EXPECT_EQ(seen.ready_of("v2"), each.ready) << each.what;
    EXPECT_EQ(seen.instances[0].trouble.empty(), each.ready == 1) << each.what;
  }
  EXPECT_EQ(track_of(&deployed, {pod(good)}, {}, "").ready(), 1) << "no Service is known";
}

TEST(TrackSeen, APodThatShallStopIsStoppingOnlyWhenItIsNoEndpointAnyMore) {
  const Json deployed = deployment();
  PodText asked = good;
  asked.metadata = R"(,"deletionTimestamp":"2026-10-01T12:00:30Z")";
  const auto state = [&](const std::string& conditions) {
    const std::string reference = R"("targetRef":{"kind":"Pod","name":"web-6d4cf56db6-x7k2p"})";
    const Json listed = slice(R"({"conditions":{)" + conditions + "}," + reference + "}");
    return track_of(&deployed, {pod(asked)}, {listed}).instances[0].state;
  };
  EXPECT_EQ(state(R"("ready":true)"), State::unready) << "the slice is older than the wish";
  EXPECT_EQ(state(R"("ready":false,"serving":true,"terminating":true)"), State::stopping);
  EXPECT_EQ(state(R"("ready":false)"), State::stopping);
}

TEST(TrackSeen, APodThatStaysBeyondItsTimeIsToldWithWhatMayKeepIt) {
  const Json deployed = deployment();
  PodText stays = good;
  stays.metadata = R"(,"deletionTimestamp":"2026-10-01T11:58:00Z","finalizers":["x.dev/keep"])";
  Json found = pod(stays);
  found.at("spec").as_object()["nodeName"] = "worker-2";
  const core::TrackSeen seen = track_of(&deployed, {found}, {});
  EXPECT_EQ(seen.instances[0].trouble,
            "it should have stopped at 2026-10-01T11:58:00Z, on node worker-2, finalizers "
            "x.dev/keep");
  EXPECT_EQ(seen.staying(), 0);
}

TEST(TrackSeen, NumbersThatCannotBeAreBounded) {
  const Json deployed = boost::json::parse(R"({"metadata":{"name":"web"},"spec":{"replicas":-5}})");
  const Json huge = boost::json::parse(R"({"metadata":{"name":"web-1"},
      "spec":{"containers":[{"name":"web","image":"shop/web:v2"}]},
      "status":{"containerStatuses":[
        {"name":"web","restartCount":9223372036854775807,
         "state":{"waiting":{"reason":"CrashLoopBackOff"}},
         "lastState":{"terminated":{"exitCode":1}}},
        {"name":"proxy","restartCount":9223372036854775807}]}})");
  const core::TrackSeen seen = track_of(&deployed, {huge}, {});
  EXPECT_EQ(seen.wanted, 0);
  EXPECT_EQ(seen.restarts(), 1'000'000);
}

TEST(TrackSeen, KnowsADeploymentThatMayStopAllItsPodsAtOnce) {
  const auto at_once = [](std::string_view replicas, std::string_view strategy) {
    const Json deployed = boost::json::parse(
        fmt::format(R"({{"metadata":{{"name":"web"}},"spec":{{"replicas":{},"strategy":{}}}}})",
                    replicas, strategy));
    return track_of(&deployed, {}, {}).replaced_at_once;
  };
  EXPECT_TRUE(at_once("3", R"({"type":"Recreate"})"));
  EXPECT_TRUE(at_once("1", R"({"rollingUpdate":{"maxUnavailable":1}})"));
  EXPECT_TRUE(at_once("3", R"({"rollingUpdate":{"maxUnavailable":"100%"}})"));
  EXPECT_TRUE(at_once("1", R"({"rollingUpdate":{"maxUnavailable":"25%","maxSurge":0}})"))
      << "with neither, Kubernetes takes one away";
  EXPECT_FALSE(at_once("1", R"({"rollingUpdate":{"maxUnavailable":0,"maxSurge":"1%"}})"));
  EXPECT_FALSE(at_once("3", R"({"rollingUpdate":{"maxUnavailable":2}})"));
  EXPECT_FALSE(at_once("1", R"({"rollingUpdate":{"maxUnavailable":"25%"}})"));
  EXPECT_FALSE(at_once("1", "{}"));
}

TEST(TrackSeen, AllSlicesOfAServiceCount) {
  const Json deployed = deployment();
  PodText second = good;
  second.name = "web-6d4cf56db6-zzzzz";
  const auto endpoint = [](const std::string& name) {
    return slice(R"({"targetRef":{"kind":"Pod","name":")" + name + "\"}}");
  };
  const core::TrackSeen seen =
      track_of(&deployed, {pod(second), pod(good)}, {endpoint(good.name), endpoint(second.name)});
  EXPECT_EQ(seen.ready(), 2);
  EXPECT_EQ(seen.instances[0].id, good.name) << "in the order of their names";
  EXPECT_EQ(seen.wanted, 3);
}

TEST(TrackSeen, PodsOfOthersAndThoseThatEndedAreLeftOut) {
  const Json deployed = deployment();
  PodText others = good, evicted = good, orphan = good;
  others.metadata =
      R"(,"ownerReferences":[{"kind":"ReplicaSet","name":"web-canary-6d4cf56db6","controller":true}])";
  evicted.phase = "Failed";
  orphan.metadata = R"(,"ownerReferences":[{"kind":"Job","name":"web","controller":true}])";
  EXPECT_EQ(track_of(&deployed, {pod(others), pod(evicted), pod(orphan)}, {}).count(), 0);
}

TEST(TrackSeen, TheDeploymentsOwnTroublesAreTold) {
  EXPECT_EQ(track_of(nullptr, {}, {}).trouble, "the Deployment web does not exist: `linnet init`");
  EXPECT_FALSE(track_of(nullptr, {}, {}).wanted.has_value());
  const Json quota = deployment(R"({"type":"ReplicaFailure","status":"True",
      "reason":"FailedCreate","message":"pods \"web-x\" is forbidden: exceeded quota: small"})");
  EXPECT_EQ(track_of(&quota, {}, {}).trouble,
            "the Deployment web cannot create pods: pods \"web-x\" is forbidden: exceeded quota: "
            "small");
  Json paused = deployment();
  paused.at("spec").as_object()["paused"] = true;
  EXPECT_NE(track_of(&paused, {}, {}).trouble.find("is paused"), std::string::npos);
  const Json stuck =
      deployment(R"({"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded"})");
  EXPECT_EQ(track_of(&stuck, {}, {}).trouble,
            "the Deployment web made no progress within its 120 s");
  EXPECT_EQ(track_of(&stuck, {pod({.statuses = running()})}, {}).trouble, "")
      << "the pod says more";
}

}  // namespace
}  // namespace linnet::kubernetes
