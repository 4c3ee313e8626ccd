// linnet status: where the release stands, in one screen and with one request.
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/format.h"
#include "cli/table.h"
#include "net/http.h"

namespace linnet::cli {
namespace {

void print_list(Session& session, const std::vector<StatusDocument>& releases) {
  Table table({Align::left, Align::left, Align::left, Align::left, Align::left});
  for (const StatusDocument& each : releases)
    table.row({printable(each.release), state_text(each, session.out()),
               printable(each.stable_version), percent_text(each.weight_in_force),
               printable(each.reason)});
  for (const std::string& line : table.lines()) session.out().line(line);
  if (releases.empty()) session.out().line("no release yet; `linnet init` begins with one");
}

// All that the daemon has is shown in its place. Nothing is wrong where none was asked for.
void tell_what_is_wrong_with_the_spec(Session& session) {
  const Error& error = session.release_file().error();
  if (error.code == Code::not_found && !session.arguments().has("--spec")) return;
  const std::size_t first = error.message.find(":\n");  // a list of mistakes follows
  session.note(fmt::format("{}{}; showing what the daemon has",
                           printable(error.message.substr(0, first)),
                           first == std::string::npos ? "" : " (see `linnet validate`)"));
}

// Several releases and none named: a line each.
Result<Exit> list_all(Session& session) {
  auto text = session.daemon().get("/v1/releases");
  if (!text) return fail(session.unanswered(std::move(text).error()));
  tell_what_is_wrong_with_the_spec(session);
  TRY(releases, read_statuses(*text));
  if (session.json()) {
    session.out().document(*text);
  } else if (releases.size() == 1) {
    for (const std::string& line : status_lines(releases[0], session.out(), wall_now()))
      session.out().line(line);
  } else {
    print_list(session, releases);
  }
  return Exit::done;
}

Result<Exit> follow(Session& session, const std::string& release) {
  Follower follower(session, release);
  TRY_VOID(follower.begin());
  TRY(first, follower.look());
  if (!session.out().is_terminal() && !session.json())
    for (const std::string& line : status_lines(first, session.out(), wall_now()))
      session.say(line);
  std::string shown;
  auto status = follower.until([&](const StatusDocument&) {
    if (session.json() && follower.document() != std::exchange(shown, follower.document()))
      session.out().document(shown);
    return false;
  });
  return fail(std::move(status).error());
}

// The name without asking the daemon, or nothing: then all are shown.
std::optional<std::string> named(Session& session) {
  if (const auto name = session.arguments().text("--release")) return *name;
  const Result<ReleaseFile>& file = session.release_file();
  return file ? std::optional(file->release.name) : std::nullopt;
}

Result<Exit> run_status(Session& session) {
  const bool follows = session.arguments().has("--follow");
  if (follows) session.interrupt();
  const std::optional<std::string> name = named(session);
  if (follows && !name) {
    TRY(only, session.release_name());
    return follow(session, only);
  }
  if (!name) return list_all(session);
  if (follows) return follow(session, *name);
  auto text = session.daemon().get("/v1/releases/" + net::percent_encode(*name) + "/status");
  if (!text && text.error().code == Code::not_found && session.daemon().heard())
    return fail(Code::not_found, "the daemon does not know {} yet; `linnet init` begins with it",
                printable(*name));
  if (!text) return fail(session.unanswered(std::move(text).error()));
  if (session.json()) {
    session.out().document(*text);
    return Exit::done;
  }
  TRY(status, read_status(*text));
  for (const std::string& line : status_lines(status, session.out(), wall_now()))
    session.out().line(line);
  return Exit::done;
}

constexpr Option options[] = {{"--follow", "", "Go on showing what happens, until Ctrl-C"}};

}  // namespace

constexpr Command status_command{
    .name = "status",
    .summary = "Show versions, replicas, traffic and checks",
    .description =
        "One screen, with one request to the daemon. It starts none: where none answers it says "
        "so and exits with 4. With --follow and --output json each change is a document on a line "
        "of its own.",
    .examples =
        "linnet status\n"
        "linnet status --follow\n"
        "linnet status -o json | jq .weight_in_force\n",
    .options = options,
    .run = run_status,
};

}  // namespace linnet::cli
