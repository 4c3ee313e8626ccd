// linnet deploy: a new version through all the steps, live. The rollout belongs to the daemon; this
// command shows it, asks whether to promote, and takes it back when it is interrupted.
#include <unistd.h>

#include <cstdlib>

#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/format.h"

namespace linnet::cli {
namespace {

constexpr int idle_looks_allowed = 5;

class Deploy {
 public:
  Deploy(Session& session, const core::Release& release, Wish wish)
      : session_(session), follower_(session, release.name), wish_(std::move(wish)) {
    asks_ = !wish_.promote && release.promotion == core::Promotion::ask;
  }

  Result<Exit> run() {
    TRY_VOID(follower_.begin());
    auto answer = follower_.submit(wish_);
    if (!answer && answer.error().code == Code::cancelled) return interrupted();
    if (!answer) return fail(std::move(answer).error());
    rollout_ = answer->rollout;
    if (rollout_.empty()) return nothing_to_do(answer->text);
    follower_.follow(rollout_);
    for (;;) {
      auto status = follower_.until([this](const StatusDocument& now) { return stops(now); });
      if (!status && status.error().code == Code::cancelled) return interrupted();
      if (!status) return fail(std::move(status).error());
      if (!follower_.is_ours(*status)) return replaced();
      if (status->phase != "awaiting_promotion" || !session_.interactive()) return report(*status);
      TRY(answered, ask(*status));
      if (answered == Asked::interrupted) return interrupted();
      if (answered == Asked::no) return report(*status);
      if (answered != Asked::yes) continue;
      const Result<void> promoted = promote();
      if (!promoted && promoted.error().code == Code::cancelled) return interrupted();
      if (!promoted) return fail(promoted.error());
    }
  }

 private:
  enum class Asked { yes, no, moot, interrupted };

  bool stops(const StatusDocument& status) {
    if (!follower_.is_ours(status)) {
      // With --supersede the one before is taken back first, and ours starts in the turn after;
      // if it does not, somebody has called it off meanwhile.
      if (!began_ && is_running(status.phase)) return is_past(status);
      return began_ || ++idle_looks_ > idle_looks_allowed;
    }
    began_ = true;
    if (!is_running(status.phase)) return true;
    if (status.phase == "awaiting_promotion") return asks_;
    // A person at the terminal can act, and who paused it will resume it; but a job would hang
    // where the engine itself waits for somebody.
    const bool by_engine =
        status.any_check("fail") || status.cause == "no_data" || status.cause == "foreign_weight";
    return status.phase == "holding" && by_engine && !session_.interactive();
  }

  // Numbers go up: where a later one runs, ours was called off for it.
  bool is_past(const StatusDocument& status) const {
    const auto number = [](const std::string& id) {
      return std::strtoll(id.c_str() + id.rfind('-') + 1, nullptr, 10);
    };
    return status.rollout && !rollout_.empty() && number(status.rollout->id) > number(rollout_);
  }

  Result<void> promote() {
    Wish wish;
    wish.kind = "promote";
    asks_ = false;
    auto answer = follower_.submit(std::move(wish));
    // Refused: it is being taken back, which the next look will show.
    if (!answer && answer.error().code != Code::conflict) return fail(std::move(answer).error());
    return {};
  }

  // The canary is watched while the question stands: a rollback makes it moot.
  Result<Asked> ask(const StatusDocument& asked) {
    const std::string version = asked.rollout ? asked.rollout->to : asked.canary_version;
    session_.out().raw(fmt::format("Promote {} to stable? [y/N] ", printable(version)));
    for (;;) {
      const Interrupt::Woken woken = session_.interrupt().wait(1s, STDIN_FILENO);
      if (woken == Interrupt::Woken::signal) {
        session_.out().raw("\n");
        return Asked::interrupted;
      }
      if (woken == Interrupt::Woken::other) {
        char line[256] = {};
        const ssize_t count = ::read(STDIN_FILENO, line, sizeof line - 1);
        if (count <= 0) session_.out().raw("\n");
        return count > 0 && (line[0] == 'y' || line[0] == 'Y') ? Asked::yes : Asked::no;
      }
      auto now = follower_.look();
      if (!now && now.error().code == Code::cancelled) continue;
      if (!now) return fail(std::move(now).error());
      if (now->phase == "awaiting_promotion" && follower_.is_ours(*now)) continue;
      session_.out().raw("\n");
      return Asked::moot;
    }
  }

  Result<Exit> report(const StatusDocument& status) {
    follower_.print_document();
    const std::string release = printable(status.release);
    const std::string version =
        printable(status.rollout ? status.rollout->to : status.canary_version);
    const bool failed = status.phase == "failed";  // the reason says what stable lacks
    const std::string why =
        printable(status.cause_text.empty() || failed ? status.reason : status.cause_text);
    Terminal& out = session_.out();
    if (status.phase == "succeeded") {
      session_.say(out.styled(Style::green, fmt::format("{}: {} is stable now", release, version)));
      return Exit::done;
    }
    if (status.phase == "awaiting_promotion") {
      session_.say(
          fmt::format("{}: {} passed all steps and waits for promotion", release, version));
      session_.say(fmt::format("next: `{}` or `{}`", next_command(session_, "promote"),
                               next_command(session_, "rollback")));
      return Exit::done;
    }
    if (status.phase == "holding") return report_held(status);
    const char* what = failed ? "failed" : "was rolled back";
    session_.say(out.styled(Style::red, fmt::format("{}: {} {}", release, version, what)) +
                 (why.empty() ? "" : ": " + why));
    return exit_of_ending();
  }

  // Nothing measured is another answer than something measured and bad.
  Result<Exit> exit_of_ending() {
    const HistoryDocument ending = follower_.ending(rollout_);
    return ending.cause_kind == "no_data" ? Exit::no_data : Exit::failed;
  }

  Result<Exit> nothing_to_do(const std::string& text) {
    TRY(status, follower_.look());
    follower_.print_document();
    session_.say(fmt::format("{}: {}", printable(status.release), printable(text)));
    return Exit::done;
  }

  Exit report_held(const StatusDocument& status) {
    return tell_held(
        session_, status,
        fmt::format("`{}`, `{}` or `{}`", next_command(session_, "resume"),
                    next_command(session_, "promote"), next_command(session_, "rollback")));
  }

  // The status speaks of another rollout by now: how ours ended stands in the history.
  Result<Exit> replaced() {
    const HistoryDocument ending = follower_.ending(rollout_);
    follower_.print_document();
    if (ending.outcome == "succeeded") {
      session_.say(fmt::format("{} was promoted; {}", wish_.version, begun_since));
      return Exit::done;
    }
    session_.say(fmt::format("{} was taken back: {}", wish_.version,
                             ending.cause.empty() ? "it never began" : printable(ending.cause)));
    return ending.cause_kind == "no_data" ? Exit::no_data : Exit::failed;
  }

  // The first Ctrl-C takes the rollout back and sees it through, the second leaves at once.
  Result<Exit> interrupted() {
    session_.interrupt().take();
    session_.note(wish_.hold ? "interrupted: leaving the rollout as it is (--hold)"
                             : "interrupted: taking the rollout back; once more to leave at once");
    Wish wish;
    wish.kind = "interrupt";
    wish.version = wish_.version;  // another's rollout, waited for or in the way, is left as it is
    auto answer = follower_.submit(std::move(wish));
    if (!answer && answer.error().code != Code::cancelled) session_.note(answer.error().message);
    if (!answer && !wish_.hold) tell_what_is_left(answer.error());
    if (answer && answer->rollout.empty()) {  // the status speaks of another, or of one long ended
      session_.note(printable(answer->text));
      if (follower_.look()) follower_.print_document();
      return Exit::interrupted;
    }
    if (answer && !wish_.hold) {
      if (rollout_.empty()) follower_.follow(answer->rollout);
      auto status = follower_.until([this](const StatusDocument& now) {
        return !is_running(now.phase) || (began_ && !follower_.is_ours(now));
      });
      // One that this deploy was to supersede is not what it was about.
      const bool is_it = status && status->rollout && status->rollout->to == wish_.version;
      if (is_it && follower_.is_ours(*status)) {
        auto ignored = report(*status);
        return Exit::interrupted;
      }
      if (!status && status.error().code != Code::cancelled) session_.note(status.error().message);
      if (!status) tell_what_is_left(status.error());
    }
    session_.note(fmt::format("see `{}`", next_command(session_, "status --follow")));
    follower_.print_document();
    return Exit::interrupted;
  }

  // Left before the rollback was through: a second signal, or nobody answers.
  void tell_what_is_left(const Error& error) {
    const bool shared = session_.daemon().is_shared();
    if (shared && error.code == Code::cancelled)
      session_.note("left at once: the daemon goes on taking the rollout back");
    else if (!shared)  // its engine ends with this command
      session_.note(fmt::format("left at once: the canary's pods keep running until `{}`",
                                next_command(session_, "rollback")));
  }

  Session& session_;
  Follower follower_;
  Wish wish_;
  bool asks_ = true;
  std::string rollout_;
  bool began_ = false;  // our rollout was seen
  int idle_looks_ = 0;
};

Result<Exit> run_deploy(Session& session) {
  const Arguments& arguments = session.arguments();
  Wish wish;
  wish.kind = "deploy";
  wish.version = arguments.text("VERSION").value_or("");
  TRY_VOID(core::check_version(wish.version));
  wish.promote = arguments.has("--promote");
  wish.hold = arguments.has("--hold");
  wish.supersede = arguments.has("--supersede");
  wish.force = arguments.has("--force");
  wish.why = arguments.text("--why").value_or("");
  session.interrupt();
  TRY(file, session.send_spec());
  return Deploy(session, file.release, std::move(wish)).run();
}

constexpr Positional positionals[] = {
    {"VERSION", "what to release, such as v1.2.0", true, false, {}, "versions"}};
constexpr Option options[] = {
    {"--promote", "", "Promote after the last step without asking"},
    {"--hold", "", "Ctrl-C, and a daemon told to stop, leave the rollout as it is"},
    {"--supersede", "", "Take a rollout that is under way back first"},
    {"--force", "", "Also outside the release windows or in a freeze; the history says so"},
    {"--why", "TEXT", "The reason, for the history"},
};

}  // namespace

constexpr Command deploy_command{
    .name = "deploy",
    .summary = "Release a version step by step, watched",
    .description =
        "Starts the version as canary and takes it through the steps of the spec. Each is watched; "
        "a limit passed takes it back at once. On a terminal it asks before promoting; without one "
        "it never asks: it ends with 0 and names the next command, or promotes with --promote or "
        "`promotion: automatic`. Ctrl-C and SIGTERM roll back, see that through and exit with 130. "
        "Without a terminal a rollout that the engine holds ends the command: 1 when a check "
        "fails, 3 without data, 5 when somebody else has moved the weight; one that a person has "
        "paused is waited for. A deploy of the version "
        "that is under way already follows it, as a job that is started again does.",
    .examples =
        "linnet deploy v1.2.0                 # asks before it promotes\n"
        "linnet deploy v1.2.0 --promote       # in a pipeline, to the end\n"
        "linnet deploy v1.3.0 --supersede     # instead of the one that is running\n"
        "linnet deploy v1.2.0 -o json         # the last status document\n",
    .positionals = positionals,
    .options = options,
    .run = run_deploy,
};

}  // namespace linnet::cli
