// What `doctor` says about the way of the requests: Ingresses, their settings, their controller.
#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>

#include "kubernetes/canary_adoption.h"
#include "kubernetes/cluster_doctor.h"
#include "kubernetes/objects.h"

namespace linnet::kubernetes {
namespace {

constexpr std::string_view prefix = "nginx.ingress.kubernetes.io/";
constexpr std::string_view splits = "traffic can split";

std::string annotation(const Json& ingress, std::string_view name) {
  const Labels all = labels_at(ingress, {"metadata", "annotations"});
  const auto found = all.find(std::string(prefix) + std::string(name));
  return found == all.end() ? "" : found->second;
}

std::string class_of(const Json& ingress) {
  const std::string name = text_at(ingress, {"spec", "ingressClassName"});
  if (!name.empty()) return name;
  const Labels all = labels_at(ingress, {"metadata", "annotations"});
  const auto found = all.find("kubernetes.io/ingress.class");
  return found == all.end() ? "" : found->second;
}

/// One path of a rule, as ingress-nginx compares them.
struct Way {
  std::string host, path, type, service;
  [[nodiscard]] bool same_place(const Way& other) const {
    return host == other.host && path == other.path && type == other.type;
  }
  [[nodiscard]] std::string text() const {
    return fmt::format("{}{} ({})", host.empty() ? "*" : host, path, type);
  }
};

std::vector<Way> ways_of(const Json& ingress) {
  std::vector<Way> ways;
  for (const Json& rule : list_at(ingress, {"spec", "rules"}))
    for (const Json& path : list_at(rule, {"http", "paths"})) {
      std::string place = text_at(path, {"path"});
      ways.push_back({text_at(rule, {"host"}), place.empty() ? "/" : place,
                      text_at(path, {"pathType"}), text_at(path, {"backend", "service", "name"})});
    }
  return ways;
}

// Why a canary Ingress is not merged into its main one; empty when it is. ingress-nginx says none
// of this anywhere but in its log (controller.go mergeAlternativeBackends).
std::string why_not_merged(const Names& names, const Json& main, const Json& canary) {
  const std::string flag = annotation(canary, "canary");
  if (flag != "true")
    return fmt::format(
        "its annotation canary is \"{}\", not \"true\": it is an ordinary Ingress that "
        "competes with the main one",
        flag);
  const std::string weight = annotation(canary, "canary-weight");
  const bool number = !weight.empty() && std::all_of(weight.begin(), weight.end(),
                                                     [](char c) { return c >= '0' && c <= '9'; });
  if (!number)
    return fmt::format("its canary-weight \"{}\" is no whole number, and counts as 0", weight);
  if (class_of(main) != class_of(canary))
    return fmt::format("its ingress class is \"{}\", the main one's \"{}\"", class_of(canary),
                       class_of(main));
  const std::vector<Way> main_ways = ways_of(main);
  for (const Way& way : ways_of(canary)) {
    const auto place = std::find_if(main_ways.begin(), main_ways.end(),
                                    [&](const Way& one) { return one.same_place(way); });
    if (place == main_ways.end())
      return fmt::format(
          "{} is not a rule of the main one: host, path and pathType must be the same", way.text());
    if (way.service == place->service)
      return fmt::format("{} goes to {} in both: the canary must have a Service of its own",
                         way.text(), way.service);
    if (!names.canary_service.empty() && way.service != names.canary_service)
      return fmt::format("{} goes to {}, not to {}", way.text(), way.service, names.canary_service);
  }
  return {};
}

const Json* ingress_of(const Found& found, const std::string& name) {
  const auto one = found.ingresses.find(name);
  return one == found.ingresses.end() || one->second.is_null() ? nullptr : &one->second;
}

bool serves_stable(const Names& names, const Json& main) {
  const std::vector<Way> ways = ways_of(main);
  return std::any_of(ways.begin(), ways.end(),
                     [&](const Way& way) { return way.service == names.stable_service; });
}

bool has(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// Who serves an Ingress, as far as its class says.
enum class Served { by_class, by_no_class, by_default, unknown_class };

Served served(const Json& main, const std::vector<Json>& classes) {
  const std::string name = text_at(main, {"spec", "ingressClassName"});
  if (name.empty() && !class_of(main).empty()) return Served::by_class;  // needs no object
  if (name.empty()) {
    for (const Json& one : classes) {
      const Labels all = labels_at(one, {"metadata", "annotations"});
      const auto mark = all.find("ingressclass.kubernetes.io/is-default-class");
      if (mark != all.end() && mark->second == "true") return Served::by_default;
    }
    return Served::by_no_class;
  }
  const bool known = std::any_of(classes.begin(), classes.end(),
                                 [&](const Json& one) { return name_of(one) == name; });
  return known ? Served::by_class : Served::unknown_class;
}

Finding unserved_finding(const Json& main, Served how, const std::vector<Json>& classes) {
  Finding finding{std::string(splits), false, "", ""};
  std::string names;
  for (const Json& one : classes) names += (names.empty() ? "" : ", ") + name_of(one);
  if (names.empty()) names = "none";
  if (how == Served::unknown_class) {
    finding.cause =
        fmt::format("nobody serves the Ingress {}: the cluster has no IngressClass {} (it has: {})",
                    name_of(main), class_of(main), names);
    finding.remedy = "correct spec.ingressClassName, or install the controller of that class";
  } else {
    finding.cause = fmt::format(
        "nobody is known to serve the Ingress {}: it names no class, and no IngressClass is the "
        "default (there are: {})",
        name_of(main), names);
    finding.remedy = "set spec.ingressClassName to the class of your controller";
  }
  return finding;
}

// Why the Ingresses can send nothing to the canary, whatever its weight.
std::optional<Finding> why_no_split(const Names& names, const Found& found) {
  const auto because = [](std::string cause, std::string remedy) {
    return Finding{std::string(splits), false, std::move(cause), std::move(remedy)};
  };
  for (std::size_t i = 0; i < names.ingresses.size(); ++i) {
    const std::string& main_name = names.ingresses[i];
    const std::string& canary_name = names.canary_ingresses[i];
    const Json* main = ingress_of(found, main_name);
    if (main == nullptr)
      return because(fmt::format("the Ingress {} does not exist", main_name),
                     "`linnet init`, or correct traffic.with.ingress");
    if (!names.stable_service.empty() && !serves_stable(names, *main))
      return because(
          fmt::format("the Ingress {} sends nothing to {}", main_name, names.stable_service),
          "correct traffic.with.stable_service, or the Ingress");
    const auto& classes = found.ingress_classes;
    if (classes && served(*main, *classes) == Served::unknown_class)
      return unserved_finding(*main, Served::unknown_class, *classes);
    const Json* canary = ingress_of(found, canary_name);
    if (canary == nullptr)
      return because(fmt::format("the Ingress {} does not exist", canary_name),
                     fmt::format("`linnet init` makes it from {}", main_name));
    const std::string why = why_not_merged(names, *main, *canary);
    if (!why.empty() && !why_not_ours(names, *canary).empty())
      return because(fmt::format("the Ingress {}: {}", canary_name, why),
                     "name one of this release's own in traffic.with.canary_ingress, or correct it "
                     "if it is that");
    if (!why.empty())
      return because(fmt::format("the Ingress {}: {}", canary_name, why),
                     fmt::format("correct it, or delete it and let `linnet init` clone it from {}",
                                 main_name));
  }
  return rival_canary(names, found);
}

bool ignores_affinity(const Json* canary) {
  return canary != nullptr && annotation(*canary, "affinity-canary-behavior") == "legacy";
}

std::vector<std::string> arguments_of(const Json& controller) {
  std::vector<std::string> all;
  for (const Json& container : list_at(controller, {"spec", "template", "spec", "containers"}))
    for (const char* key : {"command", "args"})
      for (const Json& one : list_at(container, {key}))
        if (one.is_string()) all.emplace_back(std::string_view(one.get_string()));
  return all;
}

// The value of "--name=value", whatever the case of the name.
std::string argument(const std::vector<std::string>& all, std::string_view name) {
  for (const std::string& one : all) {
    std::string lower = one.substr(0, one.find('='));
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower == name && one.find('=') != std::string::npos) return one.substr(one.find('=') + 1);
  }
  return {};
}

bool is_zero(const std::string& duration) {
  return !duration.empty() && duration.find_first_of("123456789") == std::string::npos;
}

// spec.controller of IngressClasses.
constexpr std::string_view nginx_class = "k8s.io/ingress-nginx";
constexpr std::string_view traefik_class = "traefik.io/ingress-controller";

struct Controller {
  std::string name;
  std::string serves;  // the IngressClass' spec.controller that it is for
  bool traefik = false;
  std::vector<std::string> arguments;
};

// "registry.k8s.io/ingress-nginx/controller:v1.12@sha256:..." without registry, tag and digest.
std::string repository(std::string image) {
  image.resize(std::min(image.find('@'), image.size()));
  const std::size_t slash = image.rfind('/');
  const std::size_t colon = image.find(':', slash == std::string::npos ? 0 : slash);
  image.resize(std::min(colon, image.size()));
  return "/" + image;
}

// By its label, else by its image, else by its arguments: charts, manifests and one's own images
// have not all of them.
std::optional<Controller> controller_of(const Json& object) {
  Controller out{name_of(object), std::string(nginx_class), false, arguments_of(object)};
  const std::string label = text_at(object, {"metadata", "labels", "app.kubernetes.io/name"});
  bool nginx = label == "ingress-nginx";
  out.traefik = label == "traefik";
  for (const Json& container : list_at(object, {"spec", "template", "spec", "containers"})) {
    const std::string image = repository(text_at(container, {"image"}));
    nginx = nginx || image.ends_with("/ingress-nginx/controller") ||
            image.ends_with("/nginx-ingress-controller");
    out.traefik = out.traefik || image.ends_with("/traefik");
  }
  for (const std::string& one : out.arguments) {
    nginx = nginx || one == "/nginx-ingress-controller" || one.starts_with("--sync-rate-limit=");
    out.traefik = out.traefik || one.starts_with("--providers.kubernetes");
  }
  if (out.traefik) out.serves = traefik_class;
  if (const std::string own = argument(out.arguments, "--controller-class"); !own.empty()) {
    out.serves = own;
    nginx = nginx || own == nginx_class;
  }
  if (!nginx && !out.traefik) return std::nullopt;
  return out;
}

// What the IngressClass of the release's Ingresses says who serves them; empty: not known.
std::string class_controller(const Names& names, const Found& found) {
  for (const std::string& name : names.ingresses) {
    const Json* ingress = ingress_of(found, name);
    if (ingress == nullptr) continue;
    for (const Json& one : found.ingress_classes.value_or(std::vector<Json>()))
      if (name_of(one) == class_of(*ingress)) return text_at(one, {"spec", "controller"});
  }
  return {};
}

// Those of the release's IngressClass; all when it leads to none, as where Traefik serves the
// annotations and the class of ingress-nginx.
std::vector<Controller> serving(const Names& names, const Found& found,
                                const std::vector<Json>& objects) {
  const std::string wanted = class_controller(names, found);
  std::vector<Controller> all, of_class;
  for (const Json& object : objects) {
    auto one = controller_of(object);
    if (!one) continue;
    if (one->serves == wanted) of_class.push_back(*one);
    all.push_back(*std::move(one));
  }
  return of_class.empty() ? all : of_class;
}

Finding lateness_of(const Controller& controller) {
  Finding finding;
  if (controller.traefik) {
    const std::string throttle =
        argument(controller.arguments, "--providers.providersthrottleduration");
    finding.cause = fmt::format("{} throttles changes to one each {}", controller.name,
                                throttle.empty() ? "2s (its default)" : throttle);
    finding.ok = is_zero(throttle);
    if (!finding.ok) finding.remedy = "start Traefik with --providers.providersThrottleDuration=0s";
    return finding;
  }
  const std::string limit = argument(controller.arguments, "--sync-rate-limit");
  const double per_second = limit.empty() ? 0.3 : std::strtod(limit.c_str(), nullptr);
  finding.cause = fmt::format("{} applies at most {} changes a second{}", controller.name,
                              per_second, limit.empty() ? " (its default)" : "");
  finding.ok = per_second >= 1;
  if (!finding.ok)
    finding.remedy =
        "a change soon after another waits up to 3.5 s: start ingress-nginx with "
        "--sync-rate-limit=20";
  return finding;
}

// A controller has put its address there, or one runs that is told to take those without a class
// (Traefik does so by default).
bool is_taken_without_class(const Json& main, const std::vector<Json>& objects) {
  if (!list_at(main, {"status", "loadBalancer", "ingress"}).empty()) return true;
  return std::any_of(objects.begin(), objects.end(), [](const Json& object) {
    const auto one = controller_of(object);
    if (!one) return false;
    const bool told = has(one->arguments, "--watch-ingress-without-class") ||
                      argument(one->arguments, "--watch-ingress-without-class") == "true";
    return one->traefik || told;
  });
}

}  // namespace

std::optional<Finding> unserved_ingress(const Names& names, const Found& found) {
  if (!found.ingress_classes) return std::nullopt;
  for (const std::string& name : names.ingresses) {
    const Json* main = ingress_of(found, name);
    if (main == nullptr) continue;
    const Served how = served(*main, *found.ingress_classes);
    if (how == Served::unknown_class ||
        (how == Served::by_no_class && !is_taken_without_class(*main, {})))
      return unserved_finding(*main, how, *found.ingress_classes);
  }
  return std::nullopt;
}

std::optional<Finding> rival_canary(const Names& names, const Found& found) {
  if (!found.all_ingresses) return std::nullopt;
  for (const std::string& main_name : names.ingresses) {
    const Json* main = ingress_of(found, main_name);
    if (main == nullptr) continue;
    // Another release may have its canary behind the same Ingress, on ways of its own stable.
    std::vector<Way> places = ways_of(*main);
    if (!names.stable_service.empty())
      std::erase_if(places, [&](const Way& way) { return way.service != names.stable_service; });
    for (const Json& other : *found.all_ingresses) {
      const std::string name = name_of(other);
      if (annotation(other, "canary") != "true" || has(names.canary_ingresses, name) ||
          class_of(other) != class_of(*main))
        continue;
      for (const Way& way : ways_of(other))
        if (std::any_of(places.begin(), places.end(),
                        [&](const Way& one) { return one.same_place(way); }))
          return Finding{
              std::string(splits), false,
              fmt::format("the Ingress {} is a canary of {} too, beside linnet's: controllers take "
                          "one of them, whatever weight the other has",
                          name, way.text()),
              fmt::format("kubectl delete ingress -n {} {}", names.name_space, name)};
    }
  }
  return std::nullopt;
}

Finding split_finding(const Names& names, const ClusterView& view) {
  if (std::optional<Finding> why = why_no_split(names, view.found)) return *std::move(why);
  Finding finding{std::string(splits), true, "", ""};
  if (names.ingresses.empty()) {
    finding.cause = "the router's recipe reads the route itself";
    return finding;
  }
  if (const auto& classes = view.found.ingress_classes)
    for (const std::string& name : names.ingresses) {
      const Json* main = ingress_of(view.found, name);
      if (main != nullptr && served(*main, *classes) == Served::by_no_class &&
          !is_taken_without_class(*main, view.controllers.objects))
        return unserved_finding(*main, Served::by_no_class, *classes);
    }
  finding.cause = fmt::format("weight {} in force", view.weight.text());
  if (!view.found.ingress_classes)
    finding.cause += "; whether the Ingress' class exists is unknown (may not list ingressclasses)";
  if (!view.found.all_ingresses)
    finding.cause +=
        "; whether a second canary Ingress competes is unknown (may not list ingresses)";
  if (view.weight.is_zero() || !view.seen) return finding;
  finding.cause += fmt::format(", {} canary pods get requests", view.seen->canary.ready());
  if (view.seen->canary.ready() > 0) return finding;
  finding.ok = false;
  finding.cause += ": everything goes to stable, without a word from the controller";
  finding.remedy = "see the finding on canary pods";
  return finding;
}

Finding ingress_finding(const Names& names, const Found& found) {
  Finding finding{"the Ingress lets requests through", true, "", ""};
  if (names.ingresses.empty()) {
    finding.cause = "none is used";
    return finding;
  }
  const auto wrong = [&finding](const std::string& cause, std::string_view remedy) {
    finding.ok = false;
    finding.cause += (finding.cause.empty() ? "" : "; ") + cause;
    if (finding.remedy.find(remedy) == std::string::npos)
      finding.remedy += fmt::format("{}{}", finding.remedy.empty() ? "" : "; ", remedy);
  };
  for (std::size_t i = 0; i < names.ingresses.size(); ++i) {
    const std::string& name = names.ingresses[i];
    const Json* main = ingress_of(found, name);
    if (main == nullptr) continue;
    if (annotation(*main, "affinity") == "cookie" &&
        !ignores_affinity(ingress_of(found, names.canary_ingresses[i])))
      wrong(fmt::format("{} keeps users where they are by a cookie: a weight moves new sessions "
                        "only, and at weight 0 those on the canary stay until its pods are gone",
                        name),
            fmt::format("kubectl annotate ingress -n {} {} "
                        "nginx.ingress.kubernetes.io/affinity-canary-behavior=legacy, or take the "
                        "affinity away",
                        names.name_space, names.canary_ingresses[i]));
    const bool has_tls = !list_at(*main, {"spec", "tls"}).empty();
    for (const char* redirect : {"ssl-redirect", "force-ssl-redirect"}) {
      const bool forced = std::string_view(redirect) == "force-ssl-redirect";
      if (annotation(*main, redirect) != "true" || has_tls) continue;
      wrong(fmt::format("{} has {} \"true\" but no tls section{}", name, redirect,
                        forced ? ": every request is redirected to https, which answers with the "
                                 "controller's own certificate"
                               : ": it has no effect in ingress-nginx, and other controllers "
                                 "redirect every request to an https that is not there"),
            "add spec.tls with a certificate, or take the annotation away");
    }
    const std::string rewrite = annotation(*main, "rewrite-target");
    for (const Way& way : ways_of(*main))
      if (!rewrite.empty() && rewrite.find('$') == std::string::npos && way.type == "Prefix")
        wrong(fmt::format("{} has rewrite-target {} on {}: every path below reaches the service as "
                          "{}",
                          name, rewrite, way.text(), rewrite),
              "take rewrite-target away, or use a capture group (path /(.*), rewrite-target /$1, "
              "pathType ImplementationSpecific, use-regex \"true\")");
  }
  if (finding.ok) finding.cause = "no redirect without TLS, no rewriting of whole paths";
  return finding;
}

Finding lateness_finding(const Names& names, const ClusterView& view) {
  Finding finding{"a rollback applies at once", true, "", ""};
  const Controllers& seen = view.controllers;
  if (!seen.places.matter) {
    finding.cause = "nothing is known to delay a change of this router";
    return finding;
  }
  const std::vector<Controller> found = serving(names, view.found, seen.objects);
  if (found.empty() && !seen.denied.empty()) {
    std::string rights;
    for (const std::string& one : seen.denied) rights += (rights.empty() ? "" : ", ") + one;
    const std::string space =
        seen.places.namespaces.empty() ? "NAMESPACE" : seen.places.namespaces.front();
    finding.ok = false;
    finding.cause = fmt::format(
        "unknown: the controller may not be looked for (may not: {}); ingress-nginx applies a "
        "weight up to 3.5 s late, Traefik up to 2 s, with their defaults",
        rights);
    finding.remedy = fmt::format(
        "kubectl create role linnet-doctor -n {} --verb=list "
        "--resource=deployments.apps,daemonsets.apps, and bind it to who asks (`linnet rbac` has "
        "it where it reads the controller's pages); or see there for --sync-rate-limit=20 of "
        "ingress-nginx, --providers.providersThrottleDuration=0s of Traefik",
        space);
    return finding;
  }
  // Where only those two can serve, somebody does whom nobody sees.
  if (found.empty() && !seen.places.namespaces.empty())
    return {finding.check, false,
            "unknown: no Deployment or DaemonSet of ingress-nginx or Traefik is to be seen",
            "find out who serves the Ingress' class (`kubectl get ingressclass`), and see there "
            "for --sync-rate-limit=20 of ingress-nginx, "
            "--providers.providersThrottleDuration=0s of Traefik"};
  if (found.empty()) finding.cause = "neither ingress-nginx nor Traefik runs here";
  for (const Controller& controller : found) {
    const Finding one = lateness_of(controller);
    finding.cause += (finding.cause.empty() ? "" : "; ") + one.cause;
    if (one.ok) continue;
    finding.ok = false;
    finding.remedy = one.remedy;
  }
  return finding;
}

std::vector<Finding> deploy_obstacles(const Names& names, const Found& found) {
  using recipes::ObjectName;
  std::vector<Finding> all;
  const auto must_exist = [&](const ObjectName& name, const Json& object) {
    if (object.is_null() && !name.name.empty())
      all.push_back({name.kind, false,
                     fmt::format("the {} {} does not exist", name.kind, name.name),
                     "`linnet init`"});
  };
  must_exist(deployment_name(names, core::Track::stable), found.stable);
  must_exist(deployment_name(names, core::Track::canary), found.canary);
  must_exist(service_name(names, core::Track::stable), found.stable_service);
  must_exist(service_name(names, core::Track::canary), found.canary_service);
  if (Finding owned = ownership_finding(names, found); !owned.ok) all.push_back(std::move(owned));
  if (Finding apart = apart_finding(names, found); !apart.ok) all.push_back(std::move(apart));
  if (auto why = why_no_split(names, found)) all.push_back(*std::move(why));
  return all;
}

std::vector<Finding> examine(const Names& names, const ClusterView& view) {
  using core::Track;
  return {rights_finding(view),
          pods_finding(names, Track::stable, view),
          pods_finding(names, Track::canary, view),
          ownership_finding(names, view.found),
          apart_finding(names, view.found),
          ports_finding(names, view.found),
          split_finding(names, view),
          ingress_finding(names, view.found),
          lateness_finding(names, view),
          drain_finding(names, Track::stable, view.found),
          drain_finding(names, Track::canary, view.found),
          strategy_finding(names, view.found),
          drift_finding(names, view.found),
          autoscaler_finding(names, view.found),
          budget_finding(names, view.found),
          references_finding(names, view),
          monitor_finding(view.found)};
}

}  // namespace linnet::kubernetes
