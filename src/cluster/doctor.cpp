#include "cluster/doctor.h"

#include <boost/json.hpp>

#include "cluster/abandoned.h"
#include "cluster/recipe_check.h"
#include "kubernetes/cluster_view.h"
#include "recipes/library.h"
#include "runtime/with_deadline.h"

namespace linnet::cluster {
namespace {

constexpr Duration counted_for = 3s;
constexpr Duration longest_interval = 21s;  // a server that scrapes each 15 s has news by then
constexpr double surely_some = 5;           // so many were expected: none is 1 in 150
constexpr Duration longest_first_look = 5s;

// Whether numbers come in at all, and whether both tracks are told apart in them.
Task<api::Finding> metrics_finding(Parts& parts, Percent weight, Deadline deadline) {
  api::Finding finding{"metrics arrive", false, "", ""};
  const std::vector<std::string> obstacles = metrics_obstacles(parts.release.metrics);
  if (!obstacles.empty()) {
    finding.cause = fmt::format("{}", fmt::join(obstacles, "; "));
    finding.remedy =
        "set the variable or make the file readable where linnet runs; the server was not asked";
    co_return finding;
  }
  Result<void> looked = co_await parts.counts->look(deadline);
  const MonoTime began = parts.ground.clock.now().mono;
  const Duration longest =
      parts.release.metrics.source == "scrape" ? counted_for : longest_interval;
  Duration counted{};
  const auto has_news = [&] {
    return parts.counts->stable().requests + parts.counts->canary().requests > 0;
  };
  while (looked && counted < longest && !has_news()) {
    co_await runtime::sleep_for(counted_for);
    // A server that is slow is not one that is away.
    looked = co_await parts.counts->look(
        std::max(deadline, parts.ground.clock.now().mono + counted_for));
    counted = parts.ground.clock.now().mono - began;
  }
  if (!looked) {
    finding.cause = fmt::format("{}: {}", parts.metrics->where(), looked.error().message);
    finding.remedy =
        "check spec.metrics (source, recipe, address) and that the server can be reached from here";
    co_return finding;
  }
  const core::Counts& stable = parts.counts->stable();
  const core::Counts& canary = parts.counts->canary();
  finding.cause = fmt::format("{}: {} requests on stable and {} on the canary within {}",
                              parts.metrics->where(), stable.requests, canary.requests,
                              duration_text(std::chrono::floor<std::chrono::seconds>(counted)));
  finding.ok = stable.requests + canary.requests > 0;
  if (!finding.ok)
    finding.remedy =
        "send some requests and look again; if there were some, the recipe's parameters do not "
        "match the labels of the metrics (`linnet recipes show`)";
  const double expected = weight.fraction() * static_cast<double>(stable.requests);
  if (canary.requests == 0 && expected >= surely_some) {
    finding.ok = false;
    finding.cause += fmt::format(", which has weight {}", weight.text());
    finding.remedy =
        "either traffic does not split (is the router's controller the one that serves the host?), "
        "or the recipe cannot tell the tracks apart (`linnet recipes show`)";
  }
  co_return finding;
}

// A rollout that somebody began must not stand there with its traffic, and nobody who watches.
Task<api::Finding> driver_finding(Parts& parts, Deadline deadline) {
  api::Finding finding{"a rollout that runs is driven", true, "none runs", ""};
  const Result<core::Status> status = co_await parts.store->status(parts.release.name);
  Result<std::optional<api::Abandoned>> left = std::nullopt;
  if (status)
    left = co_await find_abandoned(parts, *status, deadline);
  else
    left = fail(status.error());
  if (!left)
    co_return api::Finding{finding.check, false, "unknown: " + left.error().message,
                           "see the finding on rights"};
  if (!core::is_running(status->phase)) co_return finding;
  finding.cause = *left ? (*left)->text : "somebody drives it";
  if (!*left) co_return finding;
  finding.ok = waits_for_people(status->phase);
  if (finding.ok)
    finding.cause += "; it waits for a person: " + (*left)->next;
  else
    finding.remedy = (*left)->next;
  co_return finding;
}

// "kubectl describe httproutes.gateway.networking.k8s.io web -n shop".
std::string describe_command(const std::vector<recipes::ObjectName>& objects) {
  const recipes::ObjectName& first = objects.front();
  const std::size_t slash = first.api_version.find('/');
  const std::string group =
      slash == std::string::npos ? "" : "." + first.api_version.substr(0, slash);
  std::string command = fmt::format("kubectl describe {}{}", first.plural, group);
  for (const recipes::ObjectName& object : objects) command += " " + object.name;
  return command + " -n " + first.name_space;
}

}  // namespace

kubernetes::ControllerPlaces controller_places(const core::Release& release,
                                               const kubernetes::Names& names,
                                               const std::string& own_recipe) {
  const auto* traffic = std::get_if<core::RecipeTraffic>(&release.traffic);
  const std::string router = traffic == nullptr ? "" : traffic->router;
  const bool traefik = router == "traefik" || release.metrics.recipe.starts_with("traefik");
  kubernetes::ControllerPlaces places;
  places.matter = traefik || router == "ingress-nginx" || router == "gateway-api";
  if (!traefik && router != "ingress-nginx") return places;
  const auto recipe = recipes::metric_of(release.metrics.recipe, own_recipe);
  const auto pages = recipe ? recipe->scrape(metric_parameters(release, names))
                            : Result<recipes::ScrapePlace>(fail(recipe.error()));
  if (pages && !pages->workload && !pages->name_space.empty())
    places.namespaces = {pages->name_space};
  else if (traefik)
    places.namespaces = {"traefik"};
  else
    places.namespaces = {"ingress-nginx", "traefik"};
  return places;
}

std::vector<Percent> all_weights(const core::Release& release) {
  std::vector<Percent> weights;
  for (const core::Step& step : release.steps) weights.push_back(step.weight);
  weights.push_back(Percent::whole(100));  // a promotion's
  return weights;
}

std::string router_remedy(const std::vector<recipes::ObjectName>& carriers,
                          const Result<std::string>& splits) {
  if (splits)
    return fmt::format(
        "an object that is missing is named here too, and `linnet init` makes it; else their "
        "controller must accept them. Does their parent (Gateway and listener, or class) exist, "
        "and does its controller run? `{}` shows the conditions",
        describe_command(carriers));
  if (splits.error().code == Code::not_found) return "`linnet init` makes what is missing";
  if (splits.error().code == Code::denied) return "see the finding on rights";
  return "correct it: " + splits.error().message;
}

Task<Result<std::vector<api::Finding>>> examine(Parts& parts, Deadline deadline) {
  std::vector<api::Finding> findings;
  // Where rights are missing the watches never see anything, and the rest must have its time.
  const Deadline first = std::min(deadline, parts.ground.clock.now().mono + longest_first_look);
  const Result<void> looked = co_await parts.first_look(first);
  const auto rules = parts.rules();
  auto places = controller_places(parts.release, parts.names, parts.own.metric);
  CO_TRY(view, co_await kubernetes::look_around(*parts.client, parts.names, rules,
                                                std::move(places), deadline));
  view.seen = co_await parts.workload->observe(deadline);
  const Result<core::TrafficSeen> traffic = co_await parts.router->read(deadline);
  if (traffic) view.weight = traffic->weight;
  for (kubernetes::Finding& found : kubernetes::examine(parts.names, view))
    findings.push_back(
        {std::move(found.check), found.ok, std::move(found.cause), std::move(found.remedy)});
  const Result<std::string> splits =
      co_await parts.router->could_split(all_weights(parts.release), deadline);
  const bool cannot = !splits && splits.error().code == Code::invalid;
  const std::string objection =
      cannot ? "not every step's weight can be set" : splits.value_or(std::string());
  const std::string trouble = !looked && !traffic ? traffic.error().message : objection;
  if (!trouble.empty())
    findings.push_back({"the router can be read", false, trouble,
                        router_remedy(parts.router->carriers(), splits)});
  findings.push_back(co_await driver_finding(parts, deadline));
  findings.push_back(co_await metrics_finding(parts, view.weight, deadline));
  co_return findings;
}

}  // namespace linnet::cluster
