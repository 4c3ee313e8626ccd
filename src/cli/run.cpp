#include "cli/run.h"

#include <unistd.h>

#include <csignal>
#include <exception>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/session.h"
#include "cli/version.h"

namespace linnet::cli {
namespace {

bool wants_json(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--output=json" || words[i] == "-ojson") return true;
    const bool next = words[i] == "--output" || words[i] == "-o";
    if (next && i + 1 < words.size() && words[i + 1] == "json") return true;
  }
  return false;
}

}  // namespace

int run(std::vector<std::string> words) {
  std::signal(SIGPIPE, SIG_IGN);  // `linnet logs | head` ends by a failed write
  Terminal out(STDOUT_FILENO, terminal_options(STDOUT_FILENO));
  Terminal err(STDERR_FILENO, terminal_options(STDERR_FILENO));
  if (!words.empty() && words.front() == "help") {  // as other programs have it
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  const bool json = wants_json(words);
  auto parsed = parse_arguments(std::move(words));
  if (!parsed) {
    Arguments none;
    if (json) none.set("--output", {"json"});
    return Session(version_command, none, out, err).fail_with(parsed.error());
  }
  const bool help = parsed->arguments.has("--help");
  if (parsed->command == nullptr) {
    (help ? out : err).raw(overview());
    return static_cast<int>(help ? Exit::done : Exit::invalid);
  }
  if (help) {
    out.raw(help_text(*parsed->command));
    return static_cast<int>(Exit::done);
  }
  Session session(*parsed->command, std::move(parsed->arguments), out, err);
  try {
    const Result<Exit> result = session.command().run(session);
    return result ? static_cast<int>(*result) : session.fail_with(result.error());
  } catch (const std::exception& error) {  // out of memory, and bugs
    return session.fail_with(
        {Code::internal, fmt::format("linnet {}: {}", session.command().name, error.what())});
  }
}

}  // namespace linnet::cli
