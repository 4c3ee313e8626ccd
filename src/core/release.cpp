#include "core/release.h"

#include <algorithm>

namespace linnet::core {

std::vector<Step> default_steps() {
  return {{Percent::whole(5), 60s},
          {Percent::whole(25), 60s},
          {Percent::whole(50), 60s},
          {Percent::whole(100), 60s}};
}

std::vector<Check> default_checks() {
  return {{"error_rate", std::nullopt, ErrorRateCheck{}},
          {"latency_p95", std::nullopt, LatencyCheck{}},
          {"health", std::nullopt, HealthCheck{}}};
}

Result<void> check_version(const std::string& version) {
  if (version.empty()) return fail(Code::invalid, "the version is empty");
  if (version.size() > 128)
    return fail(Code::invalid, "the version has {} characters; at most 128", version.size());
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '+' || c == '-';
  };
  const auto bad = std::find_if_not(version.begin(), version.end(), allowed);
  if (bad != version.end())
    return fail(Code::invalid,
                "the version has the character {:?} at position {}; allowed are letters, digits "
                "and . _ + -",
                std::string(1, *bad), bad - version.begin() + 1);
  if (version[0] == '-' || version[0] == '.')
    return fail(Code::invalid, "the version '{}' starts with '{}'", version, version[0]);
  if (version.find("..") != std::string::npos)
    return fail(Code::invalid, "the version '{}' has '..' in it", version);
  return {};
}

Duration drain_time(const Release& release) {
  if (const auto* process = std::get_if<ProcessWorkload>(&release.workload))
    return process->stop.drain;
  constexpr Duration to_finish = 2s;  // for what still came before the data plane followed
  const auto* traffic = std::get_if<RecipeTraffic>(&release.traffic);
  return std::max(StopRule{}.drain, traffic == nullptr ? 0s : traffic->settles + to_finish);
}

}  // namespace linnet::core
