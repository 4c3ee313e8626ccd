// All of this folder's workload against a real cluster, as the service account that `linnet rbac`
// describes: init, a release, bad versions, clean-up; and events. The cluster's nodes have the
// images of the test bed.
#include <boost/json.hpp>

#include "kubernetes/cluster_view.h"
#include "kubernetes/deployments_workload.h"
#include "kubernetes/events.h"
#include "kubernetes/objects.h"
#include "kubernetes/real_cluster_test_support.h"
#include "spec/read.h"

namespace linnet::kubernetes {
namespace {

using boost::json::array;
using boost::json::object;
using core::Track;

const std::string rbac_api = "rbac.authorization.k8s.io/v1";

array texts(const std::vector<std::string>& all) {
  array out;
  for (const std::string& one : all) out.emplace_back(one);
  return out;
}

struct RealWorkload : RealClusterTest {
  void SetUp() override {
    RealClusterTest::SetUp();
    if (HasFatalFailure()) return;
    Config weak = config;
    weak.impersonate = fmt::format("system:serviceaccount:{}:linnet", where);
    client = std::make_unique<Client>(*curl, clock, weak);
    const spec::ReadSpecs read = spec::read_specs(
        fmt::format("metadata: {{ name: shop, namespace: {} }}\nspec: {{ workload: {{ deployments: "
                    "{{ image: 'autograph/api-gateway:{{{{version}}}}', host: shop.test }} }} }}\n",
                    where),
        "t.yaml");
    ASSERT_EQ(read.releases.size(), 1U);
    release = read.releases[0];
    names = names_of(release, "");
    rules = rules_of(names, release, ingress_objects(names), {});
    begin();
  }

  void begin() {
    array role_rules;
    for (const Rule& rule : rules) {
      object one{{"apiGroups", texts({rule.group})},
                 {"resources", texts({rule.resource})},
                 {"verbs", texts(rule.verbs)}};
      if (!rule.names.empty()) one["resourceNames"] = texts(rule.names);
      role_rules.push_back(one);
    }
    const object subject{{"kind", "ServiceAccount"}, {"name", "linnet"}, {"namespace", where}};
    const object reference{
        {"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "Role"}, {"name", "linnet"}};
    Json role = object{{"metadata", object{{"name", "linnet"}}}, {"rules", role_rules}};
    Json binding = object{{"metadata", object{{"name", "linnet"}}},
                          {"subjects", array{subject}},
                          {"roleRef", reference}};
    const auto made = run(admin->create({rbac_api, "roles", where}, role, soon()));
    ASSERT_TRUE(made) << made.error().message;
    const auto bound = run(admin->create({rbac_api, "rolebindings", where}, binding, soon()));
    ASSERT_TRUE(bound) << bound.error().message;
    // The API server knows of a role a moment after it has taken it.
    ASSERT_TRUE(
        eventually([this] { return run(find_objects(*client, names, soon())).has_value(); }));
  }

  template <class Condition>
  bool comes(Condition holds) {
    return eventually([&] {
      const auto seen = run(workload->observe(soon()));
      last = seen ? describe(*seen) : seen.error().message;
      return seen && holds(*seen);
    });
  }
  static std::string describe(const core::WorkloadSeen& seen) {
    std::string out;
    for (const core::TrackSeen* track : {&seen.stable, &seen.canary})
      for (const core::Instance& one : track->instances)
        out += fmt::format("{} {} state {} {}\n", one.id, one.version, static_cast<int>(one.state),
                           one.trouble);
    return out;
  }
  void set(const core::SetTrack& level) {
    const auto done = run(workload->set(level, soon()));
    ASSERT_TRUE(done) << done.error().message;
  }
  void init(const std::string& version) {
    const auto found = run(find_objects(*client, names, soon()));
    ASSERT_TRUE(found) << found.error().message;
    const InitPlan plan = plan_init(names, version, *found);
    ASSERT_EQ(plan.obstacles, std::vector<std::string>{});
    std::vector<recipes::Write> writes;
    for (const PlannedWrite& one : plan.writes) writes.push_back(one.write);
    const auto written = run(write_all(*client, std::move(writes), soon()));
    ASSERT_TRUE(written) << written.error().message;
  }

  std::unique_ptr<Client> client;
  core::Release release;
  Names names;
  std::vector<Rule> rules;
  std::unique_ptr<DeploymentsWorkload> workload;
  std::string last;
};

TEST_F(RealWorkload, InitReleaseBadVersionsAndCleanUpWithTheLeastRole) {
  init("v1.0.0");
  workload = std::make_unique<DeploymentsWorkload>(io.get_executor(), *client, clock, names,
                                                   std::function<void()>());
  tasks.spawn("workload", workload->run());
  ASSERT_TRUE(comes([](const auto& seen) { return seen.stable.ready_of("v1.0.0") == 2; })) << last;

  set({Track::canary, "v1.1.0", 1});
  ASSERT_TRUE(comes([](const auto& seen) { return seen.canary.ready_of("v1.1.0") == 1; })) << last;

  int fewest = 2;
  std::string then;
  set({Track::stable, "v1.1.0", 2});
  ASSERT_TRUE(comes([&](const auto& seen) {
    if (seen.stable.ready() < fewest) then = describe(seen);
    fewest = std::min(fewest, seen.stable.ready());
    return seen.stable.ready_of("v1.1.0") == 2 && seen.stable.count() == 2;
  })) << last;
  EXPECT_EQ(fewest, 2) << "replaced one by one, none missing\n" << then;

  const auto view = run(look_around(*client, names, rules, ControllerPlaces(), soon()));
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->missing.size(), 0U) << view->missing.front().text();
  for (const Finding& finding :
       {apart_finding(names, view->found), drain_finding(names, Track::canary, view->found),
        strategy_finding(names, view->found), drift_finding(names, view->found),
        autoscaler_finding(names, view->found), rights_finding(*view)})
    EXPECT_TRUE(finding.ok) << finding.check << ": " << finding.cause;

  for (const char* bad : {"v9.9.9", "v2.0.0-crash"}) {
    set({Track::canary, bad, 1});
    ASSERT_TRUE(comes([&](const auto& seen) {
      for (const core::Instance& one : seen.canary.instances)
        if (one.version == bad && one.crash_loop && !one.trouble.empty()) return true;
      return false;
    })) << last;
  }
  set({Track::canary, "", 0});
  ASSERT_TRUE(comes([](const auto& seen) { return seen.canary.count() == 0; })) << last;
  init("v1.0.0");  // again: nothing is changed
  EXPECT_TRUE(comes([](const auto& seen) { return seen.stable.ready_of("v1.1.0") == 2; }));
}

TEST_F(RealWorkload, EventsStandOnTheDeployment) {
  std::string said;
  EventPoster poster(io.get_executor(), *client, clock, {where, "shop-stable", "test", {}},
                     [&](std::string line) { said = std::move(line); }, {50ms, 500ms});
  tasks.spawn("events", poster.run());
  for (int i = 0; i < 3; ++i) poster.tell({"phase", "rolled_back: v2 taken back to v1"});
  const Resource events{"events.k8s.io/v1", "events", where};
  ASSERT_TRUE(eventually([&] {
    const auto all = run(admin->list(events, "", soon()));
    for (const Json& one : list_at(*all, {"items"}))
      if (text_at(one, {"reason"}) == "RolledBack" && number_at(one, {"series", "count"}, 0) == 3)
        return true;
    return false;
  })) << said;
  ASSERT_TRUE(run(admin->remove({rbac_api, "rolebindings", where}, "linnet", soon())));
  ASSERT_TRUE(eventually([&] {
    poster.tell({"verdict", "still here"});
    return !said.empty();
  }));
  EXPECT_NE(said.find("no events are written"), std::string::npos) << said;
}

}  // namespace
}  // namespace linnet::kubernetes
