// One run of one command: its arguments, where its text goes, and the daemon it talks to. Made by
// main, handed to the command; nothing else knows the environment.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/arguments.h"
#include "cli/daemon.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/release_file.h"
#include "cli/terminal.h"
#include "cluster/drive.h"
#include "cluster/name_lists.h"

namespace linnet::cli {

class Session {
 public:
  Session(const Command& command, Arguments arguments, Terminal& out, Terminal& err);

  [[nodiscard]] const Command& command() const { return command_; }
  [[nodiscard]] const Arguments& arguments() const { return arguments_; }
  Terminal& out() { return out_; }
  Terminal& err() { return err_; }
  /// --output json: standard output holds one document and nothing else.
  [[nodiscard]] bool json() const { return json_; }
  /// A person sits there: questions may be asked, and a block redrawn.
  [[nodiscard]] bool interactive() const;

  /// Catches Ctrl-C from now on, for commands that follow something. Before daemon().
  Interrupt& interrupt();
  /// Of this machine; for a release on a cluster an engine of this command's own.
  Daemon& daemon();
  /// Starts a daemon and says so; refused with --no-start.
  Result<void> start_daemon();
  /// Whether a daemon has answered anything yet.
  [[nodiscard]] bool reached() const { return daemon_ != nullptr && daemon_->heard(); }
  /// Makes sure that a daemon answers, starting one if allowed.
  Result<void> reach_daemon();

  /// The spec file that this run is about.
  [[nodiscard]] std::string spec_file() const;
  /// The release that this run is about: of the spec file or, where there is none and the options
  /// name a cluster, as that cluster keeps it. Read once.
  const Result<ReleaseFile>& release_file();
  /// Reads the spec, reaches a daemon, sends it. For commands with an intent.
  Result<ReleaseFile> send_spec();
  /// On a cluster, where a rollout runs that began with another spec than the one that was read:
  /// from now on this run is about the spec that the cluster keeps, with an engine of its own.
  /// False: it is the same one.
  Result<bool> take_kept_spec();
  /// The release's name for commands that only look: --release, else the spec's, else the only one
  /// that the daemon has. Never starts a daemon.
  Result<std::string> release_name();

  /// What to say when a question got no answer: where no daemon answers and no spec was read,
  /// either may be what is missing.
  Error unanswered(Error error);

  /// Who asks, for the history: the CI system's user if there is one, else user@host.
  [[nodiscard]] std::string who() const;

  /// A line for people: hidden with --output json.
  void say(std::string_view text);
  /// A remark beside the result: on standard error.
  void note(std::string_view text);
  /// Reports the error in the form asked for and gives its exit code.
  int fail_with(const Error& error);

  /// Which cluster the options and the environment mean.
  [[nodiscard]] kubernetes::ConfigChoice cluster_choice() const;

 private:
  [[nodiscard]] Result<ReleaseFile> find_release() const;
  [[nodiscard]] Result<ReleaseFile> ask_kept(cluster::NameQuestion question) const;
  [[nodiscard]] bool spec_is_named() const;
  [[nodiscard]] bool names_cluster() const;
  [[nodiscard]] std::string router_beside_or_kept(const ReleaseFile& file) const;
  [[nodiscard]] cluster::DriveOptions drive_options(const ReleaseFile& file) const;

  const Command& command_;
  Arguments arguments_;
  Terminal& out_;
  Terminal& err_;
  bool json_ = false;
  std::optional<Interrupt> interrupt_;
  std::optional<Result<ReleaseFile>> file_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace linnet::cli
