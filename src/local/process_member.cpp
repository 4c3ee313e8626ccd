#include "local/process_member.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "local/process_log.h"
#include "local/process_table.h"
#include "net/probe.h"

namespace linnet::local {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr Duration eager = 100ms;  // between looks for a port that is not open yet

std::string seconds_text(Duration duration) {
  return fmt::format("{:.1f} s", static_cast<double>(duration.count()) / 1000.0);
}

// A child that ended while nobody watched: between two supervisors within one process.
void reap_if_ours(pid_t pid, std::uint64_t start_ticks) {
  const std::optional<ProcessStat> stat = process_stat(pid);
  if (stat && !stat->alive() && stat->start_ticks == start_ticks) ::waitpid(pid, nullptr, WNOHANG);
}

}  // namespace

struct ProcessMember::Waits {
  explicit Waits(const asio::any_io_executor& executor)
      : exit(executor), pause(executor), beat(executor) {}
  asio::posix::stream_descriptor exit;  // a pidfd: readable once the process has ended
  asio::steady_timer pause;             // before the next launch, or before SIGKILL
  asio::steady_timer beat;              // between probes
  // One for each health coroutine: a slot must not be used again before its coroutine has ended.
  std::shared_ptr<asio::cancellation_signal> end_health;
};

std::string record_path(const std::string& directory, const std::string& id) {
  return fmt::format("{}/instances/{}.json", directory, id);
}

std::string log_path(const std::string& directory, const std::string& id) {
  return fmt::format("{}/logs/{}.log", directory, id);
}

ProcessMember::ProcessMember(std::shared_ptr<const MemberContext> context, core::Track track,
                             std::size_t slot, std::uint16_t port, std::uint64_t serial)
    : context_(std::move(context)),
      track_(track),
      slot_(slot),
      serial_(serial),
      waits_(std::make_unique<Waits>(context_->executor)) {
  record_.id = fmt::format("{}-{}", core::track_name(track), slot);
  record_.port = port;
}

ProcessMember::~ProcessMember() = default;

const ProcessMember::Gauges& ProcessMember::gauges() const {
  const MonoTime now = context_->clock.now().mono;
  const bool fresh = gauges_.life == life_ && gauges_.rss_bytes >= 0 && now - gauges_.at < 1s;
  if (fresh) return gauges_;
  gauges_ = {-1, -1, life_, now};
  if (record_.pid <= 0 || state_ == State::backoff) return gauges_;
  const std::optional<ProcessStat> stat = process_stat(record_.pid);
  if (!stat || !stat->alive() || stat->start_ticks != record_.start_ticks) return gauges_;
  gauges_.rss_bytes = stat->rss_bytes;
  gauges_.cpu_ms = stat->cpu_ms;
  return gauges_;
}

core::Instance ProcessMember::seen() const {
  core::Instance instance;
  instance.id = record_.id;
  instance.version = record_.version;
  instance.state = state_;
  instance.restarts = record_.restarts;
  instance.crash_loop =
      useless_to_wait_ || record_.early_deaths >= context_->options.deaths_of_a_loop;
  instance.trouble = record_.trouble;
  const Gauges& now = gauges();
  instance.rss_bytes = now.rss_bytes;
  instance.cpu_ms = now.cpu_ms;
  return instance;
}

void ProcessMember::save(Sync sync) const {
  // Only the record of a launch must be there; what this one would add is found out again.
  [[maybe_unused]] const Result<void> saved =
      write_record(record_path(context_->directory, record_.id), record_, sync);
}

void ProcessMember::enter(State state) {
  if (state == State::ready) ready_since_ = context_->clock.now().mono;
  state_ = state;
  successes_ = failures_ = 0;
  record_.ready = state == State::ready;
  context_->changed();
}

void ProcessMember::say_trouble(std::string trouble) {
  if (trouble == record_.trouble) return;
  record_.trouble = std::move(trouble);
  context_->changed();
}

// --- starting -----------------------------------------------------------------------------------

void ProcessMember::start(std::string version, int restarts) {
  record_.version = std::move(version);
  record_.restarts = restarts;
  launch_now();
}

Launch ProcessMember::prepare() const {
  const core::ProcessWorkload& spec = context_->spec;
  const auto filled = [&](const std::string& text) {
    return expand(text, record_.version, record_.port);
  };
  Launch what;
  for (const std::string& argument : spec.command) what.arguments.push_back(filled(argument));
  std::map<std::string, std::string> own;
  for (const auto& [name, value] : spec.env) own[name] = filled(value);
  own["LINNET_RECORD"] = record_path(context_->directory, record_.id);
  own["LINNET_VERSION"] = record_.version;
  what.environment = child_environment(context_->environment, own);
  what.directory = spec.directory.empty() ? context_->directory : spec.directory;
  what.log = log();
  return what;
}

void ProcessMember::launch_now() {
  ++life_;
  if (!port_is_free(record_.port)) {
    const std::string owner = listener_on(record_.port);
    // What the last process left behind may need an instant to let go of the port.
    port_taken_ = failed_starts_ > 0;
    return could_not_start(fmt::format("port {} is taken by {}: stop that, or choose another "
                                       "spec.workload.process.first_port",
                                       record_.port, owner.empty() ? "another process" : owner),
                           false);
  }
  port_taken_ = false;
  Launch what = prepare();
  if (what.arguments.empty()) return could_not_start("the command is empty", true);
  const Result<std::string> program =
      find_program(what.arguments[0], what.directory, what.environment);
  if (!program) {
    const bool versioned =
        program.error().code == Code::not_found && what.arguments[0] != context_->spec.command[0];
    return could_not_start(
        program.error().message +
            (versioned ? fmt::format(" (does version {} exist?)", record_.version) : ""),
        true);
  }
  what.program = *program;
  log_from_ = log_size(what.log);

  ProcessRecord record = record_;
  if (has_died_) ++record.restarts;
  record.boot = boot_id();
  record.started = context_->clock.now().wall;
  record.ready = record.stopping = false;
  const std::function<Result<void>(const Launched&)> write = [&](const Launched& launched) {
    record.pid = launched.pid;
    record.start_ticks = launched.start_ticks;
    return write_record(record_path(context_->directory, record.id), record, Sync::full);
  };
  Result<Launched> launched = launch(what, write);
  if (!launched) return could_not_start(launched.error().message, false);
  record_ = std::move(record);
  launch_ = std::move(what);
  exec_failure_ = std::move(launched->failure);
  ending_because_.clear();
  has_died_ = useless_to_wait_ = false;
  failed_starts_ = 0;
  born_ = context_->clock.now().mono;
  watch(std::move(launched->pidfd));
  enter(State::starting);
  watch_health();
}

void ProcessMember::could_not_start(const std::string& why, bool until_changed) {
  ++failed_starts_;
  useless_to_wait_ = until_changed;
  record_.trouble = why;
  enter(State::backoff);
  pause_then_launch(back_off());
}

Duration ProcessMember::back_off() const {
  const ProcessOptions& options = context_->options;
  const int times = std::clamp(record_.early_deaths + failed_starts_, 1, 20);
  return std::min(options.longest_pause, options.first_pause * (1 << (times - 1)));
}

void ProcessMember::pause_then_launch(Duration pause) {
  waits_->pause.expires_after(pause);
  waits_->pause.async_wait([self = shared_from_this(), life = life_](error_code cancelled) {
    if (!cancelled && self->life_ == life && self->state_ == State::backoff) self->launch_now();
  });
}

Result<void> ProcessMember::take_over(ProcessRecord record) {
  const pid_t pid = record.pid;
  const bool this_boot = record.boot == boot_id();
  Descriptor alive;
  if (pid != 0 && this_boot) {
    Result<Descriptor> opened = open_process(pid, record.start_ticks);
    if (!opened) return fail(std::move(opened.error()));
    alive = std::move(*opened);
  }
  record_ = std::move(record);
  born_ = ready_since_ = context_->clock.now().mono;
  log_from_ = log_size(log());
  ++life_;
  if (alive.valid()) {
    state_ = record_.ready ? State::ready : State::starting;
    watch(std::move(alive));
    if (record_.stopping)
      stop();
    else
      watch_health();
    return {};
  }
  if (pid != 0 && this_boot) {
    reap_if_ours(pid, record_.start_ticks);
    sweep_session(pid);
  }
  record_.pid = 0;
  if (record_.stopping) {
    finish();
  } else if (pid != 0 && this_boot) {
    log_from_ = std::max<std::int64_t>(0, log_from_ - 4096);
    died("ended while linnet was not running");
  } else if (pid != 0) {
    record_.trouble.clear();  // the machine was restarted: no fault of the service
    state_ = State::backoff;
    pause_then_launch(0ms);
  } else {
    state_ = State::backoff;
    has_died_ = true;
    pause_then_launch(back_off());
  }
  return {};
}

// --- watching -----------------------------------------------------------------------------------

void ProcessMember::watch(Descriptor pidfd) {
  error_code ignored;
  waits_->exit.close(ignored);
  waits_->exit.assign(pidfd.release());
  waits_->exit.async_wait(asio::posix::descriptor_base::wait_read,
                          [self = shared_from_this(), life = life_](error_code cancelled) {
                            if (!cancelled && self->life_ == life) self->on_exit();
                          });
}

void ProcessMember::watch_health() {
  waits_->end_health = std::make_shared<asio::cancellation_signal>();
  const auto signal = waits_->end_health;
  const auto ended = [signal](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const boost::system::system_error& error) {
      if (error.code() != asio::error::operation_aborted) throw;  // a bug: let it be seen
    }
  };
  asio::co_spawn(context_->executor, probe_again_and_again(shared_from_this(), life_),
                 asio::bind_cancellation_slot(signal->slot(), ended));
}

Task<void> ProcessMember::probe_again_and_again(Self self, std::uint64_t life) {
  const core::HealthProbe health = self->context_->spec.health;
  const Duration limit = std::clamp<Duration>(health.every, 1s, 5s);
  while (self->life_ == life && self->state_ != State::stopping) {
    const Result<int> answer = co_await net::probe(self->port(), health.path, limit);
    if (self->life_ != life || self->state_ == State::stopping) co_return;
    self->on_probe(answer);
    error_code cancelled;
    self->waits_->beat.expires_after(self->until_next_probe(answer));
    co_await self->waits_->beat.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
}

Duration ProcessMember::until_next_probe(const Result<int>& answer) const {
  const Duration every = context_->spec.health.every;
  // A port that is not open yet is asked often: it costs nothing and makes a release faster.
  if (state_ == State::starting && !answer) return std::min(every, eager);
  return every;
}

void ProcessMember::on_probe(const Result<int>& answer) {
  const bool well = answer && *answer >= 200 && *answer < 400;
  std::string problem;
  if (!answer)
    problem = answer.error().message;
  else if (!well)
    problem = fmt::format("health path {} answers {}", context_->spec.health.path, *answer);
  if (state_ == State::starting)
    on_probe_starting(well, problem);
  else
    on_probe_started(well, problem);
}

void ProcessMember::on_probe_starting(bool well, const std::string& problem) {
  if (!ending_because_.empty()) return;
  const core::HealthProbe& health = context_->spec.health;
  successes_ = well ? successes_ + 1 : 0;
  if (successes_ >= health.healthy_after) {
    record_.trouble.clear();
    enter(State::ready);
    save(Sync::none);
    return;
  }
  if (!well && record_.early_deaths == 0) say_trouble(problem);
  const Duration waited = context_->clock.now().mono - born_;
  if (waited < health.startup) return;
  end_process(fmt::format("not ready within {}: {}", duration_text(health.startup),
                          well ? "it answered too late" : problem));
}

void ProcessMember::on_probe_started(bool well, const std::string& problem) {
  const core::HealthProbe& health = context_->spec.health;
  successes_ = well ? successes_ + 1 : 0;
  failures_ = well ? 0 : failures_ + 1;
  if (state_ == State::ready && failures_ >= health.unhealthy_after) {
    record_.trouble = problem;
    enter(State::unready);
    save(Sync::none);
  } else if (state_ == State::unready && successes_ >= health.healthy_after) {
    record_.trouble.clear();
    enter(State::ready);
    save(Sync::none);
  } else if (state_ == State::unready && !well) {
    say_trouble(problem);
  }
  const bool settled = state_ == State::ready &&
                       context_->clock.now().mono - ready_since_ >= context_->options.settled;
  if (settled && record_.early_deaths != 0) {
    record_.early_deaths = 0;
    save(Sync::none);
    context_->changed();
  }
}

// --- ending -------------------------------------------------------------------------------------

void ProcessMember::send_signal(int signal) {
  // Through the pidfd first: when that succeeds the leader exists, so its pid names its group
  // still.
  const int pidfd = waits_->exit.native_handle();
  if (::syscall(SYS_pidfd_send_signal, pidfd, 0, nullptr, 0) != 0) return;
  if (::kill(-record_.pid, signal) != 0)
    ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
}

void ProcessMember::kill_after(Duration limit) {
  waits_->pause.expires_after(limit);
  waits_->pause.async_wait([self = shared_from_this(), life = life_](error_code cancelled) {
    if (!cancelled && self->life_ == life) self->send_signal(SIGKILL);
  });
}

void ProcessMember::end_process(std::string why) {
  ending_because_ = std::move(why);
  send_signal(SIGTERM);
  kill_after(context_->spec.stop.kill_after);
}

void ProcessMember::stop() {
  if (gone_ || state_ == State::stopping) return;
  if (waits_->end_health) waits_->end_health->emit(asio::cancellation_type::terminal);
  waits_->beat.cancel();
  if (record_.pid == 0) {
    waits_->pause.cancel();
    return finish();
  }
  record_.stopping = true;
  enter(State::stopping);
  save(Sync::none);
  send_signal(SIGTERM);
  kill_after(context_->spec.stop.kill_after);
}

void ProcessMember::forget() {
  ++life_;
  error_code ignored;
  if (waits_->end_health) waits_->end_health->emit(asio::cancellation_type::terminal);
  waits_->beat.cancel();
  waits_->pause.cancel();
  waits_->exit.close(ignored);
}

void ProcessMember::discard() {
  CHECK(record_.pid == 0);
  forget();
  ::unlink(record_path(context_->directory, record_.id).c_str());
}

void ProcessMember::finish() {
  ++life_;
  gone_ = true;
  record_.pid = 0;
  ::unlink(record_path(context_->directory, record_.id).c_str());
  context_->changed();
}

// What the leader has left behind would keep the port.
void ProcessMember::sweep_session(pid_t leader) const {
  for (const MarkedProcess& process :
       marked_processes(record_path(context_->directory, record_.id)))
    if (process.session == leader) ::kill(process.pid, SIGKILL);
}

void ProcessMember::on_exit() {
  ++life_;
  if (waits_->end_health) waits_->end_health->emit(asio::cancellation_type::terminal);
  waits_->beat.cancel();
  waits_->pause.cancel();
  siginfo_t info{};
  const auto pidfd = static_cast<id_t>(waits_->exit.native_handle());
  const bool ours = ::waitid(P_PIDFD, pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                    info.si_pid == record_.pid;
  std::string how = "ended (it was started by an earlier run of linnet: its exit status is lost)";
  if (ours) {
    // Not reaped yet, so its pid still names its group and nothing else.
    ::kill(-record_.pid, SIGKILL);
    ::waitid(P_PIDFD, pidfd, &info, WEXITED | WNOHANG);
    how = wait_status_text(info.si_code, info.si_status);
  } else {
    sweep_session(record_.pid);
  }
  error_code ignored;
  waits_->exit.close(ignored);
  record_.pid = 0;
  if (state_ == State::stopping) return finish();
  died(std::move(how));
}

void ProcessMember::died(std::string how) {
  const Duration lived = context_->clock.now().mono - born_;
  const bool settled = record_.early_deaths == 0 && lived >= context_->options.settled;
  ++record_.early_deaths;
  has_died_ = true;
  const std::string times =
      record_.early_deaths > 1 ? fmt::format(", {} times", record_.early_deaths) : std::string();
  const Result<void> executed = launch_ ? exec_failure(exec_failure_, *launch_) : Result<void>();
  if (!executed) {
    record_.trouble = executed.error().message;
    useless_to_wait_ = executed.error().code != Code::unavailable;
  } else {
    if (!ending_because_.empty())
      how = ending_because_ + times;
    else
      how += (launch_ ? " after " + seconds_text(lived) : std::string()) + times;
    if (how.starts_with("exited with status 0")) how += "; a service must stay in the foreground";
    const std::string lines = last_log_lines(log(), log_from_);
    record_.trouble = lines.empty() ? how : how + "; last lines of its log: " + lines;
  }
  launch_.reset();
  exec_failure_.reset();
  enter(State::backoff);
  save(Sync::none);
  // One that had served well comes back at once: stable is short of it.
  pause_then_launch(settled ? context_->options.first_pause / 10 : back_off());
}

}  // namespace linnet::local
