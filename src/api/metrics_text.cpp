// One family after the other, as the format wants it: HELP, TYPE, then a line per release.
#include "api/metrics_text.h"

#include <array>
#include <functional>

namespace linnet::api {
namespace {

/// In the order of core::Phase; every one is exposed, the present one as 1.
constexpr std::array<std::string_view, 10> phases{
    "idle",      "preparing",    "stepping",  "holding",     "awaiting_promotion",
    "promoting", "rolling_back", "succeeded", "rolled_back", "failed"};

std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

std::string label(std::string_view name, std::string_view value) {
  return fmt::format("{}=\"{}\"", name, escaped(value));
}

class Writer {
 public:
  explicit Writer(const MetricsView& metrics) : metrics_(metrics) {}

  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  template <class Number>
  void value(std::string_view suffix, const std::string& labels, Number number) {
    out_ += fmt::format("{}{}", name_, suffix);
    if (!labels.empty()) out_ += fmt::format("{{{}}}", labels);
    out_ += fmt::format(" {}\n", number);
  }
  /// A family with one number per release.
  template <class Get>
  void per_release(std::string_view name, std::string_view type, std::string_view help, Get get) {
    family(name, type, help);
    for (const ReleaseMetrics& release : metrics_.releases)
      value("", label("release", release.release), get(release));
  }
  /// A counter per release and track.
  template <class Get>
  void per_track(std::string_view name, std::string_view help, Get get) {
    family(name, "counter", help);
    for_each_track([&](const std::string& labels, const ReleaseMetrics&,
                       const core::Counts& counts) { value("", labels, get(counts)); });
  }
  template <class Visit>
  void for_each_track(Visit visit) const {
    for (const ReleaseMetrics& release : metrics_.releases)
      for (const auto track : {core::Track::stable, core::Track::canary})
        visit(label("release", release.release) + "," + label("track", core::track_name(track)),
              release,
              track == core::Track::stable ? release.counts.stable : release.counts.canary);
  }
  std::string take() { return std::move(out_); }

 private:
  const MetricsView& metrics_;
  std::string name_;
  std::string out_;
};

void write_phases(Writer& out, const MetricsView& metrics) {
  out.family("linnet_release_phase", "gauge", "1 for the phase that the release is in.");
  for (const ReleaseMetrics& release : metrics.releases)
    for (const std::string_view phase : phases)
      out.value("", label("release", release.release) + "," + label("phase", phase),
                core::phase_name(release.phase) == phase ? 1 : 0);
}

void write_latencies(Writer& out) {
  // Without _sum: NGINX's log gives buckets, and a guessed sum would be a lie.
  out.family("linnet_request_duration_seconds", "histogram",
             "Latency of the requests that the split sent to each track.");
  out.for_each_track([&](const std::string& labels, const ReleaseMetrics& release,
                         const core::Counts& counts) {
    const auto& bounds = release.counts.boundaries_ms;
    if (counts.latency.size() != bounds.size() + 1) return;
    std::int64_t below = 0;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      below += counts.latency[i];
      out.value("_bucket", labels + "," + label("le", fmt::format("{}", bounds[i] / 1000)), below);
    }
    below += counts.latency.back();
    out.value("_bucket", labels + "," + label("le", "+Inf"), below);
    out.value("_count", labels, below);
  });
}

}  // namespace

std::string metrics_text(const MetricsView& metrics) {
  Writer out(metrics);
  out.family("linnet_build_info", "gauge", "1, with the version of linnet.");
  out.value("", label("version", metrics.version), 1);
  out.family("linnet_start_time_seconds", "gauge", "When the daemon began, in seconds since 1970.");
  out.value("", "", static_cast<double>(metrics.started.ms) / 1000);
  write_phases(out, metrics);
  out.per_release("linnet_weight_wanted", "gauge",
                  "Share of traffic meant for the canary, percent.",
                  [](const ReleaseMetrics& r) { return r.weight_wanted.value(); });
  out.per_release("linnet_weight_in_force", "gauge", "The canary's share as read back, percent.",
                  [](const ReleaseMetrics& r) { return r.weight_in_force.value(); });
  out.per_track("linnet_requests_total", "Requests by the track of their first attempt.",
                [](const core::Counts& c) { return c.requests; });
  out.per_track("linnet_bad_requests_total", "Requests whose first attempt failed (HTTP 5xx).",
                [](const core::Counts& c) { return c.bad; });
  write_latencies(out);
  out.per_release("linnet_lost_requests_total", "counter",
                  "Requests known to be missing in the counts.",
                  [](const ReleaseMetrics& r) { return r.counts.lost; });
  out.per_release(
      "linnet_placebo_log_evidence", "gauge",
      "Largest evidence (natural log) that one instance of stable is worse than the rest.",
      [](const ReleaseMetrics& r) { return r.placebo; });
  out.per_release("linnet_placebo_broken", "gauge",
                  "1 when stable would often be taken back: comparisons are advisory.",
                  [](const ReleaseMetrics& r) { return r.placebo_broken ? 1 : 0; });
  out.per_release("linnet_turns_total", "counter", "Turns of the engine.",
                  [](const ReleaseMetrics& r) { return r.turns; });
  out.per_release("linnet_failed_turns_total", "counter",
                  "Turns that could not be loaded or saved.",
                  [](const ReleaseMetrics& r) { return r.failed_turns; });
  out.family("linnet_turn_seconds", "summary", "Time of the engine's turns, waiting included.");
  for (const ReleaseMetrics& release : metrics.releases) {
    out.value("_sum", label("release", release.release), release.turn_seconds);
    out.value("_count", label("release", release.release), release.turns);
  }
  return out.take();
}

}  // namespace linnet::api
