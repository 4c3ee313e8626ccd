#include "cluster/metrics.h"

#include <boost/json.hpp>
#include <fstream>

#include "kubernetes/objects.h"
#include "kubernetes/url_host.h"
#include "prometheus/json_source.h"
#include "prometheus/scrape_source.h"
#include "prometheus/store_client.h"
#include "recipes/library.h"
#include "recipes/metric_json.h"
#include "runtime/environment.h"

namespace linnet::cluster {
namespace {

namespace k8s = kubernetes;

constexpr std::size_t longest_page = 64u << 20;

std::vector<double> limits_of(const core::Release& release) {
  std::vector<double> limits;
  for (const core::Check& check : release.checks)
    if (const auto* latency = std::get_if<core::LatencyCheck>(&check.rule))
      limits.push_back(static_cast<double>(latency->limit.count()));
  return limits;
}

bool is_running(const k8s::Json& pod) {
  return k8s::text_at(pod, {"status", "phase"}) == "Running" &&
         !k8s::text_at(pod, {"status", "podIP"}).empty();
}

// Pods of the release: those that either Deployment selects.
bool is_ours(const k8s::DeploymentsWorkload& workload, const k8s::Json& pod) {
  for (const core::Track track : {core::Track::stable, core::Track::canary}) {
    const k8s::Json* deployment = workload.deployment(track);
    const k8s::Json* selector =
        deployment == nullptr ? nullptr : k8s::find_at(*deployment, {"spec", "selector"});
    if (selector != nullptr &&
        k8s::selector_matches(*selector, k8s::labels_at(pod, {"metadata", "labels"})))
      return true;
  }
  return false;
}

prometheus::ScrapeTarget target_of(const k8s::Json& pod, const recipes::ScrapePlace& place,
                                   bool inside) {
  const std::string name = k8s::name_of(pod);
  const std::string space = k8s::namespace_of(pod);
  prometheus::ScrapeTarget target;
  target.id = k8s::text_at(pod, {"metadata", "uid"});
  target.labels = {{"pod", name}, {"namespace", space}};
  // From within the cluster a pod has an address; from outside the API server passes it on.
  target.location = inside
                        ? page_url(k8s::text_at(pod, {"status", "podIP"}), place.port, place.path)
                        : fmt::format("/api/v1/namespaces/{}/pods/{}:{}/proxy{}", space, name,
                                      place.port, place.path);
  return target;
}

Task<Result<std::string>> fetch_directly(net::Curl& curl, Clock& clock, std::string url,
                                         Deadline deadline) {
  net::Request request;
  request.url = std::move(url);
  request.timeout = std::max(deadline - clock.now().mono, Duration(1));
  request.max_answer_bytes = longest_page;
  request.proxy = "";
  CO_TRY(answer, co_await curl.send(std::move(request)));
  if (answer.status != 200) co_return fail(Code::unavailable, "it answers {}", answer.status);
  co_return std::move(answer.body);
}

Task<Result<std::string>> fetch_by_proxy(k8s::Client& client, std::string path, Deadline deadline) {
  k8s::ApiRequest request;
  request.target = std::move(path);
  request.accept = "*/*";  // it comes to the pod's server, which may refuse JSON or answer in it
  CO_TRY(answer, co_await client.send(std::move(request), deadline));
  if (answer.status == 403)
    co_return fail(Code::denied,
                   "reading it through the API server is forbidden (get pods/proxy); `linnet rbac` "
                   "prints the Role");
  if (answer.status != 200)
    co_return fail(Code::unavailable, "the API server's proxy answers {}", answer.status);
  co_return std::move(answer.body);
}

Result<std::string> read_secret(std::string_view place) {
  if (!place.starts_with("env:")) return prometheus::read_secret_file(place);
  const std::string name(place.substr(4));
  auto value = runtime::environment_variable(name);
  if (!value) return fail(Code::invalid, "the environment variable {} is not set", name);
  return prometheus::trimmed_secret(std::move(*value), "the environment variable " + name);
}

/// Of a release whose metrics cannot be read at all: it has no numbers, never good ones.
class NoSource final : public MetricSource {
 public:
  explicit NoSource(Error why) : why_(std::move(why)) {}
  Task<Result<core::Sample>> since(std::string, Deadline) override { co_return fail(why_); }

 private:
  Error why_;
};

}  // namespace

std::string page_url(const std::string& address, const std::string& port, const std::string& path) {
  return fmt::format("http://{}:{}{}", k8s::url_host(address), port, path);
}

std::vector<std::string> metrics_obstacles(const core::Metrics& metrics) {
  std::vector<std::string> troubles;
  if (metrics.source == "scrape") return troubles;  // asks no server
  for (const auto& [key, place] : prometheus::local_needs(metrics))
    if (const Result<std::string> read = read_secret(place); !read)
      troubles.push_back(fmt::format("spec.{}: {}", key, read.error().message));
  const core::MetricsTls& tls = metrics.tls;
  for (const auto& [key, file] : {std::pair{"ca_file", &tls.ca_file},
                                  {"certificate_file", &tls.certificate_file},
                                  {"key_file", &tls.key_file}})
    if (!file->empty() && !std::ifstream(*file).is_open())
      troubles.push_back(fmt::format("spec.metrics.tls.{}: {} cannot be read", key, *file));
  return troubles;
}

recipes::Parameters metric_parameters(const core::Release& release, const k8s::Names& names) {
  recipes::Parameters with;
  if (const auto* traffic = std::get_if<core::RecipeTraffic>(&release.traffic))
    with = traffic->with;
  for (const auto& [name, values] : release.metrics.with) with[name] = values;
  // By the defaults of the router's recipe, where nobody says otherwise.
  if (!names.stable_service.empty()) with.try_emplace("stable_service", 1, names.stable_service);
  if (!names.canary_service.empty()) with.try_emplace("canary_service", 1, names.canary_service);
  with["namespace"] = {names.name_space};
  with["release"] = {release.name};
  with["stable_deployment"] = {names.workload.stable};
  with["canary_deployment"] = {names.workload.canary};
  return with;
}

const std::string& metric_recipe(const core::Release& release) {
  const core::Metrics& metrics = release.metrics;
  const bool series = metrics.source == "prometheus" || metrics.source == "scrape";
  return series ? metrics.recipe : metrics.source;
}

std::unique_ptr<ReleaseMetrics> ReleaseMetrics::make(MetricNeeds needs,
                                                     const core::Release& release) {
  auto made = std::make_unique<ReleaseMetrics>();
  made->usable_ = made->connect(std::move(needs), release);
  if (made->usable_) return made;
  made->pods_.reset();
  made->where_ = "no metrics can be read";
  made->source_ = std::make_unique<NoSource>(made->usable_.error());
  return made;
}

Result<void> ReleaseMetrics::connect(MetricNeeds needs, const core::Release& release) {
  const recipes::Parameters with = metric_parameters(release, needs.names);
  const std::vector<double> bounds = core::latency_boundaries(release);
  const std::vector<double> limits = limits_of(release);
  const core::Metrics& metrics = release.metrics;
  const bool scrapes = metrics.source == "scrape";
  const bool asks = metrics.source == "prometheus";
  TRY(recipe, recipes::metric_of(metric_recipe(release), needs.own_recipe));
  if (!scrapes) {
    const auto get_curl = [&curl = needs.curl]() -> Result<net::Curl*> { return &curl; };
    const std::string address = recipe.json() != nullptr ? recipe.json()->address : "";
    prometheus::StoreClient store(get_curl, needs.clock, metrics, address, read_secret);
    where_ = store.where();
    if (asks) {
      TRY(source, prometheus::PrometheusSource::make(needs.clock, {recipe, with, bounds, limits},
                                                     std::move(store), needs.tell));
      source_ = std::move(source);
    } else {
      TRY(source, prometheus::JsonHttpSource::make(needs.clock, {recipe, with}, std::move(store),
                                                   needs.tell));
      source_ = std::move(source);
    }
    return {};
  }
  TRY(place, recipe.scrape(with));
  const std::string space = place.workload ? needs.names.name_space : place.name_space;
  pods_ = std::make_unique<k8s::Cache>(needs.client, k8s::Resource{"v1", "pods", space},
                                       place.workload ? "" : place.selector, [] {});
  const bool inside = needs.client.config().is_pod;
  where_ = fmt::format("the metrics pages of {}",
                       place.workload ? "the release's pods" : place.selector + " in " + space);
  const auto targets = [&cache = *pods_, &workload = needs.workload, place,
                        inside]() -> Result<std::vector<prometheus::ScrapeTarget>> {
    if (!cache.fresh()) return fail(cache.trouble());
    std::vector<prometheus::ScrapeTarget> found;
    for (const auto& [name, pod] : cache.objects())
      if (is_running(pod) && (!place.workload || is_ours(workload, pod)))
        found.push_back(target_of(pod, place, inside));
    return found;
  };
  const auto fetch = [&curl = needs.curl, &clock = needs.clock, &client = needs.client, inside](
                         const prometheus::ScrapeTarget& target, Deadline deadline) {
    return inside ? fetch_directly(curl, clock, target.location, deadline)
                  : fetch_by_proxy(client, target.location, deadline);
  };
  TRY(source, prometheus::ScrapeSource::make(needs.clock, {recipe, with, bounds, limits}, targets,
                                             fetch, needs.tell));
  source_ = std::move(source);
  return {};
}

void ReleaseMetrics::watch(runtime::TaskGroup& tasks) {
  if (pods_) tasks.spawn("pods with metrics", pods_->run());
}

}  // namespace linnet::cluster
