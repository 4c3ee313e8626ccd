#include "spec/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "spec/formats.h"

namespace linnet::spec {
namespace {

using core::DeploymentsWorkload;
using core::NginxTraffic;
using core::ProcessWorkload;
using core::RecipeTraffic;

// The port that the router's recipe was given, when it is a number.
std::uint16_t port_of(const RecipeTraffic* traffic) {
  constexpr std::uint16_t usual = 8080;
  if (traffic == nullptr) return usual;
  const auto given = traffic->with.find("port");
  if (given == traffic->with.end() || given->second.empty()) return usual;
  std::uint16_t port = 0;
  const std::string& text = given->second.front();
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() && port > 0 ? port : usual;
}

void fill_cluster_defaults(core::Release& release, const Seen& seen) {
  auto* pair = std::get_if<DeploymentsWorkload>(&release.workload);
  if (pair == nullptr) return;
  const std::string& name = release.name;
  if (pair->stable.empty()) pair->stable = name + "-stable";
  if (pair->canary.empty()) pair->canary = name + "-canary";
  if (pair->container.empty()) pair->container = name;
  if (!seen.has("spec.traffic")) release.traffic = RecipeTraffic{"ingress-nginx", {}};
  auto* traffic = std::get_if<RecipeTraffic>(&release.traffic);
  if (traffic != nullptr && traffic->router == "ingress-nginx" && !seen.has("spec.traffic.with"))
    traffic->with = {{"ingress", {name + "-ingress-stable"}},
                     {"canary_ingress", {name + "-ingress-canary"}},
                     {"stable_service", {name + "-service-stable"}},
                     {"canary_service", {name + "-service-canary"}},
                     {"port", {"8080"}}};
  if (pair->port == 0) pair->port = port_of(traffic);
  core::Metrics& metrics = release.metrics;
  if (!seen.has("spec.metrics.source")) metrics.source = "prometheus";
  const bool asked = metrics.source == "prometheus";
  if (!asked && metrics.source != "scrape") return;
  if (traffic != nullptr && !seen.has("spec.metrics.recipe")) metrics.recipe = traffic->router;
  if (asked && !seen.has("spec.metrics.address"))
    metrics.address = "http://prometheus.monitoring:9090";
}

// "latency_p95", "latency_p99.9"
std::string default_name(const core::Check& check) {
  if (std::holds_alternative<core::ErrorRateCheck>(check.rule)) return "error_rate";
  if (std::holds_alternative<core::HealthCheck>(check.rule)) return "health";
  if (const auto* gauge = std::get_if<core::GaugeCheck>(&check.rule))
    return gauge->of == core::GaugeCheck::Of::memory ? "memory" : "cpu";
  const std::string text = std::get<core::LatencyCheck>(check.rule).quantile.text();
  return "latency_p" + text.substr(0, text.find(' '));
}

class RuleChecker {
 public:
  RuleChecker(const core::Release& release, const Seen& seen, Mistakes& mistakes)
      : release_(release), seen_(seen), mistakes_(mistakes) {}

  void all() {
    workload();
    traffic();
    metrics();
    steps();
    checks();
    calendar();
    for (std::size_t i = 0; i < release_.notify.size(); ++i) {
      const std::string path = fmt::format("spec.notify[{}].webhook.url", i);
      if (seen_.has(path) && seen_.sound(path) && release_.notify[i].url.empty())
        wrong(path, "must be an http:// or https:// URL");
    }
  }

 private:
  void wrong(const std::string& path, std::string_view message) {
    mistakes_.add(seen_.place(path), path, message);
  }
  [[nodiscard]] bool chosen(std::string_view path) const {
    return seen_.has(path) && seen_.sound(path);
  }

  void workload() {
    const auto* process = std::get_if<ProcessWorkload>(&release_.workload);
    const std::string path = "spec.workload.process";
    if (process == nullptr || !seen_.has(path)) {
      deployments();
      return;
    }
    check_placeholders(*process, path);
    if (process->first_port != 0 && process->first_port < 1024)
      wrong(path + ".first_port",
            fmt::format("{} is outside the allowed range, 1024 to 65000 (or 0)",
                        process->first_port));
  }

  void check_placeholders(const ProcessWorkload& process, const std::string& path) {
    if (!chosen(path + ".command") || !seen_.sound(path + ".env")) return;
    const auto holds = [&](std::string_view placeholder) {
      const auto in = [&](const std::string& text) {
        return text.find(placeholder) != std::string::npos;
      };
      return std::any_of(process.command.begin(), process.command.end(), in) ||
             std::any_of(process.env.begin(), process.env.end(),
                         [&](const auto& entry) { return in(entry.second); });
    };
    if (!holds("{{port}}"))
      wrong(path + ".command",
            "neither command nor env holds {{port}}: the process would not know where to listen");
    if (!holds("{{version}}"))
      wrong(path + ".command",
            "neither command nor env holds {{version}}: every version would run the same program");
    if (process.command[0].empty()) wrong(path + ".command[0]", "the program is an empty text");
  }

  void deployments() {
    const auto* pair = std::get_if<DeploymentsWorkload>(&release_.workload);
    if (pair == nullptr || !chosen("spec.workload.deployments") || pair->stable != pair->canary)
      return;
    wrong("spec.workload.deployments.canary",
          fmt::format("stable and canary are both {}", shown(pair->stable)));
  }

  void traffic() {
    if (!seen_.sound("spec.workload")) return;
    const bool process = seen_.has("spec.workload.process");
    if (process && seen_.has("spec.traffic.router"))
      wrong("spec.traffic.router",
            "a router's recipe is for workload.deployments; processes have traffic.nginx");
    if (!process && seen_.has("spec.traffic.nginx"))
      wrong("spec.traffic.nginx", "nginx is for workload.process; Deployments have traffic.router");
    if (seen_.has("spec.traffic.with") && seen_.has("spec.traffic.nginx"))
      wrong("spec.traffic.with", "'with' belongs to traffic.router");
    if (chosen("spec.traffic.router") && release_.traffic.index() == 1 &&
        std::get<RecipeTraffic>(release_.traffic).router.empty())
      wrong("spec.traffic.router", "must be the name of a recipe");
  }

  void metrics() {
    if (!seen_.sound("spec.metrics") || !seen_.sound("spec.workload")) return;
    const core::Metrics& metrics = release_.metrics;
    const bool log = metrics.source == "access_log";
    if (metrics.source.empty())
      wrong("spec.metrics.source", "must be access_log, prometheus, scrape or a recipe");
    if (log && seen_.has("spec.workload.deployments"))
      wrong(
          "spec.metrics.source",
          "access_log is the log of NGINX on this machine; Deployments have prometheus or scrape");
    if (log && !metrics.address.empty())
      wrong("spec.metrics.address", "access_log takes no address");
    // Recipes of other stores may have an address of their own.
    if (metrics.source == "prometheus" && metrics.address.empty())
      wrong("spec.metrics.address",
            fmt::format("{} needs the address of its server", shown(metrics.source)));
  }

  void steps() {
    const auto& steps = release_.steps;
    Percent before;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const std::string path = fmt::format("spec.steps[{}].weight", i);
      if (!seen_.has(path) || !seen_.sound(path)) continue;
      const Percent weight = steps[i].weight;
      if (!weight.is_tenth_step())
        wrong(path, fmt::format("{} is not a multiple of 0.1 %", weight.text()));
      if (weight <= before)
        wrong(path,
              fmt::format("{} is not above the step before it ({})", weight.text(), before.text()));
      before = std::max(before, weight);
    }
  }

  void checks() {
    std::map<std::string, std::size_t> names;
    for (std::size_t i = 0; i < release_.checks.size(); ++i) {
      if (!seen_.sound(fmt::format("spec.checks[{}]", i))) continue;
      gauge(i);
      const auto [first, added] = names.emplace(release_.checks[i].name, i);
      if (added) continue;
      wrong(fmt::format("spec.checks[{}].name", i),
            fmt::format("is {}, like checks[{}]: give one of them another name",
                        shown(release_.checks[i].name), first->second));
    }
  }

  void gauge(std::size_t i) {
    const auto* rule = std::get_if<core::GaugeCheck>(&release_.checks[i].rule);
    if (rule == nullptr) return;
    const std::string path = fmt::format("spec.checks[{}].gauge", i);
    if (seen_.has("spec.workload.deployments"))
      wrong(path, "gauges are of processes on this machine; Deployments have none");
    if (rule->of == core::GaugeCheck::Of::cpu && rule->limit_mib > 0)
      wrong(path + ".limit", "is a size of memory; CPU is only compared with stable's");
    else if (!rule->advisory && rule->limit_mib <= 0)
      wrong(path + ".advisory",
            "false needs a limit: a comparison of gauges alone takes no canary back");
  }

  void calendar() {
    for (std::size_t i = 0; i < release_.windows.size(); ++i) {
      const core::Window& window = release_.windows[i];
      const std::string path = fmt::format("spec.windows[{}]", i);
      if (seen_.sound(path) && window.from_minute % (24 * 60) == window.to_minute % (24 * 60) &&
          !(window.from_minute == 0 && window.to_minute == 24 * 60))
        wrong(path, fmt::format("from {} to {} is empty", clock_text(window.from_minute),
                                clock_text(window.to_minute)));
    }
    for (std::size_t i = 0; i < release_.freezes.size(); ++i) {
      const core::Freeze& freeze = release_.freezes[i];
      const std::string path = fmt::format("spec.freezes[{}]", i);
      if (seen_.sound(path) && freeze.to < freeze.from)
        wrong(path + ".to", fmt::format("{} is before {}", freeze.to, freeze.from));
    }
  }

  const core::Release& release_;
  const Seen& seen_;
  Mistakes& mistakes_;
};

}  // namespace

bool Seen::sound(std::string_view path) const {
  const auto next = wrong.lower_bound(path);
  if (next == wrong.end() || next->compare(0, path.size(), path) != 0) return true;
  // The first match may be a sibling such as "from_x" for "from": those sort behind '.' and '['.
  for (auto it = next; it != wrong.end() && it->compare(0, path.size(), path) == 0; ++it)
    if (it->size() == path.size() || (*it)[path.size()] == '.' || (*it)[path.size()] == '[')
      return false;
  return true;
}

Place Seen::place(std::string_view path) const {
  for (;;) {
    const auto found = places.find(path);
    if (found != places.end()) return found->second;
    const std::size_t cut = path.find_last_of(".[");
    if (cut == std::string_view::npos) return {};
    path = path.substr(0, cut);
  }
}

void fill_defaults(core::Release& release, const Seen& seen) {
  if (!seen.has("spec.steps")) release.steps = core::default_steps();
  if (!seen.has("spec.checks")) release.checks = core::default_checks();
  for (core::Check& check : release.checks)
    if (check.name.empty()) check.name = default_name(check);
  for (core::Freeze& freeze : release.freezes)
    if (freeze.to.empty()) freeze.to = freeze.from;
  fill_cluster_defaults(release, seen);
}

void check_rules(const core::Release& release, const Seen& seen, Mistakes& mistakes) {
  RuleChecker(release, seen, mistakes).all();
}

}  // namespace linnet::spec
