// linnet rbac: the rights that a release needs in its cluster, to be read and applied.
#include "kubernetes/rbac.h"

#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/release_file.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "cluster/metrics.h"
#include "cluster/recipe_check.h"
#include "recipes/library.h"
#include "spec/formats.h"

namespace linnet::cli {
namespace {

// The other namespace whose pods' metrics pages are read; empty: none.
std::string foreign_pages(const core::Release& release, const kubernetes::Names& names,
                          const std::string& folder) {
  if (release.metrics.source != "scrape") return {};
  const auto recipe = recipes::find_metric(release.metrics.recipe, folder);
  if (!recipe) return {};
  const auto place = recipe->scrape(cluster::metric_parameters(release, names));
  const bool foreign = place && !place->workload && place->name_space != names.name_space;
  return foreign ? place->name_space : std::string();
}

Result<Exit> run_rbac(Session& session) {
  const Arguments& given = session.arguments();
  TRY(file, read_release(session.spec_file(), given.text("--release").value_or("")));
  core::Release& release = file.release;
  if (!std::holds_alternative<core::DeploymentsWorkload>(release.workload))
    return fail(Code::invalid, "{} runs as processes on this machine and needs no Role",
                release.name);
  if (const auto name_space = given.text("--namespace")) release.name_space = *name_space;
  kubernetes::Names names = kubernetes::names_of(release, "default");
  const auto* traffic = std::get_if<core::RecipeTraffic>(&release.traffic);
  if (traffic == nullptr)
    return fail(Code::invalid, "{} names no spec.traffic.router", release.name);
  const std::string folder = cluster::recipe_folder(session.spec_file());
  TRY(recipe, recipes::find_router(traffic->router, folder));
  kubernetes::take_defaults(names,
                            recipe.with_defaults(cluster::router_parameters(*traffic, names)));
  TRY(router, kubernetes::router_objects(names, release, recipe));
  kubernetes::RbacOptions options;
  options.service_account = given.text("--service-account").value_or(options.service_account);
  if (spec::object_name.problem(options.service_account))
    return fail(Code::invalid, "--service-account is '{}', but must be {}",
                printable(options.service_account), spec::object_name.expects);
  options.init = !given.has("--no-init");
  std::string yaml =
      kubernetes::rbac_yaml(names, kubernetes::rules_of(names, release, router, options), options);
  if (const std::string pages = foreign_pages(release, names, folder); !pages.empty())
    yaml += kubernetes::pages_rbac_yaml(names, pages, options);
  session.out().raw(session.json() ? fmt::format("{{\"rbac\":{}}}\n", quoted_json(yaml)) : yaml);
  return Exit::done;
}

constexpr Option options[] = {
    {"--service-account", "NAME", "Who gets the rights; else linnet"},
    {"--no-init", "", "Only what releases need, not what `linnet init` creates"},
};

}  // namespace

constexpr Command rbac_command{
    .name = "rbac",
    .summary = "Print the Role that a release needs in its cluster",
    .description =
        "ServiceAccount, Role and RoleBinding as YAML, each rule with its reason; the least with "
        "which every command works. Needs neither cluster nor daemon.",
    .examples =
        "linnet rbac | kubectl apply -f -\n"
        "linnet rbac --no-init --service-account ci\n",
    .options = options,
    .run = run_rbac,
};

}  // namespace linnet::cli
