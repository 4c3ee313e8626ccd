// A small perfect world for tests of decide(): effects take hold at once, requests flow by weight.
// Tests bend it (a version that fails, a hand on the weight) and read the journal.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/decide.h"

namespace linnet::core::testing {

/// Four steps of 60 s, three default checks, two replicas, no drain.
inline Release a_release() {
  Release release;
  release.name = "shop";
  ProcessWorkload process;
  process.command = {"/opt/shop/{{version}}/shop", "{{port}}"};
  process.replicas = 2;
  process.stop.drain = 0ms;
  release.workload = process;
  release.steps = default_steps();
  release.checks = default_checks();
  return release;
}

struct Behaviour {
  double error_share = 0;
  double slow_share = 0;  // answers after 1.5 s
  bool ready = true;
  bool crash_loop = false;
  std::string trouble{};   // what keeps it from being ready, where that is known
  double from_weight = 0;  // percent: good below
};

class World {
 public:
  explicit World(Release spec = a_release()) : release(std::move(spec)) {}

  Release release;
  Status status;
  std::map<std::string, Behaviour> versions;
  double requests_per_second = 100;
  bool metrics_down = false;
  bool router_down = false;
  bool instances_down = false;
  bool applies_weight = true;
  Duration reach_back{};           // of what the metrics tell
  Duration scraped_every{};        // they tell of no request between two scrapes
  bool canary_is_cut_off = false;  // its weight is read back, and none of its requests arrive
  std::string closed;
  TrafficSeen traffic;
  TrackSeen stable;
  TrackSeen canary;
  /// As on a cluster: the platform keeps version and replicas of both tracks, and stable's replicas
  /// are not ours to set.
  bool platform = false;
  std::vector<SetTrack> track_writes;
  std::vector<std::string> journal;
  std::vector<Answer> answers;
  std::vector<RolloutRecord> finished;
  std::vector<Notice> sent;
  std::vector<Percent> weights;  // in the order they were set
  Decision last;
  Now now{WallTime{1'700'000'000'000}, MonoTime{1000}};

  void ask(Intent::Kind kind, std::string version = {}) {
    Intent intent;
    intent.kind = kind;
    intent.version = std::move(version);
    ask(std::move(intent));
  }
  void ask(Intent intent) {
    intent.id = ++intents_;
    if (intent.by.empty()) intent.by = "anna";
    waiting_.push_back(std::move(intent));
  }

  /// One turn, `after` since the one before.
  void turn(Duration after = 1s) {
    now.wall.ms += after.count();
    now.mono = now.mono + after;
    Observation seen;
    if (router_down)
      seen.traffic = fail(Code::unavailable, "the router does not answer");
    else
      seen.traffic = traffic;
    if (instances_down)
      seen.workload = fail(Code::unavailable, "the instances cannot be looked at");
    else
      seen.workload = WorkloadSeen{stable, canary};
    if (metrics_down)
      seen.sample = fail(Code::unavailable, "connection refused");
    else
      seen.sample = sample(after);
    seen.intents = waiting_;
    seen.closed = closed;
    last = decide(release, status, seen, now);
    status = last.next;
    waiting_.clear();
    for (const Entry& entry : last.entries) journal.push_back(entry.kind + " " + entry.text);
    answers.insert(answers.end(), last.answers.begin(), last.answers.end());
    if (last.finished) finished.push_back(*last.finished);
    for (const Effect& effect : last.effects) perform(effect);
  }
  void turns(int count, Duration each = 1s) {
    for (int i = 0; i < count; ++i) turn(each);
  }
  /// Turns until the phase has this name; false when it does not come within `limit`.
  bool reach(std::string_view phase, Duration limit = 1h) {
    for (Duration spent = 0ms; spent < limit; spent += 1s) {
      if (phase_name(status.phase) == phase) return true;
      turn();
    }
    return phase_name(status.phase) == phase;
  }
  /// Somebody else runs this many instances of a version as stable.
  World& on_platform(int replicas, const std::string& version) {
    platform = true;
    canary.wanted = 0;
    resize(stable, replicas, version);
    return *this;
  }
  void resize(TrackSeen& track, int replicas, const std::string& version) {
    track.wanted = replicas;
    track.wanted_version = version;
    track.instances.clear();
    for (int i = 0; i < replicas; ++i) {
      Instance instance;
      instance.id = fmt::format("{}-{}", version, i);
      instance.version = version;
      instance.state = Instance::State::ready;
      track.instances.push_back(std::move(instance));
    }
  }
  /// Stable v1 runs and is ready.
  World& initialised() {
    ask(Intent::Kind::init, "v1");
    turns(3);
    return *this;
  }
  World& deploying(const std::string& version) {
    ask(Intent::Kind::deploy, version);
    turn();
    return *this;
  }
  [[nodiscard]] std::string phase() const { return std::string(phase_name(status.phase)); }
  [[nodiscard]] const Answer& answer() const { return answers.back(); }
  [[nodiscard]] std::ptrdiff_t times_told(const std::string& part) const {
    return std::count_if(journal.begin(), journal.end(), [&](const std::string& line) {
      return line.find(part) != std::string::npos;
    });
  }
  [[nodiscard]] bool journal_has(const std::string& part) const { return times_told(part) > 0; }

 private:
  void perform(const Effect& effect) {
    if (const auto* weight = std::get_if<SetWeight>(&effect)) {
      if (router_down || !applies_weight) return;
      traffic = TrafficSeen{weight->weight, weight->taken_back, ""};
      weights.push_back(weight->weight);
    } else if (const auto* track = std::get_if<SetTrack>(&effect)) {
      TrackSeen& seen = track->track == Track::stable ? stable : canary;
      track_writes.push_back(*track);
      const int replicas =
          platform && track->track == Track::stable ? *seen.wanted : track->replicas;
      if (platform) {
        seen.wanted = replicas;
        if (!track->version.empty()) seen.wanted_version = track->version;
      }
      seen.instances.clear();
      const Behaviour behaviour = versions[track->version];
      for (int i = 0; i < replicas; ++i) {
        Instance instance;
        instance.id = fmt::format("{}-{}", track_name(track->track), i);
        instance.version = track->version;
        instance.state = behaviour.ready ? Instance::State::ready : Instance::State::starting;
        instance.crash_loop = behaviour.crash_loop;
        instance.trouble = behaviour.trouble;
        if (behaviour.crash_loop) instance.trouble = "exited with status 1, 3 times";
        seen.instances.push_back(std::move(instance));
      }
    } else {
      sent.push_back(std::get<SendNotice>(effect).notice);
    }
  }

  Counts counts(const std::string& version, double requests, double& rest, double& bad_rest) {
    const Behaviour behaviour = versions[version];
    const bool active = traffic.weight.value() >= behaviour.from_weight;
    Counts counts;
    rest += requests;
    counts.requests = static_cast<std::int64_t>(rest);
    rest -= static_cast<double>(counts.requests);
    bad_rest += static_cast<double>(counts.requests) * (active ? behaviour.error_share : 0);
    counts.bad = std::min(static_cast<std::int64_t>(bad_rest), counts.requests);
    bad_rest -= static_cast<double>(counts.bad);
    const std::vector<double> bounds = latency_boundaries(release);
    counts.latency.assign(bounds.size() + 1, 0);
    const auto slow = static_cast<std::int64_t>(static_cast<double>(counts.requests) *
                                                (active ? behaviour.slow_share : 0));
    const auto bucket = [&](double ms) {
      return static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), ms) -
                                      bounds.begin());
    };
    counts.latency[bucket(15)] = counts.requests - slow;
    counts.latency[bucket(1500)] += slow;
    return counts;
  }

  Sample sample(Duration after) {
    if (scraped_every > Duration(0)) {
      since_scrape_ += after;
      if (since_scrape_ < scraped_every) {
        Sample nothing_new;
        nothing_new.cursor = std::to_string(now.mono.ms);
        return nothing_new;
      }
      after = reach_back = std::exchange(since_scrape_, Duration(0));
    }
    const double all = requests_per_second * static_cast<double>(after.count()) / 1000.0;
    const double share = traffic.weight.fraction();
    Sample result;
    result.cursor = std::to_string(now.mono.ms);
    result.reach = reach_back;
    const std::string version = status.rollout ? status.rollout->to : std::string();
    if (canary.ready() > 0 && !canary_is_cut_off)
      result.canary = counts(version, all * share, canary_rest_, canary_bad_);
    result.stable = counts(status.stable_version, all * (1 - share), stable_rest_, stable_bad_);
    return result;
  }

  std::int64_t intents_ = 0;
  Duration since_scrape_{};
  std::vector<Intent> waiting_;
  double canary_rest_ = 0, canary_bad_ = 0, stable_rest_ = 0, stable_bad_ = 0;
};

constexpr auto weight = [](int percent) { return Percent::whole(percent); };

/// A world whose release to v2 has just come to step `index`, whose weight is in force.
inline World in_step(int index, Release release = a_release()) {
  World world(std::move(release));
  world.initialised().deploying("v2");
  for (int guard = 0; guard < 1000; ++guard) {
    const auto* step = std::get_if<Stepping>(&world.status.phase);
    if (step != nullptr && step->index == index && step->in_force) break;
    world.turn();
  }
  return world;
}

}  // namespace linnet::core::testing
