// Asks the engine for something and watches until it is done. No command moves anything itself: it
// leaves an intent with the daemon and reads the journal, so what is printed is what happened.
#pragma once

#include <functional>
#include <string>

#include "cli/documents.h"
#include "cli/session.h"
#include "cli/views.h"

namespace linnet::cli {

class Follower {
 public:
  Follower(Session& session, std::string release);

  /// Remembers where the journal ends now: only what comes later is shown. Before submit().
  Result<void> begin();
  /// Leaves the wish and waits for the engine's answer. A refusal is an error with the engine's
  /// code (Code::conflict: busy) and words. Code::cancelled: a signal waits.
  Result<IntentDocument> submit(Wish wish);
  using Done = std::function<bool(const StatusDocument&)>;
  /// Shows what happens until `done`. A daemon that dies is waited for, then started again unless
  /// that is forbidden. Code::cancelled: a signal waits to be taken.
  Result<StatusDocument> until(const Done& done);
  /// One look, without showing it.
  Result<StatusDocument> look();

  /// The rollout that an answer named; "": the wish was about none. From now on until() shows no
  /// line of a later one.
  void follow(std::string rollout) { rollout_ = std::move(rollout); }
  /// Whether the status speaks of that rollout, or of none that runs where there is none.
  [[nodiscard]] bool is_ours(const StatusDocument& status) const;

  /// How a rollout ended, from the history; an empty document when it is not there.
  HistoryDocument ending(const std::string& rollout);

  /// Standard output of --output json: the last status document.
  void print_document();
  [[nodiscard]] const std::string& document() const { return last_status_; }

 private:
  Result<std::string> get(const std::string& path);
  /// Again while a cluster's API server is away; what was refused was not done.
  Result<std::string> patiently(const std::function<Result<std::string>()>& ask);
  Result<void> wait_for_daemon(const Error& why);
  Result<void> restart_engine();
  /// Who looks after the canary now that no daemon does.
  [[nodiscard]] Error left_alone(const std::string& what) const;
  /// What the journal has that was not read yet.
  Result<std::vector<JournalEntry>> new_entries(int wait_s);
  /// Those that are of our rollout, or all. `status` is younger than they are.
  std::vector<JournalEntry> ours_of(std::vector<JournalEntry> entries,
                                    const StatusDocument& status);
  void show(const std::vector<JournalEntry>& entries);
  void show_live(const StatusDocument& status);

  Session& session_;
  std::string path_;  // "/v1/releases/shop"
  std::int64_t journal_at_ = 0;
  int deaths_ = 0;                      // of the daemon, since this began
  std::optional<std::string> rollout_;  // nothing: whichever runs
  std::string last_status_;
  std::optional<CountsDocument> last_counts_;
  std::optional<Rates> rates_;
};

struct CarriedOut {
  StatusDocument status;
  IntentDocument answer;
  /// The status speaks of a later rollout: how the one that the wish was about ended, as far as the
  /// history has it.
  std::optional<HistoryDocument> replaced;
  bool stands = false;  // accepted, and yet the engine waits for somebody
};
/// The whole of a simple command: sends the spec, submits the wish, follows until `done`, until
/// another rollout has taken the place of the one that it was about, or until a state that was
/// entered since `stands`.
Result<CarriedOut> carry_out(Session& session, Wish wish, const Follower::Done& done,
                             const Follower::Done& stands = {});

/// "linnet WORDS" with the options that lead to the same release.
std::string next_command(const Session& session, std::string_view words);
/// What a rollout that is held means for scripts.
Exit exit_of_held(const StatusDocument& status);
/// Says why it is held, and `next`.
Exit tell_held(Session& session, const StatusDocument& status, const std::string& next);

inline constexpr std::string_view begun_since = "another rollout has begun since";

/// Phases between a deploy and its end.
bool is_running(std::string_view phase);

}  // namespace linnet::cli
