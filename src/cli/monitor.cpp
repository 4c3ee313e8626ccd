// linnet monitor: watches the canary from outside with limits of its own, for a person or a job.
// The rollout's own checks go on in the daemon; this is a second pair of eyes.
#include <algorithm>
#include <chrono>

#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/format.h"
#include "cli/watch.h"
#include "cluster/name_lists.h"
#include "net/http.h"
#include "stats/words.h"

namespace linnet::cli {
namespace {

constexpr Duration period_length = 60s;
constexpr Duration longest_list = 5s;
const std::string untimed_text =
    "; no latency was measured: does the metrics' recipe find a histogram? `linnet doctor`";
constexpr double forever_s = 10.0 * 365 * 86'400;

MonoTime mono_now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return MonoTime{std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

struct Settings {
  Duration duration{};  // 0: until interrupted
  Duration interval = 5s;
  WatchLimits limits;
  bool asks_latency = false;  // by --latency-threshold
  bool rolls_back = false;
  bool alerts = false;
};

// "60" (seconds, as the documents write it), "60s", "2m".
Result<Duration> read_seconds(const Arguments& arguments, std::string_view option,
                              Duration fallback) {
  const std::optional<std::string> text = arguments.text(option);
  if (!text) return fallback;
  auto number = arguments.number(option, 0, forever_s);
  auto span =
      number ? Result<Duration>(Duration(std::llround(**number * 1000))) : parse_duration(*text);
  if (!span || *span < 100ms)
    return fail(Code::invalid, "{} is '{}', but must be a time such as 60 (seconds), 90s or 5m",
                option, printable(*text));
  return span;
}

Result<Settings> read_settings(const Arguments& arguments) {
  Settings settings;
  TRY(duration, read_seconds(arguments, "--duration", 0s));
  TRY(interval, read_seconds(arguments, "--interval", 5s));
  TRY(errors, arguments.number("--error-threshold", 0, 100));
  TRY(latency, arguments.number("--latency-threshold", 1, 3'600'000));
  settings.duration = duration;
  settings.interval = interval;
  settings.limits.error_percent = errors.value_or(5);
  settings.limits.latency_ms = latency.value_or(1000);
  settings.asks_latency = latency.has_value();
  settings.rolls_back = arguments.has("--auto-rollback");
  settings.alerts = arguments.has("--alert-on-error");
  return settings;
}

class Monitor {
 public:
  Monitor(Session& session, std::string release, const Settings& settings, Watch watch)
      : session_(session),
        release_(std::move(release)),
        settings_(settings),
        watch_(std::move(watch)) {}

  Result<Exit> run() {
    const MonoTime began = mono_now();
    MonoTime period_began = began;
    bool last = false;
    TRY_VOID(look());
    while (!last) {
      const MonoTime now = mono_now();
      const MonoTime end = period_end(began, period_began);
      const Duration pause = std::clamp(end - now, Duration(0), settings_.interval);
      if (session_.interrupt().wait(pause) == Interrupt::Woken::signal) return ended_by_signal();
      const Result<void> looked = look();
      if (!looked && looked.error().code == Code::cancelled) return ended_by_signal();
      tell_blindness(looked);
      if (looked) print();
      if (const std::string why = watch_.proven(); !why.empty() && !reported_) {
        TRY(stop, violation(why));
        if (stop) return summary(Exit::failed);
      }
      if (mono_now() < end) continue;
      last = settings_.duration > 0ms && mono_now() - began >= settings_.duration;
      TRY(stop, close_period());
      if (stop) return summary(Exit::failed);
      period_began = mono_now();
    }
    return summary(verdict());
  }

 private:
  [[nodiscard]] MonoTime period_end(MonoTime began, MonoTime period_began) const {
    const MonoTime end = period_began + period_length;
    if (settings_.duration == 0ms) return end;
    return std::min(end, began + settings_.duration);
  }

  Result<void> look() {
    TRY(text, session_.daemon().get("/v1/releases/" + net::percent_encode(release_) + "/counts"));
    TRY(counts, read_counts(text));
    return watch_.look(counts);
  }

  // Whoever left it watching overnight wants it to watch when the metrics are back.
  void tell_blindness(const Result<void>& looked) {
    if (!looked && !blind_)
      session_.note(
          fmt::format("nothing is measured: {}; watching on", printable(looked.error().message)));
    if (looked && blind_) session_.note("the counts are read again");
    blind_ = !looked;
  }

  void print() {
    Terminal& out = session_.out();
    const std::string why = watch_.violated();
    const char* word = !why.empty() ? "ABOVE" : watch_.enough() ? "ok" : "few";
    const Style style = !why.empty() ? Style::red : watch_.enough() ? Style::green : Style::yellow;
    session_.say(fmt::format("{}  {}  {}; evidence: {}", clock_text(wall_now()),
                             out.styled(style, fmt::format("{:5}", word)),
                             watch_.so_far().text(settings_.limits),
                             stats::likelihood_words(watch_.log_evidence())));
  }

  // True when the watching is over.
  Result<bool> violation(const std::string& why) {
    reported_ = true;
    why_ = why;
    if (settings_.alerts) {
      session_.err().line(
          session_.err().styled(Style::red, fmt::format("ALERT: {}: {}", release_, why)) +
          (session_.err().is_terminal() ? "\a" : ""));
    }
    if (!settings_.rolls_back) return false;
    session_.note("rolling back");
    Follower follower(session_, release_);
    TRY_VOID(follower.begin());
    Wish wish;
    wish.kind = "rollback";
    wish.why = "linnet monitor: " + why;
    auto answer = follower.submit(std::move(wish));
    if (!answer) return fail(std::move(answer).error().while_doing("rolling back"));
    follower.follow(answer->rollout);
    auto status = follower.until([&follower](const StatusDocument& now) {
      return !follower.is_ours(now) || !is_running(now.phase);
    });
    if (!status) return fail(std::move(status).error().while_doing("rolling back"));
    rolled_back_ = true;
    return true;
  }

  // The plain rule speaks at the end of a period.
  Result<bool> close_period() {
    judged_ = judged_ || watch_.enough();
    total_.requests += watch_.so_far().requests;
    total_.bad += watch_.so_far().bad;
    total_.seconds += watch_.so_far().seconds;
    last_p95_ = watch_.so_far().p95_ms;
    timed_ = timed_ || last_p95_.has_value();
    bool stop = false;
    if (const std::string why = watch_.violated(); !why.empty() && !reported_) {
      TRY(over, violation(why));
      stop = over;
    }
    reported_ = false;
    TRY_VOID(watch_.next_period());
    return stop;
  }

  [[nodiscard]] Exit verdict() const {
    if (!why_.empty()) return Exit::failed;
    const bool untimed = settings_.asks_latency && !timed_;
    return judged_ && !blind_ && !untimed ? Exit::done : Exit::no_data;
  }

  Result<Exit> ended_by_signal() {
    session_.interrupt().take();
    TRY_VOID(close_period());
    TRY(ignored, summary(verdict()));
    return why_.empty() ? Exit::interrupted : Exit::failed;
  }

  Result<Exit> summary(Exit exit) {
    if (rolled_back_) {
      total_.requests += watch_.so_far().requests;
      total_.bad += watch_.so_far().bad;
      total_.seconds += watch_.so_far().seconds;
      if (watch_.so_far().p95_ms) last_p95_ = watch_.so_far().p95_ms;
    }
    const double percent = total_.requests == 0 ? 0
                                                : 100 * static_cast<double>(total_.bad) /
                                                      static_cast<double>(total_.requests);
    if (session_.json()) {
      session_.out().raw(fmt::format(
          R"({{"release":{},"seconds":{:.1f},"requests":{},"bad":{},"error_rate":{},"latency_p95_ms":{},"violated":{},"why":{},"rolled_back":{}}})"
          "\n",
          quoted_json(release_), total_.seconds, total_.requests, total_.bad,
          total_.requests == 0 ? "null" : number_text(percent),
          last_p95_ ? number_text(*last_p95_) : "null", !why_.empty(), quoted_json(why_),
          rolled_back_));
      return exit;
    }
    const std::string counted = fmt::format(
        "{} of the canary in {}, {} failed", count_text(total_.requests, "request"),
        span_text(Duration(std::llround(total_.seconds * 1000))), percent_text(percent));
    Terminal& out = session_.out();
    if (!why_.empty())
      session_.say(out.styled(Style::red, "violated: ") + why_ +
                   (rolled_back_ ? "; rolled back" : ""));
    else if (blind_)
      session_.say(out.styled(Style::yellow, "no data: ") + counted +
                   "; the counts could not be read at the end");
    else if (judged_ && exit == Exit::no_data)
      session_.say(out.styled(Style::yellow, "no data: ") + counted + untimed_text);
    else if (judged_)
      session_.say(out.styled(Style::green, "good: ") + counted + (timed_ ? "" : untimed_text));
    else
      session_.say(out.styled(Style::yellow, "no data: ") + counted +
                   fmt::format("; at least {} are needed to judge", Watch::min_requests));
    return exit;
  }

  Session& session_;
  std::string release_;
  Settings settings_;
  Watch watch_;
  Reading total_;
  std::optional<double> last_p95_;
  std::string why_;
  bool reported_ = false;  // in this period
  bool judged_ = false;
  bool timed_ = false;  // a P95 was measured
  bool blind_ = false;  // the last look failed
  bool rolled_back_ = false;
};

void explain_ignored(Session& session) {
  if (!session.daemon().is_shared()) return;  // on a cluster they say where to look
  for (const char* option : {"--prometheus", "--deployment", "--namespace"})
    if (session.arguments().has(option))
      session.note(
          fmt::format("{} is not used on one machine: the counts come from the router's "
                      "access log",
                      option));
}

// A name that nothing has would be watched all the time, and look like a canary without requests.
// Who may not list Deployments finds out at the end.
Result<void> check_deployment(Session& session) {
  const auto wanted = session.arguments().text("--deployment");
  if (!wanted || session.daemon().is_shared()) return {};
  cluster::NameQuestion question;
  question.kind = cluster::NameKind::deployments;
  question.cluster = session.cluster_choice();
  if (const Result<ReleaseFile>& file = session.release_file(); file)
    question.name_space = file->release.name_space;
  question.name_space = session.arguments().text("--namespace").value_or(question.name_space);
  const std::string place =
      question.name_space.empty() ? "the namespace" : "namespace " + question.name_space;
  auto there = cluster::list_names(std::move(question), longest_list);
  if (!there || std::find(there->begin(), there->end(), *wanted) != there->end()) return {};
  return fail(Code::not_found, "{} has no Deployment {}; it has {}", printable(place),
              printable(*wanted),
              there->empty() ? "none" : printable(fmt::format("{}", fmt::join(*there, ", "))));
}

Result<Exit> run_monitor(Session& session) {
  TRY(settings, read_settings(session.arguments()));
  session.interrupt();
  TRY(release, session.release_name());
  explain_ignored(session);
  TRY_VOID(check_deployment(session));
  TRY(watch, Watch::make(settings.limits));
  session.say(fmt::format("watching the canary of {}: errors up to {}, P95 up to {:.0f} ms",
                          printable(release), percent_text(settings.limits.error_percent),
                          settings.limits.latency_ms));
  return Monitor(session, release, settings, std::move(watch)).run();
}

constexpr Option options[] = {
    {"--duration", "S", "How long, in seconds or as 5m; without it, until Ctrl-C"},
    {"--interval", "S", "A line this often; 5"},
    {"--error-threshold", "PCT", "Highest share of failed requests in percent; 5"},
    {"--latency-threshold", "MS", "Highest 95th percentile in milliseconds; 1000"},
    {"--auto-rollback", "", "Roll back when a limit is violated"},
    {"--alert-on-error", "", "Print an ALERT line to standard error when a limit is violated"},
    {"--prometheus", "URL", "Where the metrics are; on one machine the access log is used"},
    {"--deployment",
     "NAME",
     "The canary's Deployment; not used on one machine",
     {},
     {},
     "deployments"},
};

}  // namespace

constexpr Command monitor_command{
    .name = "monitor",
    .summary = "Watch the canary with limits of your own",
    .description =
        "Prints the canary's requests, errors and P95 at every interval. A limit is violated when "
        "the measured value of a period (60 s, or the duration when that is shorter) is above it "
        "over at least 20 requests, and earlier when the evidence suffices. Counts that cannot be "
        "read for a while are told, and it watches on. Exit code 0: good, 1: violated, 3: too few "
        "requests to say, or no counts at the end.",
    .examples =
        "linnet monitor --duration 60\n"
        "linnet monitor --error-threshold 10 --latency-threshold 2000 --duration 120\n"
        "linnet monitor --auto-rollback --alert-on-error\n",
    .options = options,
    .run = run_monitor,
};

}  // namespace linnet::cli
