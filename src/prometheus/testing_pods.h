// Pods whose pages can be read, and a source over them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "prometheus/scrape_source.h"
#include "prometheus/testing.h"
#include "runtime/with_deadline.h"

namespace linnet::prometheus::testing {

/// One pod's page as the recipe `application` reads it.
struct Pod {
  std::int64_t good = 0, bad = 0, slow = 0;
  bool answers = true;
  bool hangs = false;
  [[nodiscard]] std::string page() const {
    const std::int64_t all = good + bad + slow;
    return fmt::format(
        "# TYPE http_requests_total counter\n"
        "http_requests_total{{status=\"200\"}} {}\nhttp_requests_total{{status=\"500\"}} {}\n"
        "http_request_duration_seconds_bucket{{le=\"0.1\"}} {}\n"
        "http_request_duration_seconds_bucket{{le=\"+Inf\"}} {}\n",
        good + slow, bad, good + bad, all);
  }
};

using Pods = std::map<std::string, Pod>;

inline Task<Result<std::string>> fetch_page(Pods* pods, ScrapeTarget target, Deadline) {
  co_await runtime::sleep_for(1ms);
  const Pod& pod = (*pods)[target.location];
  if (pod.hangs) co_await runtime::sleep_for(1h);
  if (!pod.answers) co_return fail(Code::timed_out, "no answer");
  co_return pod.page();
}

/// Pods of two Deployments and a source over them.
struct PodWorld {
  PodWorld() { open(); }
  void open() {
    auto targets = [this]() -> Result<std::vector<ScrapeTarget>> {
      std::vector<ScrapeTarget> all;
      for (const auto& [name, pod] : pods)
        all.push_back({name, name, {{"pod", name}, {"namespace", "shop"}}});
      return all;
    };
    auto fetch = [this](ScrapeTarget target, Deadline deadline) {
      return fetch_page(&pods, std::move(target), deadline);
    };
    auto tell = [this](const core::Entry& entry) { told.push_back(entry.text); };
    ScrapeOptions options{built_in("application"), shop(), boundaries, {1000}, 200, 100ms};
    source = ScrapeSource::make(clock, options, targets, fetch, tell).value();
  }
  ManualClock clock;
  Pods pods{{stable, {}}, {stable_2, {}}, {canary, {}}};
  std::vector<std::string> told;
  std::unique_ptr<ScrapeSource> source;
  static constexpr const char* stable = "web-6d5f7c9d4b-x7x2p";
  static constexpr const char* stable_2 = "web-6d5f7c9d4b-zzz9q";
  static constexpr const char* canary = "web-canary-7c9d4b6d5f-q8w4r";
};

}  // namespace linnet::prometheus::testing
