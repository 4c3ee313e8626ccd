#include "daemon/doctor.h"

#include <sys/statvfs.h>

#include <chrono>
#include <filesystem>

#include "core/stable_watch.h"

namespace linnet::daemon {
namespace {

constexpr std::uint64_t little_disk_bytes = 200U << 20;

std::string joined_troubles(const core::TrackSeen& track) {
  std::string out;
  for (const core::Instance& instance : track.instances) {
    if (instance.trouble.empty()) continue;
    out += (out.empty() ? "" : "; ") + instance.id + ": " + instance.trouble;
  }
  return out;
}

api::Finding nginx_finding(const ServedRelease& served) {
  api::Finding finding{"NGINX runs", true, "", ""};
  if (!served.include_file().empty()) {
    finding.check = "NGINX includes linnet's part";
    finding.cause = fmt::format("{} is written; linnet cannot see whether your NGINX includes it",
                                served.include_file());
    return finding;
  }
  const auto master = served.nginx() != nullptr ? served.nginx()->master() : std::nullopt;
  finding.ok = master.has_value() && served.nginx_trouble().empty();
  if (finding.ok) {
    finding.cause = fmt::format("master process {}", *master);
  } else {
    finding.cause = served.nginx_trouble().empty() ? "it has died and is being started again"
                                                   : served.nginx_trouble();
    finding.remedy = fmt::format("see {}/nginx/error.log", served.directory());
  }
  return finding;
}

api::Finding permission_finding(const ServedRelease& served) {
  api::Finding finding{"NGINX can look through the weight switch", true, "", ""};
  const Result<local::WorkerUser> user = local::nginx_worker_user();
  if (!user) return {finding.check, false, user.error().message, ""};
  const Result<void> searchable =
      local::check_searchable(served.weight_switch().directory(), *user);
  finding.ok = searchable.has_value();
  finding.cause = finding.ok ? "every folder on the way can be searched by NGINX's workers"
                             : searchable.error().message;
  if (!finding.ok)
    finding.remedy = "give the folder named search permission (chmod o+x), or traffic never splits";
  return finding;
}

api::Finding track_finding(const ServedRelease& served, core::Track track) {
  const bool stable = track == core::Track::stable;
  api::Finding finding{stable ? "stable instances are ready" : "canary instances start", true, "",
                       ""};
  const auto& seen = served.loop().workload();
  if (!seen) return {finding.check, false, seen.error().message, ""};
  const core::TrackSeen& instances = seen->of(track);
  const int wanted = stable ? core::stable_replicas(served.release())
                            : served.loop().record()->status.canary_replicas;
  finding.ok = instances.ready() >= wanted && joined_troubles(instances).empty();
  finding.cause = fmt::format("{} of {} ready", instances.ready(), wanted);
  if (const std::string troubles = joined_troubles(instances); !troubles.empty())
    finding.cause += "; " + troubles;
  if (!finding.ok)
    finding.remedy =
        fmt::format("read what they printed: linnet logs --track {}", core::track_name(track));
  return finding;
}

api::Finding split_finding(const ServedRelease& served) {
  api::Finding finding{"traffic splits as asked", true, "", ""};
  const core::Status& status = served.loop().record()->status;
  const Result<local::SwitchState> state = served.weight_switch().read();
  if (!state)
    return {finding.check, false, state.error().message,
            "restart the daemon: it repairs the switch"};
  const std::int64_t all = status.stage.canary.requests + status.stage.stable.requests;
  finding.cause =
      fmt::format("weight {} in force, {} wanted", state->weight.text(), status.weight.text());
  if (state->weight != status.weight) {
    finding.ok = false;
    finding.cause += state->by.empty() ? "" : ", set by " + state->by;
    finding.remedy = "someone else moved it: `linnet resume` or `linnet rollback`";
    return finding;
  }
  if (status.weight.is_zero()) return finding;
  finding.cause += fmt::format("; in this step the canary answered {} of {} requests",
                               status.stage.canary.requests, all);
  if (status.stage.canary.requests == 0) {
    finding.ok = false;
    finding.remedy =
        all == 0 ? "no request arrives at all: does the traffic go through NGINX's address?"
                 : "all requests are sticky to stable, or the weight is too small for this traffic";
  }
  return finding;
}

api::Finding metrics_finding(const ServedRelease& served) {
  api::Finding finding{"metrics arrive", true, "", ""};
  const local::Counters& totals = served.log_source().totals();
  std::error_code failed;
  const bool exists = std::filesystem::exists(served.access_log(), failed);
  finding.cause =
      fmt::format("{} requests read from the access log, {} lost, {} lines unreadable",
                  totals.stable.requests + totals.canary.requests, totals.lost, totals.garbage);
  if (!exists) {
    finding.ok = false;
    finding.cause = fmt::format("the access log {} does not exist", served.access_log());
    finding.remedy = "NGINX opens it when it starts; see the finding on NGINX";
  } else if (totals.garbage > 0 || totals.lost > 0) {
    finding.ok = false;
    finding.remedy = "something else writes to or cuts the access log; leave it to linnet";
  }
  return finding;
}

api::Finding placebo_finding(const ServedRelease& served) {
  const core::Evidence& evidence = served.loop().record()->status.evidence;
  api::Finding finding{"the error model fits", !evidence.placebo_broken,
                       core::placebo_text(served.release(), evidence), ""};
  if (!finding.ok)
    finding.remedy =
        "look at that instance (linnet logs); until then only limits take a canary back";
  return finding;
}

api::Finding disk_finding(const Shared& shared) {
  struct statvfs disk {};
  api::Finding finding{"disk has room", true, "", ""};
  if (statvfs(shared.state_dir.c_str(), &disk) != 0) return finding;
  const std::uint64_t free_bytes = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  finding.ok = free_bytes >= little_disk_bytes;
  finding.cause = fmt::format("{} MiB free in {}", free_bytes >> 20, shared.state_dir);
  if (!finding.ok)
    finding.remedy = "free some space: a full disk stops releases (rollback still works)";
  return finding;
}

// The same code as a rollback, on a switch of its own.
api::Finding rehearsal_finding(const Shared& shared) {
  api::Finding finding{"a rollback works (rehearsed)", false, "", ""};
  const std::string directory = shared.state_dir + "/rehearsal";
  const local::WeightSwitch scratch(directory);
  const auto rehearse = [&]() -> Result<std::chrono::microseconds> {
    TRY_VOID(scratch.prepare());
    TRY_VOID(scratch.set(Percent::whole(25), false));
    const auto begin = std::chrono::steady_clock::now();
    TRY_VOID(scratch.set(Percent(), true));
    const auto took = std::chrono::steady_clock::now() - begin;
    TRY(state, scratch.read());
    if (!state.taken_back) return fail(Code::internal, "the switch reads {}", state.weight.text());
    return std::chrono::duration_cast<std::chrono::microseconds>(took);
  };
  const auto took = rehearse();
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  finding.ok = took.has_value();
  finding.cause = took ? fmt::format("25 % to 0 % in {} us", took->count()) : took.error().message;
  if (!took) finding.remedy = fmt::format("make {} writable for linnet", shared.state_dir);
  return finding;
}

}  // namespace

std::vector<api::Finding> examine(const ServedRelease& served, const Shared& shared) {
  std::vector<api::Finding> findings{nginx_finding(served), permission_finding(served)};
  if (served.loop().record()) {
    findings.push_back(track_finding(served, core::Track::stable));
    findings.push_back(track_finding(served, core::Track::canary));
    findings.push_back(split_finding(served));
    findings.push_back(placebo_finding(served));
  } else {
    findings.push_back({"the store answers", false, "the status could not be loaded yet",
                        "see serve.log in the state folder"});
  }
  findings.push_back(metrics_finding(served));
  findings.push_back(disk_finding(shared));
  findings.push_back(rehearsal_finding(shared));
  return findings;
}

}  // namespace linnet::daemon
