#include "sim/case.h"

namespace linnet::sim {

std::string_view port_name(Port port) {
  constexpr std::array<std::string_view, port_count> names{
      "reading the weight",    "setting the weight",  "looking at the instances",
      "setting the instances", "reading the metrics", "loading the status",
      "saving the status",     "reading the intents"};
  return names[static_cast<std::size_t>(port)];
}

const Behaviour& Case::behaviour(const std::string& version) const {
  for (const Behaviour& one : versions)
    if (one.version == version) return one;
  CHECK(!versions.empty());
  return versions.front();
}

std::string action_text(const Action& action) {
  using Kind = Action::Kind;
  const auto length = [&] { return duration_text(std::chrono::abs(action.length)); };
  switch (action.kind) {
    case Kind::intent: {
      std::string text =
          fmt::format("{} asks for `{}`", action.intent.by, core::intent_name(action.intent.kind));
      if (!action.intent.version.empty()) text += " " + action.intent.version;
      if (action.intent.kind == core::Intent::Kind::traffic)
        text += " " + action.intent.weight.text();
      if (action.intent.promote) text += " --promote";
      if (action.intent.supersede) text += " --supersede";
      if (action.intent.hold) text += " --hold";
      if (action.intent.skip_steps) text += " --skip-steps";
      if (action.intent.force) text += " --force";
      return text;
    }
    case Kind::foreign_weight:
      return fmt::format("{} sets the weight to {}",
                         action.by.empty() ? "someone unknown" : action.by, action.weight.text());
    case Kind::foreign_scale:
      return fmt::format("someone scales {} to {}", core::track_name(action.track), action.count);
    case Kind::delete_pod:
      return fmt::format("an instance of {} is lost", core::track_name(action.track));
    case Kind::kill: return fmt::format("the engine is killed, back after {}", length());
    case Kind::kill_at_call:
      return fmt::format("the engine dies {} call {} of {}, back after {}",
                         action.after ? "right after" : "right before", action.count,
                         port_name(action.port), length());
    case Kind::second_engine: return fmt::format("a second engine runs for {}", length());
    case Kind::guardian: return "the guardian fires";
    case Kind::counters_reset: return "the counters of the metrics start from 0";
    case Kind::wall_jump:
      return fmt::format("the wall clock jumps {} by {}", action.length < 0ms ? "back" : "ahead",
                         length());
    case Kind::outage: return fmt::format("{} fails for {}", port_name(action.port), length());
    case Kind::engine_stalls: return fmt::format("the engine stands still for {}", length());
    case Kind::calendar_closes: return fmt::format("the release window is closed for {}", length());
    case Kind::reply_lost:
      return fmt::format("call {} of {} takes effect, but its answer is lost", action.count,
                         port_name(action.port));
    case Kind::foreign_image:
      return fmt::format("someone gives {} the image of {}", core::track_name(action.track),
                         action.version);
    case Kind::router_gone:
      return fmt::format("the router's object is deleted, back after {} with {}", length(),
                         action.weight.text());
    case Kind::watch_stalls:
      return fmt::format("the engine sees the instances as they are now for {}", length());
    case Kind::deployment_gone:
      return fmt::format("the Deployment of {} is deleted, back after {}",
                         core::track_name(action.track), length());
    case Kind::quota: return fmt::format("no instance can be started for {}", length());
    case Kind::half_write: return "linnet's next weight reaches one of the router's two objects";
    case Kind::foreign_half:
      return fmt::format("{} sets one of the router's two objects to {}",
                         action.by.empty() ? "someone unknown" : action.by, action.weight.text());
    case Kind::notifier_away: return fmt::format("no notice is delivered for {}", length());
    case Kind::router_marks: return "the router is marked as taken back by hand";
  }
  return "?";
}

std::string event_text(const Event& event) {
  if (event.phase.empty())
    return fmt::format("at {}: {}", duration_text(event.delay), action_text(event.action));
  return fmt::format("{} after {}{}{} begins: {}", duration_text(event.delay), event.phase,
                     event.part >= 0 ? fmt::format(" {}", event.part + 1) : "",
                     event.rollout > 0 ? fmt::format(" of rollout {}", event.rollout) : "",
                     action_text(event.action));
}

int first_replicas(const core::Release& release) {
  const auto* pair = std::get_if<core::DeploymentsWorkload>(&release.workload);
  return pair != nullptr ? pair->replicas : core::stable_replicas(release);
}

std::string case_text(const Case& story) {
  std::string text = fmt::format(
      "seed {}: {} requests/s, {} replicas{}, {}, steps", story.seed, story.demand.per_second,
      first_replicas(story.release), story.on_platform() ? " of a Deployment" : "",
      story.release.promotion == core::Promotion::ask ? "promotion asked" : "automatic promotion");
  for (const core::Step& step : story.release.steps)
    text += fmt::format(" {}/{}", step.weight.text(), duration_text(step.hold));
  constexpr std::array<std::string_view, 6> kinds{
      "good", "bad", "bad later", "bad above a weight", "clumps", "recovering"};
  for (const Behaviour& one : story.versions)
    text += fmt::format("\n  {}: {}, {:.1f} % errors, {:.1f} % slow{}{}", one.version,
                        kinds[static_cast<std::size_t>(one.kind)], one.error_share * 100,
                        one.slow_share * 100, one.never_ready ? ", never ready" : "",
                        one.crash_loop ? ", crash loop" : "");
  for (std::size_t i = 0; i < port_count; ++i) {
    const PortFaults& faults = story.ports[i];
    if (!faults.any()) continue;
    text += fmt::format(
        "\n  {}: slow {:.2f} (to {}), fails {:.2f}, hangs {:.2f}, answer lost {:.2f}, stale "
        "{:.2f}, "
        "conflicts {:.2f}",
        port_name(static_cast<Port>(i)), faults.slow, duration_text(faults.slowness), faults.fails,
        faults.hangs, faults.lost, faults.stale, faults.conflicts);
  }
  if (story.metrics.scraped_every > 0ms)
    text +=
        fmt::format("\n  metrics: scraped every {}", duration_text(story.metrics.scraped_every));
  if (story.metrics.any())
    text += fmt::format("\n  metrics: skew {:.2f}, duplicates {:.2f}, absurd {:.2f}, lost {:.2f}{}",
                        story.metrics.skew, story.metrics.duplicate, story.metrics.absurd,
                        story.metrics.lost,
                        story.metrics.die_with_instances ? ", counters die with instances" : "");
  if (story.router.applies_after > 0ms)
    text += fmt::format("\n  the router applies weights within {}{}",
                        duration_text(story.router.applies_after),
                        story.router.partly ? ", half of it earlier" : "");
  if (story.stopping.stay > 0)
    text +=
        fmt::format("\n  of the instances that are to stop {:.2f} stay{}", story.stopping.stay,
                    story.stopping.stay_for > 0ms ? " for " + duration_text(story.stopping.stay_for)
                                                  : " for ever");
  if (story.stopping.all_at_once) text += "\n  stable stops all before it starts another version";
  for (const Event& event : story.events) text += "\n  " + event_text(event);
  text += fmt::format("\n  calm from {}", duration_text(story.calm_at));
  return text;
}

}  // namespace linnet::sim
