// The cursor of the metrics' counters, as it stands in the saved status: what is accepted comes
// back from its text and can be counted on from.
#include "fuzz/counted.h"
#include "fuzz/fuzz.h"

using namespace linnet;
using prometheus::Baseline;
using prometheus::Page;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto baseline = Baseline::parse(text);
  if (!baseline) {
    CHECK(baseline.error().code == Code::invalid);
    return 0;
  }
  CHECK(Baseline::parse(baseline->text()).value() == *baseline);
  if (baseline->values() > Baseline::max_values) return 0;
  // Each page answers once more, with as much as before and a little more.
  std::vector<Page> pages;
  for (const auto& [id, before] : baseline->pages) {
    Page& page = pages.emplace_back();
    page.id = id;
    using recipes::Role;
    for (const auto& [key, count] : before.counters)
      page.readings.push_back({key, Role{}, static_cast<double>(count) + 2});
    for (const auto& [key, histogram] : before.histograms)
      for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        Role role;
        role.counts = Role::Counts::latency_bucket;
        role.le_ms = histogram.bounds_ms[i];
        page.readings.push_back({key, role, static_cast<double>(histogram.counts[i]) + 1});
      }
  }
  const WallTime now{1'700'000'000'000};
  for (const bool sampled : {false, true}) {
    if (sampled)
      for (Page& page : pages) page.sampled = WallTime{now.ms - 3000};
    const auto counted = fuzz::counted(*baseline, pages, now);
    CHECK(counted.next.at >= now);
  }
  return 0;
}
