#include "cli/follow.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "cli/format.h"
#include "net/http.h"

namespace linnet::cli {
namespace {

constexpr Duration wait_before_restart = 2s;  // systemd may bring it back
constexpr Duration wait_for_return = 10s;
constexpr int most_deaths = 5;             // one that dies again and again drives nothing
constexpr Duration longest_outage = 300s;  // of a cluster's API server; then the command gives up
constexpr std::string_view rollout_begins = "preparing: rollout ";  // and its id; of core/turn.cpp
constexpr int strange_looks_allowed = 5;  // at a status that names another rollout, unexplained

bool is_gone(Daemon& daemon, const Error& error) {
  if (daemon.heard()) return false;
  return error.code == Code::unavailable || error.code == Code::unknown_outcome;
}

// The engine answers, but the cluster that it asks does not.
bool is_away(const Daemon& daemon, const Error& error) {
  return daemon.heard() && !daemon.is_shared() &&
         (error.code == Code::unavailable || error.code == Code::timed_out);
}

MonoTime mono_now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return MonoTime{std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

Style entry_style(const JournalEntry& entry) {
  return entry.kind == "trouble" || entry.kind == "warning" ? Style::yellow : Style::plain;
}

}  // namespace

bool is_running(std::string_view phase) {
  return phase == "preparing" || phase == "stepping" || phase == "holding" ||
         phase == "awaiting_promotion" || phase == "promoting" || phase == "rolling_back";
}

Follower::Follower(Session& session, std::string release)
    : session_(session), path_("/v1/releases/" + std::move(release)) {}

Result<void> Follower::begin() {
  TRY(text, get(path_ + "/journal?after=-1&wait=0"));
  TRY(journal, read_journal(text));
  journal_at_ = journal.next;
  return {};
}

Result<IntentDocument> Follower::submit(Wish wish) {
  wish.by = session_.who();
  const std::string body = wish_json(wish);
  const auto post = [&] { return session_.daemon().post(path_ + "/intents", body); };
  auto posted = patiently(post);
  // One that was dead already has not heard it; taking back twice does no harm.
  const bool takes_back = wish.kind == "rollback" || wish.kind == "interrupt";
  if (!posted && is_gone(session_.daemon(), posted.error()) &&
      (takes_back || posted.error().code == Code::unavailable)) {
    TRY_VOID(wait_for_daemon(posted.error()));
    posted = patiently(post);
  }
  if (!posted && posted.error().code == Code::unknown_outcome)
    return fail(Code::unknown_outcome,
                "{}; it may have been heard: look with `linnet status` before trying again",
                posted.error().message);
  if (!posted) return fail(std::move(posted).error());
  TRY(intent, read_intent(*posted));
  bool waited = false;
  std::string told;
  for (;;) {
    TRY(text, get(fmt::format("{}/intents/{}?wait=1", path_, intent.intent)));
    TRY(answer, read_intent(text));
    if (answer.state == "accepted") return std::move(answer);
    // Another engine may have to be waited for, or a cluster that does not answer: it is told.
    if (answer.state != "refused" || waited) {
      TRY(entries, new_entries(0));
      show(entries);
    }
    if (answer.state == "refused") return fail(Error{code_named(answer.code), answer.text});
    waited = true;
    if (answer.text.empty() || std::exchange(told, answer.text) == answer.text) continue;
    session_.say(fmt::format("{}  {}", clock_text(wall_now()), printable(answer.text)));
  }
}

Result<StatusDocument> Follower::until(const Done& done) {
  for (int wait_s = 0;; wait_s = 1) {
    TRY(entries, new_entries(wait_s));
    auto status = look();
    if (!status) {
      show(entries);
      return fail(std::move(status).error());
    }
    show(ours_of(std::move(entries), *status));
    if (done(*status)) {
      session_.out().end_live();
      TRY(rest, new_entries(0));
      if (rest.empty()) return status;
      // They may be of a rollout that began a moment ago, of which this status knows nothing.
      const std::string document = last_status_;
      TRY(later, look());
      last_status_ = document;
      show(ours_of(std::move(rest), later));
      return status;
    }
    show_live(*status);
  }
}

bool Follower::is_ours(const StatusDocument& status) const {
  if (!rollout_) return true;
  if (rollout_->empty()) return !is_running(status.phase);
  return status.rollout && status.rollout->id == *rollout_;
}

std::vector<JournalEntry> Follower::ours_of(std::vector<JournalEntry> entries,
                                            const StatusDocument& status) {
  if (!rollout_ || entries.empty()) return entries;
  // The journal may be a turn ahead of the status: where a rollout begins, it says so itself.
  const auto another = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) {
    return entry.text.starts_with(rollout_begins) &&
           !entry.text.starts_with(fmt::format("{}{} ", rollout_begins, *rollout_));
  });
  entries.erase(another, entries.end());
  if (is_ours(status)) return entries;
  if (rollout_->empty()) return {};
  // One that shall follow another has not begun yet: what ends the other is told.
  const auto ended = parse_time(ending(*rollout_).ended);
  if (!ended) return entries;
  std::erase_if(entries, [&](const JournalEntry& entry) {
    const auto at = parse_time(entry.at);
    return at && at->ms > ended->ms;
  });
  return entries;
}

Result<StatusDocument> Follower::look() {
  TRY(text, get(path_ + "/status"));
  last_status_ = text;
  return read_status(text);
}

// Reads only, so asking again is harmless.
Result<std::string> Follower::get(const std::string& path) {
  for (;;) {
    auto answer = patiently([&] { return session_.daemon().get(path); });
    if (answer || !is_gone(session_.daemon(), answer.error())) return answer;
    TRY_VOID(wait_for_daemon(answer.error()));
  }
}

Result<std::string> Follower::patiently(const std::function<Result<std::string>()>& ask) {
  const MonoTime began = mono_now();
  bool told = false;
  for (;;) {
    auto answer = ask();
    if (answer && told) session_.note("the cluster answers again");
    if (answer || !is_away(session_.daemon(), answer.error())) return answer;
    if (mono_now() - began >= longest_outage) return answer;
    if (!std::exchange(told, true))
      session_.note(fmt::format("waiting for the cluster, {} at most: {}",
                                span_text(longest_outage), printable(answer.error().message)));
    if (session_.interrupt().wait(1s) == Interrupt::Woken::signal)
      return fail(Code::cancelled, "interrupted");
  }
}

Result<void> Follower::wait_for_daemon(const Error& why) {
  if (++deaths_ > most_deaths)
    return fail(
        left_alone(fmt::format("it has ended {} times now, last: {}", deaths_, why.message)));
  if (!session_.daemon().is_shared()) return restart_engine();
  session_.note("the daemon stopped answering; waiting for it to come back");
  const MonoTime began = mono_now();
  bool started = session_.arguments().has("--no-start");
  while (mono_now() - began < wait_for_return) {
    auto answer = session_.daemon().get("/v1/version");
    if (answer) {
      session_.note("the daemon answers again");
      return {};
    }
    if (!is_gone(session_.daemon(), answer.error())) return fail(std::move(answer).error());
    if (!started && mono_now() - began >= wait_before_restart) {
      started = true;
      TRY_VOID(session_.start_daemon());
      continue;
    }
    if (session_.interrupt().wait(200ms) == Interrupt::Woken::signal)
      return fail(Code::cancelled, "interrupted");
  }
  return fail(left_alone(
      fmt::format("{}; it did not come back in {}", why.message, span_text(wait_for_return))));
}

// Nobody else brings it back, and until then nobody watches the canary: --no-start is about
// daemons.
Result<void> Follower::restart_engine() {
  session_.note("the engine of this command has ended: starting it again");
  const Result<void> started = session_.start_daemon();
  if (!started) return fail(left_alone(started.error().message));
  // The lines that it had not saved are lost, and their numbers are given to others.
  auto text = patiently([&] { return session_.daemon().get(path_ + "/journal?after=-1&wait=0"); });
  if (!text && is_gone(session_.daemon(), text.error())) return {};  // whoever asks next sees it
  if (!text) return fail(std::move(text).error());
  TRY(journal, read_journal(*text));
  journal_at_ = std::min(journal_at_, journal.next);
  return {};
}

Error Follower::left_alone(const std::string& what) const {
  if (session_.daemon().is_shared())
    return {Code::unavailable, what +
                                   ". Without it the canary's weight returns to 0; `linnet "
                                   "serve` goes on from where it was"};
  return {Code::unavailable,
          fmt::format("{}. Unless another command drives the rollout, its traffic stays as it is "
                      "now; the same command once more goes on, `{}` takes the canary back",
                      what, next_command(session_, "rollback"))};
}

Result<std::vector<JournalEntry>> Follower::new_entries(int wait_s) {
  TRY(text, get(fmt::format("{}/journal?after={}&limit=500&wait={}", path_, journal_at_, wait_s)));
  TRY(journal, read_journal(text));
  if (journal.next > journal_at_) journal_at_ = journal.next;
  return std::move(journal.entries);
}

void Follower::show(const std::vector<JournalEntry>& entries) {
  for (const JournalEntry& entry : entries) {
    // What these say, the phase entered right after says as well.
    if (entry.kind == "notice" || entry.kind == "verdict") continue;
    const auto at = parse_time(entry.at);
    Terminal& out = session_.out();
    std::string told = printable(entry.text);
    if (entry.kind == "phase")  // "rolling_back: ..."
      std::replace(
          told.begin(),
          told.begin() + static_cast<std::ptrdiff_t>(std::min(told.find(':'), told.size())), '_',
          ' ');
    const std::string time = at ? clock_text(*at) : "";
    const std::vector<std::string> lines = out.wrapped(time + "  " + told, 10);
    for (std::size_t i = 0; i < lines.size(); ++i)
      session_.say((i == 0 ? out.styled(Style::faint, time) : "") +
                   out.styled(entry_style(entry), lines[i].substr(i == 0 ? time.size() : 0)));
  }
}

void Follower::show_live(const StatusDocument& status) {
  if (session_.json() || !session_.out().is_terminal()) return;
  auto text = session_.daemon().get(path_ + "/counts");  // an ornament: without it all goes on
  auto counts = text ? read_counts(*text) : Result<CountsDocument>(tl::unexpect, text.error());
  // Counts come in portions, ten a second: a rate over less than half a second means nothing.
  if (counts && (!last_counts_ || std::abs(counts->at_ms - last_counts_->at_ms) >= 500)) {
    if (last_counts_) rates_ = rates_between(*last_counts_, *counts);
    last_counts_ = *counts;
  }
  session_.out().live(progress_lines(status, rates_, session_.out()));
}

HistoryDocument Follower::ending(const std::string& rollout) {
  auto text = get(path_ + "/history?limit=20");
  auto runs =
      text ? read_history(*text) : Result<std::vector<HistoryDocument>>(tl::unexpect, text.error());
  if (runs)
    for (HistoryDocument& run : *runs)
      if (run.id == rollout) return std::move(run);
  return {};
}

void Follower::print_document() {
  if (session_.json()) session_.out().document(last_status_);
}

std::string next_command(const Session& session, std::string_view words) {
  std::string text = fmt::format("linnet {}", words);
  for (const char* option : {"--spec", "--release", "--namespace", "--context", "--kubeconfig"})
    if (const auto value = session.arguments().text(option))
      text += fmt::format(" {} {}", option, printable(*value));
  return text;
}

namespace {

// A rollback must not fail over a spec that is being edited: what runs keeps the spec it began
// with, and with --release the file is not needed at all.
Result<std::string> target_release(Session& session, const std::string& kind) {
  // An engine of our own has read it, and its rollback waits for nothing.
  if (kind == "rollback" && !session.daemon().is_shared()) {
    TRY_VOID(session.reach_daemon());
    return session.release_name();
  }
  auto sent = session.send_spec();
  if (sent) return std::move(sent->release.name);
  const Error& error = sent.error();
  if (kind == "init" || error.code == Code::unavailable) return fail(error);
  const auto named = session.arguments().text("--release");
  const bool conflict = session.reached() && error.code == Code::conflict;
  if (conflict && !session.daemon().is_shared()) {
    TRY(differs, session.take_kept_spec());
    if (!differs) return fail(error);
    TRY_VOID(session.reach_daemon());
    return session.release_name();
  }
  if (conflict) {
    session.note(error.message + "; going on with the spec that the rollout began with");
    return session.release_name();
  }
  if (!named || session.reached() || !session.daemon().is_shared()) return fail(error);
  session.note(fmt::format("going on without the spec: {}", printable(error.message)));
  TRY_VOID(session.reach_daemon());
  return *named;
}

}  // namespace

namespace {

// On a cluster the engine ends with the command, and nothing goes on by itself.
Error left_by_signal(Session& session, const std::string& again) {
  if (session.daemon().is_shared())
    return {Code::cancelled, fmt::format("interrupted; the daemon goes on. See `{}`",
                                         next_command(session, "status --follow"))};
  std::string text = fmt::format(
      "interrupted: unless another command drives the rollout, its traffic stays as it is now; "
      "`{}` goes on",
      next_command(session, again));
  if (again == "promote" || again.starts_with("traffic"))
    text += fmt::format(", `{}` takes it back", next_command(session, "rollback"));
  return {Code::cancelled, std::move(text)};
}

}  // namespace

Exit exit_of_held(const StatusDocument& status) {
  if (status.any_check("fail")) return Exit::failed;
  // Else somebody else has moved the weight.
  return status.cause == "no_data" ? Exit::no_data : Exit::busy;
}

Exit tell_held(Session& session, const StatusDocument& status, const std::string& next) {
  session.say(fmt::format("{}: held: {}", printable(status.release), printable(status.reason)));
  session.say("next: " + next);
  return exit_of_held(status);
}

Result<CarriedOut> carry_out(Session& session, Wish wish, const Follower::Done& done,
                             const Follower::Done& stands) {
  session.interrupt();
  TRY(release, target_release(session, wish.kind));
  Follower follower(session, net::percent_encode(release));
  const Result<void> began = follower.begin();
  if (!began && wish.kind != "rollback") return fail(began.error());
  // The first look after the answer may still be at the state from before it.
  std::string since_before;
  if (stands) {
    TRY(before, follower.look());
    since_before = std::move(before.since);
  }
  const std::string kind = wish.kind == "traffic" ? "traffic " + wish.weight : wish.kind;
  auto submitted = follower.submit(wish);
  // The weight is taken back; what remains needs the spec of the rollout.
  if (!submitted && submitted.error().code == Code::conflict && kind == "rollback" &&
      !session.daemon().is_shared()) {
    const Result<bool> differs = session.take_kept_spec();
    if (differs && *differs) submitted = follower.submit(std::move(wish));
  }
  // It may have been heard, and even begun.
  if (!submitted && submitted.error().code == Code::cancelled)
    return fail(left_by_signal(session, kind));
  TRY(answer, std::move(submitted));
  follower.follow(answer.rollout);
  CarriedOut out;
  int strange_looks = 0;
  auto status = follower.until([&](const StatusDocument& now) {
    if (!follower.is_ours(now)) {
      HistoryDocument ending =
          answer.rollout.empty() ? HistoryDocument() : follower.ending(answer.rollout);
      const bool explained = answer.rollout.empty() || !ending.id.empty();
      if (!explained && ++strange_looks <= strange_looks_allowed) return false;
      out.replaced = std::move(ending);
      return true;
    }
    if (done(now)) return true;
    out.stands = stands && now.since != since_before && stands(now);
    return out.stands;
  });
  if (!status && status.error().code == Code::cancelled) return fail(left_by_signal(session, kind));
  if (!status) return fail(std::move(status).error());
  follower.print_document();
  out.status = std::move(*status);
  out.answer = std::move(answer);
  return out;
}

}  // namespace linnet::cli
