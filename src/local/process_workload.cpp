#include "local/process_workload.h"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>

#include "local/process_log.h"
#include "local/process_member.h"
#include "local/process_plan.h"
#include "local/process_table.h"

namespace linnet::local {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using boost::system::error_code;
using core::Track;

constexpr std::array<Track, 2> tracks{Track::stable, Track::canary};
constexpr Duration look_at_taken_ports = 2s;
constexpr std::size_t most_troubles = 20;

struct Place {
  Track track = Track::stable;
  std::size_t slot = 0;
};

// "canary-3" as a place; nothing for any other text.
std::optional<Place> place_of(const std::string& id) {
  for (const Track track : tracks) {
    const std::string start = std::string(core::track_name(track)) + "-";
    if (!id.starts_with(start)) continue;
    Place place{track, 0};
    const char* first = id.data() + start.size();
    const char* last = id.data() + id.size();
    const auto read = std::from_chars(first, last, place.slot);
    // The text back again: "canary-03" is not one of ours.
    if (read.ec == std::errc() && start + std::to_string(place.slot) == id) return place;
  }
  return std::nullopt;
}

}  // namespace

struct ProcessWorkload::Supervisor : std::enable_shared_from_this<Supervisor> {
  using Member = std::shared_ptr<ProcessMember>;

  Supervisor(asio::any_io_executor executor_in, Slots slots_in, std::string directory_in,
             std::function<void()> changed_in, Clock& clock_in, ProcessOptions options_in)
      : executor(executor_in),
        slots(std::move(slots_in)),
        directory(std::move(directory_in)),
        changed(std::move(changed_in)),
        clock(clock_in),
        options(options_in),
        log_timer(executor_in),
        port_timer(executor_in) {}

  [[nodiscard]] const std::vector<std::uint16_t>& ports(Track track) const {
    return track == Track::stable ? slots.stable : slots.canary;
  }
  std::optional<core::SetTrack>& level(Track track) {
    return levels[static_cast<std::size_t>(track)];
  }
  [[nodiscard]] const std::optional<core::SetTrack>& level(Track track) const {
    return levels[static_cast<std::size_t>(track)];
  }

  void start(const core::ProcessWorkload& spec);
  Result<void> take_over_all();
  Result<void> take_over(const std::string& id, Place place);
  Result<void> without_record(const std::string& id, Place place, const std::string& why);
  void find_lost_ones();
  Member add(Place place, std::uint16_t port);
  void stop();

  void poke();
  void turn();
  void move_from_taken_ports();
  void reach_level(Track track);
  [[nodiscard]] bool is_current(const ProcessMember& member) const;
  [[nodiscard]] std::vector<std::size_t> free_slots(Track track) const;
  void look_at_ports_later();
  void check_logs_later(Duration pause);
  void trouble(std::string text);

  Result<void> set(const core::SetTrack& wanted);
  [[nodiscard]] Result<core::WorkloadSeen> seen() const;

  asio::any_io_executor executor;
  Slots slots;
  std::string directory;
  std::function<void()> changed;
  Clock& clock;
  ProcessOptions options;
  std::shared_ptr<const MemberContext> context;
  std::vector<Member> members;
  std::array<std::optional<core::SetTrack>, 2> levels;
  std::map<std::uint16_t, std::string> taken;  // ports of ours that strangers use, and why we know
  std::vector<std::string> found_at_start;     // troubles
  std::uint64_t next_serial = 0;
  bool started = false;
  bool stopped = false;
  bool turn_is_due = false;
  bool ports_are_watched = false;
  std::optional<Error> unknown;  // the records cannot be read
  asio::steady_timer log_timer;
  asio::steady_timer port_timer;
};

// --- taking over what an earlier run left
// ---------------------------------------------------------

void ProcessWorkload::Supervisor::start(const core::ProcessWorkload& spec) {
  const std::function<void()> poke_me = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->poke();
  };
  context = std::make_shared<const MemberContext>(
      MemberContext{executor, spec, directory, own_environment(), poke_me, clock, options});
  started = true;
  if (Result<void> taken_over = take_over_all(); !taken_over)
    unknown = taken_over.error();
  else
    find_lost_ones();
  check_logs_later(options.log_check);
  poke();
}

Result<void> ProcessWorkload::Supervisor::take_over_all() {
  std::vector<std::string> ids;
  std::error_code failed;
  for (const char* folder : {"/instances", "/logs"}) {
    fs::create_directories(directory + folder, failed);
    if (failed)
      return fail(Code::unavailable, "creating {}{}: {}", directory, folder, failed.message());
    fs::permissions(directory + folder, fs::perms::owner_all, failed);
  }
  fs::directory_iterator files(directory + "/instances", failed);
  if (failed)
    return fail(Code::unavailable, "reading {}/instances: {}", directory, failed.message());
  for (const fs::directory_entry& entry : files) {
    const fs::path& path = entry.path();
    if (path.extension() == ".new") fs::remove(path, failed);  // a write that was cut short
    if (path.extension() == ".json" && place_of(path.stem().string()))
      ids.push_back(path.stem().string());
  }
  std::sort(ids.begin(), ids.end());
  for (const std::string& id : ids) TRY_VOID(take_over(id, *place_of(id)));
  return {};
}

Result<void> ProcessWorkload::Supervisor::take_over(const std::string& id, Place place) {
  Result<ProcessRecord> record = read_record(record_path(directory, id));
  if (!record && record.error().code != Code::invalid) return fail(std::move(record.error()));
  if (!record) return without_record(id, place, record.error().message);
  if (record->id != id)
    return without_record(id, place, fmt::format("it is of instance '{}'", printable(record->id)));
  const Member member = add(place, record->port);
  const Result<void> known = member->take_over(std::move(*record));
  if (!known) return fail(known.error().while_doing(fmt::format("taking over {}", id)));
  return {};
}

// The record is damaged or gone. The process carries its record's path in its environment: when it
// lives it is found by that; when it does not, nothing runs in the slot, or a stranger on its port.
Result<void> ProcessWorkload::Supervisor::without_record(const std::string& id, Place place,
                                                         const std::string& why) {
  const std::string path = record_path(directory, id);
  const std::vector<MarkedProcess> marked = marked_processes(path);
  const auto leader = std::find_if(marked.begin(), marked.end(),
                                   [](const MarkedProcess& p) { return p.leads_session; });
  if (leader == marked.end()) {
    const std::string aside = path + ".damaged";
    std::error_code ignored;
    fs::rename(path, aside, ignored);
    trouble(fmt::format(
        "the record {} is damaged ({}) and no process of it was found; it is kept as {}", path, why,
        aside));
    return {};
  }
  const bool has_slot = place.slot < ports(place.track).size();
  ProcessRecord record;
  record.id = id;
  record.version = core::check_version(leader->version) ? leader->version : "unknown";
  record.port = has_slot ? ports(place.track)[place.slot] : 1;
  record.pid = leader->pid;
  record.start_ticks = leader->start_ticks;
  record.boot = boot_id();
  record.started = clock.now().wall;
  TRY_VOID(write_record(path, record, Sync::full));
  trouble(
      fmt::format("the record {} is damaged ({}); its process {} was found by its environment "
                  "and is taken over as version {}",
                  path, why, leader->pid, record.version));
  return add(place, record.port)->take_over(std::move(record));
}

// A port in use without a record: perhaps the record was deleted under a living instance.
void ProcessWorkload::Supervisor::find_lost_ones() {
  for (const Track track : tracks) {
    for (const std::size_t slot : free_slots(track)) {
      if (port_is_free(ports(track)[slot])) continue;
      const std::string id = fmt::format("{}-{}", core::track_name(track), slot);
      const std::vector<MarkedProcess> marked = marked_processes(record_path(directory, id));
      const bool lives = std::any_of(marked.begin(), marked.end(),
                                     [](const MarkedProcess& p) { return p.leads_session; });
      if (!lives) continue;  // a stranger: told when the slot is needed
      const Result<void> found = without_record(id, {track, slot}, "it does not exist");
      if (!found) unknown = found.error();
    }
  }
}

ProcessWorkload::Supervisor::Member ProcessWorkload::Supervisor::add(Place place,
                                                                     std::uint16_t port) {
  members.push_back(
      std::make_shared<ProcessMember>(context, place.track, place.slot, port, next_serial++));
  return members.back();
}

void ProcessWorkload::Supervisor::stop() {
  stopped = true;
  log_timer.cancel();
  port_timer.cancel();
  for (const Member& member : members) member->forget();
}

void ProcessWorkload::Supervisor::trouble(std::string text) {
  if (found_at_start.size() < most_troubles) found_at_start.push_back(std::move(text));
}

// --- reconciling
// ------------------------------------------------------------------------------------

void ProcessWorkload::Supervisor::poke() {
  if (turn_is_due || stopped) return;
  turn_is_due = true;
  asio::post(executor, [self = shared_from_this()] {
    self->turn_is_due = false;
    if (!self->stopped) self->turn();
  });
}

void ProcessWorkload::Supervisor::turn() {
  std::erase_if(members, [](const Member& member) { return member->gone(); });
  if (!unknown) {
    move_from_taken_ports();
    for (const Track track : tracks) reach_level(track);
  }
  if (changed) changed();
}

bool ProcessWorkload::Supervisor::is_current(const ProcessMember& member) const {
  const auto& wanted = level(member.track());
  const auto& own = ports(member.track());
  return wanted && member.version() == wanted->version && member.slot() < own.size() &&
         own[member.slot()] == member.port();
}

std::vector<std::size_t> ProcessWorkload::Supervisor::free_slots(Track track) const {
  std::vector<std::size_t> free;
  for (std::size_t slot = 0; slot < ports(track).size(); ++slot) {
    const std::uint16_t port = ports(track)[slot];
    const bool used = std::any_of(members.begin(), members.end(), [&](const Member& member) {
      return member->port() == port || (member->track() == track && member->slot() == slot);
    });
    if (!used && taken.count(port) == 0) free.push_back(slot);
  }
  return free;
}

void ProcessWorkload::Supervisor::move_from_taken_ports() {
  for (Member& member : members) {
    if (!member->port_is_taken() || member->state() != core::Instance::State::backoff) continue;
    const std::vector<std::size_t> free = free_slots(member->track());
    if (free.empty()) continue;  // it tries again by itself
    taken[member->port()] = member->trouble();
    const Place place{member->track(), free.front()};
    member->discard();
    const Member moved = std::make_shared<ProcessMember>(
        context, place.track, place.slot, ports(place.track)[place.slot], member->serial());
    const std::string version = member->version();
    const int restarts = member->restarts();
    member = moved;
    moved->start(version, restarts);
  }
  if (!taken.empty()) look_at_ports_later();
}

void ProcessWorkload::Supervisor::look_at_ports_later() {
  if (ports_are_watched) return;
  ports_are_watched = true;
  port_timer.expires_after(look_at_taken_ports);
  port_timer.async_wait([self = shared_from_this()](error_code cancelled) {
    self->ports_are_watched = false;
    if (cancelled || self->stopped) return;
    const std::size_t freed =
        std::erase_if(self->taken, [](const auto& entry) { return port_is_free(entry.first); });
    if (freed != 0) self->poke();
    if (!self->taken.empty()) self->look_at_ports_later();
  });
}

void ProcessWorkload::Supervisor::reach_level(Track track) {
  const std::optional<core::SetTrack> wanted = level(track);
  if (!wanted) return;
  std::vector<Member> of_track;
  std::vector<PlannedInstance> instances;
  for (const Member& member : members) {
    if (member->track() != track) continue;
    of_track.push_back(member);
    instances.push_back({member->state(), is_current(*member), member->serial()});
  }
  const std::vector<std::size_t> free = free_slots(track);
  const Moves moves = plan_track(track, wanted->replicas, instances, static_cast<int>(free.size()));
  for (const std::size_t i : moves.stop) of_track[i]->stop();
  for (int i = 0; i < moves.start; ++i) {
    const std::size_t slot = free[static_cast<std::size_t>(i)];
    add({track, slot}, ports(track)[slot])->start(wanted->version);
  }
}

void ProcessWorkload::Supervisor::check_logs_later(Duration pause) {
  log_timer.expires_after(pause);
  log_timer.async_wait([self = shared_from_this()](error_code cancelled) {
    if (cancelled || self->stopped) return;
    bool flood = false;
    for (const Member& member : self->members)
      flood |= rotate_log(member->log(), self->options.log_limit_bytes, self->options.logs_kept);
    self->check_logs_later(flood ? self->options.log_check / 5 : self->options.log_check);
  });
}

// --- the port
// ---------------------------------------------------------------------------------------

Result<void> ProcessWorkload::Supervisor::set(const core::SetTrack& wanted) {
  if (!started || stopped) return fail(Code::unavailable, "the supervision of processes is off");
  const std::size_t places = ports(wanted.track).size();
  if (wanted.replicas < 0 || static_cast<std::size_t>(wanted.replicas) > places)
    return fail(Code::invalid, "{} instances of {} do not fit into its {} slots", wanted.replicas,
                core::track_name(wanted.track), places);
  if (wanted.replicas > 0) TRY_VOID(core::check_version(wanted.version));
  if (level(wanted.track) == wanted) return {};
  level(wanted.track) = wanted;
  poke();
  return {};
}

Result<core::WorkloadSeen> ProcessWorkload::Supervisor::seen() const {
  if (!started) return fail(Code::unavailable, "the supervision of processes is off");
  if (unknown) return fail(*unknown);
  core::WorkloadSeen all;
  for (const Member& member : members) {
    if (member->gone()) continue;
    core::TrackSeen& track = member->track() == Track::stable ? all.stable : all.canary;
    track.instances.push_back(member->seen());
  }
  for (const Track track : tracks) {
    core::TrackSeen& of_track = track == Track::stable ? all.stable : all.canary;
    std::vector<core::Instance>& instances = of_track.instances;
    std::sort(instances.begin(), instances.end(),
              [](const core::Instance& a, const core::Instance& b) { return a.id < b.id; });
    // A replacement that waits for a slot looks healthy otherwise.
    const auto& wanted = level(track);
    if (!wanted || instances.empty() || of_track.ready_of(wanted->version) >= wanted->replicas)
      continue;
    for (const std::uint16_t port : ports(track))
      if (const auto found = taken.find(port);
          found != taken.end() && instances.front().trouble.empty())
        instances.front().trouble = found->second;
  }
  return all;
}

ProcessWorkload::ProcessWorkload(asio::any_io_executor executor, std::string release,
                                 core::ProcessWorkload spec, Slots slots, std::string directory,
                                 std::function<void()> changed, Clock& clock,
                                 ProcessOptions options)
    : release_(std::move(release)),
      spec_(std::move(spec)),
      supervisor_(std::make_shared<Supervisor>(executor, std::move(slots), std::move(directory),
                                               std::move(changed), clock, options)) {}

ProcessWorkload::~ProcessWorkload() { stop(); }

void ProcessWorkload::start() {
  CHECK(!supervisor_->started);
  supervisor_->start(spec_);
}

void ProcessWorkload::stop() { supervisor_->stop(); }

Task<Result<core::WorkloadSeen>> ProcessWorkload::observe(Deadline) {
  co_return supervisor_->seen();
}

Task<Result<void>> ProcessWorkload::set(core::SetTrack level, Deadline) {
  Result<void> done = supervisor_->set(level);
  if (!done)
    co_return fail(
        done.error().while_doing(fmt::format("{}: {}", release_, core::effect_text(level))));
  co_return done;
}

std::vector<ProcessView> ProcessWorkload::processes() const {
  std::vector<ProcessView> views;
  for (const auto& member : supervisor_->members) {
    if (member->gone()) continue;
    views.push_back(
        {member->track(), member->seen(), member->pid(), member->port(), member->log()});
  }
  std::sort(views.begin(), views.end(), [](const ProcessView& a, const ProcessView& b) {
    return a.track != b.track ? a.track < b.track : a.instance.id < b.instance.id;
  });
  return views;
}

std::vector<std::string> ProcessWorkload::troubles() const {
  std::vector<std::string> all = supervisor_->found_at_start;
  for (const auto& [port, why] : supervisor_->taken) all.push_back(why);
  return all;
}

}  // namespace linnet::local
