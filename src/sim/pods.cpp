#include "sim/pods.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace linnet::sim {
namespace {

using State = core::Instance::State;
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
constexpr Duration crash_after = 700ms;
constexpr Duration back_off = 2s;
constexpr int loop_restarts = 3;

bool is_alive(State state) { return state != State::stopping; }

}  // namespace

Pods::Pods(const Case& story, std::uint64_t seed, std::function<void(std::int64_t)> wake_at)
    : story_(story), random_(seed), wake_at_(std::move(wake_at)) {
  stopping_ = random_.chance(0.5) ? Duration(500) : random_.between(100ms, 5000ms);
}

void Pods::want(core::Track track, const std::string& version, int replicas, std::int64_t now_ms) {
  Level& wanted = level(track);
  const bool platform = story_.on_platform();
  if (!platform || track == core::Track::stable || replicas > 0) wanted.version = version;
  if (!platform || track == core::Track::canary) wanted.replicas = replicas;
  settle(wanted, now_ms);
}

void Pods::create(const std::string& version, int replicas, std::int64_t now_ms) {
  for (Level& one : levels_) one.version = version;
  Level& stable = level(core::Track::stable);
  stable.replicas = replicas;
  if (!version.empty()) settle(stable, now_ms);
}

void Pods::give_image(core::Track track, const std::string& version, std::int64_t now_ms) {
  if (level(track).gone) return;
  level(track).version = version;
  settle(level(track), now_ms);
}

void Pods::remove_all(core::Track track) {
  Level& from = level(track);
  from.deaths += static_cast<int>(from.pods.size());
  from.pods.clear();
  from.gone = true;
}

void Pods::make_anew(core::Track track, std::int64_t now_ms) {
  level(track).gone = false;
  if (!level(track).version.empty()) settle(level(track), now_ms);
}

void Pods::refuse_new(std::int64_t until_ms) {
  refused_until_ms_ = std::max(refused_until_ms_, until_ms);
  wake_at_(refused_until_ms_);
}

void Pods::scale(core::Track track, int replicas, std::int64_t now_ms) {
  Level& wanted = level(track);
  if (wanted.version.empty() || wanted.gone) return;
  wanted.replicas = replicas;
  settle(wanted, now_ms);
}

void Pods::remove_one(core::Track track, std::int64_t now_ms) {
  Level& from = level(track);
  if (from.pods.empty()) return;
  ++from.deaths;
  const auto lost = from.pods.begin() + random_.below(static_cast<std::int64_t>(from.pods.size()));
  if (is_alive(lost->state) && stays())
    stay(*lost, now_ms);
  else
    from.pods.erase(lost);
  settle(from, now_ms);
}

void Pods::tick(std::int64_t now_ms) {
  const bool may_start_again = refused_until_ms_ != 0 && refused_until_ms_ <= now_ms;
  if (may_start_again) refused_until_ms_ = 0;
  for (Level& one : levels_) {
    bool changed = may_start_again;
    for (Pod& pod : one.pods) {
      if (pod.due_ms > now_ms || (!supervised_ && pod.state == State::backoff)) continue;
      change(one, pod, now_ms);
      changed = true;
    }
    if (!changed) continue;
    std::erase_if(one.pods,
                  [&](const Pod& pod) { return pod.state == State::stopping && pod.due_ms == 0; });
    settle(one, now_ms);
  }
}

void Pods::leave() { supervised_ = story_.on_platform(); }

void Pods::take_over(std::int64_t now_ms) {
  if (std::exchange(supervised_, true)) return;
  tick(now_ms);
  for (Level& one : levels_) settle(one, now_ms);
}

void Pods::change(Level& level, Pod& pod, std::int64_t now_ms) {
  const Behaviour& behaviour = *pod.behaviour;
  const auto next = [&](State state, std::int64_t due_ms) {
    pod.state = state;
    pod.due_ms = due_ms;
    if (due_ms != never && due_ms != 0) wake_at_(due_ms);
  };
  const auto until_flap = [&] {
    if (!chaos_ || behaviour.flap_every == 0ms) return never;
    return now_ms +
           random_.between(behaviour.flap_every.count() / 2, behaviour.flap_every.count() * 2);
  };
  switch (pod.state) {
    case State::starting:
      if (behaviour.crash_loop) {
        ++pod.restarts;
        return next(State::backoff, now_ms + back_off.count());
      }
      if (behaviour.never_ready) return next(State::starting, never);
      return next(State::ready, until_flap());
    case State::backoff: return next(State::starting, now_ms + crash_after.count());
    case State::ready:
      if (behaviour.dies_when_it_flaps) {
        ++pod.restarts;
        ++level.deaths;
        return next(State::backoff, now_ms + random_.between(100, 2000));
      }
      return next(State::unready, now_ms + random_.between(500, 6000));
    case State::unready: return next(State::ready, until_flap());
    case State::stopping: pod.due_ms = 0; return;
  }
}

void Pods::start_one(Level& level, std::int64_t now_ms) {
  Pod pod;
  pod.name = fmt::format("{}-{}", &level == levels_.data() ? "stable" : "canary", level.next_id++);
  pod.born_ms = now_ms;
  pod.behaviour = &story_.behaviour(level.version);
  const Duration startup = pod.behaviour->crash_loop ? crash_after : pod.behaviour->startup;
  const bool fails = pod.behaviour->never_ready_as_stable && &level == levels_.data();
  pod.due_ms = fails ? never : now_ms + std::max<std::int64_t>(1, startup.count());
  if (!fails) wake_at_(pod.due_ms);
  level.pods.push_back(pod);
}

bool Pods::stays() { return story_.stopping.stay > 0 && random_.chance(story_.stopping.stay); }

void Pods::stay(Pod& pod, std::int64_t now_ms) {
  const Duration length = story_.stopping.stay_for;
  pod.state = State::stopping;
  pod.due_ms = length == 0ms ? never : now_ms + length.count();
  if (length > 0ms) wake_at_(pod.due_ms);
}

void Pods::stop(Pod& pod, std::int64_t now_ms) {
  if (stays()) return stay(pod, now_ms);
  pod.state = State::stopping;
  pod.due_ms = now_ms + stopping_.count();
  wake_at_(pod.due_ms);
}

// Towards the level: a new instance beside the old ones, and an old one stops once a new one is
// ready.
void Pods::settle(Level& level, std::int64_t now_ms) {
  if (!supervised_ || level.gone) return;
  const auto is_new = [&](const Pod& pod) { return pod.behaviour->version == level.version; };
  const auto alive = [&](auto matches) {
    return static_cast<int>(
        std::count_if(level.pods.begin(), level.pods.end(),
                      [&](const Pod& pod) { return is_alive(pod.state) && matches(pod); }));
  };
  const auto any = [](const Pod&) { return true; };
  const auto is_ready = [](const Pod& pod) { return pod.state == State::ready; };
  const bool at_once = story_.stopping.all_at_once && &level == levels_.data();
  const auto is_old = [&](const Pod& pod) { return !is_new(pod); };
  const auto start_some = [&] {
    if (at_once && std::any_of(level.pods.begin(), level.pods.end(), is_old)) return;
    if (level.replicas == 0 || refused_until_ms_ > now_ms) return;
    while (alive(is_new) < level.replicas && alive(any) < level.replicas + 1)
      start_one(level, now_ms);
  };
  start_some();
  for (Pod& pod : level.pods) {
    if (!is_alive(pod.state)) continue;
    const bool too_many = alive(is_new) > level.replicas;
    if (level.replicas > 0 && is_new(pod) && !too_many) continue;
    const int ready_others = alive(is_ready) - (is_ready(pod) ? 1 : 0);
    const bool goes = at_once && is_old(pod);
    if (goes || level.replicas == 0 || !is_ready(pod) || ready_others >= level.replicas)
      stop(pod, now_ms);
  }
  start_some();  // a stopped old one may have made room
}

core::TrackSeen Pods::seen(core::Track track) const {
  core::TrackSeen result;
  const Level& of = level(track);
  if (of.gone) result.trouble = "the Deployment does not exist";
  if (story_.on_platform() && !of.gone) {
    result.wanted = of.replicas;
    result.wanted_version = of.version;
    result.replaced_at_once = story_.stopping.all_at_once && track == core::Track::stable;
    if (refused_until_ms_ != 0 && alive(track) < of.replicas)
      result.trouble = "it cannot create instances: exceeded quota";
  }
  result.instances.reserve(of.pods.size());
  for (const Pod& pod : of.pods) {
    core::Instance& instance = result.instances.emplace_back();
    instance.id = pod.name;
    instance.version = pod.behaviour->version;
    instance.state = pod.state;
    instance.restarts = pod.restarts;
    if (pod.behaviour->memory_mib >= 0) instance.rss_bytes = pod.behaviour->memory_mib << 20;
    instance.crash_loop =
        is_alive(pod.state) && pod.behaviour->crash_loop && pod.restarts >= loop_restarts;
    if (pod.restarts > 0)
      instance.trouble = fmt::format("exited with status 1, {} times", pod.restarts);
  }
  return result;
}

int Pods::ready(core::Track track) const {
  const Level& of = level(track);
  return static_cast<int>(std::count_if(of.pods.begin(), of.pods.end(),
                                        [](const Pod& pod) { return pod.state == State::ready; }));
}

int Pods::ready_of(core::Track track, const std::string& version) const {
  const Level& of = level(track);
  return static_cast<int>(std::count_if(of.pods.begin(), of.pods.end(), [&](const Pod& pod) {
    return pod.state == State::ready && pod.behaviour->version == version;
  }));
}

int Pods::alive(core::Track track) const {
  const Level& of = level(track);
  return static_cast<int>(std::count_if(of.pods.begin(), of.pods.end(),
                                        [](const Pod& pod) { return is_alive(pod.state); }));
}

std::int64_t Pods::oldest_ms(core::Track track) const {
  std::int64_t oldest = never;
  for (const Pod& pod : level(track).pods)
    if (is_alive(pod.state)) oldest = std::min(oldest, pod.born_ms);
  return oldest;
}

int Pods::count(core::Track track) const { return static_cast<int>(level(track).pods.size()); }

const Behaviour* Pods::serving(core::Track track) const {
  // While a track is replaced, its newest ready instance speaks for it: the worse case.
  const Behaviour* found = nullptr;
  for (const Pod& pod : level(track).pods)
    if (pod.state == State::ready) found = pod.behaviour;
  return found;
}

}  // namespace linnet::sim
