// linnet history: who released what, when, and how it ended.
#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/format.h"
#include "cli/session.h"
#include "cli/table.h"
#include "net/http.h"

namespace linnet::cli {
namespace {

std::string took_text(const HistoryDocument& run) {
  const auto started = parse_time(run.started);
  const auto ended = parse_time(run.ended);
  return started && ended ? span_text(Duration(ended->ms - started->ms)) : "";
}

Result<Exit> run_history(Session& session) {
  TRY(limit, session.arguments().number("--limit", 1, 1000));
  TRY(release, session.release_name());
  TRY(text, session.daemon().get(fmt::format("/v1/releases/{}/history?limit={:.0f}",
                                             net::percent_encode(release), limit.value_or(20))));
  if (session.json()) {
    session.out().document(text);
    return Exit::done;
  }
  TRY(runs, read_history(text));
  Terminal& out = session.out();
  // On a terminal the causes, which are sentences, stand on lines of their own.
  const bool below = out.is_terminal();
  Table table({Align::left, Align::left, Align::left, Align::left, Align::left, Align::left,
               Align::right, Align::left});
  table.row({"ROLLOUT", "FROM", "TO", "OUTCOME", "BY", "STARTED", "TOOK", below ? "" : "CAUSE"});
  for (const HistoryDocument& run : runs) {
    const Style style = run.outcome == "succeeded" ? Style::green : Style::red;
    const auto started = parse_time(run.started);
    const std::string outcome =
        run.outcome == "rolled_back" ? "rolled back" : printable(run.outcome);
    table.row({printable(run.id), printable(run.from), printable(run.to),
               out.styled(style, outcome), printable(run.by), started ? date_text(*started) : "",
               took_text(run), below ? "" : printable(run.cause)});
  }
  if (runs.empty()) {
    out.line(fmt::format("{}: no rollout has ended yet", printable(release)));
    return Exit::done;
  }
  const std::vector<std::string> lines = table.lines();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out.line(lines[i]);
    if (below && i > 0)
      for (const std::string& line : out.wrapped("  " + printable(runs[i - 1].cause), 2))
        out.line(out.styled(Style::faint, line));
  }
  return Exit::done;
}

constexpr Option options[] = {{"--limit", "N", "How many at most, newest first; 20"}};

}  // namespace

constexpr Command history_command{
    .name = "history",
    .summary = "List the rollouts that have ended",
    .description = "Newest first: who released what, when, how long it took and why it ended.",
    .examples =
        "linnet history --limit 5\n"
        "linnet history -o json | jq '.[0].outcome'\n",
    .options = options,
    .run = run_history,
};

}  // namespace linnet::cli
