// linnet spec: the spec with every default written out, and its schema.
#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/session.h"
#include "spec/schema.h"
#include "spec/write.h"

namespace linnet::cli {
namespace {

Result<Exit> run_spec(Session& session) {
  if (session.arguments().has("--schema")) {
    std::string schema = spec::json_schema();
    if (!schema.ends_with('\n')) schema += '\n';
    session.out().raw(schema);
    return Exit::done;
  }
  const std::string wanted = session.arguments().text("--release").value_or("");
  TRY(releases, read_release_file(session.spec_file()));
  std::string yaml;
  for (const core::Release& release : releases) {
    if (!wanted.empty() && release.name != wanted) continue;
    yaml += (yaml.empty() ? "" : "---\n") + spec::to_yaml(release);
  }
  if (yaml.empty())
    return fail(Code::invalid, "{} holds no release '{}'", session.spec_file(), printable(wanted));
  session.out().raw(session.json() ? fmt::format("{{\"spec\":{}}}\n", quoted_json(yaml)) : yaml);
  return Exit::done;
}

constexpr Option options[] = {
    {"--defaults", "", "The spec with every default written out (also without this flag)"},
    {"--schema", "", "JSON Schema of specs, for editors and CI"},
};

}  // namespace

constexpr Command spec_command{
    .name = "spec",
    .summary = "Print the spec with all defaults, or its schema",
    .description =
        "Needs no daemon. What it prints is a spec again. It holds the addresses of "
        "webhooks, which are secrets.",
    .examples =
        "linnet spec --defaults\n"
        "linnet spec --schema > linnet.schema.json\n",
    .options = options,
    .run = run_spec,
};

}  // namespace linnet::cli
