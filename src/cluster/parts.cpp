#include "cluster/parts.h"

#include <boost/asio/io_context.hpp>

#include "cluster/recipe_check.h"
#include "kubernetes/requests.h"
#include "recipes/library.h"
#include "runtime/with_deadline.h"

namespace linnet::cluster {
namespace {

constexpr Duration look_again = 1ms;

}  // namespace

Parts::Parts(Ground ground_in, const DriveOptions& options)
    : ground(ground_in),
      release(options.release),
      own(options.own),
      looks_once(options.looks_once),
      doorbell(ground.io.get_executor()) {}

Result<std::unique_ptr<Parts>> Parts::make(Ground ground, const DriveOptions& options) {
  std::unique_ptr<Parts> parts(new Parts(ground, options));
  TRY_VOID(parts->connect(options));
  return parts;
}

Result<void> Parts::connect(const DriveOptions& options) {
  const auto* traffic = std::get_if<core::RecipeTraffic>(&release.traffic);
  if (traffic == nullptr)
    return fail(Code::invalid, "release {} has Deployments: spec.traffic.router must be named",
                release.name);
  if (const std::string& file = options.spec_file; !file.empty()) {
    TRY(found, recipes::own_recipes(traffic->router, metric_recipe(release), recipe_folder(file)));
    // See Session::drive_options(): kept texts come only where the file is not there.
    if (!found.router.empty()) own.router = std::move(found.router);
    own.metric = std::move(found.metric);
  }
  TRY(config, kubernetes::load_config(options.cluster));
  TRY(loaded, net::Curl::load(ground.io.get_executor()));
  curl = std::move(loaded);
  names = kubernetes::names_of(release, config.name_space);
  if (!options.name_space.empty()) names.name_space = options.name_space;
  Clock& clock = ground.clock;
  client =
      std::make_unique<kubernetes::Client>(*curl, clock, std::move(config), "linnet", looks_once);
  if (options.login) client->adopt(*options.login);
  store = std::make_unique<kubernetes::ConfigMapStore>(*client, clock, names.name_space);
  lease = std::make_unique<kubernetes::Lease>(*client, clock, names.name_space,
                                              "linnet-" + release.name, options.identity,
                                              kubernetes::LeaseTimes{15s, 10s, 4s});
  kubernetes::EventSource source;
  source.name_space = names.name_space;
  source.deployment = names.workload.stable;
  source.instance = options.identity;
  source.uid = [this] {
    const kubernetes::Json* stable = workload ? workload->deployment(core::Track::stable) : nullptr;
    return stable == nullptr ? "" : kubernetes::text_at(*stable, {"metadata", "uid"});
  };
  events = std::make_unique<kubernetes::EventPoster>(
      ground.io.get_executor(), *client, clock, std::move(source),
      [this](const std::string& text) { note("notice", text); });
  return connect_ports(*traffic);
}

Result<void> Parts::connect_ports(const core::RecipeTraffic& traffic) {
  Clock& clock = ground.clock;
  const auto executor = ground.io.get_executor();
  const auto changed = [this] { wake(); };
  TRY(recipe, recipes::router_of(traffic.router, own.router));
  kubernetes::take_defaults(names, recipe.with_defaults(router_parameters(traffic, names)));
  workload =
      std::make_unique<kubernetes::DeploymentsWorkload>(executor, *client, clock, names, changed);
  TRY(made_router, kubernetes::RecipeRouter::make(*client, std::move(recipe),
                                                  router_parameters(traffic, names), changed));
  router = std::move(made_router);
  const auto tell = [this](const core::Entry& entry) { note(entry.kind, entry.text); };
  metrics =
      ReleaseMetrics::make({clock, *curl, *client, *workload, names, tell, own.metric}, release);
  counts = std::make_unique<SummedSource>(metrics->source());
  leased_router = std::make_unique<LeasedRouter>(*router, *lease, clock);
  leased_workload = std::make_unique<LeasedWorkload>(
      *workload, *lease, [this](const std::string& text) { note("warning", text); });
  told_store =
      std::make_unique<ToldStore>(*store, *events, [this] { ground.changes.ring(release.name); });
  const auto get_curl = [this]() -> Result<net::Curl*> { return curl.get(); };
  notifier =
      std::make_unique<notify::WebhookNotifier>(executor, get_curl, release.name, release.notify,
                                                tell, [this] { doorbell.ring(release.name); });
  core::Release driven = release;  // with what only the router's recipe knows
  std::get<core::RecipeTraffic>(driven.traffic).settles = router->recipe().settles();
  loop = std::make_unique<engine::ReleaseLoop>(
      std::move(driven),
      Ports{clock, doorbell, *told_store, *store, *leased_workload, *leased_router, *counts,
            *notifier, calendar},
      [this] { ground.changes.ring(release.name); });
  return {};
}

void Parts::watch(runtime::TaskGroup& tasks) {
  const auto changed = [this] { wake(); };
  tasks.spawn("workload", workload->run());
  router->watch(tasks);
  if (looks_once) return;
  tasks.spawn("store", store->follow(release.name, changed));
  tasks.spawn("events", events->run());
  metrics->watch(tasks);
}

Task<Result<void>> Parts::first_look(Deadline deadline) {
  for (;;) {
    const Result<core::WorkloadSeen> seen = co_await workload->observe(deadline);
    const Result<core::TrafficSeen> traffic = co_await router->read(deadline);
    if (seen && (traffic || traffic.error().code != Code::unavailable)) co_return Result<void>();
    if (ground.clock.now().mono >= deadline) co_return fail(seen ? traffic.error() : seen.error());
    co_await runtime::sleep_for(look_again);
  }
}

std::vector<kubernetes::Rule> Parts::rules() const {
  const auto objects = kubernetes::router_objects(names, release, router->recipe());
  kubernetes::RbacOptions options;
  options.init = false;
  return kubernetes::rules_of(
      names, release, objects ? *objects : std::vector<kubernetes::RouterObject>(), options);
}

void Parts::wake() {
  doorbell.ring(release.name);
  ground.changes.ring(release.name);
}

void Parts::note(const std::string& kind, const std::string& text) {
  store->note(release.name, {kind, text});
  ground.changes.ring(release.name);
}

}  // namespace linnet::cluster
