#include "cluster/log_follower.h"

#include "kubernetes/pod_log.h"
#include "runtime/with_deadline.h"

namespace linnet::cluster {
namespace {

constexpr Duration look_again = 500ms;        // for pods that came
constexpr std::size_t most_kept = 16u << 20;  // bytes of lines that nobody has asked for yet
constexpr std::size_t most_answered = 1u << 20;
constexpr std::size_t of_a_line = 64;  // its place in the row

}  // namespace

LogFollower::LogFollower(Parts& parts) : parts_(parts), tasks_(parts.ground.io.get_executor()) {}

Task<void> LogFollower::end() {
  tasks_.cancel();
  co_await tasks_.join();
}

Result<api::LogsView> LogFollower::lines(const api::LogsWish& wish, std::int64_t after) {
  if (!wish_) {
    wish_ = wish;
    tasks_.spawn("logs", look_for_pods());
  }
  if (refused_) return fail(*refused_);
  const std::int64_t before = last_ - static_cast<std::int64_t>(lines_.size());  // of the first
  api::LogsView view;
  view.lost = std::max<std::int64_t>(before - after, 0);
  view.next = std::max(before, after);
  if (!troubles_.empty()) view.trouble = troubles_.begin()->second;
  std::size_t bytes = 0;
  while (view.next < last_ && bytes < most_answered) {
    view.lines.push_back(lines_[static_cast<std::size_t>(view.next++ - before)]);
    bytes += view.lines.back().text.size() + of_a_line;
  }
  return view;
}

Task<void> LogFollower::look_for_pods() {
  for (;;) {
    const Deadline deadline = parts_.ground.clock.now().mono + look_again;
    const Result<core::WorkloadSeen> seen = co_await parts_.workload->observe(deadline);
    tell("", seen ? "" : seen.error().message);
    if (seen) {
      for (const core::Track track : {core::Track::stable, core::Track::canary}) {
        if (wish_->track && *wish_->track != track) continue;
        for (const core::Instance& instance : seen->of(track).instances)
          if (followed_.insert(instance.id).second)
            tasks_.spawn("log of " + instance.id, follow(instance.id, looked_ ? -1 : wish_->lines));
      }
      looked_ = true;
    }
    co_await runtime::sleep_for(look_again);
  }
}

Task<void> LogFollower::follow(std::string pod, int tail) {
  kubernetes::LogHooks hooks;
  hooks.line = [this, pod](std::string text) { add(pod, std::move(text)); };
  hooks.trouble = [this, pod](const std::string& trouble) { tell(pod, trouble); };
  kubernetes::LogSource source{parts_.names.name_space, pod, parts_.names.workload.container};
  const Error error = co_await kubernetes::follow_log(*parts_.client, parts_.ground.clock,
                                                      std::move(source), tail, std::move(hooks));
  if (error.code == Code::denied) refused_ = error;
  followed_.erase(pod);
  tell(pod, "");
}

void LogFollower::add(const std::string& pod, std::string text) {
  refused_.reset();  // the right is back
  bytes_ += text.size() + of_a_line;
  lines_.push_back({pod, std::move(text)});
  ++last_;
  while (bytes_ > most_kept) {
    bytes_ -= lines_.front().text.size() + of_a_line;
    lines_.pop_front();
  }
  parts_.ground.changes.ring(parts_.release.name);
}

void LogFollower::tell(const std::string& pod, const std::string& trouble) {
  const bool news = trouble.empty() ? troubles_.erase(pod) > 0
                                    : std::exchange(troubles_[pod], trouble) != trouble;
  if (news || refused_) parts_.ground.changes.ring(parts_.release.name);
}

}  // namespace linnet::cluster
