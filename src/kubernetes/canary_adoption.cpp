#include "kubernetes/canary_adoption.h"

#include <boost/json.hpp>

#include "kubernetes/canary_clone.h"
#include "kubernetes/images.h"
#include "kubernetes/instances.h"
#include "kubernetes/objects.h"

namespace linnet::kubernetes {
namespace {

constexpr std::string_view other_ingress = "name another one in traffic.with.canary_ingress";

std::int64_t pods_of(const Json& deployment) {
  return deployment.is_null() ? 0 : number_at(deployment, {"spec", "replicas"}, 1);
}

bool is_made_by_linnet(const Json& object) {
  return text_at(object, {"metadata", "labels", "app.kubernetes.io/managed-by"}) == "linnet";
}

std::string owner_of(const Json& object) {
  return text_at(object, {"metadata", "labels", "linnet.dev/release"});
}

// Of another release, by its label.
std::string not_shared(const Names& names, const char* kind, const Json& object) {
  const std::string owner = owner_of(object);
  if (owner.empty() || owner == names.release) return {};
  return fmt::format(
      "the {} {} belongs to the release {} (label linnet.dev/release), and two releases must not "
      "move one canary",
      kind, name_of(object), owner);
}

std::string cleanup_first(const Names& names, const Json& object) {
  return fmt::format(
      "was {0} renamed to {1}, `linnet cleanup --remove -n {2} --release {0}` comes first, then "
      "`linnet init`; else ",
      owner_of(object), names.release, names.name_space);
}

}  // namespace

std::string why_not_ours(const Names& names, const Json& ingress) {
  if (!owner_of(ingress).empty()) return not_shared(names, "Ingress", ingress);
  if (names.canary_service.empty()) return {};
  std::string elsewhere;
  for (const Json& rule : list_at(ingress, {"spec", "rules"}))
    for (const Json& path : list_at(rule, {"http", "paths"})) {
      const std::string service = text_at(path, {"backend", "service", "name"});
      if (service == names.canary_service) return {};
      if (elsewhere.empty()) elsewhere = service;
    }
  if (elsewhere.empty()) return {};
  return fmt::format("the Ingress {} sends to {}, not to {}", name_of(ingress), elsewhere,
                     names.canary_service);
}

Finding ownership_finding(const Names& names, const Found& found) {
  Finding finding{"the canary is this release's", true, "", ""};
  const auto bad = [&](std::string cause, std::string remedy) {
    return Finding{finding.check, false, std::move(cause), std::move(remedy)};
  };
  struct Owned {
    const char* kind;
    const Json& object;
  };
  for (const Owned& one :
       {Owned{"Deployment", found.canary}, Owned{"Service", found.canary_service}}) {
    std::string shared = not_shared(names, one.kind, one.object);
    if (!shared.empty())
      return bad(std::move(shared),
                 cleanup_first(names, one.object) +
                     "name another canary and Service in workload.deployments.canary and "
                     "traffic.with.canary_service");
  }
  for (const std::string& name : names.canary_ingresses) {
    const auto one = found.ingresses.find(name);
    if (one == found.ingresses.end()) continue;
    std::string why = why_not_ours(names, one->second);
    const bool labelled = !owner_of(one->second).empty();
    if (!why.empty())
      return bad(std::move(why),
                 labelled ? cleanup_first(names, one->second) + std::string(other_ingress)
                          : fmt::format("is it another release's, {}; else correct it, or delete "
                                        "it and let `linnet init` make it",
                                        other_ingress));
  }
  const Json& canary = found.canary;
  const std::string canary_name = names.workload.canary;
  if (canary.is_null()) {
    finding.cause = fmt::format("the Deployment {} does not exist", canary_name);
    return finding;
  }
  finding.cause = is_made_by_linnet(canary) ? fmt::format("{} was made by linnet", canary_name)
                                            : fmt::format("{} runs its image", canary_name);
  // One that is linnet's alone takes over stable's containers when it starts.
  if (template_owner(canary).empty()) return finding;
  const auto& containers = list_at(canary, {"spec", "template", "spec", "containers"});
  const Json* own = named(containers, names.workload.container);
  const std::string has = containers.empty() ? "none" : container_names(containers);
  const std::string remedy =
      "is it another's, name this release's own canary in workload.deployments.canary (`linnet "
      "init` makes it from stable); else correct ";
  if (own == nullptr)
    return bad(fmt::format("the Deployment {} has no container {}, but {}", canary_name,
                           names.workload.container, has),
               remedy + "workload.deployments.container, or the Deployment");
  const std::string image = text_at(*own, {"image"});
  const std::string version = version_of(names.workload.image, image);
  // Of another repository it is the image as it is; a digest of ours is no name, but no stranger.
  if (!is_made_by_linnet(canary) && version == image && !core::check_version(version))
    return bad(fmt::format("the Deployment {} was not made by linnet and runs the image {}, which "
                           "is no version of {}",
                           canary_name, image, names.workload.image),
               remedy + "workload.deployments.image, or the Deployment's image");
  return finding;
}

Adoption adoption_of(const Names& names, const Json& canary, Percent weight) {
  Adoption out;
  const std::int64_t pods = pods_of(canary);
  out.stops_pods = pods > 0;
  out.takes_weight = !weight.is_zero();
  if (out.stops_pods)
    out.text =
        fmt::format("{} Deployment {}: {} pod{} -> 0", is_made_by_linnet(canary) ? "stop" : "adopt",
                    names.workload.canary, pods, pods == 1 ? "" : "s");
  if (out.takes_weight)
    out.text +=
        fmt::format("{}weight {} -> 0 %",
                    out.text.empty() ? "take the canary's traffic back: " : "; ", weight.text());
  return out;
}

std::string adopted_as_it_is(const Json& canary) {
  if (canary.is_null() || is_made_by_linnet(canary) || pods_of(canary) > 0) return {};
  return fmt::format("{} is there and stays as it is, without pods: it was not made by linnet",
                     name_of(canary));
}

}  // namespace linnet::kubernetes
