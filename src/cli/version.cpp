// linnet version. main() answers it before anything else is set up: scripts ask often.
#include "cli/version.h"

#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/session.h"

namespace linnet::cli {
namespace {

Result<Exit> run_version(Session& session) {
  if (session.json())
    session.out().raw(fmt::format("{{\"version\":{}}}\n", quoted_json(version_text())));
  else
    session.out().line(fmt::format("linnet {}", version_text()));
  return Exit::done;
}

}  // namespace

std::string_view version_text() { return LINNET_VERSION; }

constexpr Command version_command{
    .name = "version",
    .summary = "Print the version",
    .description = "The version of this program; that of the daemon is in GET /v1/version.",
    .examples = "linnet version\n",
    .run = run_version,
};

}  // namespace linnet::cli
