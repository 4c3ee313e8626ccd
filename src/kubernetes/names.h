// Which objects a release is made of, as its spec names them.
#pragma once

#include <string>
#include <vector>

#include "core/observation.h"
#include "core/release.h"
#include "kubernetes/client.h"
#include "recipes/router.h"

namespace linnet::kubernetes {

struct Names {
  std::string release;
  std::string name_space;
  core::DeploymentsWorkload workload;
  std::string router;                          // its recipe's name
  std::string stable_service, canary_service;  // empty: the router knows its own way
  std::vector<std::string> ingresses;         // the main ones; empty: the router is of another kind
  std::vector<std::string> canary_ingresses;  // one for each of them
};

/// `fallback` is the context's namespace, for a spec that names none. The release has Deployments.
Names names_of(const core::Release& release, const std::string& fallback);
/// What the release leaves to the defaults of its router's recipe: see
/// RouterRecipe::with_defaults(). No Ingresses where the recipe makes none for the canary.
void take_defaults(Names& names, const recipes::Parameters& filled);

struct NameMistake {
  std::string key;   // "spec.traffic.with.stable_service"
  std::string text;  // what is wrong, and what to do
};

/// Names that the API server would refuse, or that are one where two must be: those of the spec and
/// those that follow from the release's name. `init` would have written half of it by then.
std::vector<NameMistake> name_mistakes(const Names& names);

recipes::ObjectName deployment_name(const Names& names, core::Track track);
recipes::ObjectName service_name(const Names& names, core::Track track);

/// The collections that linnet reads or writes, by their kind.
recipes::ObjectName object_name(const std::string& kind, const std::string& name_space,
                                const std::string& name);
/// Where the API keeps objects of its kind.
Resource collection(const recipes::ObjectName& name);

/// The version that the Deployment's template runs; empty without a Deployment or container.
std::string running_version(const core::DeploymentsWorkload& spec,
                            const boost::json::value& deployment);

}  // namespace linnet::kubernetes
