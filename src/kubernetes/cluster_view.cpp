#include "kubernetes/cluster_view.h"

#include <algorithm>
#include <boost/json.hpp>

#include "kubernetes/objects.h"
#include "kubernetes/requests.h"
#include "net/http.h"

namespace linnet::kubernetes {
namespace {

// Null: it does not exist, or has no name.
Task<Result<Json>> get_or_null(Client& client, recipes::ObjectName name, Deadline deadline) {
  if (name.name.empty()) co_return Json();
  auto got = co_await client.get(collection(name), name.name, deadline);
  if (!got && got.error().code == Code::not_found) co_return Json();
  co_return got;
}

// Nothing when it may not be read, or when the cluster does not know the kind.
Task<Result<std::optional<std::vector<Json>>>> list_if_allowed(Client& client, Resource resource,
                                                               std::string selector,
                                                               Deadline deadline) {
  using Items = std::optional<std::vector<Json>>;
  auto got = co_await client.list(resource, selector, deadline);
  if (!got && (got.error().code == Code::denied || got.error().code == Code::not_found))
    co_return Items();
  if (!got) co_return fail(std::move(got).error());
  std::vector<Json> items;
  for (const Json& item : list_at(*got, {"items"})) items.push_back(item);
  co_return Items(std::move(items));
}

Task<Result<std::vector<Json>>> list_or_none(Client& client, std::string kind,
                                             std::string name_space, Deadline deadline) {
  const Resource resource = collection(object_name(kind, name_space, ""));
  auto got = co_await list_if_allowed(client, resource, "", deadline);
  if (!got) co_return fail(std::move(got).error());
  co_return got->value_or(std::vector<Json>());
}

Task<Result<void>> find_monitor(Client& client, Names names, Found& found, Deadline deadline) {
  ApiRequest request;
  request.target = "/apis/monitoring.coreos.com/v1";
  auto kinds = co_await client.send(request, deadline);
  if (!kinds) co_return fail(std::move(kinds).error());
  found.has_service_monitors =
      kinds->status == 200 && kinds->body.find("\"servicemonitors\"") != std::string::npos;
  if (!found.has_service_monitors) co_return Result<void>();
  const recipes::ObjectName name = object_name("ServiceMonitor", names.name_space, names.release);
  auto monitor = co_await get_or_null(client, name, deadline);
  if (monitor) found.service_monitor = std::move(*monitor);
  co_return Result<void>();
}

Task<Result<Existence>> which_exist(Client& client, std::string kind, std::string name_space,
                                    std::vector<std::string> wanted, Deadline deadline) {
  Existence all;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const recipes::ObjectName name = object_name(kind, name_space, wanted[i]);
    auto got = co_await get_or_null(client, name, deadline);
    if (got)
      all[wanted[i]] = !got->is_null();
    else if (got.error().code == Code::denied)
      all[wanted[i]] = std::nullopt;
    else
      co_return fail(std::move(got).error());
  }
  co_return all;
}

std::vector<std::string> both(std::vector<std::string> a, const std::vector<std::string>& b) {
  for (const std::string& one : b)
    if (std::find(a.begin(), a.end(), one) == a.end()) a.push_back(one);
  return a;
}

Json review_of(const std::string& name_space, const Right& right) {
  boost::json::object attributes{{"namespace", name_space},
                                 {"verb", right.verb},
                                 {"group", right.group},
                                 {"resource", right.resource}};
  if (!right.subresource.empty()) attributes["subresource"] = right.subresource;
  if (!right.name.empty()) attributes["name"] = right.name;
  return boost::json::object{{"apiVersion", "authorization.k8s.io/v1"},
                             {"kind", "SelfSubjectAccessReview"},
                             {"spec", boost::json::object{{"resourceAttributes", attributes}}}};
}

// Everywhere, or where that is denied in the namespaces in which it usually is.
Task<Result<Controllers>> find_controllers(Client& client, ControllerPlaces places,
                                           Deadline deadline) {
  Controllers out;
  out.places = std::move(places);
  if (!out.places.matter) co_return out;
  for (const char* plural : {"deployments", "daemonsets"}) {
    std::vector<std::string> where{""};
    where.insert(where.end(), out.places.namespaces.begin(), out.places.namespaces.end());
    std::vector<std::string> denied;
    for (std::size_t i = 0; i < where.size(); ++i) {
      Resource resource{"apps/v1", plural, where[i]};
      auto listed = co_await list_if_allowed(client, std::move(resource), "", deadline);
      if (!listed) co_return fail(std::move(listed).error().while_doing("looking for controllers"));
      if (!*listed) {
        denied.push_back(
            fmt::format("list {}.apps in {}", plural,
                        where[i].empty() ? "all namespaces" : "namespace " + where[i]));
        continue;
      }
      for (Json& one : **listed) out.objects.push_back(std::move(one));
      if (i == 0) break;
    }
    // When all the namespaces where it usually is may be seen, that will do.
    const bool enough = where.size() > 1 && denied.size() == 1;
    if (!enough) out.denied.insert(out.denied.end(), denied.begin(), denied.end());
  }
  co_return out;
}

}  // namespace

Task<Result<void>> check_namespace(Client& client, std::string name, Deadline deadline) {
  const Resource everywhere{"v1", "namespaces", ""};
  ApiRequest request = get_request(everywhere, name);
  const auto answer = co_await client.send(std::move(request), deadline);
  if (!answer || answer->status != 404) co_return Result<void>();
  const Result<Json> status = parse_json(answer->body);
  // Only a namespace that is missing is a Status of this kind; a path that nobody serves is none.
  if (!status || text_at(*status, {"kind"}) != "Status" ||
      text_at(*status, {"details", "kind"}) != "namespaces")
    co_return fail(Code::invalid,
                   "{} answers 404 to what every API server knows: is the path in the kubeconfig's "
                   "clusters[].cluster.server right?",
                   net::loggable_url(client.config().server));
  co_return fail(Code::invalid,
                 "there is no namespace '{}' in this cluster: `kubectl create namespace {}`, or "
                 "name the right one with -n NAMESPACE or metadata.namespace",
                 name, name);
}

Task<Result<Found>> find_tracks(Client& client, Names names, Deadline deadline) {
  using core::Track;
  Found found;
  const recipes::ObjectName stable = deployment_name(names, Track::stable);
  const recipes::ObjectName canary = deployment_name(names, Track::canary);
  const recipes::ObjectName stable_service = service_name(names, Track::stable);
  const recipes::ObjectName canary_service = service_name(names, Track::canary);
  auto stable_found_answer = co_await get_or_null(client, stable, deadline);
  CO_TRY(stable_found, std::move(stable_found_answer));
  auto canary_found_answer = co_await get_or_null(client, canary, deadline);
  CO_TRY(canary_found, std::move(canary_found_answer));
  auto stable_service_found_answer = co_await get_or_null(client, stable_service, deadline);
  CO_TRY(stable_service_found, std::move(stable_service_found_answer));
  auto canary_service_found_answer = co_await get_or_null(client, canary_service, deadline);
  CO_TRY(canary_service_found, std::move(canary_service_found_answer));
  found.stable = std::move(stable_found);
  found.canary = std::move(canary_found);
  found.stable_service = std::move(stable_service_found);
  found.canary_service = std::move(canary_service_found);
  const std::vector<std::string> ingresses = both(names.ingresses, names.canary_ingresses);
  for (std::size_t i = 0; i < ingresses.size(); ++i) {
    const recipes::ObjectName name = object_name("Ingress", names.name_space, ingresses[i]);
    auto ingress_answer = co_await get_or_null(client, name, deadline);
    CO_TRY(ingress, std::move(ingress_answer));
    if (!ingress.is_null()) found.ingresses[ingresses[i]] = std::move(ingress);
  }
  if (!names.ingresses.empty()) {
    Resource everyones = collection(object_name("Ingress", names.name_space, ""));
    auto all_answer = co_await list_if_allowed(client, std::move(everyones), "", deadline);
    CO_TRY(all, std::move(all_answer));
    found.all_ingresses = std::move(all);
    Resource classes = collection(object_name("IngressClass", "", ""));
    auto classes_answer = co_await list_if_allowed(client, std::move(classes), "", deadline);
    CO_TRY(known, std::move(classes_answer));
    found.ingress_classes = std::move(known);
  }
  co_return found;
}

Task<Result<Found>> find_objects(Client& client, Names names, Deadline deadline) {
  auto tracks = co_await find_tracks(client, names, deadline);
  CO_TRY(found, std::move(tracks));
  auto autoscalers_answer =
      co_await list_or_none(client, "HorizontalPodAutoscaler", names.name_space, deadline);
  CO_TRY(autoscalers, std::move(autoscalers_answer));
  auto budgets_answer =
      co_await list_or_none(client, "PodDisruptionBudget", names.name_space, deadline);
  CO_TRY(budgets, std::move(budgets_answer));
  found.autoscalers = std::move(autoscalers);
  found.disruption_budgets = std::move(budgets);
  auto monitor = co_await find_monitor(client, names, found, deadline);
  CO_TRY_VOID(std::move(monitor));
  co_return found;
}

Task<Result<std::vector<Right>>> missing_rights(Client& client, std::string name_space,
                                                std::vector<Right> rights, Deadline deadline) {
  // One question for all; then one each for what that answer leaves open.
  const Resource all{"authorization.k8s.io/v1", "selfsubjectrulesreviews", ""};
  const boost::json::object asked{{"namespace", name_space}};
  Json question = boost::json::object{{"apiVersion", "authorization.k8s.io/v1"},
                                      {"kind", "SelfSubjectRulesReview"},
                                      {"spec", asked}};
  const auto granted = co_await client.create(all, std::move(question), deadline);
  if (granted) std::erase_if(rights, [&](const Right& right) { return grants(*granted, right); });
  const Resource reviews{"authorization.k8s.io/v1", "selfsubjectaccessreviews", ""};
  std::vector<Right> missing;
  for (std::size_t i = 0; i < rights.size(); ++i) {
    Json review = review_of(name_space, rights[i]);
    auto answer = co_await client.create(reviews, std::move(review), deadline);
    if (!answer) co_return fail(std::move(answer).error().while_doing("asking for rights"));
    if (!is_true_at(*answer, {"status", "allowed"})) missing.push_back(rights[i]);
  }
  co_return missing;
}

Task<Result<ClusterView>> look_around(Client& client, Names names, std::vector<Rule> rules,
                                      ControllerPlaces places, Deadline deadline) {
  ClusterView view;
  std::vector<Right> rights = rights_of(rules);
  auto missing_answer =
      co_await missing_rights(client, names.name_space, std::move(rights), deadline);
  CO_TRY(missing, std::move(missing_answer));
  view.missing = std::move(missing);
  auto found_answer = co_await find_objects(client, names, deadline);
  // What else is denied is told beside what may be seen.
  if (!found_answer && (found_answer.error().code != Code::denied || view.missing.empty()))
    co_return fail(std::move(found_answer).error());
  if (found_answer) view.found = std::move(*found_answer);
  const References stable = references_of(view.found.stable);
  const References canary = references_of(view.found.canary);
  std::vector<std::string> secrets = both(stable.secrets, canary.secrets);
  std::vector<std::string> maps = both(stable.config_maps, canary.config_maps);
  auto secrets_there_answer =
      co_await which_exist(client, "Secret", names.name_space, std::move(secrets), deadline);
  CO_TRY(secrets_there, std::move(secrets_there_answer));
  auto maps_there_answer =
      co_await which_exist(client, "ConfigMap", names.name_space, std::move(maps), deadline);
  CO_TRY(maps_there, std::move(maps_there_answer));
  view.secrets = std::move(secrets_there);
  view.config_maps = std::move(maps_there);
  auto controllers_answer = co_await find_controllers(client, std::move(places), deadline);
  CO_TRY(controllers, std::move(controllers_answer));
  view.controllers = std::move(controllers);
  co_return view;
}

Task<Result<void>> write_all(Client& client, std::vector<recipes::Write> writes,
                             Deadline deadline) {
  using Kind = recipes::Write::Kind;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const recipes::Write& write = writes[i];
    const Resource resource = collection(write.object);
    Result<void> done;
    if (write.kind == Kind::create) {
      auto made = co_await client.create_missing(resource, write.body, deadline);
      if (!made) done = fail(std::move(made).error());
    } else if (write.kind == Kind::remove) {
      done = co_await client.remove(resource, write.object.name, deadline);
    } else {
      const PatchKind kind = write.kind == Kind::json_patch ? PatchKind::json : PatchKind::merge;
      PatchOptions options;
      auto changed =
          co_await client.patch(resource, write.object.name, kind, write.body, options, deadline);
      if (!changed) done = fail(std::move(changed).error());
    }
    if (!done)
      co_return fail(std::move(done).error().while_doing(fmt::format(
          "{} of {} writes done; {} {}", i, writes.size(), write.object.kind, write.object.name)));
  }
  co_return Result<void>();
}

}  // namespace linnet::kubernetes
