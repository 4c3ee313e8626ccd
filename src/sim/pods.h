// The instances of both tracks and the part of the world that keeps them: one by one replacement,
// start times, crashes, flapping. What a process supervisor or a Deployment does, on virtual time.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/case.h"
#include "sim/random.h"

namespace linnet::sim {

class Pods {
 public:
  /// `wake_at` asks for a call of tick() at that time (ms since the start).
  Pods(const Case& story, std::uint64_t seed, std::function<void(std::int64_t)> wake_at);

  /// On a platform: what `init` finds there or makes.
  void create(const std::string& version, int replicas, std::int64_t now_ms);
  /// The level that the track shall have; repeating it changes nothing. On a platform stable's
  /// size stays as it is, and a track without replicas keeps its image.
  void want(core::Track track, const std::string& version, int replicas, std::int64_t now_ms);
  /// Another hand changes the number; want() changes it back.
  void scale(core::Track track, int replicas, std::int64_t now_ms);
  /// Another hand changes the image.
  void give_image(core::Track track, const std::string& version, std::int64_t now_ms);
  /// No instance can be started until then.
  void refuse_new(std::int64_t until_ms);
  /// One instance disappears at once, as by a hand or a lost machine, or stops and stays.
  void remove_one(core::Track track, std::int64_t now_ms);
  /// A platform's object is deleted, and its instances with it; or made anew as it was.
  void remove_all(core::Track track);
  void make_anew(core::Track track, std::int64_t now_ms);
  [[nodiscard]] bool is_gone(core::Track track) const { return level(track).gone; }
  /// Lets time pass: what is due happens.
  void tick(std::int64_t now_ms);

  /// No engine lives. On one machine the instances live on, and nobody starts or stops any: it is
  /// linnet that sees to them. A platform does not notice.
  void leave();
  void take_over(std::int64_t now_ms);

  [[nodiscard]] core::TrackSeen seen(core::Track track) const;
  [[nodiscard]] const std::string& version(core::Track track) const { return level(track).version; }
  [[nodiscard]] int wanted(core::Track track) const { return level(track).replicas; }
  [[nodiscard]] int ready(core::Track track) const;
  [[nodiscard]] int ready_of(core::Track track, const std::string& version) const;
  [[nodiscard]] int count(core::Track track) const;
  /// Without those that are stopping.
  [[nodiscard]] int alive(core::Track track) const;
  /// Instances that ended without being asked to, since the start.
  [[nodiscard]] int deaths(core::Track track) const { return level(track).deaths; }
  /// When the first of those that are there, and not stopping, was started.
  [[nodiscard]] std::int64_t oldest_ms(core::Track track) const;
  /// One ready version of the track by chance of its share; null when none is ready.
  [[nodiscard]] const Behaviour* serving(core::Track track) const;
  void stop_chaos() { chaos_ = false; }  // no flapping any more

 private:
  struct Pod {
    std::string name;
    const Behaviour* behaviour = nullptr;
    core::Instance::State state = core::Instance::State::starting;
    std::int64_t due_ms = 0;  // of its next change; max when none
    int restarts = 0;
    std::int64_t born_ms = 0;
  };
  struct Level {
    std::string version;
    int replicas = 0;
    int next_id = 0;
    int deaths = 0;
    bool gone = false;
    std::vector<Pod> pods;
  };

  void change(Level& level, Pod& pod, std::int64_t now_ms);
  void settle(Level& level, std::int64_t now_ms);
  void start_one(Level& level, std::int64_t now_ms);
  void stop(Pod& pod, std::int64_t now_ms);
  [[nodiscard]] bool stays();
  void stay(Pod& pod, std::int64_t now_ms);
  Level& level(core::Track track) { return levels_[track == core::Track::stable ? 0 : 1]; }
  [[nodiscard]] const Level& level(core::Track track) const {
    return levels_[track == core::Track::stable ? 0 : 1];
  }

  const Case& story_;
  Random random_;
  std::function<void(std::int64_t)> wake_at_;
  std::array<Level, 2> levels_;
  std::int64_t refused_until_ms_ = 0;
  bool supervised_ = true;
  Duration stopping_{};  // from asking to the end
  bool chaos_ = true;
};

}  // namespace linnet::sim
