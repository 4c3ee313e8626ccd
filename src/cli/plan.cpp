// linnet plan: what a deploy would do, without doing any of it.
#include "cli/changes.h"
#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/session.h"
#include "cli/table.h"
#include "net/http.h"

namespace linnet::cli {
namespace {

// The daemon plans with the spec that it has. One it does not know yet is sent, since that moves
// nothing; one that differs is not, since it may belong to a running service.
Result<std::string> known_release(Session& session) {
  TRY(file, session.release_file());
  auto kept = session.daemon().get("/v1/releases/" + file.release.name + "/spec");
  if (kept) {
    if (read_text(*kept, "spec") != file.text)
      session.note(fmt::format(
          "{} differs from the spec that {}, and `linnet deploy` will send the new one first",
          file.file,
          session.daemon().is_shared() ? "the daemon has; this is the plan by the latter"
                                       : "the cluster keeps; this is the plan by the file"));
    return std::move(file.release.name);
  }
  if (kept.error().code != Code::not_found && kept.error().code != Code::unavailable)
    return fail(std::move(kept).error());
  TRY(sent, session.send_spec());
  return std::move(sent.release.name);
}

Result<Exit> run_plan(Session& session) {
  const std::string version = session.arguments().text("VERSION").value_or("");
  TRY_VOID(core::check_version(version));
  TRY(release, known_release(session));
  TRY(text, session.daemon().get(fmt::format("/v1/releases/{}/plan?version={}", release,
                                             net::percent_encode(version))));
  if (session.json()) {
    session.out().document(text);
    return Exit::done;
  }
  TRY(plan, read_plan(text));
  Table table({Align::right, Align::left, Align::left});
  int number = 0;
  for (const PlanStep& step : plan.steps)
    table.row({fmt::format("{}.", ++number), printable(step.what), printable(step.needs)});
  for (const std::string& line : table.lines()) session.out().line(line);
  print_changes(session.out(), plan);
  return Exit::done;
}

constexpr Positional positionals[] = {
    {"VERSION", "what would be released", true, false, {}, "versions"}};

}  // namespace

constexpr Command plan_command{
    .name = "plan",
    .summary = "Show what a deploy would do",
    .description =
        "Each step with what it waits for; on a cluster also each object that would be written, "
        "with its fields from one value to the next, as a rollout that goes well leaves them. "
        "Nothing is changed.",
    .examples = "linnet plan v1.2.0\n",
    .positionals = positionals,
    .run = run_plan,
};

}  // namespace linnet::cli
