// Metrics pages: a recipe's and a pod's name, then two pages of one process, one after the other.
// What is counted between them is possible, the cursor comes back from its text, and the same page
// once more counts nothing.
#include "prometheus/exposition.h"

#include <cmath>

#include "fuzz/counted.h"
#include "fuzz/fuzz.h"
#include "prometheus/series_counter.h"
#include "recipes/metric.h"

using namespace linnet;

namespace {

const std::map<std::string, recipes::Roles>& dialects() {
  static const auto all = [] {
    const recipes::Parameters with{{"namespace", {"shop"}},
                                   {"release", {"web"}},
                                   {"ingress", {"web"}},
                                   {"route", {"web"}},
                                   {"port", {"80"}},
                                   {"stable_service", {"web"}},
                                   {"canary_service", {"web-canary"}},
                                   {"stable_deployment", {"web-stable"}},
                                   {"canary_deployment", {"web-canary"}}};
    std::map<std::string, recipes::Roles> out;
    for (const auto& [name, yaml] : recipes::built_in_metrics())
      if (auto roles = recipes::MetricRecipe::read(yaml, name).value().roles(with))
        out.emplace(name, *std::move(roles));
    return out;
  }();
  return all;
}

Result<prometheus::Page> read(const recipes::Roles& roles, const std::string& pod,
                              std::string_view text) {
  prometheus::Page page;
  page.id = pod;
  const auto wanted = [&](std::string_view metric) {
    return roles.wants(metric) || metric == "process_start_time_seconds";
  };
  const auto take = [&](const prometheus::Line& line) {
    CHECK(!line.metric.empty() && wanted(line.metric));
    for (const auto& [name, value] : line.labels) CHECK(!name.empty());
    if (line.metric == "process_start_time_seconds") page.started_s = line.value;
    std::vector<recipes::LabelView> labels(line.labels.begin(), line.labels.end());
    labels.emplace_back("pod", page.id);
    labels.emplace_back("namespace", "shop");
    auto role = roles.of(line.metric, labels);
    if (!role) return;
    if (role->counts == recipes::Role::Counts::latency_bucket) CHECK(!std::isnan(role->le_ms));
    page.readings.push_back(
        {prometheus::key_of(line.metric, line.labels), *std::move(role), line.value});
  };
  TRY_VOID(prometheus::read_exposition(text, wanted, take));
  return page;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string head(input.part());
  const std::size_t cut = std::min(head.find(' '), head.size());
  const auto dialect = dialects().find(head.substr(0, cut));
  const std::string pod = head.substr(std::min(cut + 1, head.size()));
  const bool plain =
      std::all_of(pod.begin(), pod.end(), [](char c) { return c >= ' ' && c < 127; });
  if (dialect == dialects().end() || !plain) return 0;
  auto first = read(dialect->second, pod, input.part());
  auto second = read(dialect->second, pod, input.rest());
  for (const auto* page : {&first, &second})
    if (!*page) CHECK(page->error().code == Code::invalid && !page->error().message.empty());
  if (!first || !second) return 0;
  const WallTime start{1'700'000'000'000};
  for (const bool sampled : {false, true}) {
    if (sampled) {
      first->sampled = start;
      second->sampled = WallTime{start.ms + 1000};
    }
    const auto before = fuzz::counted({}, {*first}, start);
    CHECK(before.sample.stable.requests == 0 && before.sample.canary.requests == 0);
    const auto between = fuzz::counted(before.next, {*second}, {start.ms + 5000});
    if (sampled) continue;  // what waits is told later
    const auto again = fuzz::counted(between.next, {*second}, {start.ms + 10'000});
    CHECK(again.sample.stable.requests == 0 && again.sample.canary.requests == 0);
  }
  return 0;
}
