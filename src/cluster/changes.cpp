#include "cluster/changes.h"

#include "core/course.h"
#include "kubernetes/rehearsal.h"
#include "spec/write.h"
#include "wire/json.h"

namespace linnet::cluster {
namespace {

using kubernetes::Rehearsal;

std::vector<api::ObjectChange> changes_of(const Rehearsal& rehearsal) {
  std::vector<api::ObjectChange> all;
  for (kubernetes::ObjectChange& change : rehearsal.changes()) {
    using How = kubernetes::ObjectChange::How;
    const char* how = change.how == How::create ? "create" : "change";
    if (change.how == How::remove) how = "remove";
    api::ObjectChange& out = all.emplace_back(api::ObjectChange{change.kind, change.name, how, {}});
    for (const kubernetes::FieldChange& field : change.fields) {
      api::FieldChange& row = out.fields.emplace_back(api::FieldChange{field.path, {}});
      for (const auto& value : field.values) row.values.push_back(wire::text(value));
    }
  }
  return all;
}

// The release's own ConfigMap gets the spec with the first intent, before anything else is done.
Task<Result<void>> rehearse_spec(Parts& parts, Rehearsal& rehearsal) {
  kubernetes::ConfigMapStore::StoredSpec spec{spec::to_yaml(parts.release), parts.own};
  CO_TRY(change, co_await parts.store->plan_spec(parts.release.name, std::move(spec)));
  const recipes::ObjectName name = kubernetes::object_name(
      "ConfigMap", parts.names.name_space, kubernetes::config_map_name(parts.release.name));
  rehearsal.begin_with(name, std::move(change.before));
  rehearsal.replace(name, std::move(change.after));
  co_return Result<void>();
}

Task<Result<void>> read_into(Parts& parts, recipes::ObjectName name, Rehearsal& rehearsal,
                             Deadline deadline) {
  CO_TRY(object, co_await parts.client->get(kubernetes::collection(name), name.name, deadline));
  rehearsal.begin_with(std::move(name), std::move(object));
  co_return Result<void>();
}

// As the engine does it once it has begun: a release at rest has no canary.
Task<Result<void>> rehearse_adoption(Parts& parts, const kubernetes::Adoption& adoption,
                                     Rehearsal& rehearsal, Deadline deadline) {
  if (adoption.takes_weight) {
    const auto& recipe = parts.router->recipe();
    CO_TRY(carriers, recipe.carriers(parts.router->parameters()));
    for (const recipes::ObjectName& name : carriers)
      if (!rehearsal.knows(name)) CO_TRY_VOID(co_await read_into(parts, name, rehearsal, deadline));
    CO_TRY_VOID(rehearsal.set(recipe, parts.router->parameters(), carriers,
                              core::SetWeight{Percent(), false}));
  }
  if (adoption.stops_pods) {
    const auto name = kubernetes::deployment_name(parts.names, core::Track::canary);
    if (!rehearsal.knows(name)) CO_TRY_VOID(co_await read_into(parts, name, rehearsal, deadline));
    CO_TRY_VOID(rehearsal.set(parts.names, core::SetTrack{core::Track::canary, "", 0}));
  }
  co_return Result<void>();
}

}  // namespace

Task<Result<std::vector<api::ObjectChange>>> changes_of_deploy(Parts& parts, core::Status status,
                                                               std::string version) {
  Rehearsal rehearsal;
  CO_TRY_VOID(co_await rehearse_spec(parts, rehearsal));
  for (const core::Track track : {core::Track::stable, core::Track::canary})
    if (const auto* deployment = parts.workload->deployment(track))
      rehearsal.begin_with(kubernetes::deployment_name(parts.names, track), *deployment);
  std::vector<recipes::ObjectName> carriers;
  for (recipes::Seen& seen : parts.router->copies()) {
    carriers.push_back(seen.name);
    rehearsal.begin_with(std::move(seen.name), std::move(seen.object));
  }
  for (const core::Effect& effect : core::course_of(parts.release, status, version)) {
    if (const auto* track = std::get_if<core::SetTrack>(&effect))
      CO_TRY_VOID(rehearsal.set(parts.names, *track));
    if (const auto* weight = std::get_if<core::SetWeight>(&effect))
      CO_TRY_VOID(
          rehearsal.set(parts.router->recipe(), parts.router->parameters(), carriers, *weight));
  }
  co_return changes_of(rehearsal);
}

Task<Result<std::vector<api::ObjectChange>>> changes_of_init(Parts& parts,
                                                             std::vector<recipes::Write> writes,
                                                             kubernetes::Adoption adoption,
                                                             Deadline deadline) {
  Rehearsal rehearsal;
  CO_TRY_VOID(co_await rehearse_spec(parts, rehearsal));
  for (const recipes::Write& write : writes) {
    if (write.kind != recipes::Write::Kind::create && !rehearsal.knows(write.object))
      CO_TRY_VOID(co_await read_into(parts, write.object, rehearsal, deadline));
    CO_TRY_VOID(rehearsal.write(write));
  }
  CO_TRY_VOID(co_await rehearse_adoption(parts, adoption, rehearsal, deadline));
  co_return changes_of(rehearsal);
}

Task<Result<kubernetes::Adoption>> find_adoption(Parts& parts, boost::json::value canary,
                                                 core::Phase phase, Deadline deadline) {
  if (core::is_running(phase)) co_return kubernetes::Adoption();
  CO_TRY(weight, co_await parts.router->weight_now(deadline));
  co_return kubernetes::adoption_of(parts.names, canary, weight);
}

}  // namespace linnet::cluster
